"""Hyperparameters as SageMaker's toolkit passes them, `--name value`, read against declarations.

All that is wrong is said at once: on SageMaker every further attempt costs minutes.
"""

from __future__ import annotations

import difflib
import textwrap
from dataclasses import dataclass
from typing import Any, Sequence

from gluonship_training.failures import JobError
from gluonship_training.kinds import Kind


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter."""

    name: str  # as a person writes it: batch-size
    default: Any
    kind: Kind
    help: str

    @property
    def key(self) -> str:
        """The name in Python: batch_size."""
        return self.name.replace("-", "_")


def parse(arguments: Sequence[str], parameters: Sequence[Parameter]) -> dict[str, Any]:
    """The values by `Parameter.key`; defaults for those not given and for empty text (a JSON null).

    Dashes and underscores in a name are the same. Raises JobError naming every argument that is unknown,
    given twice, or out of range.
    """
    known = {parameter.key: parameter for parameter in parameters}
    values = {parameter.key: parameter.default for parameter in parameters}
    pairs, problems = _pairs(arguments)
    seen: set[str] = set()
    for name, text in pairs:
        parameter = known.get(name.replace("-", "_"))
        if parameter is None:
            problems.append(_unknown(name, parameters))
            continue
        if parameter.key in seen:
            problems.append(f"{parameter.name} is given twice.")
        seen.add(parameter.key)
        if not text:
            continue
        try:
            values[parameter.key] = parameter.kind.read(text)
        except (ValueError, OverflowError):
            problems.append(f"{parameter.name} must be {parameter.kind.words}, not {text!r}.")
    if problems:
        raise JobError("Hyperparameters: " + " ".join(problems))
    return values


def help_text(parameters: Sequence[Parameter]) -> str:
    """What `train.py --help` prints."""
    lines = ["usage: train.py [--NAME VALUE] ...", "", "hyperparameters:"]
    for parameter in parameters:
        default = "" if parameter.default is None else f" (default {show(parameter.default)})"
        lines.append(f"  --{parameter.name}: {parameter.kind.words}{default}")
        lines.extend(textwrap.wrap(parameter.help, 100, initial_indent=" " * 6, subsequent_indent=" " * 6))
    return "\n".join(lines)


def show(value: Any) -> str:
    """A value as a person would write it as an argument."""
    return ",".join(str(item) for item in value) if isinstance(value, tuple) else str(value)


def nearest(name: str, names: Sequence[str]) -> str:
    """A sentence that names what was probably meant: " Did you mean a or b?", or nothing."""
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    return " Did you mean {}?".format(" or ".join(close)) if close else ""


def _pairs(arguments: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """(name, text) of each argument, and what could not be read as one."""
    pairs: list[tuple[str, str]] = []
    problems: list[str] = []
    position = 0
    while position < len(arguments):
        token = arguments[position]
        position += 1
        if not token.startswith("--") or token == "--":  # noqa: S105
            problems.append(f"{token!r} is not of the form --name value.")
            continue
        name, separator, text = token[2:].partition("=")
        if not separator:
            if position == len(arguments) or arguments[position].startswith("--"):
                problems.append(f"{name} has no value.")
                continue
            text = arguments[position]
            position += 1
        pairs.append((name, text))
    return pairs, problems


def _unknown(name: str, parameters: Sequence[Parameter]) -> str:
    suggestion = nearest(name.replace("_", "-"), [parameter.name for parameter in parameters])
    return "{} is not a hyperparameter of this script.{}".format(
        name, suggestion or " `python train.py --help` lists them."
    )
