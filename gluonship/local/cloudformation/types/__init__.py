"""CloudFormation's resource types in the local cloud.

    template properties -> coercion -> validation (CloudFormation's schema) -> a declaration's flows -> boto3

One module a concern; `services/` has the declarations, one module an AWS service.
"""

from __future__ import annotations

from gluonship.local.cloudformation.types.provider import ResourceTypes

__all__ = ["ResourceTypes"]
