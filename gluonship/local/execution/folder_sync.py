"""A folder of a running job, to S3 while it is written: checkpoints, and outputs that upload continuously."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from gluonship.local.contracts import Storage, StorageError
from gluonship.local.execution import s3_uris
from gluonship.local.execution.left_out import LeaveOut, LeftOut, files_for_s3

_Signature = tuple[int, int, int]  # size, time of change (ns), inode


class FolderSync:
    """Uploads new and changed files every `interval` seconds; as on AWS, deletes nothing in S3.

    While the container runs, a file that changed since the last look waits for the next: it may be half
    written. `finish` uploads all that is not there yet.
    """

    def __init__(
        self,
        storage: Storage,
        uri: str,
        folder: Path,
        what: str,
        tell: Callable[[str], None],
        interval: float = 3.0,
    ) -> None:
        """`what` names its files in messages: "checkpoints"."""
        self._storage = storage
        self._location = s3_uris.parse(uri)
        self._folder = folder
        self._what = what
        self._tell = tell
        self._interval = interval
        self._seen: dict[Path, _Signature] = {}
        self._uploaded: dict[Path, _Signature] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sync-{folder.name}", daemon=True)

    def restore(self) -> int:
        """What S3 has, into the folder; returns the number of files. Raises StorageError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        count = self._storage.download_prefix(str(self._location), self._folder)
        self._uploaded = dict(self._files(_say_nothing))
        return count

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        """Stops looking, uploads the rest, and tells what cannot be uploaded. Raises StorageError."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        left_out = LeftOut(self._what, self._tell)
        files = dict(self._files(left_out.add))
        left_out.count()
        self._upload(files)

    def _run(self) -> None:
        complained = False
        while not self._stopping.wait(self._interval):
            current = dict(self._files(_say_nothing))
            settled = {path: each for path, each in current.items() if self._seen.get(path) == each}
            self._seen = current
            try:
                self._upload(settled)
            except (StorageError, OSError) as error:  # it is tried again, and at the end it counts
                if not complained:
                    self._tell(f"gluonship: {self._what} do not reach S3 now: {error}")
                complained = True

    def _upload(self, files: dict[Path, _Signature]) -> None:
        for path, signature in files.items():
            if self._uploaded.get(path) != signature and path.is_file():  # not deleted meanwhile
                name = path.relative_to(self._folder).as_posix()
                self._storage.upload_file(path, str(self._location.under(name)))
                self._uploaded[path] = signature

    def _files(self, leave_out: LeaveOut) -> Iterator[tuple[Path, _Signature]]:
        """In the order of their paths. What comes or goes at this very moment, folders too, is left out: the
        next look sees it."""
        for name, path in files_for_s3(self._folder, self._location, leave_out):
            try:
                about = path.stat()
            except OSError as error:
                leave_out(name, f"it cannot be read: {error.strerror}")
                continue
            yield path, (about.st_size, about.st_mtime_ns, about.st_ino)


def _say_nothing(name: str, reason: str) -> None:
    """While the container runs: what it makes may be half made. It is told at the end."""
