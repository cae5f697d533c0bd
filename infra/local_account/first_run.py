"""The run of the pipeline that makes the endpoint: on the demo's images."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from gluonship.aws import invocation, storage
from gluonship.aws.errors import is_missing
from gluonship.aws.storage import S3Uri
from gluonship.cli.terminal import Voice
from gluonship.demo import fashion_mnist
from gluonship.vision import datasets
from local_account import run
from local_account.place import Place

DATASET = "datasets/fashion-mnist"
_HELD_OUT_SHARE = 6  # the demo has one held-out image for so many to train on


def served(place: Place, endpoint: str) -> str | None:
    """The config that the endpoint serves; None where there is no endpoint, or one that never came up."""
    try:
        described = place.account.sagemaker.describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return None if described["EndpointStatus"] == "Failed" else described["EndpointConfigName"]


def train(voice: Voice, place: Place, images: int) -> Mapping[str, Any]:
    """Uploads the images, says that they are ready, and follows the run that this starts to its output.

    Raises RunFailed.
    """
    machine = place.stacks.outputs(place.stacks.pipeline)["StateMachineArn"]
    bucket = place.stacks.outputs(place.stacks.storage)["DataBucket"]
    target = S3Uri(bucket, DATASET)
    voice.step(f"Uploading {images} of the demo's images to {target}")
    _upload(place, target.joined("train"), _first(fashion_mnist.load("train"), images))
    _upload(place, target.joined("test"), _first(fashion_mnist.load("held-out"), images // _HELD_OUT_SHARE))
    execution = _started(voice, place, machine, target)
    voice.step(f"Following the run {execution.rpartition(':')[2]}")
    stepfunctions = place.client("stepfunctions")
    output = run.follow(stepfunctions, execution, lambda name, at: voice.quiet(f"{at:6.1f} s  {name}"))
    voice.done(f"accuracy {output['accuracy']:.3f}: {output['model_package']} serves as {output['endpoint']}")
    return output


def ask(voice: Voice, place: Place, endpoint: str) -> None:
    """What the endpoint says of an image that training never saw."""
    held_out = fashion_mnist.load("held-out")
    answer = invocation.invoke(place.account, endpoint, held_out.jpegs()[0])
    voice.done(
        f"{endpoint} calls the first held-out image '{answer.top.label}' ({answer.top.probability:.2f}); "
        f"it is '{fashion_mnist.CLASSES[held_out.labels[0]]}'"
    )


def _first(images: fashion_mnist.LabelledImages, count: int) -> fashion_mnist.LabelledImages:
    return fashion_mnist.LabelledImages(images.pixels[:count], images.labels[:count])


def _upload(place: Place, target: S3Uri, images: fashion_mnist.LabelledImages) -> None:
    folder = place.scratch / target.key.rpartition("/")[2]
    folder.mkdir()
    pairs = zip(images.jpegs(), (int(label) for label in images.labels), strict=True)
    datasets.write_recordio(folder, folder.name, pairs, fashion_mnist.CLASSES)
    storage.upload_files(place.account, sorted(folder.iterdir()), target)


def _started(voice: Voice, place: Place, machine: str, target: S3Uri) -> str:
    """The ARN of the run: started by the marker, or by hand where the configuration has no trigger for it."""
    stepfunctions = place.client("stepfunctions")
    trigger = place.configuration.pipeline.trigger_prefix
    if trigger is None or not target.key.startswith(trigger):
        voice.done("no trigger is configured for these images: the run is started by hand")
        return run.started_by_hand(stepfunctions, machine, target.key)
    since = datetime.now(UTC).replace(microsecond=0)
    place.account.s3.put_object(Bucket=target.bucket, Key=f"{target.key}/_READY", Body=b"")
    voice.done(f"{target}/_READY is there: EventBridge starts the pipeline")
    return run.started_by_data(stepfunctions, machine, since)
