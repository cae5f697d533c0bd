"""Errors of SageMaker's runtime API (rest-json), by botocore's sagemaker-runtime model 2017-05-13."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class RuntimeApiError(Exception):
    """An error that a caller of InvokeEndpoint sees: `code` is botocore's error name."""

    code: str
    message: str
    status: int
    detail: Mapping[str, object] = field(default_factory=dict)

    def body(self) -> bytes:
        return json.dumps({**self.detail, "Message": self.message}).encode()


def validation_error(message: str, status: int = 400) -> RuntimeApiError:
    return RuntimeApiError("ValidationError", message, status)


def service_unavailable(message: str) -> RuntimeApiError:
    return RuntimeApiError("ServiceUnavailable", message, 503)


def model_error(
    status: int, message: str, *, account_id: str, region: str, log_group: str
) -> RuntimeApiError:
    """424: the container answered with an error, or (status 0) did not answer in time. The words are
    AWS's."""
    side = "client" if 400 <= status < 500 else "server"
    console = (
        f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
        f"#logEventViewer:group={log_group}"
    )
    return RuntimeApiError(
        "ModelError",
        f'Received {side} error ({status}) from primary with message "{message}". '
        f"See {console} in account {account_id} for more information.",
        424,
        {
            "OriginalStatusCode": status,
            "OriginalMessage": message,
            "LogStreamArn": f"arn:aws:logs:{region}:{account_id}:log-group:{log_group}",
        },
    )
