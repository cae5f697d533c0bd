"""What the rooms of the local cloud ask of each other.

`sagemaker/` decides what happens (states, no processes); `execution/` and `serving/` make it happen
(processes, no states). Neither imports the other: both speak the types of this module, and `launcher`
hands each its partners.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol


class AwsError(Exception):
    """An error that an AWS client sees: `code` and `message` as AWS writes them, and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class Declined(Exception):
    """A handler's answer to a request that is not its own: it goes to who answers what is only recorded."""


UNSUPPORTED = "UnsupportedOperation"
"""The code of what AWS does and this cloud does not."""


@dataclass(frozen=True)
class Scope:
    """Where a request belongs: one account in one region. Resources of two scopes never meet."""

    account_id: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"


Handler = Callable[[Scope, dict[str, Any]], dict[str, Any]]
"""One operation: the request's members by their AWS names, already valid by botocore's model, to the
response's members (datetimes are aware). Raises AwsError, or Declined."""


class Clients(Protocol):
    """boto3 clients of this cloud itself, for the rooms that act on resources of others as a user would."""

    def __call__(self, scope: Scope, service: str) -> Any:
        """The client of a service in a scope: in-process, thread-safe, cached; one attempt, no retries."""
        ...


# --- time and state changes ------------------------------------------------------------------------------


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """The one clock: every time stamp and every time limit of the cloud comes from it."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...

    def call_later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Runs `action` once, on another thread, when `seconds` have passed on this clock."""
        ...


@dataclass(frozen=True)
class StateChange:
    """A resource came to a new status. CloudWatch, EventBridge and waiting tasks hang on these."""

    scope: Scope
    kind: str  # "TrainingJob", "Endpoint", ...
    name: str
    arn: str
    status: str
    secondary_status: str | None
    time: datetime
    detail: Mapping[str, Any] = field(default_factory=dict)  # what the Describe operation answers now


class Events(Protocol):
    def publish(self, change: StateChange) -> None: ...

    def subscribe(self, listener: Callable[[StateChange], None]) -> Callable[[], None]:
        """`listener` is called for every later change, in order; the result unsubscribes it."""
        ...


# --- containers ------------------------------------------------------------------------------------------


class ImageUnknown(Exception):
    """No entry of the images table says how this image runs here; the message says what to add."""


class StartFailed(Exception):
    """The machine could not start a container; the message says why."""


Command = Literal["train", "serve", "process"]
"""What SageMaker runs an image for: `train` and `serve` are its entrypoint's argument; a processing job
brings arguments of its own."""


@dataclass(frozen=True)
class ContainerSpec:
    """A container to run, whatever stands in for it on this machine."""

    name: str  # unique among those that run; names its folder and its processes
    image: str  # the URI, as given to SageMaker
    command: Command
    root: Path  # the host's folder that the container sees as /opt/ml
    environment: Mapping[str, str]
    arguments: Sequence[str] = ()
    entrypoint: Sequence[str] = ()  # in place of the image's own, as ContainerEntrypoint
    memory_limit_bytes: int | None = None  # over all its processes
    port: int | None = None  # serve: where it must listen on 127.0.0.1 (SAGEMAKER_BIND_TO_PORT)
    account_id: str = ""  # whose it is,
    role_arn: str = ""  # and as whom it asks AWS


class ExitCause(enum.Enum):
    EXITED = "exited"  # by itself, with a code
    SIGNALLED = "signalled"  # killed by a signal that this cloud did not send
    STOPPED = "stopped"  # by stop() or kill()
    MEMORY = "memory"  # over its memory limit: code 137


@dataclass(frozen=True)
class Exit:
    code: int  # 128 + the signal's number for a signal, as container engines report it
    cause: ExitCause
    last_lines: Sequence[str] = ()  # of its output, for messages
    hint: str = ""  # what this machine could not give it, when its output points to that
    needs_success_file: bool = False  # sagemaker-training ran: without output/success it did not succeed


class Container(Protocol):
    spec: ContainerSpec

    @property
    def pids(self) -> Sequence[int]:
        """All its live processes."""
        ...

    def poll(self) -> Exit | None: ...

    def wait(self, timeout: float | None = None) -> Exit | None: ...

    def stop(self, grace_seconds: float) -> Exit:
        """SIGTERM to all its processes, SIGKILL to those that live after `grace_seconds`."""
        ...

    def kill(self) -> Exit: ...


class Runtime(Protocol):
    def start(self, spec: ContainerSpec, on_line: Callable[[str], None]) -> Container:
        """Starts it; every line of its stdout and stderr goes to `on_line`, the first ones saying what
        stands in for the image here. Raises ImageUnknown, StartFailed, OSError (a full disk)."""
        ...


# --- storage, logs, metrics ------------------------------------------------------------------------------


class StorageError(Exception):
    """S3 could not give or take something; the message names the URI and the reason."""


class Storage(Protocol):
    """S3, for what runs behind the control plane. A URI is s3://bucket/key or its https form."""

    def download_prefix(self, uri: str, folder: Path) -> int:
        """All objects under the prefix, by SageMaker's rule for S3Prefix; returns their number."""
        ...

    def download_file(self, uri: str, path: Path) -> None: ...

    def read(self, uri: str) -> bytes: ...

    def upload_file(self, path: Path, uri: str) -> None: ...

    def upload_files(self, files: Mapping[str, Path], uri: str) -> None:
        """Each file by its name in the folder `uri`."""
        ...


class LogStream(Protocol):
    def write(self, line: str) -> None: ...

    def close(self) -> None:
        """Returns when everything written can be read from CloudWatch Logs."""
        ...


class Logs(Protocol):
    def open(self, scope: Scope, group: str, stream: str) -> LogStream: ...


class Metrics(Protocol):
    def put(
        self,
        scope: Scope,
        namespace: str,
        name: str,
        value: float,
        time: datetime,
        dimensions: Mapping[str, str],
    ) -> None:
        """Keeps it; sent within a second or so. Never blocks for long, never raises."""
        ...

    def flush(self) -> None:
        """Returns when everything put can be read from CloudWatch."""
        ...


class Alarms(Protocol):
    """CloudWatch's alarms, for what must stop or go back when one trips."""

    def states(self, scope: Scope, names: Sequence[str]) -> Mapping[str, str]:
        """OK, ALARM or INSUFFICIENT_DATA, by name; without those of `names` (at most 100) that do not
        exist. Raises AwsError when they cannot be read."""
        ...


class ScalableTargets(Protocol):
    """Application Auto Scaling's targets: an endpoint's update and its end depend on them."""

    def variants(self, scope: Scope, endpoint_name: str) -> Collection[str]:
        """Those variants of the endpoint that are registered. Raises AwsError when that cannot be read."""
        ...

    def deregister(self, scope: Scope, endpoint_name: str) -> None:
        """All of the endpoint's, with their policies and scheduled actions. Raises AwsError."""
        ...


# --- jobs ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Channel:
    """One input of a job: from S3 to input/data/NAME."""

    name: str
    uri: str
    data_type: Literal["S3Prefix", "ManifestFile"] = "S3Prefix"
    compression: Literal["None", "Gzip"] = "None"
    destination: str = ""  # relative to the job's root; input/data/NAME when empty


@dataclass(frozen=True)
class Output:
    """One result of a job: a folder of its root, to S3 when the container has ended."""

    folder: str  # relative to the job's root
    uri: str  # the object's for an archive, else the prefix
    archive: bool = True  # one .tar.gz, else file by file
    skip_if_empty: bool = False
    even_if_failed: bool = False  # uploaded after a failure of the container too
    continuous: bool = False  # uploaded file by file while they are written; never an archive


@dataclass(frozen=True)
class Checkpoints:
    uri: str
    folder: str  # absolute, as the container sees it: /opt/ml/checkpoints


@dataclass(frozen=True)
class MetricDefinition:
    name: str
    regex: str


@dataclass(frozen=True)
class JobPlan:
    """All that a job does on this machine, as data; a job kind makes it from a request."""

    scope: Scope
    name: str
    image: str
    command: Command
    log_group: str
    log_stream: str
    files: Mapping[str, bytes]  # relative to the root: input/config/hyperparameters.json, ...
    environment: Mapping[str, str] = field(default_factory=dict)
    entrypoint: Sequence[str] = ()
    arguments: Sequence[str] = ()
    folders: Sequence[str] = ()  # to exist before it starts, relative to the root: model, output/data
    channels: Sequence[Channel] = ()
    outputs: Sequence[Output] = ()
    checkpoints: Checkpoints | None = None
    metric_definitions: Sequence[MetricDefinition] = ()
    metric_namespace: str = ""
    metric_dimensions: Mapping[str, str] = field(default_factory=dict)
    memory_limit_bytes: int | None = None
    failure_file: str = "output/failure"  # where the container says why it failed; none when empty
    failure_lead: str = ""  # AWS's words for a container that failed and did not say why
    message_file: str = ""  # where the container leaves its ExitMessage; none when empty
    role_arn: str = ""  # as whom the container asks AWS


class JobPhase(enum.Enum):
    STARTING = "starting"  # the folder is made
    DOWNLOADING = "downloading"  # channels and checkpoints
    RUNNING = "running"  # the container
    UPLOADING = "uploading"  # outputs and checkpoints


@dataclass(frozen=True)
class Failure:
    """Why a job failed. `kind` is SageMaker's prefix of a FailureReason."""

    kind: Literal["AlgorithmError", "ClientError", "InternalServerError"]
    message: str
    exit_code: int | None = None


class JobOutcome(enum.Enum):
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"  # a spot instance was taken back; nothing was uploaded but checkpoints


@dataclass(frozen=True)
class JobResult:
    outcome: JobOutcome
    failure: Failure | None = None
    metrics: Mapping[str, tuple[float, datetime]] = field(default_factory=dict)  # the last value of each
    exit_message: str | None = None  # the first KiB of the plan's message_file


class JobListener(Protocol):
    """Told by the runner, in order, on the runner's thread."""

    def entered(self, phase: JobPhase) -> None: ...

    def finished(self, result: JobResult) -> None: ...


class RunningJob(Protocol):
    def stop(self, grace_seconds: float) -> None:
        """Asks the container to end (SIGTERM, then SIGKILL); what it wrote is uploaded. Returns at once."""
        ...

    def interrupt(self) -> None:
        """Kills the container as a spot interruption does. Returns at once."""
        ...


class JobRunner(Protocol):
    def start(self, plan: JobPlan, listener: JobListener) -> RunningJob:
        """Runs the job on a thread of its own and returns at once; every failure reaches the listener."""
        ...


# --- serving ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FleetPlan:
    """The instances of one production variant."""

    scope: Scope
    endpoint_name: str
    variant_name: str
    image: str
    model_data_uri: str | None  # a .tar.gz
    environment: Mapping[str, str]
    instance_count: int
    log_group: str
    startup_timeout_seconds: float
    memory_limit_bytes: int | None = None
    role_arn: str = ""  # as whom its containers ask AWS


class ProvisionFailed(Exception):
    """Instances did not come up; the message is the reason for a person, with the last lines of the log."""


class Fleet(Protocol):
    plan: FleetPlan

    @property
    def instance_ids(self) -> Sequence[str]: ...

    def retire(self, drain_seconds: float) -> None:
        """Lets running requests end, then stops the instances. Not before routes have left them."""
        ...


class Fleets(Protocol):
    def provision(self, plan: FleetPlan) -> Fleet:
        """Blocks until every instance answers /ping with 200. Raises ProvisionFailed, leaving nothing.
        Afterwards an instance that dies is started again by itself."""
        ...


@dataclass(frozen=True)
class Route:
    """What an endpoint's requests are spread over: variants by weight, each a fleet."""

    variant_name: str
    weight: float
    fleet: Fleet


class Router(Protocol):
    def set_routes(self, scope: Scope, endpoint_name: str, routes: Sequence[Route]) -> None:
        """Returns when the data plane sends every new request by these routes; none removes the endpoint."""
        ...
