"""The rules that every template of the account keeps: cdk-nag's AwsSolutions and a pack of our own.

    rules.apply(app)                                  # a violation fails the synthesis
    rules.acknowledge(bucket, {"AwsSolutions-S1": "Access logs cannot be delivered to their own bucket."})

Exceptions from our own rules are acknowledged as `GluonShip::NAME`, for one state of a state machine as
`GluonShip::NAME[STATE]`; the names are in `RULES`.
"""

from __future__ import annotations

from gluonship_infra.rules.acknowledgements import WeakReason, acknowledge
from gluonship_infra.rules.checks import RULES, GluonShipChecks, findings
from gluonship_infra.rules.report import write_report
from gluonship_infra.rules.rule import Finding, Rule
from gluonship_infra.rules.synthesis import apply, synthesise
from gluonship_infra.rules.templates import Template
from gluonship_infra.rules.wildcards import acknowledge_wildcards

__all__ = [
    "RULES",
    "Finding",
    "GluonShipChecks",
    "Rule",
    "Template",
    "WeakReason",
    "acknowledge",
    "acknowledge_wildcards",
    "apply",
    "findings",
    "synthesise",
    "write_report",
]
