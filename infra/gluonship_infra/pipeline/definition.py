"""The state machine as data: the stages in order, each a module of `states`.

beginning -> notice -> training -> evaluation -> gate -> compilation -> look at the endpoint -> registration
-> deployment -> notice; and from anywhere, on an error, Failed -> tidying -> notice -> Fail.
"""

from __future__ import annotations

from typing import Any

from gluonship_infra.pipeline.parameters import Parameters
from gluonship_infra.pipeline.settings import MAX_UPDATE_SECONDS, PipelineSettings
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

_ROUNDS = 10  # of evaluation and deployment, in a run that other runs come before again and again
_PENDING_SECONDS = 24 * 3600  # of all jobs together, until AWS has instances for them
_YEAR_SECONDS = 365 * 24 * 3600  # after which AWS ends any execution


def _longest(settings: PipelineSettings) -> int:
    """Seconds after which a run is not slow but stuck."""
    training = settings.training_max_wait_seconds() if settings.spot else settings.training_max_seconds
    round_ = settings.evaluation_max_seconds + MAX_UPDATE_SECONDS
    return min(
        settings.training_attempts * training
        + len(settings.compile_targets) * compilation.MAX_SECONDS
        + _ROUNDS * round_
        + _PENDING_SECONDS,
        _YEAR_SECONDS,
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
        "TimeoutSeconds": _longest(parameters.settings),
        "Comment": f"GluonShip: from labelled images to the endpoint {parameters.endpoint_name}",
        "QueryLanguage": "JSONata",
        "StartAt": beginning.FIRST,
        "States": {name: state for stage in stages for name, state in stage.items()},
    }
