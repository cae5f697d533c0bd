"""Error names of service integrations: the classes of AWS's SDKs for Java."""

from __future__ import annotations

import boto3
import pytest
from local_clouds import LocalCloud
from machine_runs import Runs

from gluonship.local.stepfunctions import error_names
from gluonship.local.stepfunctions.integrations import SDK

GONE = "gone-for-good"
ACCOUNT = "123456789012"
QUEUE = f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/{GONE}"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:{GONE}"
EXECUTION = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:{GONE}:{GONE}"
MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:{GONE}"
LOADED_FOR_IT = pytest.mark.slow  # few others ask for the service, and it takes seconds to load
KEY = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("shape", "sdk", "optimized"),
    [
        ("NoSuchKey", "NoSuchKeyException", "NoSuchKeyException"),
        ("ResourceNotFoundException", "ResourceNotFoundException", "ResourceNotFoundException"),
        ("InternalServiceFault", "InternalServiceException", "InternalServiceException"),
        ("InternalServerError", "InternalServerErrorException", "InternalServerErrorException"),
        ("KMSInvalidStateException", "KmsInvalidStateException", "KMSInvalidStateException"),
        ("KMSOptInRequired", "KmsOptInRequiredException", "KMSOptInRequiredException"),
        ("DBInstanceNotFoundFault", "DbInstanceNotFoundException", "DBInstanceNotFoundException"),
        ("EC2AccessDeniedException", "Ec2AccessDeniedException", "EC2AccessDeniedException"),
        ("IDPRejectedClaimException", "IdpRejectedClaimException", "IDPRejectedClaimException"),
        (
            "DuplicateSSHPublicKeyException",
            "DuplicateSshPublicKeyException",
            "DuplicateSSHPublicKeyException",
        ),
        ("", "SqsException", "AmazonSQSException"),
    ],
)
def test_a_shape_has_the_name_of_its_class_in_java(shape: str, sdk: str, optimized: str) -> None:
    assert error_names.sdk_class(shape, "Sqs") == sdk
    assert error_names.optimized_class(shape, "AmazonSQSException") == optimized


def test_a_services_prefix_is_its_name_in_java() -> None:
    loaded = boto3.Session(region_name="us-east-1")._session  # only models are read
    for name, service in SDK.items():
        java = error_names.service_name(loaded.get_service_model(service.boto).service_id)
        assert (java, java.lower()) == (service.error, name)


@pytest.mark.parametrize(
    ("resource", "parameters", "error"),
    [
        (
            "aws-sdk:cloudwatchlogs:getLogEvents",
            {"LogGroupName": GONE, "LogStreamName": "s"},
            "CloudWatchLogs.ResourceNotFoundException",
        ),
        pytest.param(
            "aws-sdk:dynamodb:describeTable",
            {"TableName": GONE},
            "DynamoDb.ResourceNotFoundException",
            marks=LOADED_FOR_IT,
        ),
        pytest.param(
            "aws-sdk:ecr:describeImages",
            {"RepositoryName": GONE},
            "Ecr.RepositoryNotFoundException",
            marks=LOADED_FOR_IT,
        ),
        ("aws-sdk:eventbridge:describeRule", {"Name": GONE}, "EventBridge.ResourceNotFoundException"),
        pytest.param(
            "aws-sdk:iam:getRole", {"RoleName": GONE}, "Iam.NoSuchEntityException", marks=LOADED_FOR_IT
        ),
        pytest.param("aws-sdk:kms:describeKey", {"KeyId": KEY}, "Kms.NotFoundException", marks=LOADED_FOR_IT),
        ("aws-sdk:s3:headBucket", {"Bucket": GONE}, "S3.NoSuchBucketException"),
        ("aws-sdk:s3:headObject", {"Bucket": GONE, "Key": "k"}, "S3.NoSuchKeyException"),
        ("aws-sdk:s3:listObjectsV2", {"Bucket": GONE}, "S3.NoSuchBucketException"),
        ("aws-sdk:sagemaker:describeEndpoint", {"EndpointName": GONE}, "SageMaker.SageMakerException"),
        pytest.param(
            "aws-sdk:secretsmanager:getSecretValue",
            {"SecretId": GONE},
            "SecretsManager.ResourceNotFoundException",
            marks=LOADED_FOR_IT,
        ),
        ("aws-sdk:sfn:describeExecution", {"ExecutionArn": EXECUTION}, "Sfn.ExecutionDoesNotExistException"),
        ("aws-sdk:sns:getTopicAttributes", {"TopicArn": TOPIC}, "Sns.NotFoundException"),
        ("aws-sdk:sqs:getQueueUrl", {"QueueName": GONE}, "Sqs.QueueDoesNotExistException"),
        (
            "aws-sdk:sqs:sendMessage",
            {"QueueUrl": QUEUE, "MessageBody": "m"},
            "Sqs.QueueDoesNotExistException",
        ),
        pytest.param(
            "aws-sdk:ssm:getParameter", {"Name": GONE}, "Ssm.ParameterNotFoundException", marks=LOADED_FOR_IT
        ),
        (
            "sagemaker:createEndpoint",
            {"EndpointName": "e", "EndpointConfigName": GONE},
            "SageMaker.AmazonSageMakerException",
        ),
        ("sns:publish", {"TopicArn": TOPIC, "Message": "m"}, "SNS.NotFoundException"),
        ("sqs:sendMessage", {"QueueUrl": QUEUE, "MessageBody": "m"}, "SQS.QueueDoesNotExistException"),
        (
            "states:startExecution",
            {"StateMachineArn": MACHINE},
            "StepFunctions.StateMachineDoesNotExistException",
        ),
    ],
)
def test_what_is_not_there_has_its_aws_name(
    runs: Runs, resource: str, parameters: dict[str, str], error: str
) -> None:
    call = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters, "End": True}
    described = runs.run({"StartAt": "Call", "States": {"Call": call}})
    assert (described["status"], described["error"]) == ("FAILED", error), described.get("cause")


def test_a_state_branches_on_whether_an_object_is_there(cloud: LocalCloud, runs: Runs) -> None:
    s3, bucket = cloud.client("s3"), "branches-on-objects"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="there", Body=b"1")
    look = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:headObject",
        "Parameters": {"Bucket": bucket, "Key.$": "$.key"},
        "Catch": [{"ErrorEquals": ["S3.NoSuchKeyException"], "Next": "Missing"}],
        "Next": "Found",
    }
    states = {
        "Look": look,
        "Found": {"Type": "Pass", "Result": "found", "End": True},
        "Missing": {"Type": "Pass", "Parameters": {"cause.$": "$.Cause"}, "End": True},
    }
    machine = {"StartAt": "Look", "States": states}
    assert runs.output(machine, {"key": "there"}) == "found"
    cause = runs.output(machine, {"key": "not there"})["cause"]
    assert cause.startswith("The specified key does not exist. (Service: S3, Status Code: 404, Request ID: ")
