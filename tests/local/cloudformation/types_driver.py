"""Resource types, driven as the engine drives them, over the wire to a real cloud."""

from __future__ import annotations

import functools
from typing import Any

from local_clouds import LocalCloud

from gluonship.local.cloudformation.contract import Made, Target
from gluonship.local.cloudformation.types import ResourceTypes
from gluonship.local.contracts import Scope

SCOPE = Scope("123456789012", "us-east-1")
STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/demo/1"


class TypesDriver:
    """One stack's resources."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.client = functools.cache(lambda service: cloud.client(service))
        self.types = ResourceTypes(lambda scope, service: self.client(service))

    def target(self, type_name: str, **tags: str) -> Target:
        return Target(SCOPE, "demo", STACK_ID, "Thing", type_name, tags)

    def create(self, type_name: str, properties: dict[str, Any], **tags: str) -> Made:
        """Reviews and makes it, as a deployment does."""
        review = self.types.review(SCOPE, type_name, properties)
        assert review.refused == ()
        return self.types.create(self.target(type_name, **tags), properties)

    def update(
        self, type_name: str, made: Made, old: dict[str, Any], new: dict[str, Any], **tags: str
    ) -> Made:
        review = self.types.review(SCOPE, type_name, new, old)
        assert review.refused == ()
        return self.types.update(self.target(type_name, **tags), made, old, new)

    def delete(self, type_name: str, made: Made, properties: dict[str, Any]) -> None:
        self.types.delete(self.target(type_name), made, properties)

    def snapshot(self, type_name: str, made: Made) -> Any:
        return self.types.snapshot(self.target(type_name), made)

    def gone(self, type_name: str, made: Made) -> bool:
        """Whether nothing of it can be read any more."""
        return all(part is None for part in self.snapshot(type_name, made).values())
