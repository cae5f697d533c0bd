"""The `up` that waits for a cloud's start, as the cloud's process sees it: a pipe that it reads."""

from __future__ import annotations

import json
import logging
import os
import select
import threading
from typing import IO

_log = logging.getLogger(__name__)


class Starter:
    """Reports go to it. When it is gone before the cloud is ready (Ctrl-C, a kill), this process ends at
    once: no cloud comes up behind anybody's back, and none is found that is about to end."""

    def __init__(self, reports: IO[str]) -> None:
        self._reports = reports
        self._lock = threading.Lock()
        self._ready = False
        threading.Thread(target=self._watch, name="starter", daemon=True).start()

    def tell(self, kind: str, message: str) -> None:
        """One report: progress, taken, failed, or found once `up` can find the cloud."""
        try:
            self._reports.write(json.dumps({kind: message}) + "\n")
            self._reports.flush()
        except BrokenPipeError:
            if not self._ready:
                self._end()

    def ready(self) -> None:
        """The cloud stays, whatever becomes of the starter."""
        with self._lock:
            self.tell("ready", "")
            self._ready = True

    def _watch(self) -> None:
        poll = select.poll()
        poll.register(self._reports, 0)  # that nobody reads any more is told unasked
        poll.poll()
        with self._lock:
            if not self._ready:
                self._end()

    def _end(self) -> None:
        _log.warning("nobody waits for this start any more: it ends")
        logging.shutdown()
        os._exit(1)  # the data plane and the lock go with this process
