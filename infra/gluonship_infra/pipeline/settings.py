"""What a training pipeline does, in one frozen value whose errors name the field and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Literal, get_args

from gluonship_infra.pipeline import settings_checks as check

Deployment = Literal["all-at-once", "canary", "linear"]
Value = str | int | float | bool

MAX_UPDATE_SECONDS = 28_800
"""AWS's most for an update of an endpoint with traffic shifting."""

HYPERPARAMETERS = (
    "network", "epochs", "batch-size", "optimizer", "learning-rate", "lr-schedule", "warmup-epochs",
    "momentum", "weight-decay", "label-smoothing", "image-size", "resize", "interpolation", "mean", "std",
    "flip", "crop-padding", "classes", "validation-fraction", "seed", "checkpoint-interval", "num-threads",
)  # fmt: skip
"""Of the training script, those that a pipeline may set; the others name folders inside the container."""


@dataclass(frozen=True)
class PipelineSettings:
    """`dataset` and `trigger_prefix` are key prefixes in the data bucket; accuracies are fractions of 1.

    Raises ValueError that says everything wrong with the values.
    """

    # The data: DATASET/train/, DATASET/test/ and, where it is there, DATASET/validation/.
    dataset: str = "datasets/current"
    trigger_prefix: str | None = "datasets/"  # PREFIX.../_READY starts a run on its folder; None: no trigger
    schedule: str | None = None  # rate(...) or cron(...), of EventBridge

    network: str = "gluonship_small"
    epochs: int = 8
    validation_fraction: float | None = None  # held out of train where there is no validation/; None: 0.1
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)

    training_instance_type: str = "ml.m5.xlarge"
    training_volume_gigabytes: int = 30
    training_max_seconds: int = 24 * 3600
    spot: bool = True
    spot_max_wait_seconds: int | None = None  # with the waiting for capacity; None: twice the above
    training_attempts: int = 3  # starts of a job for which AWS had no capacity

    evaluation_instance_type: str = "ml.m5.xlarge"
    evaluation_volume_gigabytes: int = 30
    evaluation_max_seconds: int = 3600
    evaluation_batch_size: int = 64
    evaluation_images: int | None = None  # at most so many of the test images; None: all

    accuracy_threshold: float = 0.8
    minimum_gain: float = 0.0  # over the model in service, on the same images

    compile_targets: tuple[str, ...] = ()  # of SageMaker Neo, such as ml_c5, jetson_nano

    serving_instance_type: str = "ml.m5.large"
    serving_instance_count: int = 1  # of a new endpoint; an update keeps the count that it has
    deployment: Deployment = "all-at-once"
    deployment_percent: int = 10  # of the instances, in a canary or in each linear step
    deployment_wait_seconds: int = 300  # after each shift of traffic
    termination_wait_seconds: int = 300  # after the last one, before the old instances go
    rollback_alarms: tuple[str, ...] = ()  # names of CloudWatch alarms that roll an update back

    poll_seconds: int = 15

    def __post_init__(self) -> None:
        problems = [problem for problem in self._problems() if problem]
        if problems:
            raise ValueError("Pipeline settings: " + " ".join(problems))
        object.__setattr__(self, "hyperparameters", MappingProxyType(dict(self.hyperparameters)))
        object.__setattr__(self, "compile_targets", tuple(self.compile_targets))
        object.__setattr__(self, "rollback_alarms", tuple(self.rollback_alarms))

    def all_hyperparameters(self) -> dict[str, Value]:
        """Of the training script, by their names there."""
        fraction = (
            {} if self.validation_fraction is None else {"validation-fraction": self.validation_fraction}
        )
        return {"network": self.network, "epochs": self.epochs, **fraction, **self.hyperparameters}

    def training_max_wait_seconds(self) -> int:
        return self.spot_max_wait_seconds or 2 * self.training_max_seconds

    def _problems(self) -> list[str]:
        wholes = {
            "epochs": (1, 100_000),
            "training_volume_gigabytes": (1, 16_384),
            "training_max_seconds": (60, 28 * 24 * 3600),
            "training_attempts": (1, 9),
            "evaluation_volume_gigabytes": (1, 16_384),
            "evaluation_max_seconds": (60, 5 * 24 * 3600),
            "evaluation_batch_size": (1, 4096),
            "serving_instance_count": (1, 1000),
            "deployment_percent": (5, 50),
            "deployment_wait_seconds": (0, 3600),
            "termination_wait_seconds": (0, 3600),
            "poll_seconds": (1, 300),
        }
        found = [check.whole(name, getattr(self, name), *limits) for name, limits in wholes.items()]
        for name in ("training_instance_type", "evaluation_instance_type", "serving_instance_type"):
            found.append(check.instance_type(name, getattr(self, name)))
        found += [
            check.key_prefix("dataset", self.dataset),
            check.key_prefix("trigger_prefix", self.trigger_prefix)
            if self.trigger_prefix is not None
            else "",
            check.schedule("schedule", self.schedule) if self.schedule is not None else "",
            check.text("network", self.network),
            check.fraction("accuracy_threshold", self.accuracy_threshold, 0, 1),
            check.fraction("minimum_gain", self.minimum_gain, -1, 1),
            check.one_of("deployment", self.deployment, get_args(Deployment)),
            check.true_or_false("spot", self.spot),
            *check.hyperparameters("hyperparameters", self.hyperparameters, HYPERPARAMETERS),
            *check.compile_targets("compile_targets", self.compile_targets),
            check.names("rollback_alarms", self.rollback_alarms, 10),
        ]
        if self.validation_fraction is not None:
            found.append(check.fraction("validation_fraction", self.validation_fraction, 0.001, 0.9))
        if self.evaluation_images is not None:
            found.append(check.whole("evaluation_images", self.evaluation_images, 1, 10**9))
        return found if any(found) else self._contradictions()

    def _contradictions(self) -> list[str]:
        found = [
            f"hyperparameters must not hold {name!r}: set the field {name.replace('-', '_')} instead."
            for name in ("network", "epochs", "validation-fraction")
            if name in self.hyperparameters
        ]
        if self.spot_max_wait_seconds is not None:
            found.append(
                check.whole(
                    "spot_max_wait_seconds",
                    self.spot_max_wait_seconds,
                    self.training_max_seconds,
                    28 * 24 * 3600,
                )
            )
        if self.deployment != "all-at-once" and self.serving_instance_count < 2:
            found.append(
                f"deployment {self.deployment!r} needs serving_instance_count 2 or more: a part of one "
                "instance cannot take traffic."
            )
        return found


def field_names() -> tuple[str, ...]:
    return tuple(each.name for each in fields(PipelineSettings))
