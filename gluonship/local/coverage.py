"""What the local cloud executes, records or refuses, as pages of docs/; the operations of SageMaker are here.

`python -m gluonship.local.coverage --write` writes the pages, `--check` fails where one is not current.
"""

from __future__ import annotations

import argparse
import enum
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from gluonship.local.launcher.sagemaker_parts import SageMaker

PAGE = Path(__file__).resolve().parents[2] / "docs" / "coverage-sagemaker.md"
SERVICES = ("sagemaker", "sagemaker-runtime")


class Coverage(enum.Enum):
    EXECUTED = "executed"  # it happens: processes run, files move, requests are answered by a model
    RECORDED = "recorded"  # moto keeps and answers it; nothing runs
    REFUSED = "refused"  # UnsupportedOperation, at once


# The data plane's own, which no registry lists.
_RUNTIME = {"InvokeEndpoint": Coverage.EXECUTED}

_NOTES = {
    "CreateTrainingJob": "File and FastFile input (FastFile downloads everything first); S3Prefix "
    "and ManifestFile; one instance. Pipe input and augmented manifests are refused. Recorded and described, "
    "without effect: instance type and volume, RetryStrategy, KMS keys, VpcConfig, EnableNetworkIsolation, "
    "EnableInterContainerTrafficEncryption, debugger and profiler (DebugHookConfig; ProfilerConfig, whose "
    "ProfilingStatus is Disabled), TensorBoardOutputConfig, ExperimentConfig, "
    "RemoteDebugConfig, InfraCheckConfig, SessionChainingConfig. Their rules (DebugRuleConfigurations, "
    "ProfilerRuleConfigurations) are refused: nothing would evaluate them.",
    "StopTrainingJob": "SIGTERM, then SIGKILL after 120 s (GLUONSHIP_STOP_GRACE_SECONDS).",
    "CreateProcessingJob": "Inputs and outputs by S3, File mode, S3Prefix and ManifestFile; one instance. "
    "Continuous outputs are uploaded every few seconds and after a failure too; those at EndOfJob when the "
    "container ended well or was stopped. AppManaged ones are left to the application. Pipe input, "
    "DatasetDefinition and more instances are refused. Recorded and described, without effect: instance type "
    "and volume, KMS keys, NetworkConfig, ExperimentConfig.",
    "StopProcessingJob": "SIGTERM, then SIGKILL after 120 s (GLUONSHIP_STOP_GRACE_SECONDS).",
    "CreateModelPackage": "A version of a group, or a name of its own; Completed at once. "
    "ValidationSpecification and SourceAlgorithmSpecification are refused. That images, data and metrics "
    "exist is not checked.",
    "UpdateModelPackage": "Approval, description, properties and specifications; state changes are told.",
    "PutModelPackageGroupPolicy": "Kept and answered; nobody is refused by it.",
    "CreateModel": "One container, or a model package's, whose version must be Approved. Roles and "
    "images are not checked, as on AWS, until something runs. "
    "Recorded, without effect: VpcConfig, EnableNetworkIsolation.",
    "CreateEndpointConfig": "Instance-based variants. Recorded, without effect: instance types and volumes, "
    "KmsKeyId, VpcConfig, EnableNetworkIsolation, ManagedInstanceScaling. Serverless, asynchronous, shadow "
    "and explained variants and data capture are refused.",
    "CreateEndpoint": "Each instance is a process; the data plane spreads requests by variant weights.",
    "UpdateEndpoint": "Blue/green: all at once, canary and linear. The new fleet comes up before requests "
    "move to it; if it does not, the old one stays. From the first shift until the old fleet goes "
    "(WaitIntervalInSeconds, TerminationWaitInSeconds) an alarm in ALARM takes the update back, as "
    "MaximumExecutionTimeoutInSeconds does. Alarms do not evaluate metrics here: SetAlarmState sets them; "
    "one that does not exist is not in ALARM. A canary's or a linear step's share of the requests goes to "
    "all new instances. RollingUpdatePolicy is refused. A variant that is registered as a scalable target "
    "can neither go nor change its instance type.",
    "DeleteEndpoint": "Its variants are deregistered as scalable targets, with their policies.",
    "AddTags": "Tags of what is only recorded are moto's.",
    "ListTags": "Tags of what is only recorded are moto's.",
    "DeleteTags": "Tags of what is only recorded are moto's.",
    "InvokeEndpoint": "On the data plane's port; the control plane's passes it on.",
    "InvokeEndpointAsync": "No endpoint is asynchronous here yet: ValidationError, as AWS answers for such.",
    "InvokeEndpointWithResponseStream": "Use InvokeEndpoint.",
    "CreateDataQualityJobDefinition": "A definition only; what would evaluate it is refused.",
    "CreateModelBiasJobDefinition": "A definition only; what would evaluate it is refused.",
    "CreateModelExplainabilityJobDefinition": "A definition only; what would evaluate it is refused.",
    "CreateModelQualityJobDefinition": "A definition only; what would evaluate it is refused.",
    "CreateDomain": "InService at once; there is no Studio behind it, as its FailureReason says.",
    "CreateFeatureGroup": "A definition only: no store takes its records.",
    "CreateNotebookInstance": "InService at once; there is no Jupyter behind it, as its FailureReason says.",
    "StartNotebookInstance": "There is no Jupyter behind it, as its FailureReason says.",
    "CreatePipeline": "The definition is kept; StartPipelineExecution is refused.",
    "Search": "Of training jobs, with all that AWS documents of filters, order and pages; and of what is "
    "recorded, as moto does. Endpoints, model packages and their groups are refused: list them.",
}


def classify() -> dict[str, dict[str, Coverage]]:
    """Every operation of botocore's models, by service."""
    from moto.core.utils import camelcase_to_underscores, method_names_from_class
    from moto.sagemaker.responses import SageMakerResponse

    from gluonship.local import deviations
    from gluonship.local.control.registry import service_model

    deviations.apply()  # they add operations
    made = _made()
    executed = set(made.operations)
    recorded = set(method_names_from_class(SageMakerResponse))

    def of(operation: str) -> Coverage:
        if operation in executed:
            return Coverage.EXECUTED
        if operation in made.refused:
            return Coverage.REFUSED
        return Coverage.RECORDED if camelcase_to_underscores(operation) in recorded else Coverage.REFUSED

    runtime = service_model("sagemaker-runtime").operation_names
    return {
        "sagemaker": {name: of(name) for name in sorted(service_model("sagemaker").operation_names)},
        "sagemaker-runtime": {name: _RUNTIME.get(name, Coverage.REFUSED) for name in sorted(runtime)},
    }


def counts() -> dict[str, int]:
    """How many operations of both services are executed, recorded and refused."""
    counted = Counter(each.value for operations in classify().values() for each in operations.values())
    return {each.value: counted[each.value] for each in Coverage}


def page() -> str:
    """The page's text."""
    by_service, total = classify(), counts()
    notes = {**_made().refused, **_NOTES}
    lines = [
        "# What the local cloud does of SageMaker",
        "",
        "Generated by `python -m gluonship.local.coverage --write` from the code and botocore's models.",
        "",
        f"- **{total['executed']} executed**: it happens here: processes run, files move, a model answers.",
        f"- **{total['recorded']} recorded**: moto keeps and answers it, so that tools get along. What",
        "  starts work is not among them: it is executed or refused, never recorded as done.",
        f"- **{total['refused']} refused**: `UnsupportedOperation` (HTTP 400), at once and not retried.",
        "",
        "Every request, executed or recorded, is checked against botocore's model first and refused with",
        "AWS's `ValidationException` where AWS would. A member that AWS takes and this cloud cannot",
        "honour is refused with `UnsupportedOperation` too.",
        "[Other services](coverage-services.md) are moto's.",
    ]
    for service in SERVICES:
        for kind in Coverage:
            names = [name for name, each in by_service[service].items() if each is kind]
            if names:
                lines += ["", f"## {service}: {kind.value} ({len(names)})", "", *_listing(names, notes)]
    return "\n".join(lines) + "\n"


def _listing(names: list[str], notes: Mapping[str, str]) -> list[str]:
    noted = [name for name in names if name in notes]
    rest = [name for name in names if name not in notes]
    lines = []
    if noted:
        lines += ["| operation | note |", "|---|---|", *(f"| {name} | {notes[name]} |" for name in noted)]
    if rest:
        lines += ["", "Also:", ""] if noted else []
        lines += [*(f"- {name}" for name in rest)]
    return lines


def _made() -> SageMaker:
    from gluonship.local.execution.clock import SystemClock
    from gluonship.local.execution.events import EventStream
    from gluonship.local.launcher.sagemaker_parts import sagemaker
    from gluonship.local.settings import Settings

    nobody = cast(Any, None)  # what they would do is not asked: only what they are called
    clock, events = SystemClock(), EventStream()
    return sagemaker(nobody, nobody, nobody, nobody, nobody, clock, events, Settings(), nobody)


def main() -> int:
    parser = argparse.ArgumentParser(prog="gluonship.local.coverage", description=__doc__.split("\n")[0])
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write docs/coverage-*.md")
    action.add_argument("--check", action="store_true", help="exit 1 where one is not current")
    write = parser.parse_args().write
    stale = []
    for path, text in all_pages().items():
        if path.exists() and path.read_text("utf-8") == text:
            continue
        stale.append(path.name)
        if write:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
    if write:
        print(f"SageMaker: {', '.join(f'{number} {kind}' for kind, number in counts().items())}")
        return 0
    if stale:
        print(f"not current: {', '.join(stale)}; python -m gluonship.local.coverage --write", file=sys.stderr)
    return 1 if stale else 0


def all_pages() -> dict[Path, str]:
    """The text of every page of coverage, by its file."""
    from gluonship.local.coverage_tables import pages

    return {PAGE: page(), **{PAGE.with_name(name): made() for name, made in pages().items()}}


if __name__ == "__main__":
    sys.exit(main())
