"""The stacks of one environment: what the configuration says, given to the constructs.

Two phases, as the endpoint is the pipeline's own: Storage and Pipeline are deployed first; the pipeline's
first run makes the endpoint; then Endpoint attaches scaling, alarms and a dashboard to it.
"""

from __future__ import annotations

from aws_cdk import App

from gluonship_infra.configuration import Configuration
from gluonship_infra.stacks.endpoint import EndpointStack
from gluonship_infra.stacks.pipeline import PipelineStack
from gluonship_infra.stacks.storage import StorageStack

__all__ = ["EndpointStack", "PipelineStack", "StorageStack", "add_stacks"]


def add_stacks(app: App, configuration: Configuration) -> None:
    """Adds the stacks that the configuration names."""
    storage = StorageStack(app, configuration).storage
    if "pipeline" in configuration.stacks:
        PipelineStack(app, configuration, storage)
    if "endpoint" in configuration.stacks:
        EndpointStack(app, configuration, storage)
