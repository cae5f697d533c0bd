"""Names by project and environment: of stacks, and of what needs a name of its own."""

from __future__ import annotations


def stack_id(project: str, environment: str, part: str) -> str:
    """The name of a stack, and of its construct: `GluonShip-dev-Storage`."""
    return f"{project}-{environment}-{part}"


def resource_prefix(project: str, environment: str) -> str:
    """What named resources begin with: `gluonship-dev`. Lower case, as ECR and S3 take no other."""
    return f"{project}-{environment}".lower()
