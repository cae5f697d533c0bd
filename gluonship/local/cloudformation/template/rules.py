"""The Rules section: assertions on parameters, checked before anything else.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
"""

from __future__ import annotations

import json

from gluonship.local.cloudformation.template.document import Template
from gluonship.local.cloudformation.template.errors import TemplateError
from gluonship.local.cloudformation.template.functions import Evaluator


def check(template: Template, evaluator: Evaluator) -> None:
    """Raises TemplateError with every assertion that does not hold. What rests on values that are not known
    yet is left to the next check, when they are."""
    failed: list[str] = []
    for name, rule in template.rules.items():
        if "RuleCondition" in rule and evaluator.truth(rule["RuleCondition"]) is not True:
            continue
        for assertion in rule["Assertions"]:
            if evaluator.truth(assertion["Assert"]) is False:
                words = assertion.get("AssertDescription") or json.dumps(assertion["Assert"])
                failed.append(f"Rule {name}: {words}")
    if failed:
        raise TemplateError(f"Template validation error: {'; '.join(failed)}")
