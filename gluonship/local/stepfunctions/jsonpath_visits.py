"""States in JSONPath: InputPath, Parameters, ResultSelector, ResultPath, OutputPath.

AWS: "Processing input and output in Step Functions".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gluonship.local.stepfunctions import json_paths
from gluonship.local.stepfunctions.choice_rules import rule_holds
from gluonship.local.stepfunctions.failures import StatesError
from gluonship.local.stepfunctions.json_text import compact, within_limit
from gluonship.local.stepfunctions.payload_templates import Sources, fill, lookup
from gluonship.local.stepfunctions.visits import Visit


@dataclass
class JsonPathVisit(Visit):
    @cached_property
    def _input(self) -> Any:
        return self._selected("InputPath", self.data)

    def input(self) -> Any:
        return self._input

    def arguments(self) -> Any:
        if "Parameters" not in self.state or self.state["Type"] == "Map":
            return self._input
        return self._filled("Parameters", self.state["Parameters"], self._sources(self._input))

    def finish(self, result: Any) -> Any:
        selector = self.state.get("ResultSelector")
        selected = result
        if selector is not None:
            selected = self._filled("ResultSelector", selector, self._sources(result))
        output = self._selected("OutputPath", self._put(self.state, selected))
        self._assign(self.state, result)
        return output

    def caught(self, catcher: Mapping[str, Any], error: StatesError) -> Any:
        output = self._put(catcher, error.output)
        self._assign(catcher, error.output)
        return output

    def field(self, name: str) -> Any:
        path = self.state.get(f"{name}Path")
        if path is not None:
            return lookup(path, self._sources(self._input), f"{name}Path")
        return self.state.get(name)

    def chosen(self, rule: Mapping[str, Any]) -> Any:
        output = self._selected("OutputPath", self._input)
        self._assign(rule, self._input)
        return output

    def items(self) -> Any:
        path = self.state.get("ItemsPath", "$")
        return lookup(path, self._sources(self._input), "ItemsPath")

    def item(self, value: Any, index: int) -> Any:
        template = self.state.get("ItemSelector", self.state.get("Parameters"))
        if template is None:
            return value
        context = {**self.frame.context(), "Map": {"Item": {"Index": index, "Value": value}}}
        sources = Sources(self._input, context, self.frame.variables.all())
        return self._filled("ItemSelector", template, sources)

    def holds(self, rule: Mapping[str, Any]) -> bool:
        return rule_holds(rule, self._sources(self._input))

    def _sources(self, data: Any) -> Sources:
        return Sources(data, self.frame.context(), self.frame.variables.all())

    def _selected(self, field: str, data: Any) -> Any:
        path = self.state.get(field, "$")
        if path is None:
            return {}
        return data if path == "$" else lookup(path, self._sources(data), field)

    def _put(self, rule: Mapping[str, Any], result: Any) -> Any:
        """The raw input with the result at ResultPath; null keeps the input."""
        text = rule.get("ResultPath", "$")
        if text is None:
            return self.data
        try:
            return json_paths.put(json_paths.parse(text), self.data, result)
        except json_paths.PathMissingError:
            raise StatesError(
                "States.ResultPathMatchFailure",
                f'Unable to apply step "{text}" to input {compact(self.data)}',
            ) from None

    def _assign(self, rule: Mapping[str, Any], data: Any) -> None:
        """Comes last: the state itself sees the variables as they were, and one that fails assigns none."""
        if "Assign" in rule:
            self.frame.variables.assign(self._filled("Assign", rule["Assign"], self._sources(data)))

    def _filled(self, field: str, template: Any, sources: Sources) -> Any:
        return within_limit(fill(template, sources), f"The field '{field}'")
