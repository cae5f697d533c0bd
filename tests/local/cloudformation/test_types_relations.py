"""Resources that need each other, and what AWS says when something is in the way. Over the wire."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from cfn_wire import Stacks
from local_clouds import LocalCloud
from moto.sagemaker.models import SageMakerModelBackend
from types_driver import SCOPE, TypesDriver

from gluonship.local.cloudformation.contract import UNKNOWN, ProvisioningError
from gluonship.local.cloudformation.types.backend import ANSWERED_HERE
from gluonship.local.cloudformation.types.mapping import without_unknown
from gluonship.local.deviations import notebook_instances

MACHINE, VERSION, ALIAS = (
    f"AWS::StepFunctions::{kind}" for kind in ("StateMachine", "StateMachineVersion", "StateMachineAlias")
)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "states.amazonaws.com"}}
    ],
}
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}


@pytest.fixture
def driver(cloud: LocalCloud) -> TypesDriver:
    return TypesDriver(cloud)


def test_a_bucket_that_is_not_empty_stays(driver: TypesDriver) -> None:
    bucket = driver.create("AWS::S3::Bucket", {})
    name = bucket.attributes["BucketName"]
    driver.client("s3").put_object(Bucket=name, Key="kept", Body=b"x")
    with pytest.raises(ProvisioningError, match="The bucket you tried to delete is not empty"):
        driver.delete("AWS::S3::Bucket", bucket, {})
    driver.client("s3").delete_object(Bucket=name, Key="kept")
    driver.delete("AWS::S3::Bucket", bucket, {})
    assert driver.gone("AWS::S3::Bucket", bucket)


def test_what_exists_is_not_taken_over(driver: TypesDriver) -> None:
    driver.client("s3").create_bucket(Bucket="somebody-elses")
    with pytest.raises(ProvisioningError, match="identifier 'somebody-elses' already exists"):
        driver.create("AWS::S3::Bucket", {"BucketName": "somebody-elses"})
    driver.client("s3").head_bucket(Bucket="somebody-elses")


def test_policies_are_put_on_a_role_and_taken_off_again(driver: TypesDriver) -> None:
    role = driver.create("AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST})
    name = role.attributes["RoleName"]
    managed = {"PolicyDocument": DOCUMENT, "Roles": [name]}
    attached = driver.create("AWS::IAM::ManagedPolicy", managed)
    inline = {"PolicyName": "more", "PolicyDocument": DOCUMENT, "Roles": [name]}
    policy = driver.create("AWS::IAM::Policy", inline)
    profile = driver.create("AWS::IAM::InstanceProfile", {"Roles": [name]})
    shown = driver.snapshot("AWS::IAM::Role", role)
    assert [each["PolicyName"] for each in shown["Attached"]] == [attached.attributes["ManagedPolicyName"]]
    assert shown["Inline"] == ["more"]

    renamed = {**inline, "PolicyName": "renamed"}
    driver.update("AWS::IAM::Policy", policy, inline, renamed)
    assert driver.snapshot("AWS::IAM::Role", role)["Inline"] == ["renamed"]

    driver.delete("AWS::IAM::InstanceProfile", profile, {"Roles": [name]})
    driver.delete("AWS::IAM::ManagedPolicy", attached, managed)
    with pytest.raises(ProvisioningError, match="must delete policies first"):
        driver.delete("AWS::IAM::Role", role, {"AssumeRolePolicyDocument": TRUST})
    driver.delete("AWS::IAM::Policy", policy, renamed)
    driver.delete("AWS::IAM::Role", role, {"AssumeRolePolicyDocument": TRUST})
    assert driver.gone("AWS::IAM::Role", role)


def test_a_key_is_only_scheduled_for_deletion(driver: TypesDriver) -> None:
    properties = {"PendingWindowInDays": 7}
    key = driver.create("AWS::KMS::Key", properties)
    alias = driver.create(
        "AWS::KMS::Alias", {"AliasName": "alias/demo", "TargetKeyId": key.attributes["KeyId"]}
    )
    assert alias.physical_id == "alias/demo"
    described = driver.client("kms").describe_key(KeyId="alias/demo")["KeyMetadata"]
    assert described["Arn"] == key.attributes["Arn"]
    driver.delete("AWS::KMS::Alias", alias, {})
    for _ in range(2):
        driver.delete("AWS::KMS::Key", key, properties)
        described = driver.client("kms").describe_key(KeyId=key.attributes["KeyId"])["KeyMetadata"]
        assert described["KeyState"] == "PendingDeletion"


def test_a_topic_delivers_by_its_policy_and_its_subscription(driver: TypesDriver) -> None:
    topic = driver.create("AWS::SNS::Topic", {})
    arn = topic.attributes["TopicArn"]
    queue = driver.create("AWS::SQS::Queue", {})
    default = driver.snapshot("AWS::SNS::Topic", topic)

    statement = {"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": arn}
    allowed = {"Topics": [arn], "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    policy = driver.create("AWS::SNS::TopicPolicy", allowed)
    document = driver.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    assert json.loads(document)["Statement"] == [statement]
    sent = {
        "TopicArn": arn,
        "Protocol": "sqs",
        "Endpoint": queue.attributes["Arn"],
        "RawMessageDelivery": True,
    }
    subscription = driver.create("AWS::SNS::Subscription", sent)
    filtered = {**sent, "FilterPolicy": {"kind": ["good"]}}
    driver.update("AWS::SNS::Subscription", subscription, sent, filtered)

    for kind in ("bad", "good"):
        attributes = {"kind": {"DataType": "String", "StringValue": kind}}
        driver.client("sns").publish(TopicArn=arn, Message=kind, MessageAttributes=attributes)
    where = {"QueueUrl": queue.physical_id, "MaxNumberOfMessages": 10}
    received = driver.client("sqs").receive_message(**where, WaitTimeSeconds=5)
    assert [message["Body"] for message in received["Messages"]] == ["good"]

    driver.delete("AWS::SNS::Subscription", subscription, filtered)
    driver.delete("AWS::SNS::TopicPolicy", policy, allowed)
    assert driver.snapshot("AWS::SNS::Topic", topic) == default


def test_a_statement_of_a_bus_joins_the_others(driver: TypesDriver) -> None:
    def statement(action: str) -> dict[str, Any]:
        return {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*"}

    bus = driver.create("AWS::Events::EventBus", {"Name": "shared"})
    made = []
    for name in ("First", "Second"):
        given = {"EventBusName": "shared", "StatementId": name, "Statement": statement("events:PutEvents")}
        made.append((driver.create("AWS::Events::EventBusPolicy", given), given))

    def sids() -> list[str]:
        policy = driver.client("events").describe_event_bus(Name="shared").get("Policy")
        return [each["Sid"] for each in json.loads(policy)["Statement"]] if policy else []

    assert sids() == ["First", "Second"]
    driver.delete("AWS::Events::EventBusPolicy", *made[0])
    assert sids() == ["Second"]
    driver.delete("AWS::Events::EventBus", bus, {"Name": "shared"})


def test_a_network_as_the_cdk_makes_it(driver: TypesDriver) -> None:
    undo: list[tuple[str, Any, dict[str, Any]]] = []

    def make(kind: str, **properties: Any) -> Any:
        made = driver.create(f"AWS::EC2::{kind}", properties, project="gluonship")
        undo.append((f"AWS::EC2::{kind}", made, properties))
        return made

    vpc = make("VPC", CidrBlock="10.1.0.0/16", EnableDnsSupport=True)
    assert vpc.attributes["DefaultSecurityGroup"].startswith("sg-")
    here = {"VpcId": vpc.physical_id}
    subnet = make(
        "Subnet", **here, CidrBlock="10.1.1.0/24", AvailabilityZone="us-east-1a", MapPublicIpOnLaunch=True
    )
    gateway = make("InternetGateway")
    make("VPCGatewayAttachment", **here, InternetGatewayId=gateway.physical_id)
    table = make("RouteTable", **here)
    route = {"RouteTableId": table.physical_id, "DestinationCidrBlock": "0.0.0.0/0"}
    make("Route", **route, GatewayId=gateway.physical_id)
    make("SubnetRouteTableAssociation", RouteTableId=table.physical_id, SubnetId=subnet.physical_id)
    address = make("EIP", Domain="vpc")
    make("NatGateway", SubnetId=subnet.physical_id, AllocationId=address.attributes["AllocationId"])
    group = make("SecurityGroup", **here, GroupDescription="endpoints")
    port = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    make("SecurityGroupIngress", **port, GroupId=group.physical_id, SourceSecurityGroupId=group.physical_id)
    make("SecurityGroupEgress", **port, GroupId=group.physical_id, CidrIp="10.1.0.0/16")
    service = "com.amazonaws.us-east-1.s3"
    make("VPCEndpoint", **here, ServiceName=service, RouteTableIds=[table.physical_id])
    make("FlowLog", ResourceId=vpc.physical_id, ResourceType="VPC", TrafficType="ALL", LogGroupName="flows",
         DeliverLogsPermissionArn="arn:aws:iam::123456789012:role/flows")  # fmt: skip

    for type_name, made, properties in reversed(undo):
        driver.delete(type_name, made, properties)
    for type_name, made, _ in undo:
        if type_name in ("AWS::EC2::NatGateway", "AWS::EC2::VPCEndpoint"):  # EC2 shows them for a while
            assert driver.snapshot(type_name, made)[""]["State"] == "deleted"
        else:
            assert driver.gone(type_name, made)


def test_a_definition_is_read_from_s3_with_its_substitutions(driver: TypesDriver) -> None:
    driver.client("s3").create_bucket(Bucket="definitions")
    text = '{"StartAt": "${First}", "States": {"${First}": {"Type": "Pass", "End": true}}}'
    driver.client("s3").put_object(Bucket="definitions", Key="m.json", Body=text.encode())
    properties = {
        "RoleArn": "arn:aws:iam::123456789012:role/somebody",
        "DefinitionS3Location": {"Bucket": "definitions", "Key": "m.json"},
        "DefinitionSubstitutions": {"First": "Begin"},
    }
    made = driver.create("AWS::StepFunctions::StateMachine", properties)
    shown = driver.snapshot("AWS::StepFunctions::StateMachine", made)[""]
    assert json.loads(shown["definition"])["StartAt"] == "Begin"
    driver.delete("AWS::StepFunctions::StateMachine", made, properties)


def test_an_express_machine_logs_and_an_alias_starts_its_version(cloud: LocalCloud) -> None:
    """What is made of the machine's type, logging, versions and aliases is executed."""
    driver = TypesDriver(cloud)
    states = cloud.client("stepfunctions", config=Config(inject_host_prefix=False))
    group = driver.create("AWS::Logs::LogGroup", {})
    role = "arn:aws:iam::123456789012:role/somebody"

    def machine(result: str) -> dict[str, Any]:
        state = {"Type": "Pass", "Result": result, "End": True}
        destination = {"CloudWatchLogsLogGroup": {"LogGroupArn": group.attributes["Arn"]}}
        return {
            "RoleArn": role,
            "StateMachineType": "EXPRESS",
            "Definition": {"StartAt": "Say", "States": {"Say": state}},
            "LoggingConfiguration": {
                "Level": "ALL",
                "IncludeExecutionData": "true",
                "Destinations": [destination],
            },
        }

    assert driver.types.review(SCOPE, MACHINE, machine("one")).recorded == ()
    made = driver.create(MACHINE, machine("one"))
    numbers = {"StateMachineArn": made.physical_id}
    revision = {"StateMachineRevisionId": made.attributes["StateMachineRevisionId"]}
    first = driver.create(VERSION, {**numbers, **revision, "Description": "the first"})
    assert first.physical_id == f"{made.physical_id}:1"
    routed = {"DeploymentPreference": {"StateMachineVersionArn": first.physical_id, "Type": "ALL_AT_ONCE"}}
    alias = driver.create(ALIAS, {**numbers, "Name": "live", **routed})
    driver.update(MACHINE, made, machine("one"), machine("two"))

    def says(arn: str) -> str:
        answer = states.start_sync_execution(stateMachineArn=arn)
        return str(json.loads(answer["output"]))

    assert [says(arn) for arn in (alias.physical_id, made.physical_id)] == ["one", "two"]
    second = driver.create(VERSION, numbers)
    moved = {"RoutingConfiguration": [{"StateMachineVersionArn": second.physical_id, "Weight": "100"}]}
    driver.update(ALIAS, alias, {**numbers, "Name": "live", **routed}, {**numbers, "Name": "live", **moved})
    assert says(alias.physical_id) == "two"
    assert "ExecutionSucceeded" in logged(driver, group.physical_id)

    with pytest.raises(ProvisioningError, match="must not be referenced by an alias"):
        driver.delete(VERSION, second, numbers)
    for kind, each in ((ALIAS, alias), (VERSION, second), (VERSION, first), (MACHINE, made)):
        for _ in range(2):  # gone already is no error
            driver.delete(kind, each, numbers)
        assert driver.gone(kind, each)
    driver.delete("AWS::Logs::LogGroup", group, {})


def logged(driver: TypesDriver, group: str) -> str:
    """All lines of a log group, once there are some: they arrive a little later."""
    logs = driver.client("logs")
    for _ in range(200):
        events = logs.filter_log_events(logGroupName=group)["events"]
        if len(events) >= 8:
            break
        time.sleep(0.05)
    return "\n".join(event["message"] for event in events)


def test_stack_tags_follow_the_stack(driver: TypesDriver) -> None:
    made = driver.create("AWS::SSM::Parameter", {"Type": "String", "Value": "1"}, team="one", gone="soon")
    changed = driver.update(
        "AWS::SSM::Parameter",
        made,
        {"Type": "String", "Value": "1"},
        {"Type": "String", "Value": "1", "Tags": {"own": "kept"}},
        team="two",
    )
    tags = {each["Key"]: each["Value"] for each in driver.snapshot("AWS::SSM::Parameter", changed)["Tags"]}
    assert tags == {"team": "two", "own": "kept"}


def test_a_resource_deleted_by_hand_is_said_and_deleted_without_error(driver: TypesDriver) -> None:
    properties = {"Type": "String", "Value": "1"}
    made = driver.create("AWS::Logs::LogGroup", {"RetentionInDays": 7})
    driver.client("logs").delete_log_group(logGroupName=made.physical_id)
    with pytest.raises(ProvisioningError, match="HandlerErrorCode: NotFound"):
        driver.types.update(
            driver.target("AWS::Logs::LogGroup"), made, {"RetentionInDays": 7}, {"RetentionInDays": 14}
        )
    driver.delete("AWS::Logs::LogGroup", made, properties)


def answer_code(client: Any, operation: str, members: dict[str, Any]) -> str:
    """The error's code; nothing where it went well."""
    try:
        getattr(client, xform_name(operation))(**members)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_every_operation_that_the_types_count_on_is_answered(driver: TypesDriver) -> None:
    """What moto has not is this cloud's own: an unknown resource is said, not an unknown operation."""
    for service, operations in ANSWERED_HERE.items():
        client = driver.client(service)
        for operation in sorted(operations):
            shape = client.meta.service_model.operation_model(operation).input_shape
            nobody = {name: without_unknown(shape.members[name], UNKNOWN) for name in shape.required_members}
            assert answer_code(client, operation, nobody) != "UnsupportedOperation", operation


def test_a_model_package_is_approved_in_place(driver: TypesDriver) -> None:
    group = {"ModelPackageGroupName": "approved-flowers"}
    made_group = driver.create("AWS::SageMaker::ModelPackageGroup", group)
    package = {
        **group,
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [{"Image": "i:1", "ModelDataUrl": "s3://models/m.tar.gz"}],
            "SupportedContentTypes": ["image/jpeg"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    }
    approved = {**package, "ModelApprovalStatus": "Approved", "ApprovalDescription": "looks good"}
    made = driver.create("AWS::SageMaker::ModelPackage", package)
    assert made.physical_id.endswith(":model-package/approved-flowers/1")
    driver.update("AWS::SageMaker::ModelPackage", made, package, approved)
    shown = driver.client("sagemaker").describe_model_package(ModelPackageName=made.physical_id)
    assert (shown["ModelApprovalStatus"], shown["ApprovalDescription"]) == ("Approved", "looks good")
    driver.delete("AWS::SageMaker::ModelPackage", made, approved)
    driver.delete("AWS::SageMaker::ModelPackageGroup", made_group, group)
    assert driver.gone("AWS::SageMaker::ModelPackageGroup", made_group)


def test_no_property_is_kept_with_what_is_made(driver: TypesDriver) -> None:
    """Among them are secrets, revealed for the call that makes the resource, and what APIs show of them."""
    definition = json.dumps({"Comment": "s3cr3t", "StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    role = "arn:aws:iam::123456789012:role/somebody"
    image = {"Image": "i:1", "Environment": {"PASSWORD": "s3cr3t"}}
    for type_name, properties in (
        ("AWS::SSM::Parameter", {"Type": "String", "Value": "s3cr3t"}),
        ("AWS::SecretsManager::Secret", {"SecretString": "s3cr3t"}),
        ("AWS::StepFunctions::StateMachine", {"RoleArn": role, "DefinitionString": definition}),
        ("AWS::SageMaker::Model", {"ExecutionRoleArn": role, "PrimaryContainer": image}),
    ):
        made = driver.create(type_name, properties)
        assert "s3cr3t" not in repr(made)
        changed = driver.types.update(driver.target(type_name, a="b"), made, properties, properties)
        assert "s3cr3t" not in repr(changed)
        driver.delete(type_name, changed, properties)
        assert driver.gone(type_name, changed)


def test_an_output_does_not_reveal_a_secret(cloud: LocalCloud) -> None:
    cloud.client("secretsmanager").create_secret(Name="revealed", SecretString="s3cr3t")
    reference = "{{resolve:secretsmanager:revealed}}"
    value = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": reference}}
    stacks = Stacks(cloud)
    outputs = {"Value": {"Value": {"Fn::GetAtt": ["One", "Value"]}}}
    assert stacks.create("reveals", {"One": value}, Outputs=outputs) == "CREATE_COMPLETE"
    parameter = cloud.client("ssm").get_parameter(Name=stacks.ids("reveals")["One"])["Parameter"]
    assert parameter["Value"] == "s3cr3t"
    assert "s3cr3t" not in json.dumps(stacks.describe("reveals"), default=str)
    assert stacks.outputs("reveals") == {"Value": reference}


def test_the_tags_of_lifecycle_configurations_are_their_back_ends() -> None:
    """Another account has its own, and a back end that begins anew has none."""
    find = notebook_instances.with_lifecycle_configs(lambda backend, arn: None)
    arn = "arn:aws:sagemaker:us-east-1:123456789012:notebook-instance-lifecycle-config/lc"

    def back_end() -> SageMakerModelBackend:
        made = SageMakerModelBackend("us-east-1", "123456789012")
        made.notebook_instance_lifecycle_configurations["lc"] = None
        return made

    first, second = back_end(), back_end()
    find(first, arn).tags.append({"Key": "a", "Value": "b"})
    assert find(first, arn).tags == [{"Key": "a", "Value": "b"}]
    assert find(second, arn).tags == []
