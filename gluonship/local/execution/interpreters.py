"""What a Python interpreter of this machine is and holds: asked of itself, once."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 60.0

_QUESTION = """
import importlib.metadata as metadata, json, platform, sys
found = {}
for each in metadata.distributions():
    name = each.metadata["Name"]
    if name:
        key = name.lower().replace("_", "-").replace(".", "-")
        found.setdefault(key, [each.version, each.requires or []])
print(json.dumps({
    "base": getattr(sys, "_base_executable", None) or sys.executable,
    "prefix": sys.prefix,
    "version": platform.python_version(),
    "sites": [p for p in sys.path if p.rstrip("/").endswith(("site-packages", "dist-packages"))],
    "distributions": found,
}))
"""


class InterpreterBroken(RuntimeError):
    """An interpreter that does not run; the message names it and says what happened."""


@dataclass(frozen=True)
class Interpreter:
    executable: Path  # as it was named
    base: Path  # the one that a virtual environment is made of
    prefix: Path
    version: str  # 3.11.7
    sites: Sequence[Path]  # its site-packages folders
    versions: Mapping[str, str]  # distribution (lower case, dashes) to version
    requires: Mapping[str, Sequence[str]]  # distribution to its Requires-Dist lines

    @property
    def short_version(self) -> str:
        return ".".join(self.version.split(".")[:2])

    def describe(self, distributions: Sequence[str]) -> str:
        """Its version, and those of `distributions` that it has."""
        present = [f"{name} {self.versions[name]}" for name in distributions if name in self.versions]
        return ", ".join([f"Python {self.version} ({self.executable})", *present])


def this_interpreter() -> Interpreter:
    """The kit's own."""
    return interpreter(Path(sys.executable))


def interpreter(executable: Path) -> Interpreter:
    """What `executable` says of itself. Raises InterpreterBroken."""
    try:
        changed = os.stat(executable).st_mtime_ns
    except OSError as error:
        raise InterpreterBroken(f"the Python interpreter '{executable}': {error.strerror}") from error
    return _ask(executable, changed)


@functools.cache
def _ask(executable: Path, _changed: int) -> Interpreter:
    try:
        answer = subprocess.run(
            # -I: neither PYTHON* variables nor the user's own site-packages belong to a container.
            [executable, "-I", "-c", _QUESTION],
            capture_output=True,
            timeout=_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        found = json.loads(answer.stdout)
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode(errors="replace").strip()[-500:]
        raise InterpreterBroken(
            f"the Python interpreter '{executable}' ended with code {error.returncode}: {words}"
        ) from error
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise InterpreterBroken(f"the Python interpreter '{executable}' does not run: {error}") from error
    return Interpreter(
        executable=executable,
        base=Path(found["base"]),
        prefix=Path(found["prefix"]),
        version=found["version"],
        sites=[Path(each) for each in found["sites"]],
        versions={name: version for name, (version, _) in found["distributions"].items()},
        requires={name: requires for name, (_, requires) in found["distributions"].items()},
    )
