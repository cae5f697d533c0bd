"""What the transform AWS::LanguageExtensions changes in a template before anything else looks at it: the
loops of Fn::ForEach, and names in Ref, Fn::GetAtt, Condition and DependsOn that are functions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html

The transform's other functions (Fn::Length, Fn::ToJsonString, Fn::FindInMap's DefaultValue) are evaluated
like all functions: functions.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gluonship.local.cloudformation.template.bounds import LoopBounds
from gluonship.local.cloudformation.template.document import LANGUAGE_EXTENSIONS
from gluonship.local.cloudformation.template.errors import TemplateError
from gluonship.local.cloudformation.template.values import NO_VALUE, has_unknown, text

FOR_EACH = "Fn::ForEach"
Resolve = Callable[[Any], Any]
"""An expression's value, without resources. Raises TemplateError."""

_SECTIONS = ("Conditions", "Resources", "Outputs")
_LOOP = re.compile(r"Fn::ForEach::([A-Za-z0-9]+)")
_IDENTIFIER = re.compile(r"[A-Za-z0-9]+")
_PLACEHOLDER = re.compile(r"([$&])\{([A-Za-z0-9]+)\}")  # ${!Literal} is none
_NAMES = ("Condition", "DependsOn")  # attributes of resources and outputs that name others


def uses_them(document: Mapping[str, Any]) -> bool:
    """Whether there is anything here for this module to change."""
    return any(_is_loop(key) or _is_named_by_function(key, value) for key, value in _members_of(document))


def refuse_loops(document: Mapping[str, Any]) -> None:
    """Without the transform. Raises TemplateError."""
    resources = document.get("Resources")
    for name in resources if isinstance(resources, dict) else ():
        if _is_loop(name):
            where = f"[/Resources/{name}] resource definition is malformed"
            raise TemplateError(
                f"Template format error: {where}: {FOR_EACH} needs the transform {LANGUAGE_EXTENSIONS}"
            )
    for key, _ in _members_of(document):
        if _is_loop(key):
            raise TemplateError(f"Template format error: {key} needs the transform {LANGUAGE_EXTENSIONS}")


def outline(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with every loop run once, its identifier standing for itself: which types there are, shows
    before the values of parameters are known."""
    return _Transform(None).run(document)


def expanded(document: Mapping[str, Any], resolve: Resolve) -> dict[str, Any]:
    """The document that the transform leaves. Raises TemplateError."""
    _check_loop_names(document)
    return _Transform(resolve).run(document)


class _Transform:
    """One run over one document; without `resolve`, for its outline."""

    def __init__(self, resolve: Resolve | None) -> None:
        self._resolve = resolve
        self._bounds = LoopBounds()

    def run(self, document: Mapping[str, Any]) -> dict[str, Any]:
        whole = dict(document)
        for section in _SECTIONS:
            if isinstance(whole.get(section), dict):
                whole[section] = self._object(whole[section], {})
                for member in whole[section].values():
                    if section != "Conditions" and isinstance(member, dict):
                        self._settle_names(member)
        return whole

    # --- any value ----------------------------------------------------------------------------------------

    def _value(self, value: Any, names: Mapping[str, str]) -> Any:
        if isinstance(value, str):
            return self._filled(value, names)
        self._bounds.made(2)
        if isinstance(value, list):
            return [self._value(item, names) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref":
                return self._ref(argument, names)
            if function == "Fn::GetAtt":
                return {function: self._get_att(argument, names)}
            if function == "Fn::Sub":
                return {function: self._sub(argument, names)}
        return self._object(value, names)

    def _object(self, value: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for key, item in value.items():
            if _is_loop(key):
                made: Iterator[tuple[str, Any]] = self._loop(key, item, names)
            else:
                made = iter([(self._filled(key, names), self._value(item, names))])
            for name, member in made:
                if name not in members:
                    members[name] = member
                elif self._resolve is None:  # items would tell the two apart
                    members[f"{name}{len(members)}"] = member
                else:
                    raise _failed(f"Duplicate key '{name}' when merging keys to parent object in {FOR_EACH}")
        return members

    def _loop(self, key: str, loop: Any, names: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
        """What all its passes make."""
        if not isinstance(loop, list) or len(loop) != 3 or not isinstance(loop[2], dict):
            raise _layout(f"{key} takes an identifier, a collection and an object")
        identifier, collection, fragment = loop
        if not isinstance(identifier, str) or not _IDENTIFIER.fullmatch(identifier):
            raise _layout(f"{key}: the identifier must be a name of letters and digits")
        if identifier in names:
            raise _failed(f"{key}: identifier {identifier} is that of the loop around it")
        for item in self._items(key, identifier, self._value(collection, names)):
            self._bounds.passed(key)
            yield from self._object(fragment, {**names, identifier: item}).items()

    def _ref(self, name: Any, names: Mapping[str, str]) -> Any:
        if not isinstance(name, str):
            return {"Ref": self._name("Ref", self._value(name, names))}
        if name not in names:
            return {"Ref": self._filled(name, names)}
        self._bounds.made(len(names[name]))
        return names[name]

    def _get_att(self, argument: Any, names: Mapping[str, str]) -> Any:
        whole = self._value(argument, names)
        if isinstance(whole, list) and whole and not isinstance(whole[0], str):
            return [self._name("Fn::GetAtt", whole[0]), *whole[1:]]
        return whole

    def _sub(self, argument: Any, names: Mapping[str, str]) -> Any:
        if isinstance(argument, str):
            return self._filled(argument, names, escaped=True)
        if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str):
            string, own = argument
            shadowed = own if isinstance(own, dict) else {}
            others = {name: item for name, item in names.items() if name not in shadowed}
            return [self._filled(string, others, escaped=True), self._value(own, names)]
        return self._value(argument, names)

    def _filled(self, string: str, names: Mapping[str, str], *, escaped: bool = False) -> str:
        """With the items for ${Identifier}, and for &{Identifier} their letters and digits alone."""

        def item(match: re.Match[str]) -> str:
            sign, name = match.groups()
            if name not in names:
                return match[0]
            if sign == "&":
                return re.sub("[^A-Za-z0-9]", "", names[name])
            return names[name].replace("${", "${!") if escaped else names[name]

        found = [match for match in _PLACEHOLDER.finditer(string) if match[2] in names]
        self._bounds.made(len(string) + sum(len(names[match[2]]) for match in found))
        return _PLACEHOLDER.sub(item, string) if found else string

    # --- what must be known -------------------------------------------------------------------------------

    def _items(self, loop: str, identifier: str, collection: Any) -> list[str]:
        if isinstance(collection, str):
            raise _layout(f"{loop}: the collection must be a list, or a function that gives one")
        if self._resolve is None:
            return [identifier]
        try:
            items = self._resolve(collection)
            if isinstance(items, list) and not has_unknown(items):
                return [text(item) for item in items]
            reason = "it is not known before anything is made" if has_unknown(items) else "it is no list"
        except TemplateError as error:
            reason = error.message
        raise _failed(
            f"Could not find a collection or could not be resolved for {FOR_EACH} ({loop}: {reason})"
        )

    def _name(self, function: str, expression: Any) -> Any:
        if self._resolve is None:
            return expression
        name = self._resolve(expression)
        if not isinstance(name, str):
            raise _failed(f"the name in {function} must be a string that is known before anything is made")
        return name

    def _settle_names(self, member: dict[str, Any]) -> None:
        for attribute in _NAMES:
            if not _is_named_by_function(attribute, member.get(attribute)):
                continue
            names = NO_VALUE if self._resolve is None else self._resolve(member[attribute])
            if names is NO_VALUE:
                del member[attribute]
            elif has_unknown(names):
                raise _failed(f"{attribute} must be known before anything is made")
            else:
                member[attribute] = names


def _is_loop(key: str) -> bool:
    return key == FOR_EACH or key.startswith(f"{FOR_EACH}::")


def _is_named_by_function(key: str, value: Any) -> bool:
    if key == "Ref" or key in _NAMES:
        return isinstance(value, dict) or (
            isinstance(value, list) and any(isinstance(item, dict) for item in value)
        )
    return key == "Fn::GetAtt" and isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _members_of(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key of every object in it, with what stands there."""
    if isinstance(value, list):
        for item in value:
            yield from _members_of(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key, item
            yield from _members_of(item)


def _check_loop_names(document: Mapping[str, Any]) -> None:
    """Raises TemplateError for loops outside of their sections, and for names of them that are taken."""
    parameters, resources = document.get("Parameters") or {}, document.get("Resources") or {}
    seen: set[str] = set()
    for section, content in document.items():
        for key, loop in _members_of({section: content}):
            if not _is_loop(key):
                continue
            if section not in _SECTIONS:
                raise _failed(
                    f"{key}: {FOR_EACH} cannot be used in {section}, only in {', '.join(_SECTIONS)}"
                )
            match = _LOOP.fullmatch(key)
            if match is None:
                raise _layout(f"{key} must be {FOR_EACH}::NAME, the name of letters and digits")
            identifier = loop[0] if isinstance(loop, list) and loop else None
            for what, name in (("the loop's name", match[1]), ("the identifier", identifier)):
                if isinstance(name, str) and (name in parameters or name in resources):
                    raise _failed(f"{key}: {what} {name} is that of a parameter or a resource")
            if match[1] in seen:
                raise _failed(f"{key}: there is another loop of this name in the template")
            seen.add(match[1])


def _layout(what: str) -> TemplateError:
    return _failed(f"{FOR_EACH} layout is incorrect ({what})")


def _failed(why: str) -> TemplateError:
    return TemplateError(f"Transform {LANGUAGE_EXTENSIONS} failed with: {why}")
