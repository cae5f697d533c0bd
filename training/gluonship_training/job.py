"""Puts a training job together: its environment, data, network and training."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import mxnet as mx

from gluonship.vision.images import Preprocessing
from gluonship_training import data, networks
from gluonship_training.console import duration, say
from gluonship_training.environment import Environment
from gluonship_training.events import TensorBoard
from gluonship_training.failures import JobError
from gluonship_training.hyperparameters import Hyperparameters
from gluonship_training.interruption import Interruption
from gluonship_training.publishing import Publisher
from gluonship_training.training import Training


def run(hyper: Hyperparameters, environment: Environment, interruption: Interruption) -> None:
    """Trains and writes the artifact. Raises JobError saying what to change, Stopped with nothing written."""
    networks.check(hyper.network)
    code = _serving_code(hyper.serving_code)
    initial = _initial_parameters(hyper.initial_parameters, environment)
    context = _context(environment)
    checkpoint_folder = Path(hyper.checkpoint_dir) if hyper.checkpoint_dir else environment.checkpoints
    for folder in (environment.model, environment.output_data, checkpoint_folder):
        _require_writable(folder)
    size = hyper.image_size or networks.input_size(hyper.network)
    preprocessing = Preprocessing(
        height=size,
        width=size,
        resize=hyper.resize,
        interpolation=hyper.interpolation,
        mean=hyper.mean,
        std=hyper.std,
    )
    say(f"Reading images at {size} x {size} pixels.")
    began = time.monotonic()
    dataset = data.load(
        environment, preprocessing, hyper.classes, hyper.validation_fraction, hyper.seed, interruption.check
    )
    say(
        f"{len(dataset.train):,} training and {len(dataset.validation):,} validation images "
        f"of {len(dataset.classes)} classes, "
        f"read in {duration(time.monotonic() - began)}."
    )
    network = _network(hyper, size, len(dataset.classes), initial, context)
    interruption.check()
    training = Training(
        hyper=hyper,
        network=network,
        data=dataset,
        preprocessing=preprocessing,
        context=context,
        checkpoint_folder=checkpoint_folder,
        publisher=Publisher(
            environment.model,
            environment.output_data,
            hyper.network,
            dataset,
            preprocessing,
            code,
            hyper.to_json(),
        ),
        events=TensorBoard(environment.output_data / "tensorboard"),
        interruption=interruption,
    )
    training.resume()
    training.run()
    say(f"The model is in {environment.model}.")


def _network(hyper: Hyperparameters, size: int, classes: int, initial: Path | None, context: Any) -> Any:
    network = networks.build(hyper.network, classes)
    networks.initialise(network, size, context, hyper.seed)
    if initial is not None:
        fresh = networks.start_from(network, initial)
        say("Parameters from {}; these start afresh: {}.".format(initial, ", ".join(fresh) or "none"))
    network.hybridize(static_alloc=True, static_shape=True)
    return network


def _context(environment: Environment) -> Any:
    if len(environment.hosts) > 1:
        raise JobError(
            f"This script trains on one instance, the job has {len(environment.hosts)}: "
            "set InstanceCount to 1."
        )
    if not environment.gpus:
        return mx.cpu()
    if not mx.context.num_gpus():
        raise JobError(
            f"The instance has {environment.gpus} GPUs, but this MXNet is built without CUDA: use the "
            "image's gpu variant, or an instance type without GPUs."
        )
    if environment.gpus > 1:
        say(f"Of {environment.gpus} GPUs this script uses the first.")
    return mx.gpu(0)


def _require_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        raise JobError(f"{folder} cannot be written: {error.strerror}.") from error


def _serving_code(given: str | None) -> Path | None:
    folder = Path(given) if given else Path(sys.argv[0]).resolve().parent / "serving_code"
    if (folder / "inference.py").is_file():
        return folder
    if given:
        raise JobError(f"Hyperparameters: serving-code {folder} has no inference.py.")
    say("No serving_code beside train.py: the artifact gets no code/ and needs a server that knows it.")
    return None


def _initial_parameters(given: str | None, environment: Environment) -> Path | None:
    if not given:
        return None
    channel, _, name = given.partition("/")
    folder = environment.channel(channel)
    path = folder / name if folder is not None and name else None
    if path is None or not path.is_file():
        raise JobError(
            "Hyperparameters: initial-parameters must be CHANNEL/FILE with a file of one of this job's "
            "channels ({}), not {!r}.".format(", ".join(sorted(environment.channels)) or "none", given)
        )
    return path
