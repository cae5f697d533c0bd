"""A job's results, to S3: as SageMaker's model.tar.gz and output.tar.gz, or file by file."""

from __future__ import annotations

import contextlib
import os
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from gluonship.local.contracts import Output, Storage
from gluonship.local.execution.inputs import inside
from gluonship.local.execution.shim import MAIN_FOLDER

_LEVEL = 1  # weights hardly compress; a person waits


def upload(output: Output, root: Path, scratch: Path, storage: Storage, tell: Callable[[str], None]) -> None:
    """`scratch` is a folder for the archive. What cannot be packed is told. Raises StorageError, OSError."""
    folder = inside(root, output.folder)
    follow_the_container(folder, root)
    if output.skip_if_empty and not _has_files(folder):
        return
    if not output.archive:
        if folder.is_dir():
            storage.upload_folder(folder, output.uri)
        return
    archive = scratch / "archive.tar.gz"
    try:
        pack(folder, archive, tell)
        storage.upload_file(archive, output.uri)
    finally:
        archive.unlink(missing_ok=True)


def pack(folder: Path, archive: Path, tell: Callable[[str], None]) -> None:
    """The content of `folder`, by names relative to it, owned by root as in a container.

    Links that stay in the folder stay links; one to a file outside becomes that file.
    """
    with tarfile.open(archive, "w:gz", compresslevel=_LEVEL) as target:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
            name = path.relative_to(folder).as_posix()
            source = path
            if path.is_symlink() and not _stays_inside(path, folder):
                source = path.resolve()
                if not source.is_file():
                    tell(f"gluonship: '{name}' is not in the archive: it links to '{os.readlink(path)}'")
                    continue
            elif not path.is_symlink() and not (path.is_file() or path.is_dir()):
                tell(f"gluonship: '{name}' is not in the archive: it is a socket, a pipe or a device")
                continue
            target.add(source, name, recursive=False, filter=_as_root)


def follow_the_container(folder: Path, root: Path) -> None:
    """Makes links to /opt/ml/... relative: on this machine that is another folder, or none."""
    for path in [each for each in folder.rglob("*") if each.is_symlink()]:
        target = PurePosixPath(os.readlink(path))
        if target.is_relative_to(MAIN_FOLDER):
            with contextlib.suppress(OSError):  # what cannot be changed is told when it is packed
                path.unlink()
                path.symlink_to(os.path.relpath(root / target.relative_to(MAIN_FOLDER), path.parent))


def _stays_inside(link: Path, folder: Path) -> bool:
    target = os.readlink(link)
    return not os.path.isabs(target) and link.exists() and link.resolve().is_relative_to(folder.resolve())


def _as_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def _has_files(folder: Path) -> bool:
    return any(path.is_file() for path in folder.rglob("*"))
