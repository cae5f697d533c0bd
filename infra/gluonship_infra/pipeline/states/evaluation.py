"""The candidate and the model in service, measured on the same test images by one processing job."""

from __future__ import annotations

from typing import Any

from gluonship_infra.pipeline.asl import States, assign, choice, expression, refuse, task
from gluonship_infra.pipeline.parameters import Parameters, folder
from gluonship_infra.pipeline.states.endpoint_looks import look
from gluonship_infra.pipeline.states.training import volume_key

FIRST = "FindModelInService"
AGAIN = "EvaluateAgain"
_PROCESSING = "/opt/ml/processing"


def states(parameters: Parameters, then: str) -> States:
    """Sets `$inService` (the S3 URI of the model that the endpoint serves, or ''), `$comparedConfig` (the
    endpoint config it was found by, or ''), `$report` (the evaluation's folder in S3) and `$gate` (its
    figures)."""
    models = parameters.models_bucket
    allowed = parameters.settings.allow_incomparable
    return {
        **look(
            FIRST,
            "describeEndpoint",
            {"EndpointName": parameters.endpoint_name},
            assign={
                "comparedConfig": expression(
                    "$states.result.EndpointStatus = 'Failed' ? '' : $states.result.EndpointConfigName"
                )
            },
            found="ModelInService",
            missing="NoModelInService",
        ),
        "ModelInService": choice(("$comparedConfig = ''", "NoModelInService"), default="DescribeConfig"),
        "NoModelInService": assign({"comparedConfig": "", "inService": ""}, then="Evaluate"),
        **look(
            "DescribeConfig",
            "describeEndpointConfig",
            {"EndpointConfigName": expression("$comparedConfig")},
            assign={"model": expression("$states.result.ProductionVariants[0].ModelName")},
            found="DescribeModel",
            missing="NothingToCompare",
        ),
        **look(
            "DescribeModel",
            "describeModel",
            {"ModelName": expression("$model")},
            assign={
                "inService": expression(
                    "($data := $states.result.PrimaryContainer.ModelDataUrl; $exists($data) ? $data : '')"
                )
            },
            found="ModelReadable",
            missing="NothingToCompare",
        ),
        "ModelReadable": choice(
            ("$inService = ''", "NothingToCompare"),
            (f"$contains($inService, 's3://{models}/')", "Evaluate"),
            default="NothingToCompare" if allowed else "ModelElsewhere",
        ),
        **(_passing_over() if allowed else _refusing(parameters)),
        "Evaluate": task(
            "sagemaker:createProcessingJob.sync",
            request(parameters),
            assign={"report": expression(_report(parameters))},
            then="ReadGate",
        ),
        "ReadGate": task(
            "aws-sdk:s3:getObject",
            {
                "Bucket": models,
                "Key": expression(f"'{folder('evaluations', parameters.stem)}/' & {_job()} & '/gate.json'"),
            },
            assign={"gate": expression("$parse($states.result.Body)")},
            then=then,
        ),
        AGAIN: assign(
            {"evaluation": expression("$evaluation + 1"), "looks": 0},
            then=FIRST,
            comment="Another run has put its model into service meanwhile: that one has to be beaten now.",
        ),
    }


def _passing_over() -> States:
    """Of what serves, but cannot be read. `gate.in_service_words` says it, by the two variables."""
    return {"NothingToCompare": assign({"inService": ""}, then="Evaluate")}


def _refusing(parameters: Parameters) -> States:
    """The same, where that ends the run: a gate without a comparison is none."""
    models = parameters.models_bucket
    return {
        "NothingToCompare": refuse(
            "InService.Incomparable",
            f"'The endpoint {parameters.endpoint_name} serves the config ' & $comparedConfig & ', whose "
            "model is deleted or is not one artifact in S3, so the candidate cannot be compared with it: "
            "deploy a model of this pipeline, delete the endpoint, or set allow_incomparable.'",
        ),
        "ModelElsewhere": refuse(
            "InService.Unreadable",
            f"'The endpoint {parameters.endpoint_name} serves ' & $inService & ', which the evaluation may "
            f"not read: copy it into s3://{models}/ and deploy it from there once, delete the endpoint, or "
            "set allow_incomparable.'",
        ),
    }


def request(parameters: Parameters) -> dict[str, Any]:
    """CreateProcessingJob: `python3 evaluation.zip` in a training image, which holds MXNet and OpenCV."""
    settings = parameters.settings
    arguments = ["--batch-size", str(settings.evaluation_batch_size)]
    if settings.evaluation_images is not None:
        arguments += ["--limit", str(settings.evaluation_images)]
    inputs = [
        _input("code", f"'{parameters.evaluation_source.uri}'"),
        _input("test", f"'s3://{parameters.data_bucket}/' & $channels.test"),
        _input("model", "$artifact"),
    ]
    return {
        "ProcessingJobName": expression(_job()),
        "RoleArn": parameters.evaluation_role,
        "AppSpecification": {
            "ImageUri": parameters.evaluation_image,
            "ContainerEntrypoint": ["python3", f"{_PROCESSING}/code/{parameters.evaluation_source.key}"],
            "ContainerArguments": arguments,
        },
        "ProcessingInputs": expression(
            f"$append([{', '.join(inputs)}], $inService = '' ? [] : [{_input('in-service', '$inService')}])"
        ),
        "ProcessingOutputConfig": {
            "KmsKeyId": parameters.key_arn,
            "Outputs": [
                {
                    "OutputName": "evaluation",
                    "S3Output": {
                        "S3Uri": expression(_report(parameters)),
                        "LocalPath": f"{_PROCESSING}/evaluation",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ],
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": settings.evaluation_instance_type,
                "InstanceCount": 1,
                "VolumeSizeInGB": settings.evaluation_volume_gigabytes,
                **volume_key(settings.evaluation_instance_type, parameters.key_arn),
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": settings.evaluation_max_seconds},
        "NetworkConfig": {
            "EnableNetworkIsolation": True,
            "EnableInterContainerTrafficEncryption": True,
            **({"VpcConfig": parameters.network.to_aws()} if parameters.network else {}),
        },
    }


def _job() -> str:
    return "$run & '-e' & $string($evaluation)"


def _report(parameters: Parameters) -> str:
    return f"'{parameters.uri('evaluations')}/' & {_job()}"


def _input(name: str, uri: str) -> str:
    """JSONata: one input; `uri` is JSONata too."""
    return (
        f"{{'InputName': '{name}', 'S3Input': {{'S3Uri': {uri}, 'LocalPath': '{_PROCESSING}/{name}', "
        "'S3DataType': 'S3Prefix', 'S3InputMode': 'File', 'S3DataDistributionType': 'FullyReplicated'}}"
    )
