"""The pack: every rule over every synthesised template, as a validation plug-in of the CDK.

A cdk-nag pack can only be written where its rules run inside the JavaScript process; a plug-in is what such a
pack is to the CDK, and lets the rules be pure functions over templates. Exceptions are CDK's own
acknowledgements: `GluonShip::NAME` on a construct or on one above it, `GluonShip::NAME[STATE]` for one state
of a state machine.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from pathlib import Path

import jsii
from aws_cdk import (
    IPolicyValidationContext,
    IPolicyValidationPlugin,
    PolicyValidationPluginReport,
    PolicyViolatingResource,
    PolicyViolation,
)

from gluonship_infra.rules import endpoints, images, jobs, policies
from gluonship_infra.rules.rule import Finding, Rule
from gluonship_infra.rules.templates import Template

RULES: tuple[Rule, ...] = (*jobs.RULES, *images.RULES, *endpoints.RULES, *policies.RULES)


def findings(template: Template, rules: tuple[Rule, ...] = RULES) -> list[tuple[Rule, Finding]]:
    """All that a template does not keep, by rule."""
    return [(rule, finding) for rule in rules for finding in rule.check(template)]


@jsii.implements(IPolicyValidationPlugin)
class GluonShipChecks:
    """The kit's own rule pack: `Validations.of(app).add_plugins(GluonShipChecks())`."""

    @property
    def name(self) -> str:
        """The namespace of the rules in acknowledgements."""
        return "GluonShip"

    @property
    def version(self) -> str:
        """The pack's version."""
        return "1.0.0"

    @property
    def rule_ids(self) -> list[str]:
        """The names of all rules."""
        return [rule.name for rule in RULES]

    def validate(self, context: IPolicyValidationContext) -> PolicyValidationPluginReport:
        """Called by the CDK with the templates that it wrote."""
        violations = [
            violation
            for path in context.template_paths
            for violation in _violations(path, findings(Template.read(Path(path))))
        ]
        return PolicyValidationPluginReport(success=not violations, violations=violations)


def _violations(path: str, found: list[tuple[Rule, Finding]]) -> list[PolicyViolation]:
    """One violation a finding: its message belongs to one place, and an exception to one state."""
    return [
        PolicyViolation(
            rule_name=f"{rule.name}[{finding.state}]" if finding.state else rule.name,
            description=f"{rule.what} Here, {finding.message}. ({rule.why})",
            fix=f"{rule.fix} {rule.source}",
            severity="error",
            violating_resources=[
                PolicyViolatingResource(
                    resource_logical_id=finding.resource, template_path=path, locations=[finding.location]
                )
            ],
        )
        for rule, group in groupby(found, key=itemgetter(0))
        for _, finding in group
    ]
