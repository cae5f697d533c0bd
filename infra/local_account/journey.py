"""From nothing to a watched endpoint, and back: both phases of a first deployment, on the local cloud."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gluonship_infra.pipeline.names import stem

from gluonship.cli.terminal import Voice
from gluonship.local import launcher
from local_account import first_run, leftovers
from local_account.place import Place, configured, opened


@dataclass(frozen=True)
class Wanted:
    """What is to be deployed, and how many of the demo's images its first run trains on."""

    configuration: Path
    environment: str
    images: int = 0


def deploy(voice: Voice, wanted: Wanted) -> Mapping[str, Any]:
    """All stacks that the configuration names.

    Where its endpoint is not there yet: storage and pipeline; a run on the demo's images, which makes it; its
    watch. Returns the seconds of each part, the run's output (None without a run) and the pipeline's outputs.
    Raises CdkFailed, RunFailed, CloudLost, LauncherError, ConfigurationError, OtherAccount.
    """
    configuration = configured(wanted.configuration, wanted.environment)
    if launcher.status().state is not launcher.State.RUNNING:
        voice.step("Starting a local cloud")
        launcher.up(progress=voice.quiet)
    seconds: dict[str, float] = {}
    with opened(configuration, wanted.configuration, voice.quiet) as place, _timed(seconds, "all"):
        if not place.is_bootstrapped():
            voice.step("Bootstrapping the account for the CDK")
            with _timed(seconds, "bootstrap"):
                place.bootstrap()
        voice.step("Synthesising the stacks")
        with _timed(seconds, "synth"):
            place.cdk.synth()
        output = _deploy_stacks(voice, place, wanted.images, seconds)
        has_pipeline = "pipeline" in configuration.stacks
        outputs = place.stacks.outputs(place.stacks.pipeline) if has_pipeline else {}
    return {"seconds": seconds, "run": output, "outputs": dict(outputs)}


def _deploy_stacks(
    voice: Voice, place: Place, images: int, seconds: dict[str, float]
) -> Mapping[str, Any] | None:
    """In two phases, where the pipeline has yet to make the endpoint; the output of its run."""
    stacks, endpoint = place.stacks, place.configuration.endpoint_name
    names = {"storage": stacks.storage, "pipeline": stacks.pipeline, "endpoint": stacks.endpoint}
    there = [name for part, name in names.items() if part in place.configuration.stacks]
    serving = first_run.served(place, endpoint)
    first = [name for name in there if serving or name != stacks.endpoint]
    voice.step(f"Deploying {', '.join(first)}")
    with _timed(seconds, "first phase"):
        place.cdk.deploy(*first)
    if serving:
        voice.done(f"{endpoint} was there and serves {first_run.served(place, endpoint)}: no run is needed")
        return None
    if stacks.pipeline not in there:
        return None
    with _timed(seconds, "run"):
        output = first_run.train(voice, place, images)
    if stacks.endpoint in there:
        voice.step(f"Deploying {stacks.endpoint}: scaling, alarms and a dashboard for {endpoint}")
        with _timed(seconds, "second phase"):
            place.cdk.deploy(stacks.endpoint)
    first_run.ask(voice, place, endpoint)
    return output


def destroy(voice: Voice, wanted: Wanted) -> bool:
    """What `deploy` made, and what the pipeline has made since; the cloud and its bootstrap stack stay.

    False where no cloud runs. Raises what `deploy` does, but for RunFailed.
    """
    configuration = configured(wanted.configuration, wanted.environment)
    status = launcher.status()
    if status.state in (launcher.State.STOPPED, launcher.State.STALE):
        voice.done(f"No local cloud runs in {status.home}: there is nothing to destroy.")
        return False
    with opened(configuration, wanted.configuration, voice.quiet) as place:
        stacks = place.stacks
        there = [name for name in (stacks.endpoint, stacks.pipeline, stacks.storage) if stacks.exists(name)]
        if not there:
            voice.done("There is nothing to destroy.")
            return True
        place.cdk.synth()
        if stacks.endpoint in there:
            voice.step(f"Destroying {stacks.endpoint}")
            place.cdk.destroy(stacks.endpoint)
        if stacks.pipeline in there:
            _destroy_pipeline(voice, place)
        if stacks.storage in there:
            _destroy_storage(voice, place)
        return True


def _destroy_pipeline(voice: Voice, place: Place) -> None:
    name, sagemaker = place.stacks.pipeline, place.client("sagemaker")
    outputs = place.stacks.outputs(name)
    voice.step("Deleting what the pipeline made, which is its own and no stack's")
    if machine := outputs.get("StateMachineArn"):
        leftovers.stop_runs(place.client("stepfunctions"), machine, voice.quiet)
    endpoint, prefix = place.configuration.endpoint_name, stem(place.configuration.prefix)
    leftovers.delete_endpoint(sagemaker, endpoint, prefix, voice.quiet)
    if group := outputs.get("ModelPackageGroup"):
        leftovers.delete_packages(sagemaker, group, voice.quiet)
    voice.step(f"Destroying {name}")
    place.cdk.destroy(name)


def _destroy_storage(voice: Voice, place: Place) -> None:
    name, s3 = place.stacks.storage, place.client("s3")
    outputs = place.stacks.outputs(name)
    kept = place.configuration.storage.removal == "retain"
    if not kept:
        voice.step("Emptying the buckets")
        for bucket in (outputs.get("DataBucket"), outputs.get("ModelsBucket")):
            if bucket:
                leftovers.stop_logging(s3, bucket)
        for bucket in (outputs.get("DataBucket"), outputs.get("ModelsBucket"), outputs.get("LogsBucket")):
            if bucket:
                voice.quiet(f"{bucket}: {leftovers.empty(s3, bucket)} object versions")
    voice.step(f"Destroying {name}")
    place.cdk.destroy(name)
    if kept:
        voice.done("Buckets, repositories and key stay with what they hold: storage.removal is 'retain'.")
    else:
        voice.done("Nothing of it is left.")


@contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[part] = round(time.monotonic() - started, 1)
