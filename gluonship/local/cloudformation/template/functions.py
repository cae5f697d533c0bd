"""Intrinsic functions, pseudo parameters and conditions: expressions to values.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html

At plan time parts are UNKNOWN; whatever is made of them is UNKNOWN too.
"""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from gluonship.local.cloudformation.contract import UNKNOWN, Unknown
from gluonship.local.cloudformation.template.bounds import MOST_RANGES, Bounds, length_of
from gluonship.local.cloudformation.template.document import LANGUAGE_EXTENSIONS, Template
from gluonship.local.cloudformation.template.errors import TemplateError
from gluonship.local.cloudformation.template.references import VARIABLE, unresolved_dependencies
from gluonship.local.cloudformation.template.values import NO_VALUE, has_unknown, text


class Outside(Protocol):
    """What an expression can ask beyond its own template."""

    def resource(self, logical_id: str, attribute: str | None) -> Any:
        """What Ref (no attribute) or Fn::GetAtt gives; UNKNOWN before it is made. Raises TemplateError."""
        ...

    def import_value(self, name: str) -> Any:
        """An export's value. Raises TemplateError."""
        ...

    def availability_zones(self, region: str) -> list[str]:
        """The zones of a region, in order. Raises TemplateError."""
        ...

    def dynamic(self, string: str) -> str:
        """The string with its {{resolve:...}} references replaced. Raises TemplateError."""
        ...


class Evaluator:
    """Values of the expressions of one template, with given parameters."""

    def __init__(
        self,
        template: Template,
        parameters: Mapping[str, Any],
        pseudo: Mapping[str, Any],
        outside: Outside,
    ) -> None:
        self.template = template
        self._names = {**pseudo, **parameters}
        self._region = str(pseudo.get("AWS::Region", ""))
        self._outside = outside
        self._bounds = Bounds()
        self._truths: Evaluator | None = None
        self._conditions: dict[str, bool | Unknown] = {}
        self._asked: set[str] = set()  # those whose truth is being found
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Fn::And": self._and,
            "Fn::Base64": self._base64,
            "Fn::Cidr": self._cidr,
            "Fn::Contains": self._contains,
            "Fn::EachMemberEquals": self._each_member_equals,
            "Fn::EachMemberIn": self._each_member_in,
            "Fn::Equals": self._equals,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::GetAZs": self._get_azs,
            "Fn::If": self._if,
            "Fn::ImportValue": self._import_value,
            "Fn::Join": self._join,
            "Fn::Length": self._length,
            "Fn::Not": self._not,
            "Fn::Or": self._or,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
            "Fn::ToJsonString": self._to_json_string,
            "Ref": self._ref,
        }

    def value(self, expression: Any) -> Any:
        """The expression with every function resolved; may be NO_VALUE or UNKNOWN. Raises TemplateError."""
        if isinstance(expression, str):
            return self._dynamic(expression)
        if isinstance(expression, list):
            return [item for item in map(self.value, expression) if item is not NO_VALUE]
        if not isinstance(expression, dict):
            return expression
        if len(expression) == 1:
            ((key, argument),) = expression.items()
            function = self._functions.get(key)
            if function is not None:
                return function(argument)
        values = ((key, self.value(item)) for key, item in expression.items())
        return {key: item for key, item in values if item is not NO_VALUE}

    def with_values(self, parameters: Mapping[str, Any]) -> Evaluator:
        """The same, but for what Ref gives for these parameters. Conditions hold as they do here."""
        other = Evaluator(self.template, {**self._names, **parameters}, {}, self._outside)
        other._region, other._truths = self._region, self
        return other

    def condition(self, name: str) -> bool | Unknown:
        """A condition's truth; UNKNOWN where it rests on what is not known yet."""
        if self._truths is not None:
            return self._truths.condition(name)
        if not isinstance(name, str) or name not in self.template.conditions:
            raise TemplateError(f"Template error: unresolved condition dependency {name}")
        if name in self._asked:
            raise TemplateError(f"Template error: Circular dependency between conditions: [{name}]")
        if name not in self._conditions:
            self._asked.add(name)
            try:
                self._conditions[name] = self.truth(self.template.conditions[name])
            finally:
                self._asked.remove(name)
        return self._conditions[name]

    def truth(self, expression: Any) -> bool | Unknown:
        """An expression of the Conditions or Rules section."""
        if isinstance(expression, dict) and set(expression) == {"Condition"}:
            return self.condition(expression["Condition"])
        value = self.value(expression)
        if isinstance(value, Unknown):
            return value
        if text(value).lower() in ("true", "false"):
            return text(value).lower() == "true"
        raise TemplateError(f"Template error: {json.dumps(expression, default=str)} is not a condition")

    # --- references ----------------------------------------------------------------------------------------

    def _ref(self, name: Any) -> Any:
        if not isinstance(name, str):
            raise TemplateError("Template error: Ref needs the name of a parameter or a resource")
        if name in self._names:
            return self._names[name]
        if name in self.template.resources:
            return self._outside.resource(name, None)
        raise unresolved_dependencies([name], "Resources")

    def _get_att(self, argument: Any) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        attribute = [self.value(part) for part in parts[1:]]
        if has_unknown(attribute):
            return UNKNOWN
        return self._attribute(parts[0], ".".join(text(part) for part in attribute))

    def _attribute(self, logical_id: str, attribute: str) -> Any:
        if logical_id not in self.template.resources:
            raise TemplateError(
                f"Template error: instance of Fn::GetAtt references undefined resource {logical_id}"
            )
        return self._outside.resource(logical_id, attribute)

    def _import_value(self, argument: Any) -> Any:
        name = self.value(argument)
        return UNKNOWN if name is UNKNOWN else self._outside.import_value(text(name))

    def _dynamic(self, string: str) -> str:
        return self._outside.dynamic(string) if "{{resolve:" in string else string

    # --- strings and lists ---------------------------------------------------------------------------------

    def _sub(self, argument: Any) -> Any:
        string, given = argument if isinstance(argument, list) else (argument, {})
        own = {name: self.value(item) for name, item in given.items()}
        pieces: list[Any] = []
        end = 0
        for match in VARIABLE.finditer(string):
            pieces += [
                string[end : match.start()].replace("${!", "${"),
                self._variable(match[1].strip(), own),
            ]
            end = match.end()
        pieces.append(string[end:].replace("${!", "${"))
        if any(has_unknown(piece) for piece in pieces):
            return UNKNOWN
        return self._joined("Fn::Sub", "", pieces)

    def _variable(self, name: str, own: Mapping[str, Any]) -> Any:
        if name in own:
            value = own[name]
        elif name in self._names or "." not in name:
            value = self._ref(name)
        else:
            value = self._attribute(*name.split(".", 1))
        if isinstance(value, list | dict):
            raise TemplateError(
                f"Template error: variable {name} in Fn::Sub expression does not resolve to a string"
            )
        return value

    def _join(self, argument: Any) -> Any:
        separator, items = self._arguments("Fn::Join", argument, 2)
        if has_unknown([separator, items]):
            return UNKNOWN
        if not isinstance(items, list) or not isinstance(separator, str):
            raise TemplateError(
                "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and "
                "(2) a list of strings to be joined or a function that returns a list of strings "
                "(such as Fn::GetAZs) to be joined."
            )
        return self._joined("Fn::Join", separator, items)

    def _joined(self, function: str, separator: str, items: list[Any]) -> str:
        texts = [text(item) for item in items]
        self._bounds.check(function, sum(map(len, texts)) + len(separator) * max(0, len(texts) - 1))
        joined = separator.join(texts)
        resolved = self._dynamic(joined)
        if resolved is not joined:
            self._bounds.check(function, len(resolved))
        return resolved

    def _select(self, argument: Any) -> Any:
        index, items = self._arguments("Fn::Select", argument, 2)
        if items is UNKNOWN or index is UNKNOWN:
            return UNKNOWN
        if not text(index).isdigit() or not isinstance(items, list):
            raise TemplateError("Template error: Fn::Select requires an index and a list of values")
        if int(text(index)) >= len(items):
            raise TemplateError(
                f"Template error: Fn::Select cannot select nonexistent value at index {index}"
            )
        return items[int(text(index))]

    def _split(self, argument: Any) -> Any:
        separator, string = self._arguments("Fn::Split", argument, 2)
        if has_unknown([separator, string]):
            return UNKNOWN
        if not isinstance(separator, str) or not separator:
            raise TemplateError("Template error: Fn::Split requires a non-empty string delimiter")
        self._bounds.check("Fn::Split", len(text(string)))
        return text(string).split(separator)

    def _base64(self, argument: Any) -> Any:
        value = self.value(argument)
        if value is UNKNOWN:
            return UNKNOWN
        self._bounds.check("Fn::Base64", len(text(value)) * 4 // 3)
        return base64.b64encode(text(value).encode()).decode()

    def _cidr(self, argument: Any) -> Any:
        values = self.value(argument)
        if has_unknown(values):
            return UNKNOWN
        try:
            block, count, bits = [*values, 8][:3]
            if not 1 <= int(count) <= MOST_RANGES:
                raise TemplateError(
                    f"Template error: Fn::Cidr: {count} ranges; 1 to {MOST_RANGES} are allowed"
                )
            network = ipaddress.ip_network(text(block))
            subnets = network.subnets(new_prefix=network.max_prefixlen - int(bits))
            found = [str(subnet) for subnet, _ in zip(subnets, range(int(count)), strict=False)]
        except (TypeError, ValueError) as error:
            raise TemplateError(f"Template error: Fn::Cidr: {error}") from None
        if len(found) < int(count):
            raise TemplateError(f"Template error: Fn::Cidr: {block} has no {count} ranges of {bits} bits")
        return found

    def _get_azs(self, argument: Any) -> Any:
        region = self.value(argument) or self._region
        return UNKNOWN if region is UNKNOWN else self._outside.availability_zones(text(region))

    def _length(self, argument: Any) -> Any:
        self._needs_extensions("Fn::Length")
        value = self.value(argument)
        if value is UNKNOWN:
            return UNKNOWN
        if not isinstance(value, list):
            raise TemplateError("Template error: Fn::Length needs a list")
        return len(value)

    def _to_json_string(self, argument: Any) -> Any:
        self._needs_extensions("Fn::ToJsonString")
        value = self.value(argument)
        if has_unknown(value):
            return UNKNOWN
        self._bounds.check("Fn::ToJsonString", length_of(value))
        return json.dumps(value, separators=(",", ":"))

    def _find_in_map(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) not in (3, 4):
            raise TemplateError("Template error: every Fn::FindInMap object requires three parameters")
        keys = [self.value(item) for item in argument[:3]]
        if has_unknown(keys):
            return UNKNOWN
        names = [text(key) for key in keys]
        if names[0] in self.template.mappings:
            found = self.template.mappings[names[0]].get(names[1], {})
            if names[2] in found:
                return found[names[2]]
        if len(argument) == 4 and isinstance(argument[3], dict) and "DefaultValue" in argument[3]:
            self._needs_extensions("Fn::FindInMap with a DefaultValue")
            return self.value(argument[3]["DefaultValue"])
        raise TemplateError(f"Template error: Unable to get mapping for {'::'.join(names)}")

    # --- conditions ----------------------------------------------------------------------------------------

    def _if(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 3:
            raise TemplateError("Template error: Fn::If requires a list argument with 3 elements")
        name, then, otherwise = argument
        truth = self.condition(name)
        return UNKNOWN if isinstance(truth, Unknown) else self.value(then if truth else otherwise)

    def _equals(self, argument: Any) -> bool | Unknown:
        left, right = self._arguments("Fn::Equals", argument, 2)
        if has_unknown([left, right]):
            return UNKNOWN
        if isinstance(left, list | dict) or isinstance(right, list | dict):
            return bool(left == right)
        return text(left) == text(right)

    def _and(self, argument: Any) -> bool | Unknown:
        truths = [self.truth(item) for item in self._several("Fn::And", argument)]
        return False if False in truths else UNKNOWN if UNKNOWN in truths else True

    def _or(self, argument: Any) -> bool | Unknown:
        truths = [self.truth(item) for item in self._several("Fn::Or", argument)]
        return True if True in truths else UNKNOWN if UNKNOWN in truths else False

    def _not(self, argument: Any) -> bool | Unknown:
        if not isinstance(argument, list) or len(argument) != 1:
            raise TemplateError("Template error: Fn::Not requires a list argument with one element")
        truth = self.truth(argument[0])
        return truth if isinstance(truth, Unknown) else not truth

    def _contains(self, argument: Any) -> bool | Unknown:
        strings, string = self._arguments("Fn::Contains", argument, 2)
        if has_unknown([strings, string]):
            return UNKNOWN
        return text(string) in _texts(strings)

    def _each_member_equals(self, argument: Any) -> bool | Unknown:
        strings, string = self._arguments("Fn::EachMemberEquals", argument, 2)
        if has_unknown([strings, string]):
            return UNKNOWN
        return all(member == text(string) for member in _texts(strings))

    def _each_member_in(self, argument: Any) -> bool | Unknown:
        strings, allowed = self._arguments("Fn::EachMemberIn", argument, 2)
        if has_unknown([strings, allowed]):
            return UNKNOWN
        return set(_texts(strings)) <= set(_texts(allowed))

    # --- arguments -----------------------------------------------------------------------------------------

    def _arguments(self, function: str, argument: Any, count: int) -> list[Any]:
        if not isinstance(argument, list) or len(argument) != count:
            raise TemplateError(f"Template error: {function} requires a list argument with {count} elements")
        return [self.value(item) for item in argument]

    @staticmethod
    def _several(function: str, argument: Any) -> list[Any]:
        if not isinstance(argument, list) or not 2 <= len(argument) <= 10:
            raise TemplateError(f"Template error: {function} requires a list argument with 2 to 10 elements")
        return argument

    def _needs_extensions(self, what: str) -> None:
        if not self.template.language_extensions:
            raise TemplateError(f"Template error: {what} needs the transform {LANGUAGE_EXTENSIONS}")


def _texts(values: Any) -> list[str]:
    if not isinstance(values, Iterable) or isinstance(values, str):
        raise TemplateError("Template error: a rule's function needs a list of strings")
    return [text(value) for value in values]
