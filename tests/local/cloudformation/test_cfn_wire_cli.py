"""CloudFormation by the AWS CLI, unmodified: deploy, read, fail, delete."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cfn_wire import Stacks
from local_clouds import LocalCloud

AWS = Path(sys.executable).with_name("aws")
TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Seconds: {Type: Number, Default: 30, MaxValue: 43200}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: !Ref Seconds
  Name:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !GetAtt Queue.QueueName}
Outputs:
  Url: {Value: !Ref Queue}
"""

Aws = Callable[..., tuple[int, str, str]]


@pytest.fixture
def aws(cloud: LocalCloud, tmp_path: Path) -> Aws:
    """Runs `aws cloudformation ...` in the folder of the template: its exit code, stdout and stderr."""
    (tmp_path / "template.yaml").write_text(TEMPLATE, encoding="utf-8")
    # CloudFormation refuses this one before anything is touched, that one in the middle.
    (tmp_path / "wrong.yaml").write_text(
        TEMPLATE.replace("VisibilityTimeout", "VisibilityTimeOut"), encoding="utf-8"
    )
    late = "  Late: {Type: AWS::S3::Bucket, DependsOn: Name, Properties: {BucketName: cli-has-this}}\n"
    (tmp_path / "failing.yaml").write_text(TEMPLATE.replace("Outputs:", f"{late}Outputs:"), encoding="utf-8")

    def run(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, str(AWS), "cloudformation", *arguments],
            env={**cloud.env, "AWS_PAGER": ""},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def deploy(aws: Aws, template: str, *arguments: str) -> tuple[int, str, str]:
    return aws("deploy", "--template-file", template, "--stack-name", "by-cli", *arguments)


def test_a_stack_by_the_command_line(cloud: LocalCloud, aws: Aws) -> None:
    stacks, sqs = Stacks(cloud), cloud.client("sqs")
    cloud.client("s3").create_bucket(Bucket="cli-has-this")

    code, out, err = deploy(aws, "wrong.yaml")
    assert code == 255
    assert (
        "Properties/VisibilityTimeOut: there is no such property (did you mean VisibilityTimeout?)"
        in out + err
    )
    aws("delete-stack", "--stack-name", "by-cli")

    code, out, err = deploy(aws, "template.yaml", "--tags", "team=vision")
    assert (code, err) == (0, "")
    assert "Successfully created/updated stack - by-cli" in out
    code, out, _ = deploy(aws, "template.yaml", "--no-fail-on-empty-changeset", "--tags", "team=vision")
    assert code == 0
    assert "No changes to deploy. Stack by-cli is up to date" in out

    parameters = "ParameterKey=Seconds,ParameterValue=60"
    update = ("update-stack", "--stack-name", "by-cli", "--parameters", parameters, "--template-body")
    assert aws(*update, "file://template.yaml")[0] == 0
    assert stacks.wait("by-cli") == "UPDATE_COMPLETE"
    (stack,) = json.loads(aws("describe-stacks", "--stack-name", "by-cli")[1])["Stacks"]
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert stack["Tags"] == [{"Key": "team", "Value": "vision"}]
    url = stack["Outputs"][0]["OutputValue"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert attributes["Attributes"]["VisibilityTimeout"] == "60"

    code, _, err = deploy(aws, "failing.yaml", "--tags", "team=vision", "stage=prod")
    assert code == 255
    assert "Failed to create/update the stack" in err
    assert stacks.describe("by-cli")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    query = "StackEvents[?ResourceStatus=='CREATE_FAILED'].[LogicalResourceId,ResourceStatusReason]"
    _, out, _ = aws("describe-stack-events", "--stack-name", "by-cli", "--query", query, "--output", "text")
    assert out.startswith("Late\t")
    assert "identifier 'cli-has-this' already exists" in out

    assert aws("delete-stack", "--stack-name", "by-cli")[0] == 0
    assert aws("wait", "stack-delete-complete", "--stack-name", "by-cli")[0] == 0
    code, _, err = aws("describe-stacks", "--stack-name", "by-cli")
    assert code == 255
    assert "Stack with id by-cli does not exist" in err
