"""The quality gate: good enough by itself, and better than the model in service by the gain asked for.

Where the two cannot be compared, the candidate is refused unless the settings allow it.
"""

from __future__ import annotations

from gluonship_infra.pipeline.asl import States, choice, refuse
from gluonship_infra.pipeline.parameters import Parameters

FIRST = "Gate"
REFUSED = "QualityGate.Refused"
_TOLERANCE = 1e-9  # 0.86 + 0.01 is not quite 0.87 in binary


def states(parameters: Parameters, then: str) -> States:
    settings = parameters.settings
    threshold, gain = f"{settings.accuracy_threshold:.6g}", f"{settings.minimum_gain:.6g}"
    accuracy = (
        "'The candidate has an accuracy of ' & $string($gate.accuracy) & ' on ' & $string($gate.images)"
    )
    incomparable = [] if settings.allow_incomparable else [("$gate.incomparable", "Incomparable")]
    return {
        FIRST: choice(
            (f"$gate.accuracy + {_TOLERANCE:.9f} < {threshold}", "BelowThreshold"),
            (
                "$type($gate.in_service_accuracy) = 'number' and "
                f"$gate.accuracy + {_TOLERANCE:.9f} < $gate.in_service_accuracy + ({gain})",
                "NoGain",
            ),
            *incomparable,
            default=then,
        ),
        **({} if settings.allow_incomparable else _incomparable(accuracy)),
        "BelowThreshold": refuse(
            REFUSED,
            f"{accuracy} & ' test images; the threshold is {threshold}. The model in service has ' & "
            f"{in_service_words()} & '. The endpoint serves as before.'",
        ),
        "NoGain": refuse(
            REFUSED,
            f"{accuracy} & ' test images, and the model in service has ' & {in_service_words()} & ': "
            f"a gain of {gain} was asked for. The endpoint serves as before.'",
        ),
    }


def _incomparable(accuracy: str) -> States:
    return {
        "Incomparable": refuse(
            REFUSED,
            f"{accuracy} & ' test images, and cannot be compared with the model in service: ' & "
            "$gate.in_service_reason & '. The endpoint serves as before. To replace that model all the same, "
            "set allow_incomparable, or delete the endpoint.'",
        )
    }


def in_service_words() -> str:
    """JSONata: the accuracy of the model in service, or why there is none."""
    return (
        "($type($gate.in_service_accuracy) = 'number' ? $string($gate.in_service_accuracy) : "
        "'none (' & ($comparedConfig != '' and $inService = '' ? "
        "'what the endpoint serves cannot be read' : $gate.in_service_reason) & ')')"
    )
