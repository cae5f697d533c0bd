"""`gluonship deploy`: a trained model to an endpoint, new or running."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

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
    from gluonship.cli.terminal import Terminal


@click.command()
@click.argument("model")
@click.option("--endpoint", required=True, help="Its name; one that runs is updated without a pause.")
@click.option("--image", help="The container image; by default AWS's MXNet inference container.")
@click.option("--instance-type", default="ml.m5.large", show_default=True)
@click.option("--instance-count", type=click.IntRange(min=1), default=1, show_default=True)
@bucket_option("For a model.tar.gz from this machine; by default gluonship-REGION-ACCOUNT.")
@click.option("--no-wait", is_flag=True, help="Return before it serves.")
@role_option
@cloud_options
@json_option
def deploy(
    model: str,
    endpoint: str,
    image: str | None,
    instance_type: str,
    instance_count: int,
    bucket: str | None,
    no_wait: bool,
    role: str | None,
    cloud: Where,
    region: str | None,
    as_json: bool,
) -> None:
    """Put MODEL on an endpoint: a training job's name, a model.tar.gz of this machine, or its S3 URI."""
    from gluonship.aws import endpoints, images, names
    from gluonship.cli.terminal import Terminal

    terminal = Terminal(as_json)
    try:
        names.check(endpoint, "endpoint")
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    account = account_of(cloud, region)
    arn = role_of(account, role)
    instance_type_of(account, "inference", instance_type)
    model_data = _model_data(account, model, bucket, terminal)
    plan = endpoints.EndpointPlan(
        name=endpoint,
        model_data=model_data,
        image=image or images.mxnet_image("inference", account.region, instance_type),
        role=arn,
        instance_type=instance_type,
        instance_count=instance_count,
    )
    terminal.step(f"Deploying {model_data} to the endpoint '{endpoint}'")
    deployment = endpoints.deploy(account, plan)
    if not no_wait:
        endpoints.wait(account, deployment, lambda status: terminal.say(f"  {status}"))
        terminal.done(f"The endpoint '{endpoint}' was {deployment.change}, and serves.")
    flag = " --cloud aws" if cloud == "aws" else ""
    terminal.result(
        {
            "endpoint": endpoint,
            "change": deployment.change,
            "model": deployment.version,
            "endpoint_config": deployment.version,
            "model_data": model_data,
            "in_service": not no_wait,
        }
    )
    terminal.line(endpoint)
    terminal.then(f"gluonship invoke {endpoint} IMAGE...{flag}", f"gluonship delete {endpoint}{flag}")


def _model_data(account: Account, model: str, bucket: str | None, terminal: Terminal) -> str:
    """The S3 URI of what MODEL names; a file of this machine is checked and uploaded first."""
    from gluonship.aws import names, storage, training
    from gluonship.aws.errors import OperationFailed

    if model.startswith("s3:"):
        try:
            uri = storage.S3Uri.parse(model)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        if not storage.exists(account, uri):
            raise OperationFailed(f"There is no model at {uri}. `aws s3 ls {uri}` lists what there is.")
        return model
    path = Path(model)
    if path.is_file():
        return _uploaded(account, path, bucket, terminal)
    if "/" in model or model.endswith((".gz", ".tgz")):
        raise click.UsageError(f"There is no file '{model}'.")
    try:
        names.check(model, "training job")
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return training.describe(account, model).artifact


def _uploaded(account: Account, path: Path, bucket: str | None, terminal: Terminal) -> str:
    from gluonship.aws import names, storage
    from gluonship.vision import artifacts

    with tempfile.TemporaryDirectory(prefix="gluonship-deploy-") as scratch:
        # What is no safe archive is found here, before minutes of waiting for an endpoint.
        try:
            artifacts.extract(path, Path(scratch))
        except artifacts.ArtifactError as error:
            raise Problem(f"'{path}' is not a model.tar.gz that can be deployed: {error}") from error
    place = storage.S3Uri(
        storage.ensure_bucket(account, bucket), f"models/{names.unique('model')}/model.tar.gz"
    )
    terminal.step(f"Uploading '{path}' to {place}")
    with terminal.bytes_progress("model.tar.gz", path.stat().st_size) as on_bytes:
        storage.upload_file(account, path, place, on_bytes)
    return str(place)
