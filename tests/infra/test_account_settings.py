"""What a pipeline's settings refuse beyond single values: AWS's limits, and what the kit's code can do."""

from __future__ import annotations

from typing import Any

import pytest
from gluonship_infra.pipeline.settings import PipelineSettings, SettingsError
from gluonship_infra.pipeline.settings_checks import COMPILE_TARGETS

DAYS_28 = 28 * 24 * 3600
SLOW = {"deployment": "linear", "serving_instance_count": 2, "deployment_wait_seconds": 2500}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"training_instance_type": "ml.m5.huge"}, "an instance type that SageMaker has for training, su"),
        ({"training_instance_type": "ml.m6g.large"}, "is 'ml.m6g.large'; allowed is an instance type that"),
        ({"training_instance_type": "ml.trn1.2xlarge"}, "without Trainium, Inferentia or Gaudi"),
        ({"evaluation_instance_type": "ml.m5d.large"}, "that SageMaker has for processing, such as"),
        ({"evaluation_instance_type": "ml.g5.xlarge"}, "outside training, the kit's classifier computes on"),
        ({"serving_instance_type": "ml.t3.medium"}, "that SageMaker has for serving, such as"),
        ({"serving_instance_type": "ml.g4dn.xlarge"}, "is 'ml.g4dn.xlarge'; allowed is one without a GPU"),
        ({"serving_instance_type": "ml.inf2.xlarge"}, "without Trainium, Inferentia or Gaudi"),
        ({"serving_instance_type": 3}, "serving_instance_type is 3; allowed is an instance type"),
        (
            {"training_instance_type": "ml.g5.xlarge", "training_volume_gigabytes": 51},
            "training_volume_gigabytes is 51; allowed is 50 at most for ml.g5.xlarge, which stores on a disk",
        ),
        (
            {"evaluation_instance_type": "ml.r5d.large", "evaluation_volume_gigabytes": 500},
            "evaluation_volume_gigabytes is 500; allowed is 50 at most for ml.r5d.large",
        ),
        ({"poll_seconds": 0}, "poll_seconds is 0; allowed is"),
        *[
            ({name: value}, f"{name} is {value!r}; allowed is a key prefix in the data bucket")
            for name in ("dataset", "trigger_prefix")
            for value in ("it's", "a*b", "(x)", "wow!", "a b")
        ],
    ],
)  # fmt: skip
def test_what_aws_or_the_kit_would_not_do_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        PipelineSettings(**changes)
    assert words in str(caught.value)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"training_instance_type": "ml.g5.xlarge", "training_volume_gigabytes": 50},
        {"training_instance_type": "ml.m5.xlarge", "training_volume_gigabytes": 16_384},
        {**SLOW, "poll_seconds": 1, "compile_targets": tuple(sorted(COMPILE_TARGETS)[:9])},
        {"serving_instance_type": "ml.c7g.large"},  # with an image for it
        {"dataset": "datasets/2026-11_v1.2/k=a"},
    ],
)
def test_what_both_do_is_taken(changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        assert getattr(PipelineSettings(**changes), name) == value


@pytest.mark.parametrize(
    ("seconds", "waited"),
    [(3600, 7200), (DAYS_28 // 2, DAYS_28), (DAYS_28 // 2 + 1, DAYS_28), (DAYS_28, DAYS_28)],
)
def test_the_wait_for_spot_is_twice_the_training_within_awss_limit(seconds: int, waited: int) -> None:
    assert PipelineSettings(training_max_seconds=seconds).training_max_wait_seconds() == waited
    own = PipelineSettings(training_max_seconds=seconds, spot_max_wait_seconds=DAYS_28)
    assert own.training_max_wait_seconds() == DAYS_28
