"""What exists is never taken over: a stack that fails would delete what was made by hand. Over the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from cfn_wire import Stacks
from local_clouds import LocalCloud
from types_driver import TypesDriver

from gluonship.local.cloudformation.contract import Made, ProvisioningError
from gluonship.local.cloudformation.types.catalogue import TYPES
from gluonship.local.cloudformation.types.declaration import Call, ResourceType

ROLE = "arn:aws:iam::123456789012:role/somebody"
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}
OF_A_RESOURCE = {**DOCUMENT, "Statement": [{**DOCUMENT["Statement"][0], "Principal": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "states.amazonaws.com"}}
    ],
}
MACHINE = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
METRIC = {"MetricName": "m", "MetricNamespace": "n", "MetricValue": "1"}
TABLE = {
    "ServiceNamespace": "dynamodb",
    "ResourceId": "table/taken",
    "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
}
ALARM = {"EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "MetricName": "m",
         "Namespace": "n", "Period": 60, "Statistic": "Sum"}  # fmt: skip
Properties = dict[str, Any]
# Most services refuse it themselves, each in its words.
REFUSED = re.compile("already|exists|[Dd]uplicate|[Cc]onflict|in use")

# Types of which every one is another, whatever a template says.
ALWAYS_NEW = {
    "AWS::CDK::Metadata",
    "AWS::EC2::EIP",
    "AWS::EC2::FlowLog",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::NatGateway",
    "AWS::EC2::RouteTable",
    "AWS::EC2::VPC",
    "AWS::EC2::VPCEndpoint",
    "AWS::KMS::Key",
    "AWS::SageMaker::ModelPackage",
}
IN_ANOTHER_FILE = {"AWS::SageMaker::Endpoint"}  # it needs images: test_types_endpoints.py


class By(TypesDriver):
    """What the properties below need, made when they are asked for."""

    def physical_id(self, type_name: str, **properties: Any) -> str:
        return self.create(type_name, properties).physical_id

    def vpc(self) -> str:
        return self.physical_id("AWS::EC2::VPC", CidrBlock="10.9.0.0/16")

    def subnet(self, vpc: str) -> str:
        return self.physical_id("AWS::EC2::Subnet", VpcId=vpc, CidrBlock="10.9.1.0/24")

    def table(self, vpc: str) -> str:
        return self.physical_id("AWS::EC2::RouteTable", VpcId=vpc)

    def gateway(self, vpc: str) -> str:
        gateway = self.physical_id("AWS::EC2::InternetGateway")
        self.create("AWS::EC2::VPCGatewayAttachment", {"VpcId": vpc, "InternetGatewayId": gateway})
        return gateway

    def group(self) -> str:
        return self.physical_id("AWS::EC2::SecurityGroup", VpcId=self.vpc(), GroupDescription="d")

    def route(self) -> Properties:
        vpc = self.vpc()
        anywhere = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": self.gateway(vpc)}
        return {"RouteTableId": self.table(vpc), **anywhere}

    def association(self) -> Properties:
        vpc = self.vpc()
        return {"RouteTableId": self.table(vpc), "SubnetId": self.subnet(vpc)}

    def attachment(self) -> Properties:
        return {"VpcId": self.vpc(), "InternetGatewayId": self.physical_id("AWS::EC2::InternetGateway")}

    def ingress(self) -> Properties:
        return {
            "GroupId": self.group(),
            "IpProtocol": "tcp",
            "FromPort": 1,
            "ToPort": 2,
            "CidrIp": "10.0.0.0/8",
        }

    def log_group(self) -> str:
        return self.physical_id("AWS::Logs::LogGroup")

    def topic(self) -> str:
        return self.physical_id("AWS::SNS::Topic")

    def queue(self) -> str:
        return self.physical_id("AWS::SQS::Queue")

    def role(self) -> str:
        return self.physical_id("AWS::IAM::Role", AssumeRolePolicyDocument=TRUST)

    def machine(self) -> str:
        return self.physical_id("AWS::StepFunctions::StateMachine", RoleArn=ROLE, Definition=MACHINE)

    def scalable_target(self) -> str:
        table = {**TABLE, "ResourceId": "table/scaled"}
        return self.physical_id(
            "AWS::ApplicationAutoScaling::ScalableTarget", **table, MinCapacity=1, MaxCapacity=2
        )

    def version(self) -> str:
        return self.physical_id("AWS::StepFunctions::StateMachineVersion", StateMachineArn=self.machine())


EXISTING: dict[str, Callable[[By], Properties]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": lambda by: {**TABLE, "MinCapacity": 1, "MaxCapacity": 2},
    "AWS::ApplicationAutoScaling::ScalingPolicy": lambda by: {
        "ScalingTargetId": by.scalable_target(),
        "PolicyName": "taken",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 1,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"},
        },
    },
    "AWS::CloudWatch::Alarm": lambda by: {**ALARM, "AlarmName": "taken", "Threshold": 1},
    "AWS::CloudWatch::CompositeAlarm": lambda by: {"AlarmName": "taken-too", "AlarmRule": "ALARM(one)"},
    "AWS::CloudWatch::Dashboard": lambda by: {"DashboardName": "taken", "DashboardBody": '{"widgets": []}'},
    "AWS::EC2::Route": By.route,
    "AWS::EC2::SecurityGroup": lambda by: {
        "GroupName": "taken", "GroupDescription": "d", "VpcId": by.vpc()},
    "AWS::EC2::SecurityGroupEgress": By.ingress,
    "AWS::EC2::SecurityGroupIngress": By.ingress,
    "AWS::EC2::Subnet": lambda by: {"VpcId": by.vpc(), "CidrBlock": "10.9.2.0/24"},
    "AWS::EC2::SubnetRouteTableAssociation": By.association,
    "AWS::EC2::VPCGatewayAttachment": By.attachment,
    "AWS::ECR::Repository": lambda by: {"RepositoryName": "taken"},
    "AWS::Events::EventBus": lambda by: {"Name": "taken"},
    "AWS::Events::EventBusPolicy": lambda by: {
        "StatementId": "taken", "Action": "events:PutEvents", "Principal": "123456789012"},
    "AWS::Events::Rule": lambda by: {"Name": "taken", "EventPattern": {"source": ["demo"]}},
    "AWS::IAM::Group": lambda by: {"GroupName": "taken"},
    "AWS::IAM::InstanceProfile": lambda by: {"InstanceProfileName": "taken", "Roles": []},
    "AWS::IAM::ManagedPolicy": lambda by: {"ManagedPolicyName": "taken", "PolicyDocument": DOCUMENT},
    "AWS::IAM::Policy": lambda by: {
        "PolicyName": "taken", "PolicyDocument": DOCUMENT, "Roles": [by.role()]},
    "AWS::IAM::Role": lambda by: {"RoleName": "taken", "AssumeRolePolicyDocument": TRUST},
    "AWS::IAM::ServiceLinkedRole": lambda by: {"AWSServiceName": "autoscaling.amazonaws.com"},
    "AWS::IAM::User": lambda by: {"UserName": "taken"},
    "AWS::IoT::Policy": lambda by: {"PolicyName": "taken", "PolicyDocument": DOCUMENT},
    "AWS::IoT::Thing": lambda by: {"ThingName": "taken"},
    "AWS::KMS::Alias": lambda by: {
        "AliasName": "alias/taken", "TargetKeyId": by.physical_id("AWS::KMS::Key")},
    "AWS::Logs::LogGroup": lambda by: {"LogGroupName": "taken"},
    "AWS::Logs::MetricFilter": lambda by: {
        "LogGroupName": by.log_group(), "FilterName": "taken", "FilterPattern": "A",
        "MetricTransformations": [METRIC]},
    "AWS::Logs::ResourcePolicy": lambda by: {"PolicyName": "taken", "PolicyDocument": json.dumps(DOCUMENT)},
    "AWS::S3::Bucket": lambda by: {"BucketName": "taken"},
    "AWS::S3::BucketPolicy": lambda by: {
        "Bucket": by.physical_id("AWS::S3::Bucket"), "PolicyDocument": OF_A_RESOURCE},
    "AWS::SageMaker::CodeRepository": lambda by: {
        "CodeRepositoryName": "taken", "GitConfig": {"RepositoryUrl": "https://example.com/a.git"}},
    "AWS::SageMaker::EndpointConfig": lambda by: {
        "EndpointConfigName": "taken",
        "ProductionVariants": [{"VariantName": "v", "ModelName": by.create("AWS::SageMaker::Model", {
            "ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": "i:1"}}).attributes["ModelName"],
            "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}]},
    "AWS::SageMaker::Model": lambda by: {
        "ModelName": "taken", "ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": "i:1"}},
    "AWS::SageMaker::ModelPackageGroup": lambda by: {"ModelPackageGroupName": "taken"},
    "AWS::SageMaker::NotebookInstance": lambda by: {
        "NotebookInstanceName": "taken", "InstanceType": "ml.t3.medium", "RoleArn": ROLE},
    "AWS::SageMaker::NotebookInstanceLifecycleConfig": lambda by: {
        "NotebookInstanceLifecycleConfigName": "taken", "OnStart": [{"Content": "ZWNobyAx"}]},
    "AWS::Scheduler::Schedule": lambda by: {
        "Name": "taken", "FlexibleTimeWindow": {"Mode": "OFF"}, "ScheduleExpression": "rate(1 day)",
        "State": "DISABLED", "Target": {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "RoleArn": ROLE}},
    "AWS::Scheduler::ScheduleGroup": lambda by: {"Name": "taken"},
    "AWS::SecretsManager::Secret": lambda by: {"Name": "taken", "SecretString": "s"},
    "AWS::SNS::Subscription": lambda by: {
        "TopicArn": by.topic(), "Protocol": "sqs", "Endpoint": "arn:aws:sqs:us-east-1:123456789012:q"},
    "AWS::SNS::Topic": lambda by: {"TopicName": "taken"},
    "AWS::SNS::TopicPolicy": lambda by: {"Topics": [by.topic()], "PolicyDocument": DOCUMENT},
    "AWS::SQS::Queue": lambda by: {"QueueName": "taken"},
    "AWS::SQS::QueuePolicy": lambda by: {"Queues": [by.queue()], "PolicyDocument": DOCUMENT},
    "AWS::SSM::Parameter": lambda by: {"Name": "taken", "Type": "String", "Value": "1"},
    "AWS::StepFunctions::StateMachine": lambda by: {
        "StateMachineName": "taken", "RoleArn": ROLE, "Definition": MACHINE},
    "AWS::StepFunctions::StateMachineAlias": lambda by: {
        "Name": "taken", "RoutingConfiguration": [
            {"StateMachineVersionArn": by.version(), "Weight": 100}]},
    "AWS::StepFunctions::StateMachineVersion": lambda by: {"StateMachineArn": by.machine()},
}  # fmt: skip


def test_every_type_is_thought_of() -> None:
    assert {*EXISTING, *ALWAYS_NEW, *IN_ANOTHER_FILE} == set(TYPES)
    assert not ALWAYS_NEW & set(EXISTING)
    assert all(TYPES[type_name].name is None for type_name in ALWAYS_NEW)


@pytest.mark.parametrize("type_name", EXISTING)
def test_what_exists_is_refused_and_stays_as_it_is(cloud: LocalCloud, type_name: str) -> None:
    by = By(cloud)
    properties = EXISTING[type_name](by)
    there = by.create(type_name, properties)  # what matters is that another stack, or a hand, made it
    before = by.snapshot(type_name, there)
    with pytest.raises(ProvisioningError, match=REFUSED):
        by.create(type_name, properties)
    assert by.snapshot(type_name, there) == before
    by.delete(type_name, there, properties)
    assert_free_again(by, type_name, properties)


def assert_free_again(by: By, type_name: str, properties: Properties) -> None:
    again: Made = by.create(type_name, properties)
    by.delete(type_name, again, properties)


def test_a_stack_that_fails_leaves_what_was_made_by_hand(cloud: LocalCloud) -> None:
    sqs, sns, s3 = (cloud.client(service) for service in ("sqs", "sns", "s3"))
    queue = sqs.create_queue(QueueName="by-hand")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="precious")
    topic = sns.create_topic(Name="by-hand")["TopicArn"]
    s3.create_bucket(Bucket="policed-by-hand")
    s3.put_bucket_policy(Bucket="policed-by-hand", Policy=json.dumps(OF_A_RESOURCE))
    stacks = Stacks(cloud)
    resources = {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "by-hand"}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "by-hand"}},
        "Policy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": "policed-by-hand", "PolicyDocument": OF_A_RESOURCE},
        },
    }
    for name, resource in resources.items():
        assert stacks.create(f"takes-over-{name}", {name: resource}) == "ROLLBACK_COMPLETE"
    received = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert [each["Body"] for each in received] == ["precious"]
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["TopicArn"] == topic
    assert json.loads(s3.get_bucket_policy(Bucket="policed-by-hand")["Policy"]) == OF_A_RESOURCE


def test_a_name_that_another_one_begins_with_is_free(cloud: LocalCloud) -> None:
    """The API finds metric filters by how their names begin."""
    by = By(cloud)
    given = {
        "LogGroupName": by.log_group(),
        "FilterName": "filter-one",
        "FilterPattern": "A",
        "MetricTransformations": [METRIC],
    }
    by.create("AWS::Logs::MetricFilter", given)
    by.create("AWS::Logs::MetricFilter", {**given, "FilterName": "filter"})


def test_looking_first_needs_a_way_to_look() -> None:
    with pytest.raises(ValueError, match="must_be_new needs a step, or `read`"):
        ResourceType("iam", create=Call("CreateRole"), must_be_new=True)
