"""What a template's parts refer to: names that must exist, the order of resources, cycles."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gluonship.local.cloudformation.template.document import Template
from gluonship.local.cloudformation.template.errors import TemplateError, no_macro

PSEUDO_PARAMETERS = frozenset(
    f"AWS::{name}"
    for name in (
        "AccountId",
        "NotificationARNs",
        "NoValue",
        "Partition",
        "Region",
        "StackId",
        "StackName",
        "URLSuffix",
    )
)
FUNCTIONS = frozenset(
    f"Fn::{name}"
    for name in (
        "And",
        "Base64",
        "Cidr",
        "Contains",
        "EachMemberEquals",
        "EachMemberIn",
        "Equals",
        "FindInMap",
        "GetAtt",
        "GetAZs",
        "If",
        "ImportValue",
        "Join",
        "Length",
        "Not",
        "Or",
        "Select",
        "Split",
        "Sub",
        "ToJsonString",
    )
)
VARIABLE = re.compile(r"\$\{([^!{}][^{}]*)\}")
"""A variable of Fn::Sub; ${!Literal} is none."""


@dataclass(frozen=True)
class Reference:
    """A mention of a name by Ref, Fn::GetAtt (then with the attribute, if it is written out) or Fn::Sub."""

    name: str
    attribute: str | None = None
    by_get_att: bool = False


def references(value: Any) -> Iterator[Reference]:
    """Every reference in a value, those of untaken branches included."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref" and isinstance(item, str):
                yield Reference(item)
            elif key == "Fn::GetAtt":
                yield from _of_get_att(item)
            elif key == "Fn::Sub":
                yield from _of_sub(item)
            else:
                yield from references(item)


def _of_get_att(item: Any) -> Iterator[Reference]:
    parts = item.split(".", 1) if isinstance(item, str) else item
    if not isinstance(parts, list) or len(parts) < 2 or not isinstance(parts[0], str):
        raise TemplateError(
            "Template error: every Fn::GetAtt object requires two non-empty parameters, "
            "the resource name and the resource attribute"
        )
    rest = parts[1:]
    if all(isinstance(part, str) for part in rest):
        yield Reference(parts[0], ".".join(rest), by_get_att=True)
    else:
        yield Reference(parts[0], None, by_get_att=True)
        yield from references(rest)


def _of_sub(item: Any) -> Iterator[Reference]:
    if isinstance(item, list):
        if len(item) != 2 or not isinstance(item[0], str) or not isinstance(item[1], dict):
            raise TemplateError(
                "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. "
                "Specify a string as first argument, and an optional second argument to specify a mapping "
                "of values to replace in the string"
            )
        string, own = item
        yield from references(list(own.values()))
    elif isinstance(item, str):
        string, own = item, {}
    else:
        raise TemplateError("Template error: Fn::Sub needs a string")
    for match in VARIABLE.finditer(string):
        name = match[1].strip()
        if name in own:
            continue
        base, dot, attribute = name.partition(".")
        yield Reference(base, attribute, by_get_att=True) if dot else Reference(name)


def check(template: Template) -> None:
    """Raises TemplateError for unknown functions, unresolved names and circular dependencies."""
    _check_functions(template)
    _check_conditions(template)
    _check_names(template)
    dependencies(template, template.resources)


def _check_functions(template: Template) -> None:
    parts: list[Any] = [resource.properties for resource in template.resources.values()]
    parts += [[output.value, output.export_name] for output in template.outputs.values()]
    parts += [template.conditions]
    called = list(_functions(parts))
    macros = [argument for name, argument in called if name == "Fn::Transform"]
    if macros:
        raise no_macro(*macros)
    unknown = sorted({name for name, _ in called if name not in FUNCTIONS})
    if unknown:
        raise TemplateError(
            f"Template format error: Encountered unsupported function: {', '.join(unknown)} "
            f"Supported functions are: [{', '.join(sorted(FUNCTIONS))}]"
        )


def _functions(value: Any) -> Iterator[tuple[str, Any]]:
    """Each function that is called in it, with its argument."""
    if isinstance(value, list):
        for item in value:
            yield from _functions(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key.startswith("Fn::"):
                yield key, item
            yield from _functions(item)


def _check_conditions(template: Template) -> None:
    used = [resource.condition for resource in template.resources.values()]
    used += [output.condition for output in template.outputs.values()]
    for resource in template.resources.values():
        used += list(_conditions_of_if(resource.properties))
    for name in used:
        if name is not None and name not in template.conditions:
            raise TemplateError(f"Template format error: Unresolved condition dependency {name} in template")
    needs: dict[str, set[str]] = {}
    for name, expression in template.conditions.items():
        needs[name] = set(_conditions_in(expression)) | set(_conditions_of_if(expression))
        missing = sorted(needs[name] - set(template.conditions))
        if missing:
            listed = f"[{', '.join(missing)}] in the Conditions block of the template"
            raise TemplateError(f"Template format error: Unresolved dependencies {listed}")
        for reference in references(expression):
            if reference.name not in template.parameters and reference.name not in PSEUDO_PARAMETERS:
                raise TemplateError(
                    f"Template error: Unresolved dependencies [{reference.name}]. Cannot reference resources "
                    "in the Conditions block of the template"
                )
    cycle = find_cycle(needs)
    if cycle:
        raise TemplateError(f"Template error: Circular dependency between conditions: [{' -> '.join(cycle)}]")


def _conditions_of_if(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _conditions_of_if(item)
    elif isinstance(value, dict):
        branch = value.get("Fn::If")
        if isinstance(branch, list) and branch and isinstance(branch[0], str):
            yield branch[0]
        for item in value.values():
            yield from _conditions_of_if(item)


def _conditions_in(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _conditions_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Condition" and isinstance(item, str):
                yield item
            yield from _conditions_in(item)


def _check_names(template: Template) -> None:
    known = set(template.resources) | set(template.parameters) | PSEUDO_PARAMETERS
    blocks: list[tuple[str, list[Any]]] = [
        ("Resources", [resource.properties for resource in template.resources.values()]),
        ("Outputs", [[output.value, output.export_name] for output in template.outputs.values()]),
    ]
    for block, values in blocks:
        found = list(references(values))
        for reference in found:
            if reference.by_get_att and reference.name not in template.resources:
                raise TemplateError(
                    f"Template error: instance of Fn::GetAtt references undefined resource {reference.name}"
                )
        unresolved = sorted({reference.name for reference in found} - known)
        if unresolved:
            raise unresolved_dependencies(unresolved, block)
    waited = {name for resource in template.resources.values() for name in resource.depends_on}
    unresolved = sorted(waited - set(template.resources))
    if unresolved:
        raise unresolved_dependencies(unresolved, "Resources")


def unresolved_dependencies(names: Collection[str], block: str) -> TemplateError:
    listed = f"[{', '.join(names)}] in the {block} block of the template"
    return TemplateError(f"Template format error: Unresolved resource dependencies {listed}")


def dependencies(template: Template, among: Collection[str]) -> dict[str, set[str]]:
    """For each of these logical ids, those of them that must exist before it. Raises for a cycle."""
    needs: dict[str, set[str]] = {}
    for logical_id, resource in template.resources.items():
        if logical_id in among:
            names = {reference.name for reference in references(resource.properties)}
            needs[logical_id] = (names | set(resource.depends_on)) & set(among)
    cycle = find_cycle(needs)
    if cycle:
        members = ", ".join(cycle[:-1])
        raise TemplateError(f"Circular dependency between resources: [{members}] ({' -> '.join(cycle)})")
    return needs


def find_cycle(needs: Mapping[str, Collection[str]]) -> list[str]:
    """A path that comes back to where it began, or nothing. Without recursion: chains may be long."""
    done: set[str] = set()
    for start in needs:
        path: list[str] = []
        stack: list[tuple[str, Iterator[str]]] = []
        if start not in done:
            path.append(start)
            stack.append((start, iter(sorted(needs[start]))))
        while stack:
            name, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                done.add(name)
                stack.pop()
                path.pop()
            elif following in path:
                return [*path[path.index(following) :], following]
            elif following not in done and following in needs:
                path.append(following)
                stack.append((following, iter(sorted(needs[following]))))
    return []


def ordered(needs: Mapping[str, Collection[str]]) -> list[str]:
    """The names so that each comes after what it needs, otherwise in their own order."""
    left = {name: set(others) for name, others in needs.items()}
    order: list[str] = []
    while left:
        ready = [name for name, others in left.items() if not others & left.keys()]
        order += ready
        for name in ready:
            del left[name]
    return order
