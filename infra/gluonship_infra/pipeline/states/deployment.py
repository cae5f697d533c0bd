"""The endpoint, created or updated to the run's config, and looked at until it serves or has gone back."""

from __future__ import annotations

import json
from typing import Any

from gluonship_infra.pipeline.asl import (
    FAILED,
    States,
    assign,
    choice,
    expression,
    longer_each_time,
    refuse,
    task,
    wait,
)
from gluonship_infra.pipeline.parameters import Parameters
from gluonship_infra.pipeline.settings import MAX_UPDATE_SECONDS, PipelineSettings
from gluonship_infra.pipeline.states.endpoint_looks import look

FIRST = "LookAtEndpoint"
DEPLOY = "CreateOrUpdate"
_UPDATE = "UpdateEndpoint"
_LOOK_AT_ALARMS = "LookAtAlarms"
_IN_CHANGE = "['Creating', 'Updating', 'SystemUpdating', 'RollingBack', 'Deleting']"
# AWS's words where another call has come first.
_COLLISION = "/in-progress|already existing|already exists/"


def looking(parameters: Parameters, then: str, again: str) -> States:
    """Waits until nobody changes the endpoint. To `again` where it serves another config than the one that
    the candidate was compared with."""
    return {
        **look(
            FIRST,
            "describeEndpoint",
            {"EndpointName": parameters.endpoint_name},
            assign={
                "status": expression("$states.result.EndpointStatus"),
                "config": expression("$states.result.EndpointConfigName"),
                "looks": expression("$looks + 1"),
            },
            found="EndpointNow",
            missing="NoEndpoint",
        ),
        "NoEndpoint": assign({"status": "None", "config": ""}, then="EndpointNow"),
        "EndpointNow": choice(
            (f"$status in {_IN_CHANGE}", "WaitForOthers"),
            ("$status = 'Failed'", "DeleteFailedEndpoint"),
            ("$config = $comparedConfig", then),
            default=again,
            comment="Another run may have put its model into service since this one was compared.",
        ),
        "WaitForOthers": wait(_seconds(parameters), then=FIRST),
        "DeleteFailedEndpoint": task(
            "aws-sdk:sagemaker:deleteEndpoint",
            {"EndpointName": parameters.endpoint_name},
            then="WaitForOthers",
            comment="An endpoint whose creation failed serves nothing, and AWS cannot update it.",
        ),
    }


def deploying(parameters: Parameters, then: str) -> States:
    return {
        DEPLOY: choice(
            ("$status = 'None'", "CreateEndpoint"),
            default=_LOOK_AT_ALARMS if parameters.settings.rollback_alarms else _UPDATE,
        ),
        **_looking_at_alarms(parameters.settings),
        "CreateEndpoint": task(
            "sagemaker:createEndpoint",
            {"EndpointName": parameters.endpoint_name, "EndpointConfigName": expression("$run")},
            assign={"deploying": True, "created": True, "looks": 0},
            then="WaitForEndpoint",
            on_error="NotDeployed",
        ),
        _UPDATE: task(
            "aws-sdk:sagemaker:updateEndpoint",  # the optimised one takes the two names and nothing else
            {
                "EndpointName": parameters.endpoint_name,
                "EndpointConfigName": expression("$run"),
                "RetainAllVariantProperties": True,
                **_deployment(parameters.settings),
            },
            assign={"deploying": True, "looks": 0},
            then="WaitForEndpoint",
            on_error="NotDeployed",
            comment="The variant keeps the instance count that scaling has given it.",
        ),
        "NotDeployed": choice(
            (f"$contains($failure.Cause, {_COLLISION})", "WaitForOthers"),
            default=FAILED,
            comment="Another run came first: wait for it, and beat its model.",
        ),
        "WaitForEndpoint": wait(_seconds(parameters), then="LookAtDeployment"),
        "LookAtDeployment": task(
            "aws-sdk:sagemaker:describeEndpoint",
            {"EndpointName": parameters.endpoint_name},
            assign={
                "status": expression("$states.result.EndpointStatus"),
                "config": expression("$states.result.EndpointConfigName"),
                "reason": expression("[$states.result.FailureReason, 'No reason was given.'][0]"),
                "looks": expression("$looks + 1"),
            },
            then="DeploymentEnded",
        ),
        "DeploymentEnded": choice(
            ("$status = 'InService' and $config = $run", then),
            (f"$status in {_IN_CHANGE}", "WaitForEndpoint"),
            default="DidNotComeUp",
        ),
        # From here on nothing changes the endpoint any more: what was made for it may go.
        "DidNotComeUp": assign({"deploying": False}, then="EndpointBroken"),
        "EndpointBroken": choice(("$created", "RemoveBrokenEndpoint"), default="RolledBack"),
        "RemoveBrokenEndpoint": task(
            "aws-sdk:sagemaker:deleteEndpoint",
            {"EndpointName": parameters.endpoint_name},
            then="NeverCameUp",
            comment="There was none before this run.",
        ),
        "NeverCameUp": refuse(
            "Endpoint.DidNotComeUp",
            f"'The endpoint {parameters.endpoint_name} did not come up (' & $status & '), and was deleted "
            "again. ' & $reason",
        ),
        "RolledBack": refuse(
            "Endpoint.UpdateFailed",
            f"'The endpoint {parameters.endpoint_name} could not be updated (' & $status & '), and serves "
            "the config ' & $config & '. ' & $reason",
        ),
    }


def _seconds(parameters: Parameters) -> str:
    return longer_each_time(parameters.settings.poll_seconds, "$looks")


def _looking_at_alarms(settings: PipelineSettings) -> States:
    """Sets `$alarms`, those that there are, and `$missingAlarms`.

    The endpoint's own alarms are deployed once it exists, so the first update may come before they do; and
    AWS does not say what becomes of an update that names an alarm which is not there.
    """
    names = json.dumps(settings.rollback_alarms)  # 10 at most, and DescribeAlarms takes 100
    found = "$append($states.result.MetricAlarms, $states.result.CompositeAlarms).AlarmName"
    if not settings.rollback_alarms:
        return {}
    return {
        _LOOK_AT_ALARMS: task(
            "aws-sdk:cloudwatch:describeAlarms",
            {
                "AlarmNames": list(settings.rollback_alarms),
                "AlarmTypes": ["MetricAlarm", "CompositeAlarm"],
            },
            assign={
                "alarms": expression(f"[$filter({names}, function($name) {{$name in {found}}})]"),
                "missingAlarms": expression(
                    f"[$filter({names}, function($name) {{$not($name in {found})}})]"
                ),
            },
            then=_UPDATE,
        )
    }


def _deployment(settings: PipelineSettings) -> dict[str, Any]:
    """DeploymentConfig, where AWS's own way (all at once, no alarms) is not the one wanted.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
    """
    if settings.deployment == "all-at-once" and not settings.rollback_alarms:
        return {}
    routing: dict[str, Any] = {
        "Type": {"all-at-once": "ALL_AT_ONCE", "canary": "CANARY", "linear": "LINEAR"}[settings.deployment],
        "WaitIntervalInSeconds": settings.deployment_wait_seconds,
    }
    size = {"Type": "CAPACITY_PERCENT", "Value": settings.deployment_percent}
    if settings.deployment == "canary":
        routing["CanarySize"] = size
    elif settings.deployment == "linear":
        routing["LinearStepSize"] = size
    wanted: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": settings.termination_wait_seconds,
            "MaximumExecutionTimeoutInSeconds": MAX_UPDATE_SECONDS,
        }
    }
    if settings.rollback_alarms:
        # AWS takes no empty list of alarms, but a configuration without one.
        wanted["AutoRollbackConfiguration"] = expression(
            "$count($alarms) > 0 ? {'Alarms': [$alarms.{'AlarmName': $}]} : {}"
        )
    return {"DeploymentConfig": wanted}
