"""What is said of a template that CloudFormation would refuse."""

from __future__ import annotations

from gluonship.local.contracts import AwsError


class TemplateError(AwsError):
    """A template or its parameters are wrong: CloudFormation's ValidationError."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationError", message)
