"""In every AWS account the policies that AWS manages exist: AttachRolePolicy takes AmazonSageMakerFullAccess.
moto has them only when asked, and then reads them for every partition at the first request of any service.

Here the account has them in the partition `aws`, the only one in which a cloud has resources.
"""

from __future__ import annotations

from typing import Any

from moto.core.config import default_user_config
from moto.iam.models import IAMBackend


def apply() -> None:
    default_user_config["iam"]["load_aws_managed_policies"] = True
    load = IAMBackend._init_aws_policies

    def load_where_used(self: IAMBackend) -> list[Any]:
        return load(self) if self.partition == "aws" else []

    IAMBackend._init_aws_policies = load_where_used
