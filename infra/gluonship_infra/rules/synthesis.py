"""Synthesis under the rules, with the report written whatever comes of it."""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from gluonship_infra.rules.checks import GluonShipChecks
from gluonship_infra.rules.report import lines, write_report


def apply(app: App) -> None:
    """Has the CDK check every template: a rule neither kept nor acknowledged fails the synthesis."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), GluonShipChecks())


def synthesise(app: App) -> bool:
    """Synthesises an app under the rules; False, with a line on stderr, when a template breaks one.

    The CDK prints what it found, and leaves it to the command or to the app to fail, or raises: so the report
    is what tells.
    """
    apply(app)
    folder = Path(app.outdir)
    failure: RuntimeError | None = None
    try:
        app.synth()
    except RuntimeError as error:  # of the JavaScript process, also for a validation that failed
        failure = error
    report = write_report(folder)
    violations = sum(line.result == "violation" for line in lines(folder))
    if failure is not None and not violations:
        raise failure
    if violations:
        print(f"{violations} findings of the rules; nothing is deployed. See '{report}'.", file=sys.stderr)
    return not violations
