"""Every operation of the services that the kit uses, asked with its required members only: no answer is 5xx.

First for what is not there, then where the operations that make things have made what they could.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from local_clouds import LocalCloud, running_cloud
from smallest_requests import smallest

SERVICES = (
    "application-autoscaling",
    "cloudformation",
    "cloudtrail",
    "cloudwatch",
    "ec2",
    "ecr",
    "events",
    "greengrassv2",
    "iam",
    "iot",
    "kms",
    "lambda",
    "logs",
    "resourcegroupstaggingapi",
    "s3",
    "s3control",
    "sagemaker",
    "sagemaker-runtime",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "sts",
)
# One attempt, and 127.0.0.1 as it is; a call that hangs is a failure.
CONFIG = Config(
    retries={"total_max_attempts": 1},
    inject_host_prefix=False,
    read_timeout=60,
    parameter_validation=True,
    s3={"addressing_style": "path"},
)
MAKING = re.compile(r"(Create|Put|Register|Publish|Import|Allocate|Run|Start|Request)[A-Z]")
ENDING = re.compile(r"(Delete|Terminate|Deregister|Remove|Release)[A-Z]")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A cloud of its own: the sweep leaves much behind."""
    with running_cloud(tmp_path_factory.mktemp("swept")) as cloud:
        yield cloud


@dataclass
class Sweep:
    """One service's operations, called; `wrong` is what no caller should see."""

    client: Any
    service: str
    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def call(self, wanted: Callable[[str], object]) -> None:
        model = self.client.meta.service_model
        for name in filter(wanted, model.operation_names):
            operation = model.operation_model(name)
            if operation.has_event_stream_input:
                continue
            arguments = smallest(operation)
            try:
                getattr(self.client, xform_name(name))(**arguments)
                self.statuses["2xx"] += 1
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                refused = error.response["Error"]["Code"] == "UnsupportedOperation"
                self.statuses["refused" if refused else f"{status // 100}xx"] += 1
                if status >= 500:
                    self.wrong.append(f"{name}({arguments}): {error}")
            except BotoCoreError as error:
                self.statuses["no answer"] += 1
                self.wrong.append(f"{name}({arguments}): {type(error).__name__}: {error}")


def to(url: str) -> Callable[..., None]:
    """s3control puts the account before the host, which no loopback address has names for."""

    def readdress(request: Any, **_: Any) -> None:
        request.url = re.sub(r"^https?://[^/]+", url, request.url)

    return readdress


@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES)
def test_no_operation_answers_5xx_to_its_required_members(
    swept: LocalCloud, service: str, record_property: Callable[[str, object], None]
) -> None:
    client = swept.client(service, config=CONFIG)
    if service == "s3control":
        client.meta.events.register("before-sign", to(swept.url))
    sweep = Sweep(client, service)
    sweep.call(lambda name: not MAKING.match(name))
    sweep.call(MAKING.match)
    if service != "ec2":  # whose tables of instance types and images take seconds to list
        sweep.call(lambda name: not MAKING.match(name) and not ENDING.match(name))
        sweep.call(ENDING.match)
    counts = dict(sorted(sweep.statuses.items()))
    record_property("answers", counts)
    print(service, sum(counts.values()), counts)
    assert sweep.wrong == []
