"""What the CDK puts into every template."""

from __future__ import annotations

from collections.abc import Mapping

from gluonship.local.cloudformation.types.declaration import ResourceType
from gluonship.local.cloudformation.types.steps import nothing

METADATA = ResourceType(
    "sts",  # no call is made
    create=nothing,
    update=nothing,
    delete=nothing,
    takes=("Analytics", "Modules"),
    ref="{generated_id}",
    attributes={"Id": "{generated_id}"},
    note="it is what it is: a note in the template",
)

TYPES: Mapping[str, ResourceType] = {"AWS::CDK::Metadata": METADATA}
