"""AWS's own samples for endpoints and notebooks, as they are in its documentation, made for real."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cfn_account import account
from cfn_wire import Stacks
from local_clouds import LocalCloud, running_cloud

SAMPLES = Path(__file__).with_name("samples")
SERVER = Path(__file__).resolve().parents[1] / "serving" / "tiny_server.py"


@pytest.fixture(scope="module")
def hosting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A cloud with a stand-in for the samples' image."""
    home = tmp_path_factory.mktemp("cfn-samples")
    command = json.dumps([sys.executable, "-S", str(SERVER), "serve"])
    image = f'[[image]]\npattern = "123456789012.dkr.ecr.*/mymodel"\ncommand = {command}\n'
    (home / "images.toml").write_text(image, encoding="utf-8")
    with running_cloud(home) as cloud:
        yield cloud


def made(stacks: Stacks, sample: str) -> str:
    """A stack of the sample; its name."""
    name = Path(sample).stem
    body = (SAMPLES / sample).read_text(encoding="utf-8")
    stacks.api.create_stack(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    assert stacks.wait(name) == "CREATE_COMPLETE", stacks.reasons(name)
    return name


def test_an_endpoint_of_awss_sample_answers(hosting: LocalCloud) -> None:
    stacks, before = Stacks(hosting), account(hosting)
    name = made(stacks, "endpoint.yaml")
    outputs = stacks.outputs(name)
    assert outputs["EndpointId"].endswith(f":endpoint/{outputs['EndpointName']}")
    answer = hosting.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=outputs["EndpointName"], Body=b"12345", ContentType="text/plain"
    )
    assert json.loads(answer["Body"].read())["size"] == 5
    assert stacks.delete(name) == "DELETE_COMPLETE"
    left = {kind for kind, state in account(hosting).items() if state != before[kind]}
    assert left == {"describe_log_groups"}  # an endpoint's log stays, as on AWS


def test_a_notebook_of_awss_sample_is_in_service_and_goes(hosting: LocalCloud) -> None:
    stacks, sagemaker = Stacks(hosting), hosting.client("sagemaker")
    name = made(stacks, "notebook.json")
    notebook = stacks.outputs(name)["NotebookId"].rpartition("/")[2]
    shown = sagemaker.describe_notebook_instance(NotebookInstanceName=notebook)
    assert shown["NotebookInstanceStatus"] == "InService"
    lifecycle = shown["NotebookInstanceLifecycleConfigName"]
    assert stacks.outputs(name)["LifecycleId"].endswith(f"/{lifecycle}")
    config = sagemaker.describe_notebook_instance_lifecycle_config(
        NotebookInstanceLifecycleConfigName=lifecycle
    )
    assert config["OnStart"] == [{"Content": "ZWNobyAnaGVsbG8n"}]
    assert "no Jupyter" in stacks.reasons(name)["Notebook CREATE_COMPLETE"]
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert sagemaker.list_notebook_instances()["NotebookInstances"] == []


def test_a_code_repository_of_awss_sample_belongs_to_its_notebook(hosting: LocalCloud) -> None:
    stacks, sagemaker = Stacks(hosting), hosting.client("sagemaker")
    name = made(stacks, "repository.yaml")
    shown = sagemaker.describe_notebook_instance(NotebookInstanceName=stacks.outputs(name)["NotebookName"])
    assert shown["DefaultCodeRepository"] == "repository-code"
    config = sagemaker.describe_code_repository(CodeRepositoryName="repository-code")["GitConfig"]
    assert config == {"RepositoryUrl": "https://github.com/dmlc/gluon-cv.git", "Branch": "master"}
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert sagemaker.list_notebook_instances()["NotebookInstances"] == []
