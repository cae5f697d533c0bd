"""What is said of a template that CloudFormation would refuse."""

from __future__ import annotations

from typing import Any

from gluonship.local.contracts import AwsError


class TemplateError(AwsError):
    """A template or its parameters are wrong: CloudFormation's ValidationError."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationError", message)


def no_macro(*transforms: Any) -> TemplateError:
    """For what Transform or Fn::Transform names: a string, or an object with a Name."""
    names = [str(each.get("Name", "?")) if isinstance(each, dict) else str(each) for each in transforms]
    return TemplateError(
        f"Transform [{', '.join(names)}] is not executed by this local cloud, which runs no macros; only "
        "AWS::LanguageExtensions is."
    )
