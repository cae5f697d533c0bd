"""Endpoints: what watches and scales one that exists, and one declared whole."""

from gluonship_infra.endpoint.alarms import AlarmThresholds, VariantAlarms, rollback_alarm_names
from gluonship_infra.endpoint.dashboard import EndpointDashboard
from gluonship_infra.endpoint.metrics import VariantMetrics
from gluonship_infra.endpoint.operations import EndpointOperations
from gluonship_infra.endpoint.refusals import InvalidProps
from gluonship_infra.endpoint.scaling import (
    Scaling,
    ScheduledCapacity,
    VariantScaling,
    target_invocations_per_instance,
)

__all__ = [
    "AlarmThresholds",
    "EndpointDashboard",
    "EndpointOperations",
    "InvalidProps",
    "Scaling",
    "ScheduledCapacity",
    "VariantAlarms",
    "VariantMetrics",
    "VariantScaling",
    "rollback_alarm_names",
    "target_invocations_per_instance",
]
