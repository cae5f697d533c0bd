"""How the members of an API are called in states: in PascalCase, as AWS's second Java SDK has them.

AWS: "Learning to use AWS service SDK integrations in Step Functions".
"""

from __future__ import annotations

import functools

from botocore.model import StructureShape


def pascal(member: str) -> str:
    """The capitals that a name begins with count as one word: SSEKMSKeyId is SsekmsKeyId, ETag stays, and so
    does VolumeSizeInGB; executionArn is ExecutionArn."""
    end = 1
    while end < len(member) and member[end].isupper() and not member[end + 1 : end + 2].islower():
        end += 1
    return f"{member[:1].upper()}{member[1:end].lower()}{member[end:]}"


@functools.lru_cache(maxsize=4096)
def _members(shape: StructureShape) -> dict[str, str]:
    as_api_has_it = {name: name for name in shape.members if name[:1].isupper()}
    return {**as_api_has_it, **{pascal(name): name for name in shape.members}}


def member_for(shape: StructureShape, name: str) -> str | None:
    """The API's member for a name in a definition."""
    return _members(shape).get(name)
