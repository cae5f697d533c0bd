"""The pipeline's settings: what is wrong is said by field, with what is allowed."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from gluonship_infra.pipeline.settings import HYPERPARAMETERS, PipelineSettings
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
        ({"epochs": 0}, "epochs must be a whole number from 1 to 100000, not 0."),
        ({"epochs": True}, "epochs must be a whole number"),
        ({"accuracy_threshold": 80}, "accuracy_threshold must be a number from 0 to 1, not 80."),
        ({"spot": "yes"}, "spot must be true or false, not 'yes'."),
        ({"training_instance_type": "m5.xlarge"}, "such as ml.m5.xlarge, not 'm5.xlarge'."),
        ({"dataset": "s3://bucket/x"}, "dataset must be a key prefix in the data bucket"),
        ({"dataset": "/x"}, "dataset must be a key prefix"),
        ({"schedule": "rate(1 days)"}, "schedule must be EventBridge's rate(1 day)"),
        ({"schedule": "every day"}, "not 'every day'."),
        ({"deployment": "rolling"}, "deployment must be all-at-once or canary or linear, not 'rolling'."),
        ({"deployment": "canary"}, "deployment 'canary' needs serving_instance_count 2 or more"),
        ({"compile_targets": ("toaster",)}, "'toaster' is not a target of SageMaker Neo; allowed are"),
        ({"compile_targets": "ml_c5"}, "compile_targets must be a list of targets"),
        ({"hyperparameters": {"batch_size": 8}}, "'batch_size' is not a hyperparameter that can be set; did"),
        ({"hyperparameters": {"epochs": 3}}, "hyperparameters must not hold 'epochs': set the field epochs"),
        ({"hyperparameters": {"classes": ["a"]}}, "classes must be a text, a number, true or false"),
        ({"spot_max_wait_seconds": 60}, "spot_max_wait_seconds must be a whole number from 86400"),
        ({"rollback_alarms": "alarm"}, "rollback_alarms must be a list of at most 10 alarms' names"),
    ],
)
def test_a_wrong_setting_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match="Pipeline settings: ") as caught:
        PipelineSettings(**changes)
    assert words in str(caught.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ValueError, match="epochs") as caught:
        PipelineSettings(epochs=0, minimum_gain=2)
    assert "minimum_gain must be a number from -1 to 1" in str(caught.value)


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
