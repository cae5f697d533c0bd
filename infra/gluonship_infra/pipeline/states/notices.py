"""What people are told by SNS, and how a run ends."""

from __future__ import annotations

from gluonship_infra.pipeline.asl import FAILED, State, States, choice, expression, task
from gluonship_infra.pipeline.parameters import Parameters
from gluonship_infra.pipeline.states import gate, registration

STARTED, SUCCEEDED = "SayStarted", "SaySucceeded"
_EXECUTION = "Execution: ' & $states.context.Execution.Id"


def beginning(parameters: Parameters, then: str) -> States:
    return {
        STARTED: _notice(
            parameters,
            "'GluonShip: ' & $run & ' started'",
            f"'The training pipeline of {parameters.endpoint_name} has started on "
            f"s3://{parameters.data_bucket}/' & $channels.train & '. {_EXECUTION}",
            then,
        )
    }


def endings(parameters: Parameters) -> States:
    """FAILED -> tidy -> notice -> Fail with the error that led here; SUCCEEDED -> Done."""
    return {
        SUCCEEDED: _notice(
            parameters,
            "'GluonShip: ' & $run & ' is in service'",
            f"'The endpoint {parameters.endpoint_name} serves a new model. Accuracy ' & "
            "$string($gate.accuracy) & ' on ' & $string($gate.images) & ' test images; the model before: ' & "
            f"{gate.in_service_words()} & '. Report: ' & $report & '. Model package: ' & $package & "
            f"{_missing_alarms()}",
            "Done",
        ),
        "Done": {
            "Type": "Succeed",
            "Output": {
                "run": expression("$run"),
                "endpoint": parameters.endpoint_name,
                "accuracy": expression("$gate.accuracy"),
                "in_service_accuracy": expression("$gate.in_service_accuracy"),
                "report": expression("$report"),
                "artifact": expression("$artifact"),
                "model_package": expression("$package"),
                "missing_alarms": expression("$missingAlarms"),
            },
        },
        FAILED: choice(
            ("$deploying", "SayFailed"),
            default="Tidy",
            comment="While the endpoint may still be changing to it, AWS forbids to delete a config.",
        ),
        **registration.tidying(then="HowItFailed"),
        "HowItFailed": choice((f"$failure.Error = '{gate.REFUSED}'", "SayRefused"), default="SayFailed"),
        "SayRefused": _notice(
            parameters, "'GluonShip: ' & $run & ' was refused by its gate'", "$failure.Cause", "End"
        ),
        "SayFailed": _notice(
            parameters,
            "'GluonShip: ' & $run & ' failed'",
            f"$failure.Error & ': ' & $failure.Cause & ' {_EXECUTION}",
            "End",
        ),
        "End": {
            "Type": "Fail",
            "Error": expression("$failure.Error"),
            "Cause": expression("$failure.Cause"),
        },
    }


def _missing_alarms() -> str:
    """JSONata: that nothing watched the update, or not all that was to."""
    return (
        "($count($missingAlarms) > 0 ? '. Not there, and so no watch over the update: the alarm' & "
        "($count($missingAlarms) > 1 ? 's ' : ' ') & $join($missingAlarms, ', ') : '')"
    )


def _notice(parameters: Parameters, subject: str, message: str, then: str) -> State:
    """`subject` and `message` are JSONata. A notice that cannot be sent changes nothing in how a run ends."""
    return task(
        "sns:publish",
        {
            "TopicArn": parameters.topic,
            "Subject": expression(f"$substring({subject}, 0, 100)"),
            "Message": expression(message),
        },
        then=then,
        on_error=then,
    )
