"""What of a job's folder cannot go to S3: it is left out and said, and costs the job nothing else.

A script may leave anything under /opt/ml: links that lead nowhere or to themselves, names that no object can
have, pipes, what this user may not read.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from gluonship.local.execution.s3_uris import S3Uri

_KEY_BYTES = 1024  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
_TOLD_BY_NAME = 20
_SHOWN_CHARACTERS = 200

LeaveOut = Callable[[str, str], None]
"""Is given the name of something below the folder, and the reason."""


class LeftOut:
    """What one folder leaves out: each told once, the first ones by their names and all by their number."""

    def __init__(self, what: str, tell: Callable[[str], None]) -> None:
        """`what` the folder holds: "the model", "checkpoints"."""
        self._what = what
        self._tell = tell
        self._names: set[str] = set()

    def add(self, name: str, reason: str) -> None:
        if name in self._names:
            return
        self._names.add(name)
        if len(self._names) <= _TOLD_BY_NAME:
            self._tell(f"gluonship: '{readable(name)}' of {self._what} is left out: {reason}")

    def count(self) -> None:
        if self._names:
            self._tell(f"gluonship: {len(self._names)} left out of {self._what}")


def entries(folder: Path, leave_out: LeaveOut) -> Iterator[tuple[str, Path]]:
    """Files, folders and links below `folder`, by their names there, in order; links are not followed."""
    waiting = _content(folder, "", leave_out)
    while waiting:
        name, path = waiting.pop()
        objection = name_objection(path.name)
        if objection:
            leave_out(name, objection)
            continue
        try:
            is_folder = stat.S_ISDIR(path.lstat().st_mode)
        except OSError as error:
            leave_out(name, f"it cannot be looked at: {error.strerror}")
            continue
        yield name, path
        if is_folder:
            waiting += _content(path, name, leave_out)


def _content(folder: Path, name: str, leave_out: LeaveOut) -> list[tuple[str, Path]]:
    """The last first."""
    try:
        names = sorted(os.listdir(folder), reverse=True)
    except OSError as error:
        if name or not isinstance(error, FileNotFoundError):
            leave_out(name or ".", f"its content cannot be listed: {error.strerror}")
        return []
    return [(f"{name}/{each}" if name else each, folder / each) for each in names]


def files_for_s3(folder: Path, place: S3Uri, leave_out: LeaveOut) -> Iterator[tuple[str, Path]]:
    """The files below `folder` that can be objects under `place`; one that is linked to is as good as one."""
    for name, path in entries(folder, leave_out):
        try:
            mode = path.stat().st_mode
        except OSError as error:
            leave_out(name, link_objection(path) or f"it cannot be read: {error.strerror}")
            continue
        if stat.S_ISDIR(mode):
            if path.is_symlink():
                leave_out(name, "it is a link to a folder")
        elif not stat.S_ISREG(mode):
            leave_out(name, "it is a socket, a pipe or a device")
        elif not readable_by_us(path):
            leave_out(name, "it cannot be read: Permission denied")
        elif (size := len(place.under(name).key.encode())) > _KEY_BYTES:
            leave_out(
                name, f"its key in S3 would have {size:,} bytes, and at most {_KEY_BYTES:,} are possible"
            )
        else:
            yield name, path


def link_objection(path: Path) -> str | None:
    """Why there is nothing behind `path`, if it is a link and there is not."""
    try:
        target = os.readlink(path)
    except OSError:
        return None
    try:
        path.stat()
    except FileNotFoundError:
        return f"it links to '{readable(target)}', which is not there"
    except OSError as error:  # a link to itself is "too many levels of symbolic links"
        return f"it links to '{readable(target)}': {error.strerror}"
    return None


def readable_by_us(path: Path) -> bool:
    return os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids)


def readable(name: str) -> str:
    """`name` for a line of a log, whatever bytes it has."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}..."


def name_objection(name: str) -> str | None:
    """Why neither an object nor a member of an archive is to have this name."""
    kinds = {unicodedata.category(character) for character in name}
    if "Cs" in kinds:  # how Python writes bytes that it cannot decode
        return "its name is not UTF-8"
    if "Cc" in kinds or {"\ufffe", "\uffff"} & set(name):
        return "its name has control characters"
    return None
