"""Exceptions from rules, each with a reason that a reviewer can weigh."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

_SENTENCE = re.compile(r"[A-Z].{24,}\.", re.DOTALL)


class WeakReason(ValueError):
    """A reason for an exception that is not a sentence."""


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Excepts a construct, and those below it, from rules: {rule: reason}.

    cdk-nag's rules go by their ids ("AwsSolutions-S1", "AwsSolutions-IAM5[Resource::*]"), those of this pack
    by "GluonShip::NAME". Raises WeakReason for a reason that is not a sentence of 25 letters or more.
    """
    for rule, reason in reasons.items():
        check_reason(rule, reason)
        Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))


def check_reason(rule: str, reason: str) -> None:
    """Raises WeakReason if the reason is not a sentence."""
    if not _SENTENCE.fullmatch(reason):
        raise WeakReason(
            f"The reason for excepting a construct from {rule} is not a sentence: '{reason}'. "
            "Say why the rule does not fit here, from a capital letter to a full stop."
        )
