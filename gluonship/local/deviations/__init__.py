"""Where moto answers otherwise than AWS: one module a deviation, each a small patch that says what AWS does.

They change moto in the process that applies them only: the cloud's.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

from moto import backends

from gluonship.local.deviations import (
    aws_chunked,
    bucket_logging,
    bucket_policies,
    code_repositories,
    composite_alarms,
    iam_delete_conflicts,
    instance_types,
    large_objects,
    log_group_keys,
    log_stream_prefixes,
    malformed_xml,
    managed_policies,
    notebook_instances,
    one_request_at_a_time,
    s3_subresources,
    scaling_policies,
    search,
    secret_descriptions,
    secure_transport,
    session_tokens,
    studio_domains,
    unreadable_headers,
    wildcards,
)

# Back ends that take a second of a start to import: patched when a request first asks for them.
_LATER = {"awslambda": "function_code", "ssm": "parameter_lookups"}


@functools.cache
def apply() -> None:
    """Applies every deviation, the first time it is called. To be called before moto's first request."""
    aws_chunked.apply()
    bucket_logging.apply()
    bucket_policies.apply()
    code_repositories.apply()
    composite_alarms.apply()
    iam_delete_conflicts.apply()
    instance_types.apply()
    large_objects.apply()
    log_group_keys.apply()
    log_stream_prefixes.apply()
    malformed_xml.apply()
    managed_policies.apply()
    notebook_instances.apply()
    s3_subresources.apply()
    scaling_policies.apply()
    search.apply()
    secret_descriptions.apply()
    secure_transport.apply()
    session_tokens.apply()
    studio_domains.apply()
    wildcards.apply()
    unreadable_headers.apply()
    one_request_at_a_time.apply()
    backends.get_backend = _patching(backends.get_backend)


def _patching(get_backend: Any) -> Any:
    @functools.wraps(get_backend)
    def get_patched(name: str) -> Any:
        if name in _LATER:
            _apply_later(name)
        return get_backend(name)

    return get_patched


@functools.cache
def _apply_later(name: str) -> None:
    importlib.import_module(f"gluonship.local.deviations.{_LATER[name]}").apply()
