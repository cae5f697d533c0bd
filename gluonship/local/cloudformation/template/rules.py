"""The Rules section: assertions on parameters, checked before anything else.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
"""

from __future__ import annotations

import json

from gluonship.local.cloudformation.template.document import Template
from gluonship.local.cloudformation.template.errors import TemplateError
from gluonship.local.cloudformation.template.functions import Evaluator


def check(template: Template, evaluator: Evaluator) -> None:
    """Raises TemplateError with every assertion that does not hold."""
    failed: list[str] = []
    for name, rule in template.rules.items():
        assertions = rule.get("Assertions")
        if not isinstance(assertions, list) or not all("Assert" in item for item in assertions):
            raise TemplateError(f"Template format error: [/Rules/{name}] every rule needs Assertions")
        if "RuleCondition" in rule and evaluator.truth(rule["RuleCondition"]) is False:
            continue
        for assertion in assertions:
            if evaluator.truth(assertion["Assert"]) is False:
                words = assertion.get("AssertDescription") or json.dumps(assertion["Assert"])
                failed.append(f"Rule {name}: {words}")
    if failed:
        raise TemplateError(f"Template validation error: {'; '.join(failed)}")
