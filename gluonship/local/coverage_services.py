"""What the local cloud does of AWS's services: which of them act, and which it only keeps records for.

moto answers for most of them. What is not known to act as AWS does is called recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import botocore.session
import moto

from gluonship.local.coverage_rows import Row

_ACTS = "services that act"
_KEPT = "services that are only recorded"

# With what is only recorded of each.
EXECUTED: Mapping[str, str] = {
    "cloudformation": "See [its page](coverage-cloudformation.md).",
    "cloudwatch": "Metrics. Alarms do not evaluate them: SetAlarmState changes their state.",
    "dynamodb": "Tables and items. Capacity, backups and replicas are recorded.",
    "events": "See [its page](coverage-events.md).",
    "kms": "Keys encrypt and sign. Key policies and grants are recorded: IAM is not enforced.",
    "logs": "Streams and events. Retention, metric filters and encryption are recorded.",
    "s3": "Objects, versions, presigned requests, notifications. Lifecycle rules, replication, encryption "
    "and access logs are recorded.",
    "sagemaker": "See [its page](coverage-sagemaker.md).",
    "sagemaker-runtime": "See [SageMaker's page](coverage-sagemaker.md).",
    "scheduler": "See [EventBridge's page](coverage-events.md).",
    "secretsmanager": "Secrets and their versions. Rotation and replication are recorded.",
    "sns": "See [EventBridge's page](coverage-events.md).",
    "sqs": "Queues, delays, dead letters. Policies and encryption are recorded.",
    "ssm": "Parameters. `send_command`, documents and maintenance windows are recorded.",
    "stepfunctions": "See [its page](coverage-stepfunctions.md).",
    "sts": "Gives credentials for any role: trust policies are not looked at.",
}
_NOTES: Mapping[str, str] = {
    "application-autoscaling": "Nothing scales by itself; each target leaves a line in cloud.log.",
    "ecr": "No image is pulled, built or scanned: images.toml says what runs in its place.",
    "iam": "Not enforced: no request is refused by a policy.",
    "lambda": "No function runs.",
    "comprehend": "Answers are moto's own examples, whatever the text.",
    "rekognition": "Answers are moto's own examples, whatever the picture.",
    "ses": "No mail is sent.",
    "sesv2": "No mail is sent.",
}

_STARTS = re.compile(
    r"(activate|analyze|deploy|detect|execute|import|initiate_job|invoke|issue|publish|reboot|request_spot|"
    r"restart|restore|resume|run|send|start|submit|synthesize)_?\w*|create_\w*job"
)
_METHOD = re.compile(r"^    def ([a-z]\w*)\(self", re.MULTILINE)
_FOLDERS = {"lambda": "awslambda"}
_SPELLED = {"submitjob": "submit_job"}


def rows() -> list[Row]:
    """Every service that is answered for, by boto3's name; and the rest."""
    rest = Row("all other services", "what is not above", "refused", "UnsupportedOperation, at once.")
    return [*_acting(), *_kept(), rest]


def answered() -> dict[str, Path]:
    """The services that moto has, with its folder of each."""
    root = Path(moto.__file__).parent
    folders = {
        name: root / _FOLDERS.get(name, name.replace("-", ""))
        for name in botocore.session.Session().get_available_services()
    }
    return {name: folder for name, folder in folders.items() if _sources(folder)}


def starting_work(folder: Path) -> list[str]:
    """boto3's names of what one of moto's services answers and AWS would work for, by their verbs."""
    names = {name for path in _sources(folder) for name in _METHOD.findall(path.read_text("utf-8"))}
    return sorted(_SPELLED.get(name, name) for name in names if _STARTS.fullmatch(name))


def _acting() -> Iterator[Row]:
    for name, note in EXECUTED.items():
        yield Row(_ACTS, name, "executed", note)


def _kept() -> Iterator[Row]:
    for name, folder in sorted(answered().items()):
        if name in EXECUTED:
            continue
        shown = ", ".join(f"`{each}`" for each in starting_work(folder))
        pretended = f"Kept as if done: {shown}." if shown else ""
        yield Row(_KEPT, name, "recorded", f"{_NOTES.get(name, '')} {pretended}".strip())


def _sources(folder: Path) -> list[Path]:
    """Where moto's answers of a service are written: a module or a package."""
    module = folder / "responses.py"
    return [module] if module.exists() else sorted((folder / "responses").glob("*.py"))
