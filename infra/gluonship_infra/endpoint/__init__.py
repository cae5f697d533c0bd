"""Endpoints: what watches and scales one that exists, and one declared whole."""

from gluonship_infra.endpoint.alarms import AlarmThresholds, VariantAlarms, rollback_alarm_names
from gluonship_infra.endpoint.asynchronous import AsyncInference
from gluonship_infra.endpoint.backlog_scaling import AsyncVariantScaling, BacklogScaling
from gluonship_infra.endpoint.dashboard import EndpointDashboard
from gluonship_infra.endpoint.data_capture import DataCapture
from gluonship_infra.endpoint.declared import DeclaredEndpoint
from gluonship_infra.endpoint.deployment import CapacitySize, Deployment
from gluonship_infra.endpoint.images import PinnedImage
from gluonship_infra.endpoint.metrics import VariantMetrics
from gluonship_infra.endpoint.models import ModelData, ServedModel
from gluonship_infra.endpoint.operations import EndpointOperations
from gluonship_infra.endpoint.refusals import InvalidProps
from gluonship_infra.endpoint.scaling import (
    Scaling,
    ScheduledCapacity,
    VariantScaling,
    target_invocations_per_instance,
)
from gluonship_infra.endpoint.variants import Serverless, Variant

__all__ = [
    "AlarmThresholds",
    "AsyncInference",
    "AsyncVariantScaling",
    "BacklogScaling",
    "CapacitySize",
    "DataCapture",
    "DeclaredEndpoint",
    "Deployment",
    "EndpointDashboard",
    "EndpointOperations",
    "InvalidProps",
    "ModelData",
    "PinnedImage",
    "Scaling",
    "ScheduledCapacity",
    "ServedModel",
    "Serverless",
    "Variant",
    "VariantAlarms",
    "VariantMetrics",
    "VariantScaling",
    "rollback_alarm_names",
    "target_invocations_per_instance",
]
