"""Reads an exported network without MXNet: which inputs its graph has, and which parameters a file holds.

Formats: the symbol is JSON (nnvm SaveJSON); the parameters are MXNet's NDArray list (src/ndarray/ndarray.cc,
NDArray::Save): two uint64 (magic 0x112, reserved), a count, the arrays, a count, the names.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

from gluonship.vision.artifacts.errors import ArtifactError

if TYPE_CHECKING:
    from pathlib import Path

_LIST_MAGIC = 0x112
_ARRAY_V1, _ARRAY_V2, _ARRAY_V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
# mshadow/base.h TypeFlag -> bytes of an element
_ELEMENT_BYTES = {0: 4, 1: 8, 2: 2, 3: 1, 4: 4, 5: 1, 6: 8, 7: 1, 8: 2, 9: 2, 10: 4, 11: 8, 12: 2}
_MAX_NAME = 4096


def check_network(symbol: Path, params: Path, input_name: str) -> None:
    """Raises ArtifactError unless the graph has the input and the file holds its parameters under the names
    that HybridBlock.export gives ('arg:' and 'aux:'), which Neo and Module need."""
    inputs = symbol_inputs(symbol)
    if input_name not in inputs:
        raise ArtifactError(f"{symbol} has no input {input_name!r}; its inputs are {_few(inputs)}")
    stored = parameter_names(params)
    bare = [name for name in stored if not name.startswith(("arg:", "aux:"))]
    if bare:
        raise ArtifactError(
            f"{params} holds {bare[0]!r} without 'arg:' or 'aux:': it was written by save_parameters; "
            "write it with HybridBlock.export"
        )
    strangers = sorted({name[4:] for name in stored} - set(inputs))
    if strangers:
        raise ArtifactError(f"{params} holds {_few(strangers)}, which {symbol.name} does not use")


def symbol_inputs(symbol: Path) -> list[str]:
    """Names of the graph's inputs and parameters (nodes without an operator)."""
    try:
        graph: Any = json.loads(symbol.read_bytes())
        return [str(node["name"]) for node in graph["nodes"] if node["op"] == "null"]
    except OSError as error:
        raise ArtifactError(f"{symbol} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtifactError(f"{symbol} is not an MXNet symbol: export the network again") from error


def parameter_names(params: Path) -> list[str]:
    """Names of the arrays in an MXNet parameter file; the values are skipped, not read."""
    try:
        with params.open("rb") as file:
            return _names(file)
    except OSError as error:
        raise ArtifactError(f"{params} cannot be read: {error.strerror}") from error
    except (ValueError, struct.error) as error:
        raise ArtifactError(
            f"{params} is not an MXNet parameter file, or is cut off ({error}): export the network again"
        ) from error


def _names(file: BinaryIO) -> list[str]:
    magic, _ = _unpack(file, "<QQ")
    if magic != _LIST_MAGIC:
        raise ValueError(f"it begins with {magic:#x}")
    (arrays,) = _unpack(file, "<Q")
    for _ in range(arrays):
        _skip_array(file)
    (count,) = _unpack(file, "<Q")
    if count != arrays:
        raise ValueError(f"{arrays} arrays and {count} names")
    names = []
    for _ in range(count):
        (length,) = _unpack(file, "<Q")
        data = file.read(length) if length <= _MAX_NAME else b""
        if len(data) != length:
            raise ValueError("a name is cut off")
        names.append(data.decode("utf-8"))
    return names


def _skip_array(file: BinaryIO) -> None:
    (magic,) = _unpack(file, "<I")
    if magic in (_ARRAY_V2, _ARRAY_V3):
        (storage,) = _unpack(file, "<i")
        if storage != 0:
            raise ValueError("an array is sparse")
    elif magic != _ARRAY_V1:
        raise ValueError(f"an array begins with {magic:#x}")
    (dimensions,) = _unpack(file, "<i")
    if not -1 <= dimensions <= 32:
        raise ValueError(f"an array has {dimensions} dimensions")
    if dimensions == -1 or (dimensions == 0 and magic != _ARRAY_V3):
        return  # an empty slot: no context, type or data follow
    elements = 1
    for side in _unpack(file, f"<{dimensions}q"):
        if side < 0:
            raise ValueError("an array has a negative side")
        elements *= side
    _, _, kind = _unpack(file, "<iii")  # device type and number, then the type flag
    if kind not in _ELEMENT_BYTES:
        raise ValueError(f"an array is of unknown type {kind}")
    file.seek(elements * _ELEMENT_BYTES[kind], 1)


def _unpack(file: BinaryIO, layout: str) -> tuple[Any, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
