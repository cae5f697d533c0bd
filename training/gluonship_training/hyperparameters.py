"""The hyperparameters of a classification training, their ranges and what they do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Sequence

from gluonship_training.arguments import Parameter, parse
from gluonship_training.failures import JobError
from gluonship_training.kinds import FLAG, LIST, TEXT, choice, colour, real, whole

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "network",
        "gluonship_small",
        TEXT,
        "gluonship_small (four convolutions, for small pictures), or any image classification network of "
        "GluonCV's model zoo by its name there, such as cifar_resnet20_v1 or resnet18_v1b.",
    ),
    Parameter("epochs", 8, whole(1, 100_000), "How often the whole train channel is seen."),
    Parameter(
        "batch-size",
        64,
        whole(1, 65_536),
        "Images a step. The last images of an epoch that fill no batch are left out of that epoch.",
    ),
    Parameter("optimizer", "sgd", choice("sgd", "nag", "adam"), "The optimizer, by MXNet's name."),
    Parameter(
        "learning-rate",
        None,
        real(0, 100, above=True),
        "The rate after the warm-up; 0.1 where it is not given, 0.001 for adam.",
    ),
    Parameter(
        "lr-schedule", "cosine", choice("cosine", "linear", "constant"), "How the rate falls to nearly zero."
    ),
    Parameter("warmup-epochs", 0.5, real(0, 1000), "Epochs in which the rate rises from zero."),
    Parameter("momentum", 0.9, real(0, 0.9999), "Momentum of sgd and nag; adam's first coefficient."),
    Parameter("weight-decay", 1e-4, real(0, 1), "L2 penalty, on weights only: not on biases or batch norm."),
    Parameter("label-smoothing", 0.0, real(0, 0.9), "How much of a label is spread over all classes."),
    Parameter(
        "image-size",
        None,
        whole(8, 4096),
        "Height and width of the network's input; where it is not given, the size the network was designed "
        "for.",
    ),
    Parameter(
        "resize",
        "stretch",
        choice("stretch", "letterbox", "crop"),
        "How an image comes to the input's shape: stretched, fitted with bars, or its centre cut out.",
    ),
    Parameter(
        "interpolation",
        "bilinear",
        choice("nearest", "bilinear", "bicubic", "area", "lanczos"),
        "How pixels are interpolated when an image is resized.",
    ),
    Parameter("mean", (0.485, 0.456, 0.406), colour(0, 1), "Subtracted from pixels scaled to 0..1."),
    Parameter("std", (0.229, 0.224, 0.225), colour(0, 100, above=True), "Divides what the mean leaves."),
    Parameter("flip", True, FLAG, "Mirror half of the training images, left to right."),
    Parameter(
        "crop-padding",
        0,
        whole(0, 512),
        "Pad training images by so many pixels and cut the input's size out at a random place; 0: do not.",
    ),
    Parameter(
        "classes",
        None,
        LIST,
        "The class names in the model's order; where it is not given, as the train channel has them.",
    ),
    Parameter(
        "validation-fraction",
        0.1,
        real(0.001, 0.9),
        "The share of the train channel that is held out where there is no validation channel.",
    ),
    Parameter("seed", 0, whole(0, 2**31 - 1), "The same seed, data and threads give the same model."),
    Parameter(
        "checkpoint-interval",
        1.0,
        real(0, 100_000, above=True),
        "Epochs between checkpoints; a fraction is allowed: 0.25 is four an epoch.",
    ),
    Parameter(
        "checkpoint-dir",
        None,
        TEXT,
        "LocalPath of the job's CheckpointConfig, where that is not /opt/ml/checkpoints.",
    ),
    Parameter(
        "initial-parameters",
        None,
        TEXT,
        "A .params file in a channel, as CHANNEL/FILE, from which training starts. Parameters whose names or "
        "shapes differ (as an output layer of other classes) start afresh, and the log says which.",
    ),
    Parameter(
        "num-threads",
        None,
        whole(1, 1024),
        "Threads of one computation; where it is not given, OMP_NUM_THREADS, else the machine's cores.",
    ),
    Parameter(
        "serving-code",
        None,
        TEXT,
        "A folder that becomes the artifact's code/; where it is not given, serving_code beside train.py.",
    ),
)


@dataclass(frozen=True)
class Hyperparameters:
    """One value a declaration above, by its name in Python."""

    network: str
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    lr_schedule: str
    warmup_epochs: float
    momentum: float
    weight_decay: float
    label_smoothing: float
    image_size: int | None
    resize: str
    interpolation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    flip: bool
    crop_padding: int
    classes: tuple[str, ...] | None
    validation_fraction: float
    seed: int
    checkpoint_interval: float
    checkpoint_dir: str | None
    initial_parameters: str | None
    num_threads: int | None
    serving_code: str | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read(arguments: Sequence[str]) -> Hyperparameters:
    """Raises JobError saying all that is wrong with the arguments."""
    values = parse(arguments, PARAMETERS)
    if values["learning_rate"] is None:
        values["learning_rate"] = 0.001 if values["optimizer"] == "adam" else 0.1
    if values["warmup_epochs"] > values["epochs"]:
        raise JobError(
            "Hyperparameters: warmup-epochs ({:g}) must not be more than epochs ({}).".format(
                values["warmup_epochs"], values["epochs"]
            )
        )
    names = values["classes"]
    if names is not None and len(set(names)) != len(names):
        raise JobError("Hyperparameters: classes names a class twice: {}.".format(", ".join(names)))
    return Hyperparameters(**values)
