"""CloudWatch Logs changes the KMS key of a log group that exists (AssociateKmsKey, DisassociateKmsKey). moto
takes a key in CreateLogGroup only.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_AssociateKmsKey.html
"""

from __future__ import annotations

from typing import Any

from moto.logs.exceptions import ResourceNotFoundException
from moto.logs.responses import LogsResponse


def apply() -> None:
    LogsResponse.associate_kms_key = _associate
    LogsResponse.disassociate_kms_key = _disassociate


def _associate(self: Any) -> str:
    _group(self).kms_key_id = self._get_param("kmsKeyId")
    return ""


def _disassociate(self: Any) -> str:
    _group(self).kms_key_id = None
    return ""


def _group(self: Any) -> Any:
    name = self._get_param("logGroupName") or str(self._get_param("resourceIdentifier")).split(":")[-1]
    found = self.logs_backend.groups.get(name)
    if found is None:
        raise ResourceNotFoundException()
    return found
