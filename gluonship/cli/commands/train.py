"""`gluonship train`: images to a trained model, by a SageMaker training job."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gluonship.cli.options import (
    account_of,
    bucket_option,
    cloud_options,
    instance_type_of,
    json_option,
    role_of,
    role_option,
)
from gluonship.cli.problems import Problem

if TYPE_CHECKING:
    from gluonship.aws.account import Account, Where
    from gluonship.aws.storage import S3Uri
    from gluonship.aws.training import TrainingPlan
    from gluonship.cli.terminal import Terminal


@click.command()
@click.argument("data")
@click.option("--network", help="gluonship_small, or a GluonCV classification network, as resnet18_v1b.")
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the images.")
@click.option("--batch-size", type=click.IntRange(min=1))
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True))
@click.option("--image-size", type=click.IntRange(min=1), help="Side of the network's input in pixels.")
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True, help="Any other hyperparameter; repeat it."
)
@click.option("--job-name", help="Of the training job; by default one is made from the network's name.")
@bucket_option("For data, source and model; by default gluonship-REGION-ACCOUNT, made if needed.")
@click.option("--image", help="The container image; by default AWS's MXNet training container.")
@click.option("--instance-type", default="ml.m5.xlarge", show_default=True)
@click.option("--spot", is_flag=True, help="On spot instances, with checkpoints in S3.")
@click.option(
    "--max-hours", type=click.FloatRange(min=0, min_open=True, max=28 * 24), default=24, show_default=True
)
@click.option("--no-wait", is_flag=True, help="Start the job and return.")
@role_option
@cloud_options
@json_option
def train(
    data: str,
    settings: tuple[str, ...],
    job_name: str | None,
    bucket: str | None,
    image: str | None,
    instance_type: str,
    spot: bool,
    max_hours: float,
    no_wait: bool,
    role: str | None,
    cloud: Where,
    region: str | None,
    as_json: bool,
    **named: Any,
) -> None:
    """Train a classifier on DATA: a folder of images (a folder per class), a folder of RecordIO files, either
    of them under train/ and validation/, or an S3 URI of such."""
    from gluonship import bundles
    from gluonship.aws import images, names, storage, training
    from gluonship.cli import hyperparameters as checking
    from gluonship.cli.problems import Problem
    from gluonship.cli.terminal import Terminal

    terminal = Terminal(as_json)
    hyperparameters = _hyperparameters(named, settings)
    network = hyperparameters.get("network", "gluonship_small")
    try:
        job = names.check(job_name, "training job") if job_name else names.unique(f"gluonship-{network}")
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    account = account_of(cloud, region)
    arn = role_of(account, role)
    instance_type_of(account, "training", instance_type)
    checking.check(hyperparameters, terminal.warn)
    if training.exists(account, job):  # before anything of it is overwritten
        raise Problem(
            f"There is a training job '{job}' already: give --job-name another name, or leave it out."
        )
    with tempfile.TemporaryDirectory(prefix="gluonship-train-") as scratch:
        place = storage.S3Uri(storage.ensure_bucket(account, bucket), f"training/{job}")
        channels = _channels(account, data, place, Path(scratch), terminal)
        source = place.joined("source/sourcedir.tar.gz")
        storage.upload_file(account, bundles.pack_training(Path(scratch) / "sourcedir.tar.gz"), source)
    plan = training.TrainingPlan(
        name=job,
        image=image or images.mxnet_image("training", account.region, instance_type),
        role=arn,
        source=str(source),
        channels=channels,
        output=str(storage.S3Uri(place.bucket, "training")),
        hyperparameters=hyperparameters,
        region=account.region,
        instance_type=instance_type,
        max_run_seconds=int(max_hours * 3600),
        spot=spot,
        checkpoints=str(place.joined("checkpoints")) if spot else None,
    )
    terminal.step(f"Training {network} as job '{job}' on {_where(account, instance_type)}")
    training.start(account, plan)
    if no_wait:
        terminal.result({"job": job})
        terminal.line(job)
        return
    _wait(account, plan, terminal)


def _wait(account: Account, plan: TrainingPlan, terminal: Terminal) -> None:
    from gluonship.aws import training

    try:
        model = training.wait(
            account, plan.name, terminal.quiet, lambda status, text: terminal.say(f"{status}: {text}")
        )
    except KeyboardInterrupt:
        terminal.warn(f"Stopping the training job '{plan.name}'.")
        training.stop(account, plan.name)
        raise
    terminal.done(f"Trained in {model.seconds} s.")
    metrics = dict(model.metrics)
    terminal.table(["Metric", "Value"], [(name, f"{value:.4g}") for name, value in metrics.items()])
    terminal.line(f"Model: {model.artifact}")
    terminal.result(
        {"job": model.job, "artifact": model.artifact, "metrics": metrics, "seconds": model.seconds}
    )
    flag = " --cloud aws --role ARN" if account.where == "aws" else ""
    terminal.then(f"gluonship deploy {model.job} --endpoint NAME{flag}")


def _channels(account: Account, data: str, place: S3Uri, scratch: Path, terminal: Terminal) -> dict[str, str]:
    from gluonship.aws import channels
    from gluonship.aws.storage import S3Uri
    from gluonship.vision import datasets

    if data.startswith("s3:"):
        try:
            uri = S3Uri.parse(data)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        return channels.uploaded(account, uri)
    terminal.step(f"Preparing '{data}'")
    try:
        prepared = channels.prepare(Path(data), scratch, lambda text: terminal.say(f"  {text}"))
    except datasets.DatasetError as error:
        raise Problem(f"'{data}' cannot be trained on: {error}") from error
    for channel in prepared.channels:
        terminal.say(f"  {channel.name}: {channel.images:,} images of {len(prepared.classes)} classes")
    with terminal.bytes_progress(f"to s3://{place.bucket}", prepared.size) as on_bytes:
        uris = channels.upload(account, prepared, place.joined("data"), on_bytes)
    terminal.done(f"{prepared.size / 1e6:.1f} MB are in {place.joined('data')}")
    return uris


def _hyperparameters(named: dict[str, Any], settings: tuple[str, ...]) -> dict[str, Any]:
    """The options that were given and the --set ones together, by the training script's names."""
    found = {name.replace("_", "-"): value for name, value in named.items() if value is not None}
    for setting in settings:
        key, separator, value = setting.partition("=")
        key = key.strip().removeprefix("--").replace("_", "-")
        if not separator or not key:
            raise click.UsageError(f"--set takes KEY=VALUE, as --set momentum=0.9, not '{setting}'.")
        if key in found:
            raise click.UsageError(f"'{key}' is given twice.")
        if key.startswith("sagemaker-"):
            raise click.UsageError(f"'{key}' is SageMaker's own; it cannot be set.")
        found[key] = _value(value.strip())
    return found


def _value(text: str) -> Any:
    """A number or a truth value where it reads as one, else the text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, (bool, int, float)) else text


def _where(account: Account, instance_type: str) -> str:
    return "this machine" if account.where == "local" else f"{instance_type} in {account.region}"
