"""The model with its figures in the registry; then a model and an endpoint config, of the run's name."""

from __future__ import annotations

from typing import Any

from gluonship_infra.instance_types import has_local_disk
from gluonship_infra.pipeline.asl import State, States, choice, expression, task
from gluonship_infra.pipeline.parameters import VARIANT, Parameters

FIRST = "Prepared"
MODEL = "CreateModel"
_NOT_IN_METADATA = r"/[^A-Za-z0-9 _.:\/=+@-]/"  # JSONata, of CustomerMetadataProperties, and ASCII alone
_IMAGES = ("image/jpeg", "image/png", "image/webp", "application/x-image")


def states(parameters: Parameters, then: str) -> States:
    """Sets `$package` (its ARN) and `$prepared`. Where the run has come here before, it has all three."""
    return {
        FIRST: choice(("$prepared", then), default="Register"),
        "Register": task(
            "aws-sdk:sagemaker:createModelPackage",
            _package(parameters),
            assign={"package": expression("$states.result.ModelPackageArn"), "prepared": True},
            then=MODEL,
        ),
        MODEL: task(
            "sagemaker:createModel",
            {
                "ModelName": expression("$run"),
                "ExecutionRoleArn": parameters.serving_role,
                "PrimaryContainer": {
                    "Image": parameters.inference_image,
                    "ModelDataUrl": expression("$artifact"),
                    "Environment": dict(parameters.serving_environment),
                },
                "EnableNetworkIsolation": parameters.isolated_serving,
                **({"VpcConfig": parameters.network.to_aws()} if parameters.network else {}),
            },
            then="CreateConfig",
        ),
        "CreateConfig": task(
            "sagemaker:createEndpointConfig",
            {
                "EndpointConfigName": expression("$run"),
                **_config_key(parameters),
                "ProductionVariants": [
                    {
                        "VariantName": VARIANT,
                        "ModelName": expression("$run"),
                        "InitialInstanceCount": parameters.settings.serving_instance_count,
                        "InstanceType": parameters.settings.serving_instance_type,
                        "InitialVariantWeight": 1,
                    }
                ],
            },
            then=then,
        ),
    }


def rejection() -> dict[str, Any]:
    """UpdateModelPackage, for a model that did not come up."""
    return {
        "ModelPackageArn": expression("$package"),
        "ModelApprovalStatus": "Rejected",
        # One line of at most 1,024 characters.
        "ApprovalDescription": expression("$substring($replace($failure.Cause, /\\s+/, ' '), 0, 1000)"),
    }


def tidying(then: str) -> States:
    """The states that take back what this module made, as far as it was made."""
    return {
        "Tidy": choice(("$prepared", "RejectPackage"), default=then),
        "RejectPackage": _away("updateModelPackage", rejection(), "DeleteConfig"),
        "DeleteConfig": _away(
            "deleteEndpointConfig", {"EndpointConfigName": expression("$run")}, "DeleteModel"
        ),
        "DeleteModel": _away("deleteModel", {"ModelName": expression("$run")}, then),
    }


def _away(operation: str, arguments: dict[str, Any], then: str) -> State:
    """What was not made need not go: an error here must not hide the one that led here."""
    return task(f"aws-sdk:sagemaker:{operation}", arguments, then=then, on_error=then)


def _package(parameters: Parameters) -> dict[str, Any]:
    return {
        "ModelPackageGroupName": parameters.model_package_group,
        "ModelPackageDescription": expression(
            "$substring('Accuracy ' & $string($gate.accuracy) & ' on ' & $string($gate.images) & "
            f"' test images of ' & 's3://{parameters.data_bucket}/' & $channels.test, 0, 1024)"
        ),
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": parameters.inference_image,
                    "ModelDataUrl": expression("$artifact"),
                    "Environment": dict(parameters.serving_environment),
                }
            ],
            "SupportedContentTypes": list(_IMAGES),
            "SupportedResponseMIMETypes": ["application/json"],
            "SupportedRealtimeInferenceInstanceTypes": [parameters.settings.serving_instance_type],
        },
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {
                    "ContentType": "application/json",
                    "S3Uri": expression("$report & '/evaluation.json'"),
                }
            }
        },
        "ModelApprovalStatus": "Approved",
        "CustomerMetadataProperties": {
            "accuracy": expression("$string($gate.accuracy)"),
            "images": expression("$string($gate.images)"),
            "dataset": _metadata(f"'s3://{parameters.data_bucket}/' & $dataset"),
            "execution": _metadata("$states.context.Execution.Id"),
            "run": expression("$run"),
        },
    }


def _metadata(text: str) -> str:
    """`text` (JSONata) as a value of the metadata, which takes few kinds of characters and 256 of them."""
    return expression(f"$substring($replace({text}, {_NOT_IN_METADATA}, '_'), 0, 256)")


def _config_key(parameters: Parameters) -> dict[str, str]:
    if has_local_disk(parameters.settings.serving_instance_type):
        return {}
    return {"KmsKeyId": parameters.key_arn}
