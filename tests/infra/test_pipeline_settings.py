"""The pipeline's settings: what is wrong is said by field, with what is allowed."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from gluonship_infra.pipeline.settings import HYPERPARAMETERS, PipelineSettings, SettingsError
from gluonship_infra.pipeline.states.training import METRICS

from gluonship import bundles
from gluonship.aws.training import METRIC_REGEXES

sys.path.insert(0, str(bundles.find("training")))
from gluonship_training.hyperparameters import PARAMETERS

_OF_THE_CONTAINER = {"checkpoint-dir", "initial-parameters", "serving-code"}


def test_the_hyperparameters_are_those_of_the_training_script() -> None:
    assert set(HYPERPARAMETERS) == {each.name for each in PARAMETERS} - _OF_THE_CONTAINER


def test_the_metrics_are_those_of_the_command() -> None:
    assert METRICS == METRIC_REGEXES


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": 0}, "epochs is 0; allowed is a whole number from 1 to 100000."),
        ({"epochs": True}, "epochs is True; allowed is a whole number"),
        ({"accuracy_threshold": 80}, "accuracy_threshold is 80; allowed is a number from 0 to 1."),
        ({"spot": "yes"}, "spot is 'yes'; allowed is true or false."),
        ({"training_instance_type": "m5.xlarge"}, "is 'm5.xlarge'; allowed is an instance type that Sa"),
        ({"dataset": "s3://bucket/x"}, "dataset is 's3://bucket/x'; allowed is a key prefix in the data bu"),
        ({"dataset": "/x"}, "dataset is '/x'; allowed is a key prefix"),
        ({"schedule": "rate(1 days)"}, "schedule is 'rate(1 days)'; allowed is EventBridge's rate(1 day)"),
        ({"schedule": "every day"}, "schedule is 'every day'; allowed"),
        ({"deployment": "rolling"}, "deployment is 'rolling'; allowed is all-at-once or canary or linear."),
        ({"deployment": "canary"}, "deployment is 'canary', which needs serving_instance_count 2 or more"),
        ({"deployment": "linear", "serving_instance_count": 2, "deployment_percent": 9}, "is 9; allowed is"),
        (
            {"deployment": "linear", "serving_instance_count": 2, "deployment_wait_seconds": 3600},
            "deployment_wait_seconds is 3600, 10 times in an update, which makes 36300 with",
        ),
        ({"compile_targets": ("toaster",)}, "names 'toaster', which SageMaker Neo does not have; allowed ar"),
        ({"compile_targets": ("ml_c5", "ml_c5")}, "compile_targets names a target twice"),
        ({"compile_targets": "ml_c5"}, "compile_targets is 'ml_c5'; allowed is a list of targets"),
        ({"hyperparameters": {"batch_size": 8}}, "hyperparameters.batch_size is not a hyperparameter that c"),
        ({"hyperparameters": {"epochs": 3}}, "hyperparameters.epochs is a setting of its own; set epochs"),
        ({"hyperparameters": {"classes": ["a"]}}, "allowed is a text, a number, true or false"),
        ({"hyperparameters": 3}, "hyperparameters is 3; allowed is a table of names and values"),
        ({"spot_max_wait_seconds": 60}, "spot_max_wait_seconds is 60; allowed is a whole number from 86400"),
        ({"rollback_alarms": "alarm"}, "rollback_alarms is 'alarm'; allowed is a list of at most 10 alarms'"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match="Pipeline settings: ") as caught:
        PipelineSettings(**changes)
    assert words in str(caught.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsError, match="epochs") as caught:
        PipelineSettings(epochs=0, minimum_gain=2, hyperparameters={"flips": True})
    assert [name for name, _ in caught.value.problems] == ["epochs", "minimum_gain", "hyperparameters.flips"]


def test_a_small_canary_is_taken() -> None:
    settings = PipelineSettings(deployment="canary", serving_instance_count=20, deployment_percent=5)
    assert settings.deployment_percent == 5


@pytest.mark.parametrize("schedule", ["rate(1 day)", "rate(12 hours)", "cron(0 6 * * ? *)"])
def test_schedules_of_eventbridge_are_taken(schedule: str) -> None:
    assert PipelineSettings(schedule=schedule).schedule == schedule


def test_the_fields_of_hyperparameters_join_the_others() -> None:
    settings = PipelineSettings(epochs=2, validation_fraction=0.2, hyperparameters={"flip": False})
    assert settings.all_hyperparameters() == {
        "network": "gluonship_small",
        "epochs": 2,
        "validation-fraction": 0.2,
        "flip": False,
    }
