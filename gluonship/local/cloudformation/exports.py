"""Exports and imports between stacks: who may change what.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gluonship.local.cloudformation.contract import Unknown
from gluonship.local.cloudformation.stacks.register import Register
from gluonship.local.cloudformation.stacks.state import Output, Stack


def export_objections(register: Register, stack: Stack, outputs: Sequence[Output]) -> Iterator[str]:
    """Why a stack cannot come to these outputs: names that are taken, exports that are in use."""
    taken = register.exports(stack.scope)
    named: dict[str, Output] = {}
    for output in outputs:
        name = output.export_name
        if not isinstance(name, str):
            continue
        if name in named:
            yield f"Duplicate Export names: {name} in outputs {named[name].key} and {output.key}"
        named[name] = output
        if name in taken and taken[name].stack is not stack:
            yield f"Export with name {name} is already exported by stack {taken[name].stack.name}."
    unknown_names = any(isinstance(output.export_name, Unknown) for output in outputs)
    for old in stack.outputs:
        if not old.export_name:
            continue
        new = named.get(old.export_name)
        users = [importer.name for importer in register.importers(stack.scope, old.export_name, stack)]
        if not users or (new is None and unknown_names):
            continue
        in_use = f"as it is in use by {', '.join(users)}"
        if new is None:
            yield f"Export {old.export_name} cannot be deleted {in_use}"
        elif not isinstance(new.value, Unknown) and new.value != old.value:
            yield f"Export {old.export_name} cannot be updated {in_use}"


def blocking_import(register: Register, stack: Stack) -> str | None:
    """Why a stack cannot be deleted: an export of it is in use."""
    for output in stack.outputs:
        if output.export_name:
            users = register.importers(stack.scope, output.export_name, stack)
            if users:
                names = ", ".join(user.name for user in users)
                return f"Cannot delete export {output.export_name} as it is in use by {names}."
    return None
