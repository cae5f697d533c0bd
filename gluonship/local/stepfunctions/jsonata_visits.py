"""States in JSONata: Arguments, Output, Assign, with $states and the variables.

AWS: "Transforming data with JSONata in Step Functions".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gluonship.local.stepfunctions.failures import QUERY, StatesError
from gluonship.local.stepfunctions.json_text import compact
from gluonship.local.stepfunctions.jsonata_queries import evaluate
from gluonship.local.stepfunctions.visits import Visit

_NOTHING = object()


@dataclass
class JsonataVisit(Visit):
    def input(self) -> Any:
        return self.data

    def arguments(self) -> Any:
        return self._evaluated("Arguments", {}) if "Arguments" in self.state else self.data

    def finish(self, result: Any) -> Any:
        return self._ended(self.state, {"result": result}, result)

    def caught(self, catcher: Mapping[str, Any], error: StatesError) -> Any:
        return self._ended(catcher, {"errorOutput": error.output}, error.output)

    def field(self, name: str) -> Any:
        return self._evaluated(name, {})

    def chosen(self, rule: Mapping[str, Any]) -> Any:
        return self._ended(rule, {}, self.data, self.state.get("Output", _NOTHING))

    def items(self) -> Any:
        return self._evaluated("Items", {}) if "Items" in self.state else self.data

    def item(self, value: Any, index: int) -> Any:
        if "ItemSelector" not in self.state:
            return value
        context = {**self.frame.context(), "Map": {"Item": {"Index": index, "Value": value}}}
        return self._evaluated("ItemSelector", {"context": context})

    def holds(self, rule: Mapping[str, Any]) -> bool:
        found = self._value(rule.get("Condition"), "Condition", {})
        if not isinstance(found, bool):
            raise StatesError(
                QUERY,
                f"The JSONata expression '{rule.get('Condition')}' gave {compact(found)}, not true or false.",
            )
        return found

    def _ended(
        self, rule: Mapping[str, Any], more: dict[str, Any], default: Any, other: Any = _NOTHING
    ) -> Any:
        """Output and Assign see the same variables: the new ones are for the states that follow."""
        template = rule.get("Output", other)
        output = default if template is _NOTHING else self._value(template, "Output", more)
        if "Assign" in rule:
            self.frame.variables.assign(self._value(rule["Assign"], "Assign", more))
        return output

    def _evaluated(self, field: str, more: dict[str, Any]) -> Any:
        return self._value(self.state.get(field), field, more)

    def _value(self, template: Any, field: str, more: dict[str, Any]) -> Any:
        states = {"input": self.data, "context": self.frame.context(), **more}
        bindings = {**self.frame.variables.all(), "states": states}
        now = self.frame.run.around.clock.now()
        execution = self.frame.run.context["Execution"]["Id"]
        return evaluate(template, bindings, field, now, self.frame.halt, execution)
