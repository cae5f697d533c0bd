"""The declarations against CloudFormation's schemas and botocore's models: nothing is left unsaid."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from types_driver import SCOPE

from gluonship.local.cloudformation.contract import UNKNOWN, Recreation
from gluonship.local.cloudformation.types import ResourceTypes, coverage, schema
from gluonship.local.cloudformation.types.catalogue import REFUSED, TYPES
from gluonship.local.cloudformation.types.coercion import coerce
from gluonship.local.cloudformation.types.declaration import Name
from gluonship.local.cloudformation.types.names import generated
from gluonship.local.cloudformation.types.patterns import matches


@pytest.fixture(scope="module")
def types() -> ResourceTypes:
    session = boto3.Session("test", "test", region_name="us-east-1")
    clients: dict[str, Any] = {}

    def client(scope: Any, service: str) -> Any:
        """For the models alone: nothing listens at its endpoint."""
        if service not in clients:
            clients[service] = session.client(service, endpoint_url="http://127.0.0.1:1")
        return clients[service]

    return ResourceTypes(client)


@pytest.mark.parametrize("type_name", TYPES)
def test_every_property_is_executed_recorded_or_refused(type_name: str) -> None:
    assert coverage.unplaced(type_name) == []
    assert coverage.unknown(type_name) == []


def test_the_rows_of_the_coverage_page() -> None:
    rows = {row.type: row for row in coverage.rows()}
    assert set(TYPES) < set(rows)
    assert rows["AWS::S3::Bucket"].disposition == "executed"
    assert "VersioningConfiguration" in rows["AWS::S3::Bucket"].executed
    assert dict(rows["AWS::S3::Bucket"].refused)["ObjectLockEnabled"] == "objects cannot be locked here"
    assert "expire" in dict(rows["AWS::S3::Bucket"].recorded)["LifecycleConfiguration"]
    assert rows["AWS::CloudWatch::Alarm"].disposition == "recorded"
    assert all(row.note for row in rows.values() if row.disposition != "executed")
    assert {row.type for row in rows.values() if row.disposition == "refused"} == {
        f"{start}*" if start.endswith("::") else start for start in REFUSED
    }


BUCKET, ROLE = "AWS::S3::Bucket", "AWS::IAM::Role"
TRUST = {"Version": "2012-10-17", "Statement": []}
CONFIG, ENDPOINT = "AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Endpoint"
ALIAS = "AWS::StepFunctions::StateMachineAlias"


def shifted(**routing: Any) -> dict[str, Any]:
    """An endpoint's properties."""
    policy = {"TrafficRoutingConfiguration": routing}
    return {"EndpointConfigName": "c", "DeploymentConfig": {"BlueGreenUpdatePolicy": policy}}


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


@pytest.mark.parametrize(
    ("type_name", "properties", "sentence"),
    [
        ("AWS::S3::Buckett", {}, "Unrecognized resource type AWS::S3::Buckett: AWS has no such type"
         " (did you mean AWS::S3::Bucket?)"),
        ("AWS::Lambda::Function", {}, "not supported in the local cloud: Lambda code"),
        ("AWS::DynamoDB::Table", {}, "the local cloud keeps no tables"),
        ("Custom::Anything", {}, "a custom resource needs Lambda"),
        ("AWS::RDS::DBInstance", {}, "AWS::RDS::DBInstance is not supported in the local cloud:"
         " docs/coverage-cloudformation.md has those that are"),
        ("AWS::SageMaker::Pipeline", {}, "SageMaker Pipelines do not run here"),
        (BUCKET, {"BucketNme": "x"},
         "Properties/BucketNme: there is no such property (did you mean BucketName?)"),
        (BUCKET, {"BucketName": "Capital"}, "Properties/BucketName: 'Capital' does not match"),
        (BUCKET, {"Arn": "x"}, "Properties/Arn: is read-only"),
        (BUCKET, {"ObjectLockEnabled": "true"},
         "Properties/ObjectLockEnabled: objects cannot be locked here"),
        (BUCKET, {"VersioningConfiguration": {"Status": "enabled"}},
         "Properties/VersioningConfiguration/Status: 'enabled' is not one of Enabled, Suspended"
         " (did you mean Enabled?)"),
        (BUCKET, {"VersioningConfiguration": {}}, "Properties/VersioningConfiguration: Status is required"),
        (BUCKET, {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationDays": 3}]}},
         "Properties/LifecycleConfiguration/Rules/0/ExpirationDays: there is no such property"),
        (BUCKET, {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationInDays": "soon"}]}},
         "Properties/LifecycleConfiguration/Rules/0/ExpirationInDays: 'soon' is not of type integer"),
        (BUCKET, {"NotificationConfiguration": {"LambdaConfigurations": [{"Event": "a", "Function": "f"}]}},
         "Properties/NotificationConfiguration/LambdaConfigurations: Lambda code does not run here"),
        (BUCKET, {"Tags": [{"Key": "a"}]}, "Properties/Tags/0: Value is required"),
        (ROLE, {}, "Properties: AssumeRolePolicyDocument is required"),
        (ROLE, {"AssumeRolePolicyDocument": TRUST, "MaxSessionDuration": [1]}, "is not of type integer"),
        ("AWS::IAM::Policy", {"PolicyName": "p", "PolicyDocument": TRUST},
         "one of Users, Groups, Roles is required"),
        ("AWS::SSM::Parameter", {"Type": "Text", "Value": "1"}, "Properties/Type: 'Text' is not one of"),
        ("AWS::SNS::Subscription", {"TopicArn": "t", "Protocol": "lambda", "Endpoint": "e"},
         "Properties/Protocol: Lambda code does not run here"),
        ("AWS::StepFunctions::StateMachine", {"RoleArn": "r"},
         "exactly one of Definition, DefinitionString"),
        ("AWS::StepFunctions::StateMachine", {"RoleArn": "r", "DefinitionString": "{"},
         "DefinitionString: is not JSON"),
        ("AWS::Events::Rule", {"ScheduleExpression": "rate(1 day)",
                               "Targets": [{"Id": "a", "Arn": "arn:aws:lambda:us-east-1:1:function:f"}]},
         "Properties/Targets/0/Arn: the local cloud cannot deliver to lambda"),
        ("AWS::Events::Rule", {}, "one of EventPattern, ScheduleExpression is required"),
        ("AWS::ApplicationAutoScaling::ScalingPolicy",
         {"PolicyName": "p", "PolicyType": "TargetTrackingScaling"},
         "exactly one of ScalingTargetId, ResourceId is required"),
        (CONFIG, {"ProductionVariants": [{"VariantName": "v", "ModelName": "m"}]},
         "InstanceType is required here"),
        (ENDPOINT, shifted(Type="CANARY"),
         "TrafficRoutingConfiguration: CanarySize is required with Type CANARY"),
        (ENDPOINT, shifted(Type="ALL_AT_ONCE", LinearStepSize=percent(20)),
         "TrafficRoutingConfiguration/LinearStepSize: does not go with Type ALL_AT_ONCE"),
        (ENDPOINT, shifted(Type="CANARY", CanarySize=percent(51)),
         "TrafficRoutingConfiguration/CanarySize/Value: 51 % is not within 1 and 50"),
        (ENDPOINT, shifted(Type="LINEAR", LinearStepSize=percent(5)),
         "LinearStepSize/Value: 5 % is not within 10 and 50"),
        (ALIAS, {"RoutingConfiguration": [{"StateMachineVersionArn": "v", "Weight": 90}]},
         "RoutingConfiguration: the weights are 90 in all, and must be 100"),
        (ALIAS, {"RoutingConfiguration": [{"StateMachineVersionArn": "v", "Weight": 100}],
                 "DeploymentPreference": {"StateMachineVersionArn": "v", "Type": "ALL_AT_ONCE"}},
         "exactly one of RoutingConfiguration and DeploymentPreference is required"),
        (ALIAS, {}, "one of RoutingConfiguration, DeploymentPreference is required"),
        (ALIAS, {"DeploymentPreference": {"StateMachineVersionArn": "v", "Type": "LINEAR"}},
         "DeploymentPreference/Type: versions are not shifted step by step here"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_its_path(
    types: ResourceTypes, type_name: str, properties: dict[str, Any], sentence: str
) -> None:
    refused = types.review(SCOPE, type_name, properties).refused
    assert any(sentence in said for said in refused), refused


@pytest.mark.parametrize(
    ("type_name", "old", "new", "sentence"),
    [
        ("AWS::KMS::Key", {}, {"KeySpec": "RSA_2048"}, "Properties/KeySpec: cannot be changed in place here"),
        ("AWS::Events::EventBus", {"Name": "b"}, {"Name": "b", "Description": "d"},
         "Description: cannot be changed"),
        (
            "AWS::SageMaker::Endpoint",
            {"EndpointConfigName": "a"},
            {"EndpointConfigName": "b", "DeploymentConfig": {"RollingUpdatePolicy": {
                "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1}, "WaitIntervalInSeconds": 1}}},
            "rolling updates do not run here",
        ),
    ],
)  # fmt: skip
def test_a_change_that_cannot_be_made_is_refused(
    types: ResourceTypes, type_name: str, old: dict[str, Any], new: dict[str, Any], sentence: str
) -> None:
    refused = types.review(SCOPE, type_name, new, old).refused
    assert any(sentence in said for said in refused), refused


@pytest.mark.parametrize(
    "properties",
    [
        shifted(Type="CANARY", CanarySize=percent(50), WaitIntervalInSeconds=0),
        shifted(
            Type="LINEAR", LinearStepSize={"Type": "INSTANCE_COUNT", "Value": 7}, WaitIntervalInSeconds=5
        ),
        shifted(Type=UNKNOWN, CanarySize=UNKNOWN, WaitIntervalInSeconds=UNKNOWN),
        {"EndpointConfigName": "c", "DeploymentConfig": UNKNOWN},
        {
            "EndpointConfigName": "c",
            "DeploymentConfig": {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": UNKNOWN}]}},
        },
    ],
)
def test_guardrails_are_executed(types: ResourceTypes, properties: dict[str, Any]) -> None:
    review = types.review(SCOPE, ENDPOINT, properties)
    assert (review.refused, review.recorded) == ((), ())


def test_what_has_no_effect_is_said(types: ResourceTypes) -> None:
    review = types.review(SCOPE, BUCKET, {"LifecycleConfiguration": {"Rules": []}, "BucketName": "plain"})
    assert review.refused == ()
    assert review.recorded == ("LifecycleConfiguration: kept and shown; objects neither expire nor move",)
    alarm = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "MetricName": "m"}
    assert "nothing evaluates it" in types.review(SCOPE, "AWS::CloudWatch::Alarm", alarm).recorded[0]


@pytest.mark.parametrize("type_name", TYPES)
def test_the_unknown_may_stand_for_every_property(types: ResourceTypes, type_name: str) -> None:
    described = schema.load(type_name)
    assert described is not None
    kind = TYPES[type_name]
    whole = {path for path in kind.refused if "." not in path and path != "Protocol"}
    given = {name: UNKNOWN for name in described.writable if name not in whole}
    for definition in ("Definition", "DefinitionS3Location", "PrimaryContainer"):
        given.pop(definition, None)
    refused = types.review(SCOPE, type_name, given).refused
    assert [said for said in refused if "exclude" not in said and "exactly one of" not in said] == []


def test_replacement_by_the_schema(types: ResourceTypes) -> None:
    def recreations(type_name: str, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Recreation]:
        return {change.name: change.recreation for change in types.changes(type_name, old, new)}

    always, never = Recreation.ALWAYS, Recreation.NEVER
    assert recreations(BUCKET, {"BucketName": "a"}, {"BucketName": "b", "Tags": []}) == {
        "BucketName": always,
        "Tags": never,
    }
    assert recreations("AWS::SageMaker::Model", {"PrimaryContainer": {"Image": "a"}}, {
        "PrimaryContainer": {"Image": UNKNOWN}}) == {"PrimaryContainer": always}  # fmt: skip
    repository = {"GitConfig": {"RepositoryUrl": "a", "SecretArn": "s"}}
    assert recreations(
        "AWS::SageMaker::CodeRepository", repository, {"GitConfig": {"RepositoryUrl": "a"}}
    ) == {"GitConfig": never}
    assert recreations("AWS::SSM::Parameter", {"Value": 1, "Name": "a"}, {"Value": "1", "Name": "a"}) == {}


def test_references_and_attributes(types: ResourceTypes) -> None:
    assert types.reference_known(BUCKET, {"BucketName": "named"}) == "named"
    assert types.reference_known(BUCKET, {}) is None
    assert types.reference_known(BUCKET, {"BucketName": UNKNOWN}) is None
    assert types.reference_known("AWS::SNS::Topic", {"TopicName": "t"}) is None
    assert types.reference_known("AWS::Events::Rule", {"Name": "r"}) == "r"


@pytest.mark.parametrize("type_name", TYPES)
def test_attributes_are_those_that_cfn_lint_has(types: ResourceTypes, type_name: str) -> None:
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

    listed = set(PROVIDER_SCHEMA_MANAGER.get_type_getatts(type_name, "us-east-1"))
    assert [name for name in sorted(listed) if not types.has_attribute(type_name, name)] == []
    described = schema.load(type_name)
    assert described is not None
    read_only = {path[0] for path in described.read_only}
    unlisted = {*described.properties, "Colour", ""} - listed - read_only
    assert [name for name in sorted(unlisted) if types.has_attribute(type_name, name)] == []


def test_scalars_are_as_the_schema_has_them() -> None:
    described = schema.load("AWS::CloudWatch::Alarm")
    assert described is not None
    given = {"Period": "60", "Threshold": "0.5", "ActionsEnabled": "true", "AlarmName": 7, "Metrics": UNKNOWN}
    assert coerce(described, given) == {
        "Period": 60,
        "Threshold": 0.5,
        "ActionsEnabled": True,
        "AlarmName": "7",
        "Metrics": UNKNOWN,
    }
    assert coerce(described, {"Period": "soon", "Dimensions": [{"Name": 1}]}) == {
        "Period": "soon",
        "Dimensions": [{"Name": "1"}],
    }


def test_names_are_made_as_cloudformation_makes_them() -> None:
    described = schema.load(BUCKET)
    assert described is not None
    bucket = generated(described, Name("BucketName", lower=True, max_length=63), "Stack" * 20, "Data")
    assert bucket == bucket.lower()
    assert len(bucket) == 63
    queue = generated(described, Name("QueueName", max_length=80, suffix=".fifo"), "demo", "Queue")
    assert queue.startswith("demo-Queue-")
    assert queue.endswith(".fifo")
    assert queue != generated(described, Name("QueueName", max_length=80, suffix=".fifo"), "demo", "Queue")


def test_patterns_of_another_dialect() -> None:
    assert matches(r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", "Größe 1")
    assert not matches(r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", "a!b")
    assert not matches("^a$", "a\n")
    assert matches("(?<lookbehind>x)*", "anything")


def test_a_pattern_is_not_asked_of_a_text_that_is_too_long(types: ResourceTypes) -> None:
    path = "/" + "a" * 600
    refused = types.review(SCOPE, "AWS::IAM::Group", {"Path": path}).refused
    assert len(refused) == 1
    assert refused[0].endswith("has 601 characters; maxLength is 512")
    names = {"DimensionName" * 400: "x"}
    refused = types.review(SCOPE, BUCKET, {"VersioningConfiguration": names}).refused
    assert any("a name in it has 5200 characters; 4096 are the most" in said for said in refused)


class Counted(str):
    """A text that counts how often it is compared."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return super().__eq__(other)

    def __repr__(self) -> str:
        return Counted(super().__repr__())

    __hash__ = str.__hash__


def test_what_is_there_twice_is_found_in_one_pass(types: ResourceTypes) -> None:
    subnets: list[str] = [Counted(f"subnet-{number}") for number in range(2000)]
    given = {"VpcId": "v", "ServiceName": "s", "SubnetIds": [*subnets, "subnet-7", UNKNOWN, UNKNOWN]}
    Counted.comparisons = 0
    refused = types.review(SCOPE, "AWS::EC2::VPCEndpoint", given).refused
    assert refused == ("Properties/SubnetIds: 'subnet-7' is there twice",)
    assert Counted.comparisons < 20 * len(subnets)  # each with each other one: some two million
