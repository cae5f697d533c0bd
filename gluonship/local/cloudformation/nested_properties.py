"""The properties of AWS::CloudFormation::Stack, as the engine keeps them.

Beside those of the template stands the nested template's text: so a new text behind the same URL is a
change, and the way back does not depend on what S3 holds by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gluonship.local.cloudformation.contract import Properties

TEXT = "\N{NUL}Template"
"""The nested template's text; no template can write this name."""

TIMEOUT = "TimeoutInMinutes"
"""For the creation of the nested stack."""

KNOWN = ("TemplateURL", "Parameters", "Tags", "NotificationARNs", TIMEOUT)


def shown(properties: Properties) -> dict[str, Any]:
    """The properties as a template has them."""
    return {name: value for name, value in properties.items() if name != TEXT}


def with_text(properties: Mapping[str, Any], body: str) -> dict[str, Any]:
    return {**properties, TEXT: body}
