"""`gluonship download`: what it finds by a name or an ARN, and that it never overwrites."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gluonship.cli.main import run

ROLE = "arn:aws:iam::123456789012:role/nobody-checks-me"


@pytest.fixture
def call(
    cloud: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Runs `gluonship download` in an empty folder: its exit code, stdout and stderr."""
    monkeypatch.setenv("GLUONSHIP_HOME", str(cloud.home))
    monkeypatch.chdir(tmp_path)

    def call_(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["download", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, " ".join(captured.err.split())

    return call_


class Registry:
    """Models of a test's own: their names, and what their archives hold."""

    def __init__(self, cloud: Any) -> None:
        self.sagemaker, self.s3 = cloud.client("sagemaker"), cloud.client("s3")
        self.name = f"model-{uuid.uuid4().hex[:8]}"
        self.s3.create_bucket(Bucket=self.name)

    def put(self, key: str) -> str:
        self.s3.put_object(Bucket=self.name, Key=key, Body=f"archive {key}".encode())
        return f"s3://{self.name}/{key}"

    def model(self, container: dict[str, str]) -> str:
        made = self.sagemaker.create_model(
            ModelName=self.name, ExecutionRoleArn=ROLE, PrimaryContainer=container
        )
        return str(made["ModelArn"])

    def package(self, *locations: str, **known_by: str) -> str:
        specification = {
            "Containers": [{"Image": "mxnet-inference", "ModelDataUrl": each} for each in locations],
            "SupportedContentTypes": ["image/jpeg"],
            "SupportedResponseMIMETypes": ["application/json"],
        }
        made = self.sagemaker.create_model_package(InferenceSpecification=specification, **known_by)
        return str(made["ModelPackageArn"])


@pytest.fixture
def registry(cloud: Any) -> Registry:
    return Registry(cloud)


def test_a_model_and_a_package_are_found_by_name_and_by_arn(
    call: Callable[..., tuple[int, str, str]], registry: Registry, tmp_path: Path
) -> None:
    location = registry.put("a/model.tar.gz")
    group = f"{registry.name}-group"
    registry.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    ways = {
        "model": (registry.name, registry.model({"Image": "mxnet-inference", "ModelDataUrl": location})),
        "model package": (f"{group}/1", registry.package(location, ModelPackageGroupName=group)),
    }
    for kind, names in ways.items():
        for number, name in enumerate(names):
            folder = tmp_path / f"{kind} {number}" / "made for it"
            code, out, err = call(name, "--to", str(folder), "--json")
            assert code == 0, err
            told = json.loads(out)
            assert told["kind"] == kind
            assert told["files"] == [
                {
                    "path": str(folder / "model.tar.gz"),
                    "source": location,
                    "bytes": len("archive a/model.tar.gz"),
                }
            ]
            assert [each.name for each in folder.iterdir()] == ["model.tar.gz"]
            assert (folder / "model.tar.gz").read_text() == "archive a/model.tar.gz"


def test_a_name_of_two_different_models_is_not_guessed(
    call: Callable[..., tuple[int, str, str]], registry: Registry, tmp_path: Path
) -> None:
    first, second = registry.put("a/model.tar.gz"), registry.put("b/model.tar.gz")
    registry.model({"Image": "mxnet-inference", "ModelDataUrl": first})
    arn = registry.package(second, ModelPackageName=registry.name)
    code, _, err = call(registry.name)
    assert code == 1
    assert f"'{registry.name}' is a model and a model package, of different models: give the ARN" in err
    assert list(tmp_path.iterdir()) == []
    assert call(arn)[:2] == (0, "model.tar.gz\n")
    assert (tmp_path / "model.tar.gz").read_text() == "archive b/model.tar.gz"


def test_nothing_is_overwritten(
    call: Callable[..., tuple[int, str, str]], registry: Registry, tmp_path: Path
) -> None:
    registry.model({"Image": "mxnet-inference", "ModelDataUrl": registry.put("model.tar.gz")})
    (tmp_path / "model.tar.gz").write_text("mine")
    code, _, err = call(registry.name)
    assert code == 1
    assert "model.tar.gz is there already, and is not overwritten: give another folder with --to." in err
    assert (tmp_path / "model.tar.gz").read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir()] == ["model.tar.gz"]


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({}, "has no model data: its containers bring their own"),
        (
            {"ModelDataUrl": "s3://nowhere-at-all/m.tar.gz"},
            "There is nothing at s3://nowhere-at-all/m.tar.gz",
        ),
    ],
)
def test_what_cannot_be_fetched_is_said_and_leaves_nothing(
    call: Callable[..., tuple[int, str, str]],
    registry: Registry,
    tmp_path: Path,
    container: dict[str, str],
    words: str,
) -> None:
    registry.model({"Image": "mxnet-inference", **container})
    code, _, err = call(registry.name, "--to", "new")
    assert code == 1
    assert words in err
    assert list(tmp_path.iterdir()) == []


def test_a_package_of_several_models_is_not_guessed(
    call: Callable[..., tuple[int, str, str]], registry: Registry
) -> None:
    locations = [registry.put(f"{name}/model.tar.gz") for name in "ab"]
    registry.package(*locations, ModelPackageName=registry.name)
    code, _, err = call(registry.name)
    assert code == 1
    assert f"different model data; `aws s3 cp URI .` fetches each: {', '.join(locations)}." in err


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("nobody", "There is no training job, model or model package 'nobody' in us-east-1"),
        ("nobody/7", "There is no training job, model or model package 'nobody/7' in us-east-1"),
        ("no name", "There is no training job, model or model package 'no name' in us-east-1"),
        ("arn:aws:s3:::bucket", "is the ARN of no training job, model or model package"),
        ("arn:aws:sagemaker:us-east-1:123456789012:endpoint/e", "is the ARN of no training job"),
        (
            "arn:aws:sagemaker:eu-west-1:123456789012:model/m",
            "is in eu-west-1, and us-east-1 was asked: give --region eu-west-1",
        ),
    ],
)
def test_what_is_not_there_is_said(
    call: Callable[..., tuple[int, str, str]], wanted: str, words: str
) -> None:
    code, _, err = call(wanted)
    assert code == 1
    assert words in err
