"""The role of the state machine."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from gluonship_infra import rules
from gluonship_infra.pipeline.images import repository_arn
from gluonship_infra.pipeline.names import run_pattern
from gluonship_infra.pipeline.parameters import folder
from gluonship_infra.pipeline.permissions import Permission, grant, grants_for_services, look_at_alarms

_JOBS = {"training-job": ("TrainingJob", ("-t?",)), "processing-job": ("ProcessingJob", ("-e?", "-e??"))}
_COMPILATION = {"compilation-job": ("CompilationJob", ("-c?",))}
_VERBS = ("Create", "Describe", "Stop")
# By these rules Step Functions hears that a job has ended.
_RULES = ("TrainingJobs", "ProcessingJobs")

_OWN = "What a run makes is named after the run, below the pipeline's own prefix."
_LOGS_AND_TRACES = "Neither X-Ray nor the delivery of logs has a resource to name."


def machine_role(
    scope: Construct,
    id: str,
    *,
    stem: str,
    endpoint_name: str,
    model_package_group: str,
    inference_image: str,
    data: s3.IBucket,
    models: s3.IBucket,
    key: kms.IKey,
    topic: sns.ITopic,
    passed: list[iam.IRole],
    compiles: bool,
    watched: bool,
) -> iam.Role:
    """`passed` are the roles that it gives to SageMaker; `watched` says that alarms roll updates back.

    Who registers a model needs its image and its artifact too. Source:
    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSageMakerModelRegistryFullAccess.html
    """
    stack = cdk.Stack.of(scope)

    def arn(resource: str, name: str, service: str = "sagemaker") -> str:
        return stack.format_arn(service=service, resource=resource, resource_name=name)

    jobs = {
        job: [arn(kind, run_pattern(stem, suffix)) for suffix in suffixes]
        for kind, (job, suffixes) in {**_JOBS, **(_COMPILATION if compiles else {})}.items()
    }
    endpoint = arn("endpoint", _lower(endpoint_name))
    configs, served = arn("endpoint-config", run_pattern(stem)), arn("model", run_pattern(stem))
    packages = [
        arn("model-package-group", model_package_group),
        arn("model-package", f"{model_package_group}/*"),
    ]
    role = iam.Role(
        scope,
        id,
        assumed_by=iam.ServicePrincipal(
            "states.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": stack.account}}
        ),
        description="The training pipeline's state machine",
    )
    pass_to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    grant(
        role,
        [
            *[
                Permission([f"sagemaker:{verb}{job}" for verb in _VERBS], names, _OWN)
                for job, names in jobs.items()
            ],
            # Step Functions tags what it starts.
            Permission(
                ["sagemaker:AddTags"],
                [*[name for names in jobs.values() for name in names], endpoint, configs, served, *packages],
                _OWN,
            ),
            Permission(["sagemaker:CreateModel", "sagemaker:DeleteModel"], [served], _OWN),
            Permission(["sagemaker:CreateEndpointConfig", "sagemaker:DeleteEndpointConfig"], [configs], _OWN),
            Permission(["sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"], [endpoint, configs], _OWN),
            Permission(["sagemaker:DescribeEndpoint", "sagemaker:DeleteEndpoint"], [endpoint]),
            Permission(
                ["sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"],
                [arn("endpoint-config", "*"), arn("model", "*")],
                "What the endpoint serves at first may have been made by other means, under any name.",
            ),
            Permission(["sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"], packages, _OWN),
            Permission(["iam:PassRole"], [each.role_arn for each in passed], conditions=pass_to_sagemaker),
            Permission(
                ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
                [arn("rule", f"StepFunctionsGetEventsForSageMaker{kind}Rule", "events") for kind in _RULES],
            ),
            *([look_at_alarms(stack)] if watched else []),
            Permission(["s3:ListBucket"], [data.bucket_arn]),
            Permission(
                ["s3:GetObject"],
                [
                    models.arn_for_objects(f"{folder('evaluations', stem)}/*"),
                    models.arn_for_objects(f"{folder('training', stem)}/*"),
                ],
                _OWN,
            ),
            Permission(
                ["ecr:BatchGetImage", "ecr:DescribeImages"],
                [repository_arn(stack, inference_image)],
                "The image's repository is known only when the stack is deployed.",
            ),
            Permission(["sns:Publish"], [topic.topic_arn]),
            Permission(["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"], [key.key_arn]),
            grants_for_services(key),
        ],
    )
    # The construct of the machine adds the statements.
    rules.acknowledge(role, {"AwsSolutions-IAM5[Resource::*]": _LOGS_AND_TRACES})
    return role


def _lower(name: str) -> str:
    """As SageMaker writes names in ARNs; what is known only when deployed stays as it is."""
    return name if cdk.Token.is_unresolved(name) else name.lower()
