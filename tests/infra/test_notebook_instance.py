"""A notebook instance as code: encrypted, without root, in the user's network, with the kit as a kernel."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from cfnlint.api import lint_file
from gluonship_infra import rules
from gluonship_infra.endpoint import InvalidProps
from gluonship_infra.notebook import NotebookInstance
from gluonship_infra.notebook.lifecycle import install_script

ENV = cdk.Environment(account="123456789012", region="us-east-1")
KIT = "gluonship[client]==0.1.0"
WHEEL = "gluonship[client] @ https://packages.example.com/gluonship-0.1.0-py3-none-any.whl"
REASON = "The notebook reads public data sets and nothing of the account's."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    app = cdk.App(outdir=str(tmp_path_factory.mktemp("cdk")))
    rules.apply(app)
    inside, outside = (cdk.Stack(app, name, env=ENV) for name in ("inside", "outside"))
    vpc = ec2.Vpc.from_vpc_attributes(
        inside,
        "Vpc",
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=["us-east-1a"],
        private_subnet_ids=["subnet-0123456789abcdef0"],
    )
    NotebookInstance(inside, "Notebook", vpc=vpc, kit=KIT)
    NotebookInstance(outside, "Notebook", kit=WHEEL, without_vpc_reason=REASON)
    app.synth()  # fails on a rule that is neither kept nor acknowledged
    return Path(app.outdir)


def properties(folder: Path, stack: str) -> dict[str, Any]:
    resources = json.loads((folder / f"{stack}.template.json").read_text())["Resources"].values()
    (found,) = [each for each in resources if each["Type"] == "AWS::SageMaker::NotebookInstance"]
    result: dict[str, Any] = found["Properties"]
    return result


@pytest.mark.parametrize("name", ["inside", "outside"])
def test_cfn_lint_finds_nothing(folder: Path, name: str) -> None:
    assert [str(match) for match in lint_file(folder / f"{name}.template.json")] == []


def test_in_a_vpc_it_has_no_internet_access_of_its_own(folder: Path) -> None:
    notebook = properties(folder, "inside")
    assert notebook["DirectInternetAccess"] == "Disabled"
    assert notebook["SubnetId"] == "subnet-0123456789abcdef0"
    assert len(notebook["SecurityGroupIds"]) == 1


@pytest.mark.parametrize("stack", ["inside", "outside"])
def test_it_is_encrypted_and_without_root(folder: Path, stack: str) -> None:
    notebook = properties(folder, stack)
    assert "KmsKeyId" in notebook
    assert notebook["RootAccess"] == "Disabled"
    assert notebook["InstanceMetadataServiceConfiguration"] == {"MinimumInstanceMetadataServiceVersion": "2"}


@pytest.mark.parametrize("stack", ["inside", "outside"])
def test_sagemaker_takes_the_role_for_this_account_alone(folder: Path, stack: str) -> None:
    resources = json.loads((folder / f"{stack}.template.json").read_text())["Resources"].values()
    (role,) = [each["Properties"] for each in resources if each["Type"] == "AWS::IAM::Role"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ENV.account}}


@pytest.mark.parametrize(
    "kit",
    [
        "gluonship==0.1.0rc1",
        "https://packages.example.com:8443/kits/gluonship-0.1.0-py3-none-any.whl#sha256=" + "a" * 64,
        WHEEL,
    ],
)
def test_a_pinned_kit_is_taken(kit: str) -> None:
    assert f"ipykernel '{kit}'" in install_script(kit)


def test_its_script_is_bash_and_installs_the_kit() -> None:
    script = install_script("gluonship[client]==0.1.0", "https://packages.example.com/simple")
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    wanted = "--index-url 'https://packages.example.com/simple' ipykernel 'gluonship[client]==0.1.0'"
    assert wanted in script


@pytest.mark.parametrize(
    ("props", "said"),
    [
        ({}, "Give vpc, or without_vpc_reason"),
        ({"kit": "gluonship==1'; rm -rf /; '"}, "write a pinned requirement, as in gluonship[client]==0.1.0"),
        ({"kit": "gluonship[client]"}, "kit is 'gluonship[client]'; write a pinned requirement"),
        ({"kit": "gluonship>=0.1.0"}, "write a pinned requirement"),
        ({"kit": "gluonship==0.1.*"}, "write a pinned requirement"),
        (
            {"kit": "http://packages.example.com/gluonship-0.1.0-py3-none-any.whl"},
            "a wheel's https:// address",
        ),
        ({"kit": "git+https://example.com/gluonship"}, "write a pinned requirement"),
        ({"index_url": "http://packages.example.com"}, "index_url is 'http://packages.example.com'"),
        ({"instance_type": "t3.medium"}, "instance_type is 't3.medium'"),
        ({"volume_gigabytes": 4}, "volume_gigabytes is 4; give 5 to 16384 GB"),
    ],
)
def test_wrong_props_are_refused_in_words(props: dict[str, Any], said: str) -> None:
    reason = {"without_vpc_reason": REASON} if props else {}
    with pytest.raises(InvalidProps) as refusal:
        NotebookInstance(cdk.Stack(), "Notebook", **{"kit": KIT, **props, **reason})
    assert said in str(refusal.value)
