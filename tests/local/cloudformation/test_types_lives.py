"""Every kind of resource: made, changed in place, restored, deleted, over the wire to a real cloud."""

from __future__ import annotations

import json
from typing import Any

import pytest
from local_clouds import LocalCloud
from types_driver import TypesDriver

ROLE_ARN = "arn:aws:iam::123456789012:role/somebody"
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:AmazonSageMaker-"
KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"


def trust(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def allow(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def machine(state: str) -> dict[str, Any]:
    return {"StartAt": state, "States": {state: {"Type": "Pass", "End": True}}}


ALARM = {
    "MetricName": "Invocation5XXErrors",
    "Namespace": "AWS/SageMaker",
    "Statistic": "Sum",
    "Period": "60",
    "EvaluationPeriods": 1,
    "ComparisonOperator": "GreaterThanThreshold",
}
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:somewhere"

# type: the properties, and what they become in an update in place
LIVES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "AWS::CDK::Metadata": ({"Analytics": "v2:a"}, {"Analytics": "v2:b"}),
    "AWS::S3::Bucket": (
        {
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {
                        "BucketKeyEnabled": True,
                        "ServerSideEncryptionByDefault": {
                            "SSEAlgorithm": "aws:kms",
                            "KMSMasterKeyID": KEY_ARN,
                        },
                    }
                ]
            },
            "VersioningConfiguration": {"Status": "Enabled"},
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "Id": "old",
                        "Status": "Enabled",
                        "NoncurrentVersionExpiration": {"NoncurrentDays": "30"},
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                    },
                    {
                        "Id": "cold",
                        "Status": "Enabled",
                        "Prefix": "raw/",
                        "TagFilters": [{"Key": "keep", "Value": "long"}],
                        "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 90}],
                    },
                ]
            },
            "PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "BlockPublicPolicy": "true"},
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
            "Tags": [{"Key": "team", "Value": "vision"}],
        },
        {
            "VersioningConfiguration": {"Status": "Suspended"},
            "CorsConfiguration": {
                "CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": 60}]
            },
            "LifecycleConfiguration": {"Rules": [{"Id": "old", "Status": "Enabled", "ExpirationInDays": 5}]},
            "AccelerateConfiguration": {"AccelerationStatus": "Enabled"},
        },
    ),
    "AWS::KMS::Key": (
        {
            "KeyPolicy": allow("kms:*"),
            "EnableKeyRotation": True,
            "Description": "one",
            "PendingWindowInDays": 7,
        },
        {"KeyPolicy": allow("kms:Decrypt"), "Enabled": False},
    ),
    "AWS::IAM::Role": (
        {
            "AssumeRolePolicyDocument": trust("sagemaker.amazonaws.com"),
            "Policies": [{"PolicyName": "inline", "PolicyDocument": allow("s3:GetObject")}],
            "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"],
            "MaxSessionDuration": 7200,
        },
        {
            "AssumeRolePolicyDocument": trust("states.amazonaws.com"),
            "Policies": [{"PolicyName": "other", "PolicyDocument": allow("s3:PutObject")}],
            "Description": "changed",
        },
    ),
    "AWS::IAM::ManagedPolicy": (
        {"PolicyDocument": allow("s3:GetObject")},
        {"PolicyDocument": allow("s3:PutObject")},
    ),
    "AWS::IAM::User": ({"Policies": []}, {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}),
    "AWS::IAM::Group": (
        {"Policies": [{"PolicyName": "a", "PolicyDocument": allow("s3:GetObject")}]},
        {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]},
    ),
    "AWS::ECR::Repository": (
        {
            "ImageScanningConfiguration": {"ScanOnPush": "true"},
            "ImageTagMutability": "IMMUTABLE",
            "EncryptionConfiguration": {"EncryptionType": "KMS", "KmsKey": KEY_ARN},
            "LifecyclePolicy": {
                "LifecyclePolicyText": json.dumps(
                    {
                        "rules": [
                            {
                                "rulePriority": 1,
                                "selection": {
                                    "tagStatus": "any",
                                    "countType": "imageCountMoreThan",
                                    "countNumber": 3,
                                },
                                "action": {"type": "expire"},
                            }
                        ]
                    }
                )
            },
        },
        {
            "EncryptionConfiguration": {"EncryptionType": "KMS", "KmsKey": KEY_ARN},
            "RepositoryPolicyText": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}],
            },
            "EmptyOnDelete": True,
        },
    ),
    "AWS::SSM::Parameter": (
        {"Type": "String", "Value": "1"},
        {"Type": "String", "Value": "2", "Description": "d"},
    ),
    "AWS::SNS::Topic": (
        {"DisplayName": "one", "KmsMasterKeyId": "alias/aws/sns"},
        {"Subscription": [{"Protocol": "sqs", "Endpoint": QUEUE_ARN}]},
    ),
    "AWS::SQS::Queue": (
        {"VisibilityTimeout": 60, "MessageRetentionPeriod": "600"},
        {"VisibilityTimeout": 90, "DelaySeconds": 3},
    ),
    "AWS::Logs::LogGroup": ({"RetentionInDays": 7}, {"KmsKeyId": KEY_ARN}),
    "AWS::CloudWatch::Alarm": (
        {**ALARM, "Threshold": 1, "Dimensions": [{"Name": "EndpointName", "Value": "e"}]},
        {**ALARM, "Threshold": "2.5", "TreatMissingData": "notBreaching"},
    ),
    "AWS::CloudWatch::CompositeAlarm": (
        {"AlarmRule": "ALARM(one)"},
        {"AlarmRule": "ALARM(two)", "AlarmDescription": "d"},
    ),
    "AWS::CloudWatch::Dashboard": (
        {"DashboardBody": json.dumps({"widgets": []})},
        {"DashboardBody": json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "x"}}]})},
    ),
    "AWS::StepFunctions::StateMachine": (
        {"RoleArn": ROLE_ARN, "Definition": machine("One")},
        {
            "RoleArn": ROLE_ARN,
            "DefinitionString": json.dumps(machine("Two")).replace("Two", "${Name}"),
            "DefinitionSubstitutions": {"Name": "Three"},
            "TracingConfiguration": {"Enabled": True},
        },
    ),
    "AWS::Events::Rule": (
        {
            "EventPattern": {"source": ["aws.s3"]},
            "State": "DISABLED",
            "Targets": [{"Id": "q", "Arn": QUEUE_ARN, "Input": '{"a": 1}'}],
        },
        {
            "ScheduleExpression": "rate(1 day)",
            "State": "DISABLED",
            "Targets": [
                {
                    "Id": "m",
                    "Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:m",
                    "RoleArn": ROLE_ARN,
                    "InputTransformer": {"InputPathsMap": {"k": "$.detail"}, "InputTemplate": "<k>"},
                    "DeadLetterConfig": {"Arn": QUEUE_ARN},
                    "RetryPolicy": {"MaximumRetryAttempts": 2},
                }
            ],
        },
    ),
    "AWS::Scheduler::Schedule": (
        {
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ScheduleExpression": "rate(1 day)",
            "State": "DISABLED",
            "Target": {"Arn": QUEUE_ARN, "RoleArn": ROLE_ARN},
        },
        {
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ScheduleExpression": "rate(2 days)",
            "State": "DISABLED",
            "Description": "d",
            "Target": {"Arn": QUEUE_ARN, "RoleArn": ROLE_ARN, "Input": "{}"},
        },
    ),
    "AWS::Scheduler::ScheduleGroup": ({}, {"Tags": [{"Key": "a", "Value": "b"}]}),
    "AWS::Events::EventBus": ({"Name": "orders"}, {"Name": "orders", "Tags": [{"Key": "a", "Value": "b"}]}),
    "AWS::SageMaker::NotebookInstance": (
        {"InstanceType": "ml.t3.medium", "RoleArn": ROLE_ARN, "LifecycleConfigName": "lc"},
        {"InstanceType": "ml.t3.large", "RoleArn": ROLE_ARN, "VolumeSizeInGB": "20"},
    ),
    "AWS::SageMaker::NotebookInstanceLifecycleConfig": (
        {"OnStart": [{"Content": "ZWNobyAx"}]},
        {"OnStart": [{"Content": "ZWNobyAy"}], "OnCreate": [{"Content": "ZWNobyAz"}]},
    ),
    "AWS::SageMaker::CodeRepository": (
        {"GitConfig": {"RepositoryUrl": "https://example.com/a.git", "SecretArn": f"{SECRET_ARN}a"}},
        {"GitConfig": {"RepositoryUrl": "https://example.com/a.git", "SecretArn": f"{SECRET_ARN}b"}},
    ),
    "AWS::SageMaker::ModelPackageGroup": (
        {"ModelPackageGroupName": "flowers"},
        {"ModelPackageGroupName": "flowers", "Tags": [{"Key": "a", "Value": "b"}]},
    ),
    "AWS::SecretsManager::Secret": (
        {"GenerateSecretString": {"GenerateStringKey": "password", "SecretStringTemplate": '{"user": "u"}'}},
        {
            "GenerateSecretString": {
                "GenerateStringKey": "password",
                "SecretStringTemplate": '{"user": "u"}',
            },
            "Description": "d",
        },
    ),
    "AWS::IoT::Thing": (
        {"ThingName": "camera", "AttributePayload": {"Attributes": {"a": "1"}}},
        {"ThingName": "camera", "AttributePayload": {"Attributes": {"b": "2"}}},
    ),
    "AWS::IoT::Policy": ({"PolicyDocument": allow("iot:Connect")}, {"PolicyDocument": allow("iot:Publish")}),
    "AWS::EC2::VPC": (
        {"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": "true"},
        {"CidrBlock": "10.0.0.0/16", "Tags": [{"Key": "Name", "Value": "net"}]},
    ),
    "AWS::EC2::SecurityGroup": (
        {
            "GroupDescription": "d",
            "SecurityGroupIngress": [
                {
                    "IpProtocol": "tcp",
                    "FromPort": 443,
                    "ToPort": 443,
                    "CidrIp": "10.0.0.0/8",
                    "Description": "x",
                }
            ],
        },
        {
            "GroupDescription": "d",
            "SecurityGroupEgress": [
                {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "CidrIp": "10.0.0.0/8"}
            ],
        },
    ),
    "AWS::EC2::EIP": ({"Domain": "vpc"}, {"Domain": "vpc", "Tags": [{"Key": "a", "Value": "b"}]}),
}


@pytest.mark.parametrize("type_name", LIVES)
def test_a_resource_is_made_changed_restored_and_deleted(cloud: LocalCloud, type_name: str) -> None:
    driver = TypesDriver(cloud)
    first, second = LIVES[type_name]

    made = driver.create(type_name, first, project="gluonship")
    before = driver.snapshot(type_name, made)
    changed = driver.update(type_name, made, first, second, project="gluonship", stage="test")
    if type_name != "AWS::CDK::Metadata":
        assert before != {}
        assert driver.snapshot(type_name, changed) != before
    assert changed.physical_id == made.physical_id

    restored = driver.update(type_name, changed, second, first, project="gluonship")
    assert driver.snapshot(type_name, restored) == before

    driver.delete(type_name, restored, first)
    if type_name != "AWS::KMS::Key":
        assert driver.gone(type_name, restored)
    driver.delete(type_name, restored, first)  # gone already is no error
