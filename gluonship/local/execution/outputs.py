"""A job's results, to S3: as SageMaker's model.tar.gz and output.tar.gz, or file by file."""

from __future__ import annotations

import os
import secrets
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from gluonship.local.contracts import Output, Storage
from gluonship.local.execution import s3_uris
from gluonship.local.execution.inputs import inside
from gluonship.local.execution.left_out import (
    LeaveOut,
    LeftOut,
    entries,
    files_for_s3,
    link_objection,
    name_objection,
    readable,
    readable_by_us,
)
from gluonship.local.execution.shim import MAIN_FOLDER

_LEVEL = 1  # weights hardly compress; a person waits


def upload(output: Output, root: Path, scratch: Path, storage: Storage, tell: Callable[[str], None]) -> None:
    """`scratch` is a folder for the archive. What cannot be packed or uploaded is told. Raises StorageError,
    OSError."""
    folder = inside(root, output.folder)
    follow_the_container(folder, root)
    left_out = LeftOut(f"{MAIN_FOLDER}/{output.folder}", tell)
    if output.skip_if_empty and not _has_files(folder, left_out.add):
        left_out.count()
        return
    if not output.archive:
        place = s3_uris.parse(output.uri)
        storage.upload_files(dict(files_for_s3(folder, place, left_out.add)), output.uri)
        left_out.count()
        return
    archive = scratch / "archive.tar.gz"
    try:
        pack(folder, archive, left_out.add)
        left_out.count()
        storage.upload_file(archive, output.uri)
    finally:
        archive.unlink(missing_ok=True)


def pack(folder: Path, archive: Path, leave_out: LeaveOut) -> None:
    """The content of `folder`, by names relative to it, owned by root as in a container.

    Links that stay in the folder stay links; one to a file outside, or to one that is left out for its name,
    becomes that file.
    """
    with tarfile.open(archive, "w:gz", compresslevel=_LEVEL) as target:
        for name, path in entries(folder, leave_out):
            source = path
            if path.is_symlink():
                objection = link_objection(path)
                if objection is None and not _stays_a_link(path, folder):
                    source = path.resolve()
                    if not source.is_file():
                        objection = f"it links to '{readable(os.readlink(path))}', which is no file"
                if objection:
                    leave_out(name, objection)
                    continue
            elif not (path.is_file() or path.is_dir()):
                leave_out(name, "it is a socket, a pipe or a device")
                continue
            if source.is_file() and not source.is_symlink() and not readable_by_us(source):
                leave_out(name, "it cannot be read: Permission denied")
                continue
            target.add(source, name, recursive=False, filter=_as_root)


def follow_the_container(folder: Path, root: Path) -> None:
    """Makes links to /opt/ml/... relative: on this machine that is another folder, or none."""
    for _, path in entries(folder, lambda *_: None):
        if not path.is_symlink():
            continue
        target = PurePosixPath(os.readlink(path))
        if target.is_relative_to(MAIN_FOLDER):
            here = path.with_name(f".{secrets.token_hex(8)}.link")
            with suppress(OSError):  # what cannot be changed is told when it is packed
                here.symlink_to(os.path.relpath(root / target.relative_to(MAIN_FOLDER), path.parent))
                here.replace(path)


def _stays_a_link(link: Path, folder: Path) -> bool:
    target = os.readlink(link)
    is_inside = not os.path.isabs(target) and link.resolve().is_relative_to(folder.resolve())
    return is_inside and name_objection(target) is None


def _as_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def _has_files(folder: Path, leave_out: LeaveOut) -> bool:
    return any(path.is_file() for _, path in entries(folder, leave_out))
