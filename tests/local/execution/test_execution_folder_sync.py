"""A folder that goes to S3 while a container writes it."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

from execution_parts import eventually

from gluonship.local.execution.folder_sync import FolderSync


class Uploads:
    """The part of contracts.Storage that a sync uses."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def upload_file(self, path: Path, uri: str) -> None:
        self.names.add(uri.removeprefix("s3://bucket/checkpoints/"))


def test_folders_that_come_and_go_do_not_end_it(tmp_path: Path) -> None:
    """Trainers write into a temporary folder and take it away again."""
    uploads, over = Uploads(), threading.Event()
    sync = FolderSync(uploads, "s3://bucket/checkpoints", tmp_path, "checkpoints", print, 0.001)  # type: ignore[arg-type]

    def write() -> None:
        while not over.is_set():
            folder = tmp_path / "making" / "of"
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(5):
                (folder / str(number)).write_text("half")
            shutil.rmtree(tmp_path / "making")

    writer = threading.Thread(target=write)
    writer.start()
    sync.start()
    try:
        time.sleep(0.5)
        (tmp_path / "model-0001.params").write_text("whole")
        assert eventually(lambda: "model-0001.params" in uploads.names, 5.0)
    finally:
        over.set()
        writer.join()
        sync.finish()
