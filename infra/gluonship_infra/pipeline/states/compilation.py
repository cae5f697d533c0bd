"""SageMaker Neo for chosen devices, one after the other, before anything of the endpoint is touched."""

from __future__ import annotations

from gluonship_infra.pipeline.asl import (
    FAILED,
    States,
    assign,
    choice,
    expression,
    failure_of_error,
    longer_each_time,
    task,
    wait,
)
from gluonship_infra.pipeline.parameters import Parameters

FIRST = "CompiledBefore"
MAX_SECONDS = 3600


def states(parameters: Parameters, then: str) -> States:
    """None without targets: see `first`. Sets `$compiled`.

    AWS allows no variable inside a Map that has the name of one outside.
    """
    targets = parameters.settings.compile_targets
    if not targets:
        return {}
    return {
        FIRST: choice(
            ("$compiled", then),
            default="Compile",
            comment="A run that is evaluated again has the same model, and names of jobs are taken for ever.",
        ),
        "Compile": {
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
            "Assign": {"compiled": True},
            "Catch": [
                {
                    "ErrorEquals": ["States.ALL"],
                    "Assign": {"failure": failure_of_error()},
                    "Next": FAILED,
                }
            ],
            "Next": then,
        },
    }


def first(parameters: Parameters, otherwise: str) -> str:
    return FIRST if parameters.settings.compile_targets else otherwise


def _one(parameters: Parameters) -> States:
    """The states of one target: start, look until it has ended."""
    start = task(
        "aws-sdk:sagemaker:createCompilationJob",
        {
            "CompilationJobName": expression("$job"),
            "RoleArn": parameters.compilation_role,
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
            "StoppingCondition": {"MaxRuntimeInSeconds": MAX_SECONDS},
        },
        then="WaitForCompilation",
    )
    look = task(
        "aws-sdk:sagemaker:describeCompilationJob",
        {"CompilationJobName": expression("$job")},
        assign={
            "compilationStatus": expression("$states.result.CompilationJobStatus"),
            "compilationReason": expression("[$states.result.FailureReason, 'no reason was given'][0]"),
            "compilationLooks": expression("$compilationLooks + 1"),
        },
        then="CompilationEnded",
    )
    for state in (start, look):
        state.pop("Catch")  # the Map's own catches it: a state can lead only to states beside it
    return {
        "NameCompilation": assign(
            {
                "device": expression("$states.input.device"),
                "job": expression("$states.input.job"),
                "compilationLooks": 0,
            },
            then="StartCompilation",
        ),
        "StartCompilation": start,
        "WaitForCompilation": wait(
            longer_each_time(parameters.settings.poll_seconds, "$compilationLooks"), then="LookAtCompilation"
        ),
        "LookAtCompilation": look,
        "CompilationEnded": choice(
            ("$compilationStatus = 'COMPLETED'", "Compiled"),
            ("$compilationStatus in ['FAILED', 'STOPPED']", "CompilationFailed"),
            default="WaitForCompilation",
        ),
        "CompilationFailed": {
            "Type": "Fail",
            "Error": "Compilation.Failed",
            "Cause": expression(
                "'The compilation for ' & $device & ' ended as ' & $compilationStatus & ': ' & "
                "$compilationReason"
            ),
        },
        "Compiled": {"Type": "Succeed"},
    }
