"""Creates, updates and deletes that fail half way, over the wire: what is left, and what is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfn_account import account
from cfn_wire import QuietRegion, Stacks, parameter, resource
from local_clouds import LocalCloud

TAKEN = "somebody-has-this-bucket"


@pytest.fixture(scope="module")
def cloud(cloud: LocalCloud) -> LocalCloud:
    return QuietRegion(cloud.info)


@pytest.fixture(scope="module")
def stacks(cloud: LocalCloud) -> Stacks:
    here = {"LocationConstraint": QuietRegion.NAME}
    cloud.client("s3").create_bucket(Bucket=TAKEN, CreateBucketConfiguration=here)
    return Stacks(cloud)


def trust(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def allow(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def machine(state: str) -> str:
    return json.dumps({"StartAt": state, "States": {state: {"Type": "Pass", "End": True}}})


def everything(first: bool) -> dict[str, Any]:
    """Resources of many kinds that know each other; `first` or not, nearly all of their properties differ."""
    one_or_two = "one" if first else "two"
    return {
        "Data": resource(
            "S3::Bucket",
            VersioningConfiguration={"Status": "Enabled"},
            PublicAccessBlockConfiguration={"BlockPublicAcls": first},
            CorsConfiguration={"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": [one_or_two]}]},
            Tags=[{"Key": "own", "Value": one_or_two}],
        ),
        "Queue": resource("SQS::Queue", VisibilityTimeout=30 if first else 60),
        "Topic": resource("SNS::Topic", DisplayName=one_or_two),
        "Group": resource("Logs::LogGroup", RetentionInDays=7 if first else 14),
        "Setting": parameter(one_or_two),
        "Role": resource(
            "IAM::Role",
            AssumeRolePolicyDocument=trust("states.amazonaws.com"),
            Policies=[{"PolicyName": "does", "PolicyDocument": allow(f"sqs:{one_or_two}")}],
        ),
        "Machine": resource(
            "StepFunctions::StateMachine",
            RoleArn={"Fn::GetAtt": ["Role", "Arn"]},
            DefinitionString=machine(one_or_two),
        ),
        "Rule": resource(
            "Events::Rule",
            ScheduleExpression="rate(1 day)" if first else "rate(2 days)",
            Targets=[{"Id": "q", "Arn": {"Fn::GetAtt": ["Queue", "Arn"]}, "Input": f'"{one_or_two}"'}],
        ),
        "Alarm": resource(
            "CloudWatch::Alarm",
            MetricName="m",
            Namespace="n",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1 if first else 2,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[{"Ref": "Topic"}],
        ),
        "Images": resource("ECR::Repository", ImageTagMutability="MUTABLE" if first else "IMMUTABLE"),
        "Model": resource(
            "SageMaker::Model",
            ExecutionRoleArn={"Fn::GetAtt": ["Role", "Arn"]},
            PrimaryContainer={"Image": f"image:{one_or_two}"},
        ),
        "Config": resource(
            "SageMaker::EndpointConfig",
            ProductionVariants=[
                {
                    "VariantName": "AllTraffic",
                    "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 1,
                }
            ],
        ),
    }


CHANGED, REPLACED = 10, {"Model", "Config"}


def failing(resources: dict[str, Any]) -> dict[str, Any]:
    """With a bucket after all of them, whose name is taken."""
    return {**resources, "Late": resource("S3::Bucket", sorted(resources), BucketName=TAKEN)}


def test_a_failed_create_leaves_nothing(cloud: LocalCloud, stacks: Stacks) -> None:
    before = account(cloud)
    assert stacks.create("half", failing(everything(True))) == "ROLLBACK_COMPLETE"
    assert account(cloud) == before
    reasons, trail = stacks.reasons("half"), stacks.trail("half")
    assert f"identifier '{TAKEN}' already exists" in reasons["Late CREATE_FAILED"]
    assert reasons["- ROLLBACK_IN_PROGRESS"] == (
        "The following resource(s) failed to create: [Late]. Rollback requested by user."
    )
    assert trail[0] == "- CREATE_IN_PROGRESS"
    assert trail[-1] == "- ROLLBACK_COMPLETE"
    assert trail.count("Config DELETE_COMPLETE") == 1
    assert trail.index("Config DELETE_COMPLETE") < trail.index("Model DELETE_IN_PROGRESS")
    assert stacks.ids("half") == {}
    assert "is in ROLLBACK_COMPLETE state and can not be updated" in stacks.refused(
        "update_stack", StackName="half", TemplateBody=json.dumps({"Resources": everything(True)})
    )
    assert stacks.delete("half") == "DELETE_COMPLETE"


def test_a_failed_update_leaves_everything_as_it_was(cloud: LocalCloud, stacks: Stacks) -> None:
    """Ten were changed in place, two replaced, one was new and all tags were others when the last failed."""
    empty = account(cloud)
    tags = [{"Key": "stage", "Value": "test"}]
    resources = {**everything(True), "Dropped": parameter("stays until the update stands")}
    assert stacks.create("whole", resources, Tags=tags) == "CREATE_COMPLETE"
    before, ids = account(cloud), stacks.ids("whole")

    after = failing({**everything(False), "New": resource("SQS::Queue")})
    tags = [{"Key": "stage", "Value": "prod"}, {"Key": "more", "Value": "1"}]
    assert stacks.update("whole", after, Tags=tags) == "UPDATE_ROLLBACK_COMPLETE"

    trail = stacks.trail("whole")
    forward = trail[: trail.index("Late CREATE_FAILED")]
    assert sum(line.endswith(" UPDATE_COMPLETE") for line in forward) == CHANGED + len(REPLACED)
    assert "New CREATE_COMPLETE" in forward
    back = trail[trail.index("- UPDATE_ROLLBACK_IN_PROGRESS") :]
    assert {line.split()[0] for line in back if line.endswith(" DELETE_COMPLETE")} == {*REPLACED, "New"}
    reasons = stacks.reasons("whole")
    assert "[Late]" in reasons["- UPDATE_ROLLBACK_IN_PROGRESS"]
    assert "creation of a new physical resource" in reasons["Model UPDATE_IN_PROGRESS"]

    assert stacks.ids("whole") == ids
    assert account(cloud) == before
    assert {tag["Key"]: tag["Value"] for tag in stacks.describe("whole")["Tags"]} == {"stage": "test"}

    del after["Late"]
    assert stacks.update("whole", after, Tags=tags) == "UPDATE_COMPLETE"
    assert {name for name, now in stacks.ids("whole").items() if ids.get(name, now) != now} == REPLACED
    assert "Dropped" not in stacks.ids("whole")
    differ = {kind for kind, state in account(cloud).items() if state != before[kind]}
    assert differ == set(before) - {"list_endpoints"}  # so that would have been seen
    assert stacks.delete("whole") == "DELETE_COMPLETE"
    assert account(cloud) == empty


def test_a_resource_deleted_by_hand_fails_its_update_and_the_way_back(
    cloud: LocalCloud, stacks: Stacks
) -> None:
    """UPDATE_ROLLBACK_FAILED says which; without it, the roll back goes on."""

    def resources(number: int) -> dict[str, Any]:
        return {
            "Queue": resource("SQS::Queue", VisibilityTimeout=number),
            "Group": resource("Logs::LogGroup", ["Queue"], RetentionInDays=number),
        }

    stacks.create("by-hand", resources(7))
    ids = stacks.ids("by-hand")
    before = account(cloud)
    cloud.client("logs").delete_log_group(logGroupName=ids["Group"])

    assert stacks.update("by-hand", resources(14)) == "UPDATE_ROLLBACK_FAILED"
    reasons = stacks.reasons("by-hand")
    assert "HandlerErrorCode: NotFound" in reasons["Group UPDATE_FAILED"]
    said = reasons["- UPDATE_ROLLBACK_FAILED"]
    assert said == "The following resource(s) failed to update: [Group]. "
    assert "UPDATE_ROLLBACK_FAILED state and can not be updated" in stacks.refused(
        "update_stack", StackName="by-hand", TemplateBody=json.dumps({"Resources": resources(30)})
    )
    stacks.api.continue_update_rollback(StackName="by-hand")
    assert stacks.wait("by-hand") == "UPDATE_ROLLBACK_FAILED"
    assert "resource Queue to skip is not in UPDATE_FAILED state" in stacks.refused(
        "continue_update_rollback", StackName="by-hand", ResourcesToSkip=["Queue"]
    )
    stacks.api.continue_update_rollback(StackName="by-hand", ResourcesToSkip=["Group"])
    assert stacks.wait("by-hand") == "UPDATE_ROLLBACK_COMPLETE"
    after = account(cloud)
    assert {kind for kind, state in after.items() if state != before[kind]} == {"describe_log_groups"}

    assert stacks.delete("by-hand") == "DELETE_COMPLETE"  # what is gone is gone


def test_a_bucket_that_is_not_empty_stops_its_stack_from_going(cloud: LocalCloud, stacks: Stacks) -> None:
    resources = {
        "Data": resource("S3::Bucket"),
        "Policy": resource(
            "S3::BucketPolicy",
            Bucket={"Ref": "Data"},
            PolicyDocument={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:PutObjectAcl",
                        "Resource": {"Fn::Sub": "${Data.Arn}/*"},
                    }
                ],
            },
        ),
        "Other": parameter("1"),
    }
    stacks.create("full", resources)
    bucket = stacks.ids("full")["Data"]
    cloud.client("s3").put_object(Bucket=bucket, Key="precious", Body=b"x")

    assert stacks.delete("full") == "DELETE_FAILED"
    assert "not empty" in stacks.reasons("full")["Data DELETE_FAILED"]
    assert stacks.describe("full")["StackStatusReason"] == (
        "The following resource(s) failed to delete: [Data]. "
    )
    assert stacks.ids("full") == {"Data": bucket}
    assert stacks.delete("full", RetainResources=["Data"]) == "DELETE_COMPLETE"
    assert cloud.client("s3").get_object(Bucket=bucket, Key="precious")["Body"].read() == b"x"
    cloud.client("s3").delete_object(Bucket=bucket, Key="precious")
    cloud.client("s3").delete_bucket(Bucket=bucket)


def test_an_export_in_use_holds_its_stack(stacks: Stacks) -> None:
    exported = {"Name": {"Value": {"Ref": "Setting"}, "Export": {"Name": "shared-setting"}}}
    stacks.create("giver", {"Setting": parameter("1")}, Outputs=exported)
    taken = resource("SSM::Parameter", Type="String", Value={"Fn::ImportValue": "shared-setting"})
    stacks.create("taker", {"Copy": taken})

    stacks.api.delete_stack(StackName="giver")
    giver = stacks.describe("giver")
    assert giver["StackStatus"] == "CREATE_COMPLETE"
    assert "Cannot delete export shared-setting as it is in use by taker" in giver["StackStatusReason"]
    said = stacks.refused(
        "update_stack",
        StackName="giver",
        TemplateBody=json.dumps({"Resources": {"Setting": parameter("1")}}),
    )
    assert said == "ValidationError: Export shared-setting cannot be deleted as it is in use by taker"
    assert stacks.delete("taker") == "DELETE_COMPLETE"
    assert stacks.delete("giver") == "DELETE_COMPLETE"
