"""Dynamic references, {{resolve:service:reference}}, in strings.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html

Values of Systems Manager are part of a resource's properties. Secrets are not: they stay references in
all that is kept, compared or shown, and are revealed only to the call that makes or changes a resource.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from gluonship.local.cloudformation.contract import UNKNOWN
from gluonship.local.cloudformation.template.errors import TemplateError

_REFERENCE = re.compile(r"\{\{resolve:([a-z-]+):([^{}]+)\}\}")

FetchParameter = Callable[[str], str]
"""A Systems Manager parameter's value by NAME or NAME:VERSION. Raises TemplateError."""

FetchSecret = Callable[[str, str | None, str | None], str]
"""A secret's string by its id or ARN, version stage and version id. Raises TemplateError."""


def with_parameters(string: str, fetch: FetchParameter) -> str:
    """The string with its {{resolve:ssm:...}} replaced; secrets stay as they are written."""

    def one(match: re.Match[str]) -> str:
        service, reference = match[1], match[2]
        if service == "ssm":
            return fetch(reference)
        if service == "secretsmanager":
            return match[0]
        raise TemplateError(
            f"Dynamic references to {service} are not resolved by this local cloud: {match[0]}"
        )

    return _REFERENCE.sub(one, string)


def revealed(value: Any, fetch: FetchSecret) -> Any:
    """The value with its {{resolve:secretsmanager:...}} replaced: for the provider alone, never kept."""

    def one(match: re.Match[str]) -> str:
        return _secret(match[2], fetch) if match[1] == "secretsmanager" else match[0]

    return _map_strings(value, lambda string: _REFERENCE.sub(one, string))


def concealed(value: Any) -> Any:
    """The value with UNKNOWN for every string that holds a secret: for checks by patterns."""

    def one(string: str) -> Any:
        return UNKNOWN if "{{resolve:secretsmanager:" in string else string

    return _map_strings(value, one)


def _map_strings(value: Any, change: Callable[[str], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _map_strings(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_map_strings(item, change) for item in value]
    return change(value) if isinstance(value, str) and "{{resolve:" in value else value


def _secret(reference: str, fetch: FetchSecret) -> str:
    """`secret-id:SecretString:json-key:version-stage:version-id`; the id may be an ARN, all else left out."""
    parts = reference.split(":")
    id_length = 7 if reference.startswith("arn:") else 1
    secret_id = ":".join(parts[:id_length])
    kind, key, stage, version = [*parts[id_length:], "", "", "", ""][:4]
    if kind not in ("", "SecretString"):
        raise TemplateError(f"{{{{resolve:secretsmanager:{reference}}}}}: only SecretString can be retrieved")
    secret = fetch(secret_id, stage or None, version or None)
    if not key:
        return secret
    try:
        return str(json.loads(secret)[key])
    except (ValueError, KeyError, TypeError):
        raise TemplateError(f"Could not find a value associated with JSONKey {key} in SecretString") from None
