"""Which files an artifact holds, and which names it must not hold.

Neo's MXNet loader (PyPI NeoCompilerModelLoaders 1.0.1, mxnet_model_loader.py) takes every `.json` at any
depth, but a few auxiliary names, for a symbol and every `.params` for parameters, and refuses more than one
symbol. So GluonShip's own JSON files carry no such ending.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MANIFEST = "gluonship.manifest"
SYMBOL = "model-symbol.json"
PARAMS = "model-0000.params"
GOLDEN_IMAGE = "golden/image.png"
GOLDEN_PREDICTION = "golden/prediction"
CODE = "code"

_AUXILIARY = frozenset({"model-shapes.json"})  # read by AWS's MXNet serving container, skipped by Neo


def neo_violations(names: Iterable[str]) -> list[str]:
    """Sentences on what Neo would refuse in an artifact of these files (paths from its root, with '/').

    The rule: at the root one `PREFIX-symbol.json` and one `PREFIX-0000.params`; nowhere another `.json` or
    `.params`, but `model-shapes.json`.
    """
    paths = sorted({PurePosixPath(name) for name in names})
    symbols = [path for path in paths if _at_root(path) and path.name.endswith("-symbol.json")]
    params = [path for path in paths if _at_root(path) and path.name.endswith("-0000.params")]
    violations = []
    for found, pattern in ((symbols, "*-symbol.json"), (params, "*-0000.params")):
        if not found:
            violations.append(f"there is no {pattern} at the root")
        elif len(found) > 1:
            listed = ", ".join(str(path) for path in found)
            violations.append(f"there is more than one {pattern} at the root: {listed}")
    if len(symbols) == 1 and len(params) == 1 and _prefix(symbols[0]) != _prefix(params[0]):
        violations.append(f"{symbols[0]} and {params[0]} have different prefixes")
    for path in paths:
        if path in symbols or path in params or path.name in _AUXILIARY:
            continue
        if path.suffix in (".json", ".params"):
            violations.append(f"{path} would be taken for a model: give it another ending than {path.suffix}")
    return violations


def _at_root(path: PurePosixPath) -> bool:
    return len(path.parts) == 1


def _prefix(path: PurePosixPath) -> str:
    return path.name.rsplit("-", 1)[0]
