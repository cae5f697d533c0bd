"""Which integrations run here, as data.

AWS: "Integrating optimized services with Step Functions" and "Learning to use AWS service SDK integrations".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gluonship.local.stepfunctions.resources import Pattern, Resource


@dataclass(frozen=True)
class Service:
    """A service that tasks may call."""

    boto: str  # boto3's name
    error: str  # prefix of its errors' names: error_names.service_name of its model


@dataclass(frozen=True)
class Optimized:
    """An optimised integration: errors bear the names of AWS's first Java SDK."""

    boto: str
    error: str  # prefix of the errors' names
    base: str  # the error for what the service's model does not name
    label: str  # Service: in a Cause
    actions: Mapping[str, tuple[Pattern, ...]]
    # "Supported parameters" in AWS's page on the integration, where they are fewer than the API's.
    parameters: Mapping[str, frozenset[str]] = field(default_factory=dict)


_PLAIN: tuple[Pattern, ...] = ("",)
_TOKEN: tuple[Pattern, ...] = ("", "waitForTaskToken")
_JOB: tuple[Pattern, ...] = ("", "sync")

OPTIMIZED: Mapping[str, Optimized] = {
    "sagemaker": Optimized(
        "sagemaker",
        "SageMaker",
        "AmazonSageMakerException",
        "AmazonSageMaker",
        {
            "createEndpoint": _PLAIN,
            "createEndpointConfig": _PLAIN,
            "createModel": _PLAIN,
            "createProcessingJob": _JOB,
            "createTrainingJob": _JOB,
            "updateEndpoint": _PLAIN,
        },
        {
            "createEndpoint": frozenset(("EndpointConfigName", "EndpointName", "Tags")),
            "updateEndpoint": frozenset(("EndpointConfigName", "EndpointName")),
        },
    ),
    "sns": Optimized("sns", "SNS", "AmazonSNSException", "AmazonSNS", {"publish": _TOKEN}),
    "sqs": Optimized("sqs", "SQS", "AmazonSQSException", "AmazonSQS", {"sendMessage": _TOKEN}),
    "events": Optimized(
        "events",
        "EventBridge",
        "AmazonEventBridgeException",
        "AmazonCloudWatchEvents",
        {"putEvents": _TOKEN},
        {"putEvents": frozenset(("Entries",))},
    ),
    "states": Optimized(
        "stepfunctions",
        "StepFunctions",
        "AWSStepFunctionsException",
        "AWSStepFunctions",
        {"startExecution": ("", "sync", "sync:2", "waitForTaskToken")},
        {"startExecution": frozenset(("Input", "Name", "StateMachineArn"))},
    ),
}

SDK: Mapping[str, Service] = {
    "applicationautoscaling": Service("application-autoscaling", "ApplicationAutoScaling"),
    "cloudwatch": Service("cloudwatch", "CloudWatch"),
    "cloudwatchlogs": Service("logs", "CloudWatchLogs"),
    "dynamodb": Service("dynamodb", "DynamoDb"),
    "ecr": Service("ecr", "Ecr"),
    "eventbridge": Service("events", "EventBridge"),
    "iam": Service("iam", "Iam"),
    "kms": Service("kms", "Kms"),
    "s3": Service("s3", "S3"),
    "sagemaker": Service("sagemaker", "SageMaker"),
    "sagemakerruntime": Service("sagemaker-runtime", "SageMakerRuntime"),
    "secretsmanager": Service("secretsmanager", "SecretsManager"),
    "sfn": Service("stepfunctions", "Sfn"),
    "sns": Service("sns", "Sns"),
    "sqs": Service("sqs", "Sqs"),
    "ssm": Service("ssm", "Ssm"),
    "sts": Service("sts", "Sts"),
}

# What AWS has and this cloud does not run. A definition that names one is refused before anything runs.
REFUSED: Mapping[str, str] = {
    "apigateway": "there is no API Gateway that runs here",
    "athena": "there is no Athena here",
    "batch": "there are no Batch jobs here",
    "bedrock": "there are no Bedrock models here",
    "codebuild": "there are no CodeBuild projects here",
    "databrew": "there are no DataBrew jobs here",
    "dynamodb": "use arn:aws:states:::aws-sdk:dynamodb:... in its place",
    "ecs": "there are no ECS tasks here",
    "eks": "there are no EKS clusters here",
    "elasticmapreduce": "there are no EMR clusters here",
    "emr-containers": "there are no EMR clusters here",
    "emr-serverless": "there are no EMR clusters here",
    "glue": "there are no Glue jobs here",
    "http": "calls of HTTP endpoints are not executed",
    "lambda": "there are no Lambda functions here",
    "mediaconvert": "there are no MediaConvert jobs here",
}

# SageMaker jobs that the cloud refuses, whose optimised integrations AWS has.
JOBS_NOT_RUN: Mapping[str, str] = {
    "CreateHyperParameterTuningJob": "tuning jobs",
    "CreateLabelingJob": "labeling jobs",
    "CreateTransformJob": "transform jobs",
}


def refusal(resource: Resource) -> str:
    """Why a resource that AWS may run is not run here, or nothing."""
    if resource.is_activity:
        return ""
    if resource.family == "sagemaker" and resource.operation in JOBS_NOT_RUN:
        return f"there are no {JOBS_NOT_RUN[resource.operation]} here"
    if resource.family in REFUSED:
        return REFUSED[resource.family]
    if resource.is_sdk and resource.service not in SDK:
        return f"the local cloud calls these services of the AWS SDK only: {', '.join(sorted(SDK))}"
    return ""


def supported_parameters(resource: Resource) -> frozenset[str] | None:
    """The parameters that an optimised integration takes, where they are fewer than the API's; else None."""
    service = OPTIMIZED.get(resource.family)
    return service.parameters.get(resource.action) if service else None


def unknown(resource: Resource) -> str:
    """Why no AWS has such a resource, or nothing."""
    if resource.is_activity or resource.is_sdk:
        return ""
    service = OPTIMIZED.get(resource.family)
    if service is None:
        return f"Step Functions has no integration with {resource.family!r}"
    patterns = service.actions.get(resource.action)
    if patterns is None:
        return f"{resource.family} has these actions: {', '.join(sorted(service.actions))}"
    if resource.pattern not in patterns:
        shown = ", ".join(f".{each}" if each else "request/response" for each in patterns)
        return f"{resource.family}:{resource.action} can be used as: {shown}"
    return ""
