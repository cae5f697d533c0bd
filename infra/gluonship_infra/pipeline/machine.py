"""The state machine as a resource, with its log and its trace."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from gluonship_infra import rules
from gluonship_infra.pipeline.definition import definition
from gluonship_infra.pipeline.parameters import Parameters
from gluonship_infra.pipeline.states import registration

_INSTALLS = (
    "AWS's MXNet inference container lacks OpenCV and installs it when it starts, for which it needs the "
    "network. A model in an inference image of one's own is isolated."
)
_NOT_ROLLED_BACK = (
    "The settings name no rollback_alarms: whether a bad update is taken back is left to whoever watches the "
    "endpoint, by the choice of its owner."
)


def state_machine(
    scope: Construct,
    id: str,
    *,
    parameters: Parameters,
    role: iam.IRole,
    key: kms.IKey,
    log_days: logs.RetentionDays,
    removal_policy: cdk.RemovalPolicy,
) -> sfn.StateMachine:
    """A standard machine that logs every step, without the data in it, into a group of its own.

    `removal_policy` is the group's: the machine is made again as it was, and alone would be in the way.
    """
    stack = cdk.Stack.of(scope)
    machine = sfn.StateMachine(
        scope,
        id,
        state_machine_type=sfn.StateMachineType.STANDARD,
        definition_body=sfn.DefinitionBody.from_string(stack.to_json_string(definition(parameters))),
        role=role,
        tracing_enabled=True,
        logs=sfn.LogOptions(
            destination=log_group(scope, f"{id}Log", key=key, days=log_days, removal_policy=removal_policy),
            level=sfn.LogLevel.ALL,  # AwsSolutions-SF1
            include_execution_data=False,
        ),
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    if not parameters.isolated_serving:
        rules.acknowledge(machine, {f"GluonShip::NetworkIsolation[{registration.MODEL}]": _INSTALLS})
    if not parameters.settings.rollback_alarms:
        rules.acknowledge(machine, {"GluonShip::EndpointGuardrail[UpdateEndpoint]": _NOT_ROLLED_BACK})
    return machine


def log_group(
    scope: Construct, id: str, *, key: kms.IKey, days: logs.RetentionDays, removal_policy: cdk.RemovalPolicy
) -> logs.LogGroup:
    """A group under `key`, which CloudWatch Logs may use for groups of this account. Source:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    group = logs.LogGroup(scope, id, encryption_key=key, retention=days, removal_policy=removal_policy)
    stack = cdk.Stack.of(key)  # the policy is in the key's stack, and must not refer to this one
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="CloudWatchLogs",
            principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
            actions=[
                "kms:Encrypt*",
                "kms:Decrypt*",
                "kms:ReEncrypt*",
                "kms:GenerateDataKey*",
                "kms:Describe*",
            ],
            resources=["*"],
            conditions={
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": stack.format_arn(
                        service="logs",
                        resource="log-group",
                        resource_name="*",
                        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                    )
                }
            },
        )
    )
    return group
