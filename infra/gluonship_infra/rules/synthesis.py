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
    """Synthesises an app under the rules; False, with what was found on stderr, when a template breaks one.

    The CDK prints and raises, or does neither where it leaves both to its command, which goes by this
    process's exit status first: so the report is what tells.
    """
    apply(app)
    folder = Path(app.outdir)
    failure: RuntimeError | None = None
    try:
        app.synth()
    except RuntimeError as error:  # of the JavaScript process, also for a validation that failed
        failure = error
    report = write_report(folder)
    violations = [line for line in lines(folder) if line.result == "violation"]
    if failure is not None and not violations:
        raise failure
    if failure is None:
        for line in violations:
            print(f"{line.construct} breaks {line.rule}. {line.text}", file=sys.stderr)
    if violations:
        print(f"The rules have {len(violations)} findings; all are in '{report}'.", file=sys.stderr)
    return not violations
