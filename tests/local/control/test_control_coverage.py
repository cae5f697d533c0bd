"""The coverage page is current and true."""

from __future__ import annotations

import re
from collections.abc import Callable

import botocore.exceptions
import pytest
from local_clouds import LocalCloud

from gluonship.local import coverage, coverage_services
from gluonship.local.control.registry import service_model
from gluonship.local.coverage import Coverage
from gluonship.local.settings import SettingError, Settings


def test_the_pages_are_current() -> None:
    pages = coverage.all_pages()
    assert len(pages) == len(list(coverage.PAGE.parent.glob("coverage-*.md")))
    stale = [path.name for path, text in pages.items() if path.read_text("utf-8") != text]
    assert stale == [], "run: python -m gluonship.local.coverage --write"


def test_every_operation_is_on_the_page_once() -> None:
    listed = re.findall(r"^(?:- |\| )([A-Z]\w+)", coverage.PAGE.read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(name for names in coverage.classify().values() for name in names)
    assert sum(coverage.counts().values()) == sum(len(each) for each in coverage.classify().values())
    assert all(
        name in coverage.classify()["sagemaker"] or name.startswith("Invoke") for name in coverage._NOTES
    )


def test_every_service_of_moto_is_on_the_page_and_recorded_unless_it_is_known_to_act() -> None:
    *rows, rest = coverage_services.rows()
    assert rest.coverage == "refused"
    listed = [row.name for row in rows]
    assert len(set(listed)) == len(listed) > 150
    assert set(listed) == set(coverage_services.answered())
    recorded = {row.name: row.note for row in rows if row.coverage == "recorded"}
    assert recorded.keys() == set(listed) - coverage_services.EXECUTED.keys()
    for service, method in (("ec2", "run_instances"), ("glue", "start_job_run"), ("batch", "submit_job")):
        assert f"`{method}`" in recorded[service]
    assert "Not enforced" in recorded["iam"]


# What changes what a training job does here; all else that AWS takes is refused, or on the page.
ACTS = {
    "AlgorithmSpecification",
    "CheckpointConfig",
    "EnableManagedSpotTraining",
    "Environment",
    "HyperParameters",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "RoleArn",
    "StoppingCondition",
    "Tags",
    "TrainingJobName",
}


def test_what_a_training_job_only_records_is_on_the_page() -> None:
    members = service_model("sagemaker").operation_model("CreateTrainingJob").input_shape.members
    refused = {"MlflowConfig", "ModelPackageConfig", "ServerlessJobConfig"}
    page = coverage.PAGE.read_text("utf-8")
    assert [name for name in set(members) - ACTS - refused if name not in page] == []
    assert "KMS keys" in page


def test_what_runs_here_is_executed() -> None:
    operations = coverage.classify()["sagemaker"]
    kinds = ("TrainingJob", "Model", "EndpointConfig", "Endpoint")
    names = {f"{verb}{kind}" for kind in kinds for verb in ("Create", "Describe", "Delete")}
    names |= {f"List{kind}s" for kind in kinds} | {"StopTrainingJob", "UpdateEndpoint", "AddTags", "ListTags"}
    assert {name for name in names if operations[name] is not Coverage.EXECUTED} == set()


def answered(call: Callable[[], object]) -> bool:
    """False where the cloud says that it has no such operation."""
    try:
        call()
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "UnsupportedOperation":
            return False
        raise
    return True


def test_every_listing_answers_as_the_page_says(cloud: LocalCloud) -> None:
    """Over the wire, every List operation that needs no arguments: what is listed is executed or recorded."""
    client = cloud.client("sagemaker")
    tried = dict.fromkeys(Coverage, 0)
    for name, expected in coverage.classify()["sagemaker"].items():
        shape = client.meta.service_model.operation_model(name).input_shape
        if not name.startswith("List") or (shape and shape.required_members):
            continue
        method = next(key for key, value in client.meta.method_to_api_mapping.items() if value == name)
        assert answered(getattr(client, method)) is (expected is not Coverage.REFUSED), name
        tried[expected] += 1
    assert tried[Coverage.EXECUTED] == 7
    assert tried[Coverage.RECORDED] > 15
    assert tried[Coverage.REFUSED] > 25


def test_settings_come_from_the_environment() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings().stop_grace_seconds == 120.0
    chosen = Settings.from_environment(
        {
            "GLUONSHIP_STOP_GRACE_SECONDS": "0.5",
            "GLUONSHIP_MEMORY_LIMIT_BYTES": "2000000",
            "GLUONSHIP_PAYLOAD_LIMIT_BYTES": "4000000",
            "OTHER": "x",
        }
    )
    assert (chosen.stop_grace_seconds, chosen.memory_limit_bytes) == (0.5, 2_000_000)
    assert (Settings().payload_limit_bytes, chosen.payload_limit_bytes) == (6_291_456, 4_000_000)


@pytest.mark.parametrize("text", ["-1", "nan", "many", "1e400x"])
def test_a_setting_out_of_range_is_named(text: str) -> None:
    with pytest.raises(SettingError, match=r"GLUONSHIP_DRAIN_SECONDS=.*takes a number, at least 0"):
        Settings.from_environment({"GLUONSHIP_DRAIN_SECONDS": text})
