"""What a training pipeline does, in one frozen value whose errors name the field and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Literal, get_args

from gluonship_infra.pipeline import settings_checks as check

Deployment = Literal["all-at-once", "canary", "linear"]
Value = str | int | float | bool

MAX_UPDATE_SECONDS = 28_800
"""AWS's most for an update of an endpoint with traffic shifting."""

# An execution fails at 25,000 events of history, of which a look at an endpoint writes nine. Source:
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html

HYPERPARAMETERS = (
    "network", "epochs", "batch-size", "optimizer", "learning-rate", "lr-schedule", "warmup-epochs",
    "momentum", "weight-decay", "label-smoothing", "image-size", "resize", "interpolation", "mean", "std",
    "flip", "crop-padding", "classes", "validation-fraction", "seed", "checkpoint-interval", "num-threads",
)  # fmt: skip
"""Of the training script, those that a pipeline may set; the others name folders inside the container."""


_MAX_JOB_SECONDS = 28 * 24 * 3600
_LEAST_LINEAR_PERCENT = 10  # of AWS's, for a LinearStepSize
_WHOLES: Mapping[str, tuple[int, int]] = {
    "epochs": (1, 100_000),
    "training_volume_gigabytes": (1, 16_384),
    "training_max_seconds": (60, _MAX_JOB_SECONDS),
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


class SettingsError(ValueError):
    """Settings that cannot be used: all that is wrong with them, each problem a setting's name (with a dot
    before the name of a hyperparameter) and a clause about it."""

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        clauses = ". ".join(f"{name} {clause}" for name, clause in self.problems)
        super().__init__(f"Pipeline settings: {clauses}.")


@dataclass(frozen=True)
class PipelineSettings:
    """`dataset` and `trigger_prefix` are key prefixes in the data bucket; accuracies are fractions of 1.

    Raises SettingsError.
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
    allow_incomparable: bool = False  # a model in service that cannot be measured so does not hold a run up

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
        problems = list(self._problems()) or list(self._contradictions())
        if problems:
            raise SettingsError(problems)
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
        return self.spot_max_wait_seconds or min(2 * self.training_max_seconds, _MAX_JOB_SECONDS)

    def update_wait_seconds(self) -> int:
        """How long an update of the endpoint waits, beside the coming up of the instances."""
        shifts = {"all-at-once": 1, "canary": 2, "linear": math.ceil(100 / self.deployment_percent)}
        return shifts[self.deployment] * self.deployment_wait_seconds + self.termination_wait_seconds

    def _problems(self) -> Iterator[tuple[str, str]]:
        for name, clause in self._checks():
            if clause:
                yield name, clause
        own = ("network", "epochs", "validation-fraction")
        for name, clause in check.hyperparameters(self.hyperparameters, HYPERPARAMETERS, own):
            yield ".".join(filter(None, ["hyperparameters", name])), clause

    def _checks(self) -> Iterator[tuple[str, str]]:
        for name, limits in _WHOLES.items():
            yield name, check.whole(getattr(self, name), *limits)
        yield "training_instance_type", check.instance_type(self.training_instance_type, "training")
        yield "evaluation_instance_type", check.instance_type(self.evaluation_instance_type, "processing")
        yield "serving_instance_type", check.instance_type(self.serving_instance_type, "serving")
        yield "dataset", check.key_prefix(self.dataset)
        yield "network", check.text(self.network)
        yield "accuracy_threshold", check.fraction(self.accuracy_threshold, 0, 1)
        yield "minimum_gain", check.fraction(self.minimum_gain, -1, 1)
        yield "deployment", check.one_of(self.deployment, get_args(Deployment))
        for name in ("spot", "allow_incomparable"):
            yield name, check.true_or_false(getattr(self, name))
        yield "compile_targets", check.compile_targets(self.compile_targets)
        yield "rollback_alarms", check.names(self.rollback_alarms, 10)
        if self.trigger_prefix is not None:
            yield "trigger_prefix", check.key_prefix(self.trigger_prefix)
        if self.schedule is not None:
            yield "schedule", check.schedule(self.schedule)
        if self.validation_fraction is not None:
            yield "validation_fraction", check.fraction(self.validation_fraction, 0.001, 0.9)
        if self.evaluation_images is not None:
            yield "evaluation_images", check.whole(self.evaluation_images, 1, 10**9)

    def _contradictions(self) -> Iterator[tuple[str, str]]:
        """Between values that are each allowed."""
        wait = self.spot_max_wait_seconds
        if wait is not None and (clause := check.whole(wait, self.training_max_seconds, _MAX_JOB_SECONDS)):
            yield "spot_max_wait_seconds", f"{clause}, for the training alone may take the first of them"
        for job in ("training", "evaluation"):
            name, type_ = f"{job}_volume_gigabytes", getattr(self, f"{job}_instance_type")
            if clause := check.volume(getattr(self, name), type_):
                yield name, clause
        if self.deployment != "all-at-once":
            yield from self._of_shifts()

    def _of_shifts(self) -> Iterator[tuple[str, str]]:
        if self.serving_instance_count < 2:
            yield (
                "deployment",
                f"is {self.deployment!r}, which needs serving_instance_count 2 or more: a part of one "
                "instance cannot take traffic",
            )
        if self.deployment == "linear" and self.deployment_percent < _LEAST_LINEAR_PERCENT:
            yield (
                "deployment_percent",
                f"is {self.deployment_percent}; allowed is {_LEAST_LINEAR_PERCENT} to 50 where deployment is "
                "linear",
            )
        waiting = self.update_wait_seconds()
        if waiting >= MAX_UPDATE_SECONDS:
            shifts = (waiting - self.termination_wait_seconds) // self.deployment_wait_seconds
            yield (
                "deployment_wait_seconds",
                f"is {self.deployment_wait_seconds}, {shifts} times in an update, which makes {waiting} with "
                f"termination_wait_seconds; allowed is less than {MAX_UPDATE_SECONDS} in all",
            )


def field_names() -> tuple[str, ...]:
    return tuple(each.name for each in fields(PipelineSettings))
