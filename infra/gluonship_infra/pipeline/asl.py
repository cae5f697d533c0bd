"""Amazon States Language as data: the few forms of state that the pipeline is made of, in JSONata.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

State = dict[str, Any]
States = dict[str, State]

_LONGEST_WAIT_SECONDS = 300

FAILED = "Failed"  # the state that every error leads to

# AWS's own words in an error's Cause: SageMaker's API models neither case as an exception of its own.
NOT_FOUND = "Could not find"
THROTTLED = "/Rate exceeded|Throttl|TooManyRequests/"

_REASON = (
    "($cause := $string($states.errorOutput.Cause); "
    "$job := $substring($cause, 0, 1) = '{' ? $parse($cause) : {}; "
    "[$job.ExitMessage, $job.FailureReason, $cause][0])"
)


def expression(code: str) -> str:
    return f"{{% {code} %}}"


def literal(text: str) -> str:
    """`text` as a JSONata string. Tokens of CDK pass unchanged."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def failure_of_error() -> dict[str, str]:
    """What `$failure` becomes in a Catch: the error's name, and its cause in words. A job's cause is its
    whole description in JSON, of which the reason is taken."""
    return {"Error": expression("$states.errorOutput.Error"), "Cause": expression(_REASON)}


def task(
    resource: str,
    arguments: Mapping[str, Any],
    *,
    then: str,
    assign: Mapping[str, Any] | None = None,
    catch: Sequence[State] = (),
    on_error: str = FAILED,
    retries: bool = True,
    comment: str = "",
) -> State:
    """A call of AWS, with RETRIES or without. An error that `catch` leaves becomes `$failure` and leads
    to `on_error`; where that is `then` itself, the error is passed over, and `$failure` stays as it was."""
    passed_over = on_error == then
    return {
        "Type": "Task",
        **({"Comment": comment} if comment else {}),
        "Resource": f"arn:aws:states:::{resource}",
        "Arguments": dict(arguments),
        **({"Assign": dict(assign)} if assign else {}),
        **({"Retry": list(RETRIES)} if retries else {}),
        "Catch": [
            *catch,
            {
                "ErrorEquals": ["States.ALL"],
                **({} if passed_over else {"Assign": {"failure": failure_of_error()}}),
                "Next": on_error,
            },
        ],
        "Next": then,
    }


RETRIES: list[State] = [
    {
        # A quota or the rate of calls. SageMaker models throttling as no exception of its own: see below.
        "ErrorEquals": ["SageMaker.ResourceLimitExceededException", "ThrottlingException", "States.Timeout"],
        "IntervalSeconds": 10,
        "BackoffRate": 2,
        "MaxAttempts": 5,
        "MaxDelaySeconds": 120,
        "JitterStrategy": "FULL",
    },
    {
        # All that these APIs do not model: throttling, an endpoint in change; but wrong requests too, so not
        # for long. The first name is of `sagemaker:` integrations, the others of `aws-sdk:` ones.
        "ErrorEquals": [
            "SageMaker.AmazonSageMakerException",
            "SageMaker.SageMakerException",
            "CloudWatch.CloudWatchException",
        ],
        "IntervalSeconds": 2,
        "BackoffRate": 3,
        "MaxAttempts": 2,
        "JitterStrategy": "FULL",
    },
]


def choice(*options: tuple[str, str], default: str, comment: str = "") -> State:
    """`options` are (JSONata condition, next state)."""
    return {
        "Type": "Choice",
        **({"Comment": comment} if comment else {}),
        "Choices": [{"Condition": expression(condition), "Next": then} for condition, then in options],
        "Default": default,
    }


def assign(values: Mapping[str, Any], *, then: str, comment: str = "") -> State:
    return {
        "Type": "Pass",
        **({"Comment": comment} if comment else {}),
        "Assign": dict(values),
        "Next": then,
    }


def refuse(error: str, cause: str) -> State:
    """Ends the run with an error of the pipeline's own; `cause` is JSONata."""
    return assign({"failure": {"Error": error, "Cause": expression(cause)}}, then=FAILED)


def wait(seconds: int | str, *, then: str) -> State:
    """`seconds` as a number, or as an expression."""
    return {"Type": "Wait", "Seconds": seconds, "Next": then}


def longer_each_time(seconds: int, looks: str) -> str:
    """An expression for the seconds before the next look, where `looks` (JSONata) have been in vain: a
    twentieth more each time, five minutes at most. So no look comes later than by a twentieth of the time
    that has passed, and hours take some hundred looks, of the 25,000 events that an execution may have.
    Source: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    most = max(seconds, _LONGEST_WAIT_SECONDS)
    return expression(f"$min([{most}, $round({seconds} * $power(1.05, {looks}))])")
