"""What Step Functions does here: rows for the page of coverage, from what the code does."""

from __future__ import annotations

from collections.abc import Iterator

from gluonship.local.coverage_rows import Row
from gluonship.local.stepfunctions.integrations import JOBS_NOT_RUN, OPTIMIZED, REFUSED, SDK, Optimized
from gluonship.local.stepfunctions.intrinsic_functions import FUNCTIONS
from gluonship.local.stepfunctions.jsonata_queries import FUNCTION_NAMES
from gluonship.local.stepfunctions.sync_jobs import JOBS

_STATES = ("Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map")
_PART_STATES = "the states language"
_PART_OPTIMIZED = "optimised integrations"
_PART_SDK = "AWS SDK integrations"


def rows() -> list[Row]:
    """The language, then the integrations, in the order in which they read best."""
    return [*_language(), *_optimized(), *_sdk()]


def _language() -> Iterator[Row]:
    yield Row(
        _PART_STATES,
        ", ".join(f"`{name}`" for name in _STATES),
        "executed",
        "Timeouts, waits, heartbeats and retries pass on the cloud's clock.",
    )
    yield Row(_PART_STATES, "Inline `Map`", "executed", "Up to 40 iterations at once.")
    yield Row(
        _PART_STATES,
        "Distributed `Map`, `ItemReader`, `ItemBatcher`, `ResultWriter`, tolerated failures",
        "refused",
        "When the machine is made, naming the state.",
    )
    yield Row(_PART_STATES, "`Retry`, `Catch`, `Assign`, the context object", "executed")
    yield Row(
        _PART_STATES,
        "JSONPath",
        "executed",
        f"With {', '.join(f'`{name}`' for name in sorted(FUNCTIONS))}.",
    )
    yield Row(
        _PART_STATES,
        "JSONata",
        "executed",
        f"With AWS's functions {', '.join(f'`${name}`' for name in FUNCTION_NAMES)}.",
    )
    yield Row(_PART_STATES, "`Credentials`", "recorded", "Tasks act as the cloud's own account.")
    yield Row(
        _PART_STATES,
        "Standard and Express machines, versions, aliases, activities",
        "executed",
        "boto3 calls `sync-HOST` for `StartSyncExecution`: switch that off by "
        "`Config(inject_host_prefix=False)`.",
    )
    yield Row(_PART_STATES, "`loggingConfiguration`", "executed", "Into CloudWatch Logs.")
    yield Row(_PART_STATES, "`tracingConfiguration`, `encryptionConfiguration`", "recorded")
    yield Row(_PART_STATES, "`RedriveExecution`, Map Runs", "refused")


def _optimized() -> Iterator[Row]:
    for family, service in sorted(OPTIMIZED.items()):
        for action, patterns in sorted(service.actions.items()):
            shown = [f"`{family}:{action}{f'.{pattern}' if pattern else ''}`" for pattern in patterns]
            operation = f"{action[0].upper()}{action[1:]}"
            yield Row(_PART_OPTIMIZED, ", ".join(shown), "executed", _note(service, action, operation))
    for operation, what in sorted(JOBS_NOT_RUN.items()):
        action = f"{operation[0].lower()}{operation[1:]}"
        yield Row(_PART_OPTIMIZED, f"`sagemaker:{action}`", "refused", f"There are no {what} here.")
    for family, why in sorted(REFUSED.items()):
        yield Row(_PART_OPTIMIZED, f"`{family}:*`", "refused", f"{why[0].upper()}{why[1:]}.")


def _note(service: Optimized, action: str, operation: str) -> str:
    sentences = []
    if operation in JOBS:
        sentences.append("The job is stopped with its state.")
    if action in service.parameters:
        names = ", ".join(f"`{name}`" for name in sorted(service.parameters[action]))
        sentences.append(f"Takes {names} alone, as on AWS; `aws-sdk` takes the whole API.")
    return " ".join(sentences)


def _sdk() -> Iterator[Row]:
    for name, service in sorted(SDK.items()):
        yield Row(
            _PART_SDK,
            f"`aws-sdk:{name}:*`",
            "executed",
            f"What the cloud answers of {service.error}; errors are `{service.error}.NAMEException`, as the "
            "AWS SDK for Java 2 names them.",
        )
    yield Row(
        _PART_SDK,
        "`aws-sdk:sagemaker`: what [SageMaker's page](coverage-sagemaker.md) refuses",
        "refused",
        "The task fails, in words.",
    )
    yield Row(_PART_SDK, "All other services", "refused", "When the machine is made, naming the state.")
