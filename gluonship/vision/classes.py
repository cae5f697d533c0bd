"""The names of the classes a model tells apart, in the order of its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE_NAME = "classes.txt"


def check_classes(classes: Sequence[str]) -> None:
    """Raises ValueError unless there are two or more names, each printable, none twice (case aside)."""
    seen: dict[str, str] = {}
    for name in classes:
        if not isinstance(name, str) or name != name.strip() or not name or not name.isprintable():
            raise ValueError(f"a class name must be printable text without outer blanks, got {name!r}")
        other = seen.get(name.casefold())
        if other == name:
            raise ValueError(f"class {name!r} is listed twice")
        if other is not None:
            raise ValueError(f"classes {other!r} and {name!r} differ only by case")
        seen[name.casefold()] = name
    if len(classes) < 2:
        raise ValueError(f"a classifier needs at least two classes, got {list(classes)!r}")


def read_classes(text: str) -> list[str]:
    """The names in the text of a classes.txt: one a line, in label order; blank lines are skipped."""
    return [line.strip() for line in text.splitlines() if line.strip()]
