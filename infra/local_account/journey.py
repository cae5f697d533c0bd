"""From nothing to a watched endpoint, and back: both phases of a first deployment, on the local cloud."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gluonship.aws import invocation, storage
from gluonship.aws.account import Account
from gluonship.aws.storage import S3Uri
from gluonship.cli.terminal import Voice
from gluonship.demo import fashion_mnist
from gluonship.local import connect, launcher
from gluonship.vision import datasets
from local_account import leftovers, run
from local_account.cdk import Cdk
from local_account.stacks import Stacks

DATASET = "datasets/fashion-mnist"


@dataclass(frozen=True)
class Wanted:
    """What is to be deployed."""

    configuration: Path
    environment: str


@dataclass(frozen=True)
class Place:
    """A running cloud, the command on it, and its stacks."""

    account: Account
    cdk: Cdk
    stacks: Stacks
    scratch: Path

    def client(self, service: str) -> Any:
        return self.account.session.client(service)  # type: ignore[call-overload]


def deploy(voice: Voice, wanted: Wanted) -> Mapping[str, Any]:
    """Both phases: storage and pipeline; a run on the demo's images, which makes the endpoint; its watch.

    Returns the seconds of each part and the run's output. Raises CdkFailed, RunFailed, LauncherError,
    ConfigurationError.
    """
    seconds: dict[str, float] = {}
    if launcher.status().state is not launcher.State.RUNNING:
        voice.step("Starting a local cloud")
        launcher.up(progress=voice.quiet)
    with _place(voice, wanted) as place, _timed(seconds, "all"):
        stacks = place.stacks
        if not stacks.exists("CDKToolkit"):
            voice.step("Bootstrapping the account for the CDK")
            with _timed(seconds, "bootstrap"):
                place.cdk.bootstrap(place.account.account_id, place.account.region)
        voice.step(f"Deploying {stacks.storage} and {stacks.pipeline}")
        with _timed(seconds, "synth"):
            place.cdk.synth()
        with _timed(seconds, "first phase"):
            place.cdk.deploy(stacks.storage, stacks.pipeline)
        outputs = stacks.outputs(stacks.pipeline)
        with _timed(seconds, "run"):
            output = _first_run(voice, place, outputs["StateMachineArn"])
        voice.step(
            f"Deploying {stacks.endpoint}: scaling, alarms and a dashboard for {outputs['EndpointName']}"
        )
        with _timed(seconds, "second phase"):
            place.cdk.deploy(stacks.endpoint)
        _ask(voice, place, outputs["EndpointName"])
    return {"seconds": seconds, "run": output, "outputs": dict(outputs)}


def destroy(voice: Voice, wanted: Wanted) -> None:
    """What `deploy` made, and what the pipeline has made since; the cloud and its bootstrap stack stay.

    Raises CdkFailed, LauncherError where no cloud runs, ConfigurationError.
    """
    launcher.running()
    with _place(voice, wanted) as place:
        stacks = place.stacks
        there = [name for name in (stacks.endpoint, stacks.pipeline, stacks.storage) if stacks.exists(name)]
        if not there:
            voice.done("There is nothing to destroy.")
            return
        place.cdk.synth()
        if stacks.endpoint in there:
            voice.step(f"Destroying {stacks.endpoint}")
            place.cdk.destroy(stacks.endpoint)
        if stacks.pipeline in there:
            outputs = stacks.outputs(stacks.pipeline)
            voice.step("Deleting what the pipeline made, which is its own and no stack's")
            sagemaker = place.client("sagemaker")
            leftovers.delete_endpoint(
                sagemaker, outputs["EndpointName"], outputs["ModelPackageGroup"], voice.quiet
            )
            leftovers.delete_packages(sagemaker, outputs["ModelPackageGroup"], voice.quiet)
            voice.step(f"Destroying {stacks.pipeline}")
            place.cdk.destroy(stacks.pipeline)
        if stacks.storage in there:
            voice.step("Emptying the buckets")
            outputs = stacks.outputs(stacks.storage)
            s3 = place.client("s3")
            for name in ("DataBucket", "ModelsBucket"):
                leftovers.stop_logging(s3, outputs[name])
            for name in ("DataBucket", "ModelsBucket", "LogsBucket"):
                count = leftovers.empty(s3, outputs[name])
                voice.quiet(f"{outputs[name]}: {count} object versions")
            voice.step(f"Destroying {stacks.storage}")
            place.cdk.destroy(stacks.storage)
        voice.done("Nothing of it is left.")


@contextmanager
def _place(voice: Voice, wanted: Wanted) -> Iterator[Place]:
    account = Account(connect(start=False).boto, "local")
    variables = launcher.applied(launcher.environment(), os.environ)
    with tempfile.TemporaryDirectory(prefix="gluonship-account-") as folder:
        scratch = Path(folder)
        cloudformation = account.session.client("cloudformation")
        stacks = Stacks(cloudformation, wanted.configuration, wanted.environment)
        assembly = scratch / "assembly"
        cdk = Cdk(variables, assembly, wanted.configuration, wanted.environment, voice.quiet)
        yield Place(account, cdk, stacks, scratch)


def _first_run(voice: Voice, place: Place, machine: str) -> Mapping[str, Any]:
    """Uploads the demo's images, says that they are ready, and follows the run that this starts."""
    bucket = place.stacks.outputs(place.stacks.storage)["DataBucket"]
    target = S3Uri(bucket, DATASET)
    voice.step(f"Uploading the demo's images to {target}")
    _upload(place, target.joined("train"), fashion_mnist.load("train"))
    _upload(place, target.joined("test"), fashion_mnist.load("held-out"))
    since = datetime.now(UTC).replace(microsecond=0)
    place.account.s3.put_object(Bucket=bucket, Key=f"{DATASET}/_READY", Body=b"")
    voice.done(f"{target}/_READY is there: EventBridge starts the pipeline")
    stepfunctions = place.client("stepfunctions")
    execution = run.started_by_data(stepfunctions, machine, since)
    voice.step(f"Following the run {execution.rpartition(':')[2]}")
    output = run.follow(stepfunctions, execution, lambda name, at: voice.quiet(f"{at:6.1f} s  {name}"))
    voice.done(f"accuracy {output['accuracy']:.3f}: {output['model_package']} serves as {output['endpoint']}")
    return output


def _upload(place: Place, target: S3Uri, images: fashion_mnist.LabelledImages) -> None:
    folder = place.scratch / target.key.rpartition("/")[2]
    folder.mkdir()
    pairs = zip(images.jpegs(), (int(label) for label in images.labels), strict=True)
    datasets.write_recordio(folder, folder.name, pairs, fashion_mnist.CLASSES)
    storage.upload_files(place.account, sorted(folder.iterdir()), target)


def _ask(voice: Voice, place: Place, endpoint: str) -> None:
    held_out = fashion_mnist.load("held-out")
    answer = invocation.invoke(place.account, endpoint, held_out.jpegs()[0])
    voice.done(
        f"{endpoint} calls the first held-out image '{answer.top.label}' ({answer.top.probability:.2f}); "
        f"it is '{fashion_mnist.CLASSES[held_out.labels[0]]}'"
    )


@contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[part] = round(time.monotonic() - started, 1)
