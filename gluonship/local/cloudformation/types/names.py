"""The names that CloudFormation gives to resources whose templates give none: STACK-LOGICALID-RANDOM."""

from __future__ import annotations

import secrets
import string

from gluonship.local.cloudformation.types.declaration import Name
from gluonship.local.cloudformation.types.schema import ResourceSchema

_RANDOM = 12
_DEFAULT_LENGTH = 64


def generated(schema: ResourceSchema, name: Name, stack_name: str, logical_id: str) -> str:
    """A new name, within the schema's length; lower case where the service has no other."""
    longest = name.max_length or schema.property_schema(name.property).get("maxLength") or _DEFAULT_LENGTH
    whole = generated_id(stack_name, logical_id, longest - len(name.suffix))
    return (whole.lower() if name.lower else whole) + name.suffix


def generated_id(stack_name: str, logical_id: str, longest: int = 255) -> str:
    """An identifier for what has no name of its own."""
    random = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(_RANDOM))
    stem = f"{stack_name}-{logical_id}"[: longest - _RANDOM - 1].rstrip("-")
    return f"{stem}-{random}"
