"""The state machine as data: the stages in order, each a module of `states`.

beginning -> notice -> training -> evaluation -> gate -> compilation -> look at the endpoint -> registration
-> deployment -> notice; and from anywhere, on an error, Failed -> tidying -> notice -> Fail.
"""

from __future__ import annotations

from typing import Any

from gluonship_infra.pipeline.parameters import Parameters
from gluonship_infra.pipeline.states import (
    beginning,
    compilation,
    deployment,
    evaluation,
    gate,
    notices,
    registration,
    training,
)


def definition(parameters: Parameters) -> dict[str, Any]:
    """The machine in Amazon States Language, with JSONata as its query language."""
    after_gate = compilation.first(parameters, otherwise=deployment.FIRST)
    stages = [
        beginning.states(parameters, then=notices.STARTED),
        notices.beginning(parameters, then=training.FIRST),
        training.states(parameters, then=evaluation.FIRST),
        evaluation.states(parameters, then=gate.FIRST),
        gate.states(parameters, then=after_gate),
        compilation.states(parameters, then=deployment.FIRST),
        deployment.looking(parameters, then=registration.FIRST, again=evaluation.AGAIN),
        registration.states(parameters, then=deployment.DEPLOY),
        deployment.deploying(parameters, then=notices.SUCCEEDED),
        notices.endings(parameters),
    ]
    return {
        "Comment": f"GluonShip: from labelled images to the endpoint {parameters.endpoint_name}",
        "QueryLanguage": "JSONata",
        "StartAt": beginning.FIRST,
        "States": {name: state for stage in stages for name, state in stage.items()},
    }
