"""The journey of `make demo`: real images in, a trained model answering on an endpoint, on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gluonship import bundles
from gluonship.aws import endpoints, images, invocation, names, storage, training
from gluonship.aws.account import Account
from gluonship.aws.channels import upload_channel
from gluonship.aws.storage import S3Uri
from gluonship.demo import fashion_mnist, report
from gluonship.demo.workplace import workplace
from gluonship.vision import artifacts, datasets, evaluation
from gluonship.vision.predictions import Classification

ROLE = "arn:aws:iam::123456789012:role/gluonship-demo"  # the local cloud does not check that it exists
REQUIRED_ACCURACY = 0.86
CLIENTS = 4


class DemoFailed(Exception):
    """The journey came to its end, but not to what it must reach."""


class Voice(Protocol):
    """How the journey speaks; a Terminal of the command's is one."""

    def step(self, text: str) -> None: ...
    def say(self, text: str) -> None: ...
    def quiet(self, text: str) -> None: ...
    def done(self, text: str) -> None: ...
    def line(self, text: str) -> None: ...


@dataclass(frozen=True)
class Outcome:
    accuracy: float
    images: int
    contact_sheet: Path
    confusion_matrix: Path
    seconds: float
    training_seconds: float
    metrics: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        return {
            **vars(self),
            "contact_sheet": str(self.contact_sheet),
            "confusion_matrix": str(self.confusion_matrix),
        }


def run(voice: Voice, network: str, epochs: int, output: Path) -> Outcome:
    """The whole journey; writes its pictures to the folder `output`.

    Raises DemoFailed where accuracy is below REQUIRED_ACCURACY, and the errors of the rooms it goes through.
    """
    started = time.monotonic()
    held_out = fashion_mnist.load("held-out")
    voice.step("Starting a local cloud for this demo alone")
    with workplace(lambda text: voice.quiet(text)) as place:
        account = place.account
        voice.done(f"AWS answers at {place.url}")
        bucket = S3Uri(storage.ensure_bucket(account, "gluonship-demo"), "")
        channel = _upload_images(voice, account, bucket, place.scratch)
        model = _train(voice, account, bucket, channel, _hyperparameters(network, epochs), place.scratch)
        _look_at_artifact(voice, account, model.artifact, place.scratch)
        pictures = held_out.jpegs()
        with _endpoint(voice, account, model.artifact) as endpoint:
            predictions = _predict(voice, account, endpoint, pictures)
        voice.step("Stopping the local cloud")
    voice.done("Nothing of it runs any more")
    evaluated = report.evaluate(held_out, predictions)
    sheet, matrix = report.draw(output, held_out, predictions, evaluated)
    outcome = Outcome(
        accuracy=evaluated.accuracy,
        images=len(held_out),
        contact_sheet=sheet,
        confusion_matrix=matrix,
        seconds=round(time.monotonic() - started, 1),
        training_seconds=model.seconds,
        metrics=dict(model.metrics),
    )
    voice.line("What was called what: a row a true class, a column a predicted one, by number")
    voice.line(evaluation.confusion_table(evaluated))
    voice.line(f"accuracy: {outcome.accuracy:.3f} over {outcome.images:,} held-out images")
    voice.line(f"contact sheet, the worst mistakes first: {sheet}")
    voice.line(f"confusion matrix: {matrix}")
    if outcome.accuracy < REQUIRED_ACCURACY:
        raise DemoFailed(
            f"The accuracy is {outcome.accuracy:.3f}; the demo is to reach {REQUIRED_ACCURACY}. "
            "The contact sheet shows what went wrong."
        )
    return outcome


def _hyperparameters(network: str, epochs: int) -> dict[str, Any]:
    chosen: dict[str, Any] = {"network": network, "epochs": epochs, "batch-size": 64, "seed": 1}
    if network == "gluonship_small":
        # At the pictures' own size. With one thread the model is the same on every machine, and a busy one
        # does not slow it down: this network is too small for threads to help much.
        chosen |= {"image-size": 28, "num-threads": 1}
    return chosen


def _upload_images(voice: Voice, account: Account, bucket: S3Uri, scratch: Path) -> str:
    train = fashion_mnist.load("train")
    voice.step(f"Uploading {len(train):,} labelled images of clothing (Fashion-MNIST) to {bucket}")
    folder = scratch / "train"
    folder.mkdir()
    pairs = zip(train.jpegs(), (int(label) for label in train.labels), strict=True)
    datasets.write_recordio(folder, "train", pairs, fashion_mnist.CLASSES)
    files = sorted(folder.iterdir())
    uri = upload_channel(account, files, bucket.joined("data/train"))
    voice.done(f"{sum(path.stat().st_size for path in files) / 1e6:.1f} MB as RecordIO of JPEGs at {uri}")
    return uri


def _train(
    voice: Voice,
    account: Account,
    bucket: S3Uri,
    channel: str,
    hyperparameters: dict[str, Any],
    scratch: Path,
) -> training.TrainedModel:
    image = images.mxnet_image("training", account.region)
    source = bucket.joined("source/sourcedir.tar.gz")
    storage.upload_file(account, bundles.pack_training(scratch / "sourcedir.tar.gz"), source)
    plan = training.TrainingPlan(
        name=names.unique("fashion-mnist"),
        image=image,
        role=ROLE,
        source=str(source),
        channels={"train": channel},
        output=str(bucket.joined("models")),
        hyperparameters=hyperparameters,
        region=account.region,
        max_run_seconds=3600,
    )
    voice.step(f"Training '{hyperparameters['network']}' as the SageMaker training job {plan.name}")
    voice.say(f"  in {image}, as a process of this machine")
    training.start(account, plan)
    model = training.wait(
        account, plan.name, voice.quiet, lambda status, text: voice.say(f"  {status}: {text}")
    )
    accuracy = model.metrics.get("validation:accuracy")
    measured = (
        f"; validation accuracy {accuracy:.3f}, by its CloudWatch metric" if accuracy is not None else ""
    )
    voice.done(f"Trained in {model.seconds} s{measured}")
    return model


def _look_at_artifact(voice: Voice, account: Account, artifact: str, scratch: Path) -> None:
    voice.step(f"Taking {artifact} from S3")
    archive = scratch / "model.tar.gz"
    storage.download_file(account, S3Uri.parse(artifact), archive)
    folder = scratch / "model"
    artifacts.extract(archive, folder)
    manifest = artifacts.verify(folder)
    voice.done(
        f"{archive.stat().st_size / 1e6:.1f} MB: {manifest.network}, {len(manifest.classes)} classes, "
        f"{len(manifest.files)} files, each with the SHA-256 that its manifest says"
    )


@contextmanager
def _endpoint(voice: Voice, account: Account, artifact: str) -> Iterator[str]:
    """An endpoint that serves the artifact; deleted afterwards."""
    name = names.unique("fashion-mnist")
    image = images.mxnet_image("inference", account.region)
    voice.step(f"Creating model, endpoint config and endpoint {name}")
    voice.say(f"  in {image}")
    started = time.monotonic()
    deployment = endpoints.deploy(account, endpoints.EndpointPlan(name, artifact, image, ROLE))
    endpoints.wait(account, deployment, lambda status: voice.say(f"  {status}"))
    voice.done(f"InService after {time.monotonic() - started:.1f} s")
    yield name  # where what follows fails, the endpoint goes with the whole cloud
    voice.step("Deleting endpoint, endpoint config and model")
    endpoints.delete(account, name)


def _predict(voice: Voice, account: Account, endpoint: str, jpegs: Sequence[bytes]) -> list[Classification]:
    voice.step(f"Asking the endpoint about {len(jpegs):,} JPEGs that training never saw")
    started = time.monotonic()
    predictions = list(
        _noting(
            invocation.invoke_many(account, endpoint, jpegs, CLIENTS),
            every=500,
            note=lambda count: voice.quiet(f"{count:,} answered"),
        )
    )
    seconds = time.monotonic() - started
    voice.done(f"{len(predictions) / seconds:.0f} answers a second, by {CLIENTS} clients")
    return predictions


def _noting(
    items: Iterator[Classification], every: int, note: Callable[[int], None]
) -> Iterator[Classification]:
    for count, item in enumerate(items, 1):
        yield item
        if count % every == 0:
            note(count)
