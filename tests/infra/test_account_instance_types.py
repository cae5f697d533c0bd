"""The kit's table of instance types says what AWS says."""

from __future__ import annotations

import gzip
import json
from importlib.resources import files
from typing import Any

import botocore.session
import pytest
from gluonship_infra import instance_types
from gluonship_infra.instance_types import Purpose

ENUMERATIONS: dict[Purpose, str] = {
    "training": "TrainingInstanceType",
    "processing": "ProcessingInstanceType",
    "serving": "ProductionVariantInstanceType",
}
# Not among EC2's descriptions below: retired, or sold by the block.
NOT_DESCRIBED = {"p2", "p3", "dl1", "p6e-gb200"}


@pytest.mark.parametrize("purpose", sorted(ENUMERATIONS))
def test_the_types_are_those_of_sagemakers_api(purpose: Purpose) -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    assert instance_types.of(purpose) == set(model.shape_for(ENUMERATIONS[purpose]).enum)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """EC2's DescribeInstanceTypes, which moto has a copy of, by SageMaker's names."""
    text = gzip.decompress(files("moto").joinpath("ec2/resources/instance_types.json.gz").read_bytes())
    known = instance_types.of("training") | instance_types.of("processing") | instance_types.of("serving")
    return {f"ml.{name}": one for name, one in json.loads(text).items() if f"ml.{name}" in known}


def test_disks_processors_and_gpus_are_those_of_ec2(described: dict[str, Any]) -> None:
    for name, one in described.items():
        assert instance_types.has_local_disk(name) == one["InstanceStorageSupported"], name
        assert instance_types.is_arm(name) == ("arm64" in one["ProcessorInfo"]["SupportedArchitectures"]), (
            name
        )
        assert instance_types.has_gpu(name) == bool(one.get("GpuInfo")), name
    families = {name.split(".")[1] for purpose in ENUMERATIONS for name in instance_types.of(purpose)}
    assert families - {name.split(".")[1] for name in described} == NOT_DESCRIBED


def test_the_least_local_disk_is_that_of_ec2(described: dict[str, Any]) -> None:
    sizes = [
        one["InstanceStorageInfo"]["TotalSizeInGB"]
        for one in described.values()
        if one["InstanceStorageSupported"]
    ]
    assert min(sizes) == instance_types.LEAST_LOCAL_DISK_GIGABYTES


def test_types_that_ec2_does_not_describe() -> None:
    assert [
        one for one in ("ml.dl1.24xlarge", "ml.p6e-gb200.36xlarge") if not instance_types.has_local_disk(one)
    ] == []
    assert [one for one in ("ml.p2.xlarge", "ml.p3.2xlarge") if instance_types.has_local_disk(one)] == []
    assert instance_types.is_arm("ml.p6e-gb200.36xlarge")
    assert all(map(instance_types.has_accelerator, ("ml.trn1.2xlarge", "ml.inf1.xlarge", "ml.dl1.24xlarge")))


@pytest.mark.parametrize(
    ("purpose", "given", "near"),
    [("training", "ml.m5.huge", "ml.m5.large"), ("serving", "m5.large", "ml.m5.large")],
)
def test_a_mistyped_name_has_neighbours(purpose: Purpose, given: str, near: str) -> None:
    assert near in instance_types.nearest(purpose, given)
