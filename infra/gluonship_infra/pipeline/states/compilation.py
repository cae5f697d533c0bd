"""SageMaker Neo for chosen devices, one after the other, before anything of the endpoint is touched."""

from __future__ import annotations

from gluonship_infra.pipeline.asl import (
    FAILED,
    States,
    assign,
    choice,
    expression,
    failure_of_error,
    task,
    wait,
)
from gluonship_infra.pipeline.parameters import Parameters

FIRST = "Compile"
_MAX_SECONDS = 3600


def states(parameters: Parameters, then: str) -> States:
    """None without targets: see `first`."""
    targets = parameters.settings.compile_targets
    if not targets:
        return {}
    return {
        FIRST: {
            "Type": "Map",
            "Items": list(targets),
            "ItemSelector": {
                "device": expression("$states.context.Map.Item.Value"),
                "job": expression("$run & '-c' & $string($states.context.Map.Item.Index + 1)"),
            },
            "MaxConcurrency": 1,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "NameCompilation",
                "States": _one(parameters),
            },
            "Catch": [
                {
                    "ErrorEquals": ["States.ALL"],
                    "Assign": {"failure": failure_of_error()},
                    "Next": FAILED,
                }
            ],
            "Next": then,
        }
    }


def first(parameters: Parameters, otherwise: str) -> str:
    return FIRST if parameters.settings.compile_targets else otherwise


def _one(parameters: Parameters) -> States:
    """The states of one target: start, look until it has ended."""
    start = task(
        "aws-sdk:sagemaker:createCompilationJob",
        {
            "CompilationJobName": expression("$job"),
            "RoleArn": parameters.evaluation_role,
            "InputConfig": {
                "S3Uri": expression("$artifact"),
                "DataInputConfig": expression("$string($gate.input)"),  # such as {"data": [1, 3, 224, 224]}
                "Framework": "MXNET",
            },
            "OutputConfig": {
                "S3OutputLocation": f"{parameters.uri('compiled')}/",
                "TargetDevice": expression("$device"),
                "KmsKeyId": parameters.key_arn,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": _MAX_SECONDS},
        },
        then="WaitForCompilation",
    )
    look = task(
        "aws-sdk:sagemaker:describeCompilationJob",
        {"CompilationJobName": expression("$job")},
        assign={
            "status": expression("$states.result.CompilationJobStatus"),
            "reason": expression("[$states.result.FailureReason, 'no reason was given'][0]"),
        },
        then="CompilationEnded",
    )
    for state in (start, look):
        state.pop("Catch")  # the Map's own catches it: a state can lead only to states beside it
    return {
        "NameCompilation": assign(
            {"device": expression("$states.input.device"), "job": expression("$states.input.job")},
            then="StartCompilation",
        ),
        "StartCompilation": start,
        "WaitForCompilation": wait(parameters.settings.poll_seconds, then="LookAtCompilation"),
        "LookAtCompilation": look,
        "CompilationEnded": choice(
            ("$status = 'COMPLETED'", "Compiled"),
            ("$status in ['FAILED', 'STOPPED']", "CompilationFailed"),
            default="WaitForCompilation",
        ),
        "CompilationFailed": {
            "Type": "Fail",
            "Error": "Compilation.Failed",
            "Cause": expression("'The compilation for ' & $device & ' ended as ' & $status & ': ' & $reason"),
        },
        "Compiled": {"Type": "Succeed"},
    }
