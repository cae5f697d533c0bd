"""In policies, CORS rules and filters AWS knows * for any text and ? for any one character, and it takes a
prefix as it is written. moto makes a regular expression of each, in which the user's other characters have a
meaning too, and which can take time without end while it lets nothing else run.

Here wildcards are matched by fnmatch, whose time grows with the text and not with the stars.
"""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from moto.core import utils
from moto.ec2.models import security_groups
from moto.ecr.models import ECRBackend, Image, Repository
from moto.iam.access_control import IAMPolicyStatement
from moto.s3 import responses as s3_responses
from moto.sqs.models import Queue, SQSBackend


def apply() -> None:
    IAMPolicyStatement._match = staticmethod(lambda pattern, text: matches(pattern, text) or None)
    for module in (utils, security_groups):  # the latter has taken it by its name
        module.aws_api_matches = lambda pattern, value: matches(pattern, str(value))
    s3_responses.cors_matches_origin = lambda origin, allowed: any(matches(each, origin) for each in allowed)
    ECRBackend._match_repository_filter = _match_repository_filter
    ECRBackend._resolve_image_tag_mutability = _by_wildcards(ECRBackend._resolve_image_tag_mutability)
    SQSBackend.list_queues = _list_queues


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text fits; a backslash takes the * or ? after it as it is."""
    literal = pattern.replace("[", "[[]").replace("\\*", "[*]").replace("\\?", "[?]")
    return fnmatch.fnmatchcase(text, literal)


def _match_repository_filter(self: ECRBackend, filter: str, repository_name: str) -> bool:
    return filter in repository_name or matches(filter, repository_name)


def _by_wildcards(resolve: Callable[..., list[Image]]) -> Callable[..., list[Image]]:
    """moto's own rules for a tag that exists, on a repository whose exclusion filters are matched already."""

    @functools.wraps(resolve)
    def resolved(self: ECRBackend, repository: Repository, tag: str) -> list[Image]:
        filters = repository.image_tag_mutability_exclusion_filters or ()
        excluded = any(matches(each["filter"], tag) for each in filters)
        seen: Any = SimpleNamespace(
            name=repository.name,
            registry_id=repository.registry_id,
            images=repository.images,
            image_tag_mutability=repository.image_tag_mutability,
            is_tag_immutable=repository.is_tag_immutable,
            image_tag_mutability_exclusion_filters=[{"filter": ""}] if excluded else [],
        )
        return resolve(self, seen, tag)

    return resolved


def _list_queues(self: SQSBackend, queue_name_prefix: str | None) -> list[Queue]:
    prefix = queue_name_prefix or ""
    return [queue for name, queue in self.queues.items() if name.startswith(prefix)]
