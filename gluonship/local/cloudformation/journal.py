"""What outlives the cloud: which stack operations were under way, and what they had made.

The cloud keeps its state in memory. When it is killed in the middle of an operation, this record is what
the next start can tell of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from gluonship.local.contracts import Scope


@dataclass(frozen=True)
class Operation:
    """One operation on one stack. `kind` is CloudFormation's: CREATE_STACK, UPDATE_STACK, ROLLBACK, ..."""

    id: str
    kind: str
    scope: Scope
    stack_name: str
    stack_id: str


@dataclass(frozen=True)
class ResourceStep:
    """One step on one resource, at its beginning (no outcome yet) or its end."""

    logical_id: str
    type: str
    action: str  # "CREATE", "UPDATE", "DELETE"
    physical_id: str = ""


class Journal(Protocol):
    """Thread-safe; what was told is durable when a method returns. Never raises for a full disk."""

    def started(self, operation: Operation, at: datetime) -> None: ...

    def resource_started(self, operation: Operation, step: ResourceStep, at: datetime) -> None: ...

    def resource_ended(self, operation: Operation, step: ResourceStep, status: str, at: datetime) -> None: ...

    def ended(self, operation: Operation, status: str, at: datetime) -> None: ...


class NoJournal:
    """Keeps nothing: for clouds whose end nobody asks about."""

    def started(self, operation: Operation, at: datetime) -> None: ...

    def resource_started(self, operation: Operation, step: ResourceStep, at: datetime) -> None: ...

    def resource_ended(self, operation: Operation, step: ResourceStep, status: str, at: datetime) -> None: ...

    def ended(self, operation: Operation, status: str, at: datetime) -> None: ...


@dataclass(frozen=True)
class _OpenFile:
    handle: BinaryIO
    lock: threading.Lock = field(default_factory=threading.Lock)


class FileJournal:
    """One file an operation, appended and synced line by line; it goes when its operation has ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()  # of `_files`, never held while a disk is waited for
        self._files: dict[str, _OpenFile] = {}
        self._closed = False
        self.failure: str | None = None  # why nothing more is kept: the launcher may say it

    def started(self, operation: Operation, at: datetime) -> None:
        line = {
            "event": "started",
            "id": operation.id,
            "kind": operation.kind,
            "account": operation.scope.account_id,
            "region": operation.scope.region,
            "stack": operation.stack_name,
            "stack_id": operation.stack_id,
            "at": at.isoformat(),
        }
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle = _path(self._folder, operation.id).open("ab")
        except OSError as error:
            self.failure = str(error)
            return
        with self._lock:
            closed = self._closed
            if not closed:
                self._files[operation.id] = _OpenFile(handle)
        if closed:
            handle.close()
            _path(self._folder, operation.id).unlink(missing_ok=True)
        self._append(operation, line)

    def resource_started(self, operation: Operation, step: ResourceStep, at: datetime) -> None:
        self._append(operation, {"event": "resource", **_step(step), "at": at.isoformat()})

    def resource_ended(self, operation: Operation, step: ResourceStep, status: str, at: datetime) -> None:
        line = {"event": "resource", **_step(step), "status": status, "at": at.isoformat()}
        self._append(operation, line)

    def ended(self, operation: Operation, status: str, at: datetime) -> None:
        with self._lock:
            file = self._files.pop(operation.id, None)
        if file is None:
            return
        try:
            with file.lock:
                file.handle.close()
            _path(self._folder, operation.id).unlink(missing_ok=True)
        except OSError as error:
            self.failure = str(error)

    def forget(self) -> None:
        """The account is emptied: what is under way is nobody's, and nothing is kept any more."""
        with self._lock:
            self._closed = True
            files, self._files = self._files, {}
        for operation_id, file in files.items():
            with file.lock, contextlib.suppress(OSError):
                file.handle.close()
                _path(self._folder, operation_id).unlink(missing_ok=True)

    def _append(self, operation: Operation, line: dict[str, Any]) -> None:
        with self._lock:
            file = self._files.get(operation.id)
        if file is None:
            return
        with file.lock:
            if file.handle.closed:  # the operation has ended meanwhile
                return
            try:
                file.handle.write(json.dumps(line).encode() + b"\n")
                file.handle.flush()
                os.fdatasync(file.handle.fileno())
            except OSError as error:
                self.failure = str(error)


def _path(folder: Path, operation_id: str) -> Path:
    return folder / f"{operation_id}.jsonl"


def _step(step: ResourceStep) -> dict[str, str]:
    return {
        "logical_id": step.logical_id,
        "type": step.type,
        "action": step.action,
        "physical_id": step.physical_id,
    }


_SHOWN = 20  # resources of an interrupted operation


@dataclass(frozen=True)
class InterruptedResource:
    """A resource of an interrupted operation. `status` is None where its step had not ended."""

    logical_id: str
    type: str
    action: str
    physical_id: str
    status: str | None
    at: datetime


@dataclass(frozen=True)
class Interrupted:
    """An operation that had not ended when its cloud did: what it had done by then, in order."""

    operation: Operation
    started: datetime
    last: datetime
    resources: Sequence[InterruptedResource] = field(default_factory=tuple)

    @property
    def made(self) -> list[InterruptedResource]:
        """What its steps had finished."""
        return [resource for resource in self.resources if resource.status is not None]

    @property
    def in_progress(self) -> list[InterruptedResource]:
        """What it was at."""
        return [resource for resource in self.resources if resource.status is None]

    def sentences(self) -> list[str]:
        """For a person: what was interrupted, and what is left of it."""
        operation = self.operation
        where = f"{operation.scope.region}, account {operation.scope.account_id}"
        lines = [
            f"{operation.kind} of stack {operation.stack_name} ({where}), begun "
            f"{self.started:%Y-%m-%d %H:%M:%S} UTC, was interrupted when the cloud ended; "
            "the cloud's state went with it: deploy the stack again"
        ]
        shown = [*self.in_progress, *self.made[::-1]][:_SHOWN]  # the last ones first: it ended there
        for resource in shown:
            state = resource.status or f"{resource.action}_IN_PROGRESS"
            named = f" {resource.physical_id}" if resource.physical_id else ""
            lines.append(f"  {state}: {resource.logical_id} ({resource.type}){named}")
        if len(shown) < len(self.resources):
            lines.append(f"  and {len(self.resources) - len(shown)} more, done before those")
        return lines


def interrupted(folder: Path) -> list[Interrupted]:
    """The operations that had not ended when the last cloud with this folder did, oldest first."""
    found = [entry for path in _files(folder) if isinstance(entry := _read_file(path), Interrupted)]
    return sorted(found, key=lambda entry: entry.started)


def unreadable(folder: Path) -> list[str]:
    """A sentence on each file that is none of a journal's; `clear` leaves those where they are."""
    return [
        f"{path}: not a record of a stack operation ({why}); it is kept: move it away"
        for path in _files(folder)
        if isinstance(why := _read_file(path), str)
    ]


def clear(folder: Path) -> None:
    """Forgets the operations: what `interrupted` told has been told."""
    for path in _files(folder):
        if not isinstance(_read_file(path), str):
            with contextlib.suppress(OSError):  # it is told again, then
                path.unlink(missing_ok=True)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def _read_file(path: Path) -> Interrupted | str | None:
    """What a file tells: nothing, where the kill came before the first line; words, why it cannot be read."""
    try:
        return _read(path.read_bytes())
    except OSError as error:
        return error.strerror or str(error)
    except KeyError as error:
        return f"a line lacks {error}"
    except (ValueError, TypeError, AttributeError) as error:
        return str(error)


def _read(content: bytes) -> Interrupted | None:
    """Raises KeyError, ValueError or TypeError for what no journal wrote."""
    lines = [line for line in map(_line, content.split(b"\n")) if line]
    if not lines and (not content or content.startswith(b"{")):
        return None  # killed before its first line was whole: nothing had begun
    if not lines or lines[0].get("event") != "started":
        raise ValueError("it does not begin with the operation")
    first = lines[0]
    scope = Scope(first["account"], first["region"])
    operation = Operation(first["id"], first["kind"], scope, first["stack"], first["stack_id"])
    resources: dict[tuple[str, str, str], InterruptedResource] = {}
    for line in lines[1:]:
        # A step's end takes the place of its beginning; a replaced resource is deleted by another step.
        key = (line["logical_id"], line["action"], line["physical_id"] if line["action"] == "DELETE" else "")
        resources[key] = InterruptedResource(
            logical_id=line["logical_id"],
            type=line["type"],
            action=line["action"],
            physical_id=line["physical_id"],
            status=line.get("status"),
            at=datetime.fromisoformat(line["at"]),
        )
    last, started = (datetime.fromisoformat(lines[at]["at"]) for at in (-1, 0))
    if started.tzinfo is None or last.tzinfo is None:
        raise ValueError("a time is without its zone")
    return Interrupted(operation, started, last, tuple(resources.values()))


def _line(content: bytes) -> dict[str, Any]:
    """A line, or nothing where the kill tore it."""
    if not re.match(rb"\{.*\}$", content):
        return {}
    try:
        line = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return line if isinstance(line, dict) else {}
