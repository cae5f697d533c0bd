"""What starts a run by itself: a schedule, and a data set that is complete.

A data set is many objects, and each would start a run of its own. So the last object to be put says that the
others are there: an empty one named _READY in the data set's folder, beside train/ and test/.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from gluonship_infra.pipeline.states.beginning import MARKER


def events_role(scope: Construct, id: str, machine: sfn.IStateMachine) -> iam.Role:
    """The role in which EventBridge starts `machine`, and nothing else."""
    role = iam.Role(
        scope,
        id,
        assumed_by=iam.ServicePrincipal(
            "events.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(scope).account}},
        ),
        description="EventBridge starts the training pipeline",
    )
    role.add_to_policy(
        iam.PolicyStatement(actions=["states:StartExecution"], resources=[machine.state_machine_arn])
    )
    return role


def on_ready_data(
    scope: Construct, id: str, *, bucket: s3.IBucket, prefix: str, machine: sfn.IStateMachine, role: iam.IRole
) -> events.Rule:
    """A run on the folder of each object named _READY that is put under `prefix` of `bucket`, which must send
    its events to EventBridge."""
    folder = prefix if prefix.endswith("/") else f"{prefix}/"
    return events.Rule(
        scope,
        id,
        description=f"A {MARKER} under {folder} starts a run on its folder",
        event_pattern=events.EventPattern(
            source=["aws.s3"],
            detail_type=["Object Created"],
            detail={
                "bucket": {"name": [bucket.bucket_name]},
                "object": {"key": [{"wildcard": f"{folder}*/{MARKER}"}]},
            },
        ),
        targets=[
            targets.SfnStateMachine(
                machine,
                role=role,
                input=events.RuleTargetInput.from_object(
                    {"ready": events.EventField.from_path("$.detail.object.key")}
                ),
            )
        ],
    )


def on_schedule(
    scope: Construct, id: str, *, expression: str, machine: sfn.IStateMachine, role: iam.IRole
) -> events.Rule:
    """A run on the settings' data set at each time of a rate(...) or cron(...)."""
    return events.Rule(
        scope,
        id,
        description="A run of the training pipeline on its own data set",
        schedule=events.Schedule.expression(expression),
        targets=[targets.SfnStateMachine(machine, role=role, input=events.RuleTargetInput.from_object({}))],
    )
