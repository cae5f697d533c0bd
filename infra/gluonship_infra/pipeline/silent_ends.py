"""What tells people of executions that end without a notice of their own.

A run tells of its errors itself. It cannot where it is stopped, where its time is up, and where Step
Functions ends it by an error that no state can catch; EventBridge hears of those. Source:
https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from gluonship_infra import rules

# States.ALL leaves the first two, and expressions of states other than tasks have no Catch. Source:
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
_UNCAUGHT = ("States.Runtime", "States.DataLimitExceeded", "States.QueryEvaluationError")
_DATA_KEYS = (
    "The CDK lets a publisher of an encrypted topic make data keys, by the name that both kinds have."
)


def on_silent_end(scope: Construct, id: str, *, machine: sfn.IStateMachine, topic: sns.ITopic) -> events.Rule:
    """A notice to `topic` of each such end.

    In a role, so that neither the topic's policy nor the key's need to name EventBridge.
    """
    stack = cdk.Stack.of(scope)
    role = iam.Role(
        scope,
        f"{id}Role",
        assumed_by=iam.ServicePrincipal(
            "events.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": stack.account}}
        ),
        description="EventBridge tells of runs that ended without a notice",
    )
    rules.acknowledge(role, {"AwsSolutions-IAM5[Action::kms:GenerateDataKey*]": _DATA_KEYS})
    status, name = (events.EventField.from_path(f"$.detail.{member}") for member in ("status", "name"))
    return events.Rule(
        scope,
        id,
        description="Runs that ended without a notice: stopped, out of time, or by an error of the machine",
        event_pattern=events.EventPattern(
            source=["aws.states"],
            detail_type=["Step Functions Execution Status Change"],
            detail={
                "stateMachineArn": [machine.state_machine_arn],
                "$or": [
                    {"status": ["ABORTED", "TIMED_OUT"]},
                    {"status": ["FAILED"], "error": [*_UNCAUGHT, {"exists": False}]},
                ],
            },
        ),
        targets=[
            targets.SnsTopic(
                topic,
                role=role,
                message=events.RuleTargetInput.from_text(
                    f"The training pipeline's execution {name} has ended as {status}, without a notice of "
                    "its own. Look at its history in Step Functions, and at the endpoint: what it made may "
                    "be left. "
                    f"Execution: {events.EventField.from_path('$.detail.executionArn')}"
                ),
            )
        ],
    )
