"""How the members of an API are called in states: PascalCase, as AWS's second Java SDK names them."""

from __future__ import annotations

import functools
import re

from botocore.model import StructureShape

_WORDS = re.compile(r"((?<=[a-z0-9])[A-Z]|(?!^)[A-Z](?=[a-z]))")


def pascal(member: str) -> str:
    """SSEKMSKeyId: SsekmsKeyId; ETag: ETag; executionArn: ExecutionArn."""
    words = _WORDS.sub(r"_\1", member).replace("__", "_").split("_")
    return "".join(f"{word[:1].upper()}{word[1:].lower()}" for word in words)


@functools.lru_cache(maxsize=4096)
def _members(shape: StructureShape) -> dict[str, str]:
    return {pascal(name): name for name in shape.members}


def member_for(shape: StructureShape, name: str) -> str | None:
    """The API's member for a name in a definition."""
    return name if name in shape.members else _members(shape).get(pascal(name))
