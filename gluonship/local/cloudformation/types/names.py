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
    alphabet = string.ascii_uppercase + string.digits
    random = "".join(secrets.choice(alphabet) for _ in range(_RANDOM))
    stem = f"{stack_name}-{logical_id}"[: longest - _RANDOM - 1 - len(name.suffix)].rstrip("-")
    whole = f"{stem}-{random}"
    return (whole.lower() if name.lower else whole) + name.suffix
