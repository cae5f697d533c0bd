"""Log streams: all of it to a file of this machine, up to a cap to CloudWatch Logs: contracts.Logs."""

from __future__ import annotations

import collections
import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from gluonship.local.contracts import Scope
from gluonship.local.execution.log_batches import EVENT_OVERHEAD, Event, batches, events

_log = logging.getLogger(__name__)

_FLUSH_SECONDS = 0.5
_ATTEMPTS = 3
_TAIL_LINES = 20  # of what is above the cap, sent at the end: a failing script's last words are there
_TAIL_LINE_LENGTH = 2000
DEFAULT_CAP_BYTES = 64 * 2**20


class CloudWatchLogs:
    """Files are in `home`/logs/ACCOUNT/REGION/GROUP/STREAM.log and stay there."""

    def __init__(
        self, clients: Callable[[str, str], Any], home: Path, cap_bytes: int = DEFAULT_CAP_BYTES
    ) -> None:
        self._clients = clients
        self._home = home
        self._cap_bytes = cap_bytes

    def open(self, scope: Scope, group: str, stream: str) -> CloudWatchLogStream:
        """Makes the group and the stream, and starts the stream's flusher."""
        client = self._clients("logs", scope.region)
        for create, names in (
            (client.create_log_group, {"logGroupName": group}),
            (client.create_log_stream, {"logGroupName": group, "logStreamName": stream}),
        ):
            with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
                create(**names)
        return CloudWatchLogStream(client, group, stream, self.file_of(scope, group, stream), self._cap_bytes)

    def file_of(self, scope: Scope, group: str, stream: str) -> Path:
        """Where the whole of a stream is on this machine."""
        parts = [_file_name(part) for part in f"{group.strip('/')}/{stream}".split("/")]
        path = self._home.joinpath("logs", scope.account_id, scope.region, *parts)
        return path.with_name(path.name + ".log")


class CloudWatchLogStream:
    """`write` never waits for CloudWatch; what waits in memory is at most the cap."""

    def __init__(self, client: Any, group: str, stream: str, file: Path, cap_bytes: int) -> None:
        self._client = client
        self._names = {"logGroupName": group, "logStreamName": stream}
        self._path = file
        self._room = cap_bytes
        self._lock = threading.Lock()
        self._waiting: list[Event] = []
        self._tail: collections.deque[str] | None = None  # once above the cap
        self._closing = threading.Event()
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file: Any = file.open("a", encoding="utf-8", errors="replace")
        self._flusher = threading.Thread(target=self._run, name=f"log-{stream}", daemon=True)
        self._flusher.start()

    def write(self, line: str) -> None:
        now = int(time.time() * 1000)
        with self._lock:
            self._keep(line)
            if self._tail is not None:
                self._tail.append(line[:_TAIL_LINE_LENGTH])
                return
            self._room -= len(line) + EVENT_OVERHEAD
            if self._room >= 0:
                self._waiting.extend(events(now, line))
                return
            self._tail = collections.deque([line[:_TAIL_LINE_LENGTH]], maxlen=_TAIL_LINES)
            self._waiting.append(
                Event(now, f"gluonship: this log is too long for here; all of it is in {self._path}")
            )

    def close(self) -> None:
        if self._closing.is_set():
            return
        with self._lock:
            if self._tail:
                now = int(time.time() * 1000)
                self._waiting.append(Event(now, f"gluonship: the last {len(self._tail)} lines of this log:"))
                for line in self._tail:
                    self._waiting.extend(events(now, line))
        self._closing.set()
        self._flusher.join()
        with self._lock, contextlib.suppress(OSError):
            if self._file is not None:
                self._file.close()
            self._file = None

    def _keep(self, line: str) -> None:
        if self._file is None:
            return
        try:
            self._file.write(line + "\n")
        except OSError as error:  # a full disk must not end the job whose log it is
            self._give_up_file(error)

    def _give_up_file(self, error: OSError) -> None:
        _log.warning("the log file %s cannot be written: %s", self._path, error)
        now = int(time.time() * 1000)
        self._waiting.append(Event(now, f"gluonship: {self._path} cannot be written: {error.strerror}"))
        with contextlib.suppress(OSError):
            self._file.close()
        self._file = None

    def _run(self) -> None:
        while not self._closing.wait(_FLUSH_SECONDS):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
            if self._file is not None:
                try:
                    self._file.flush()
                except OSError as error:
                    self._give_up_file(error)
        for batch in batches(waiting):
            self._send([{"timestamp": each.milliseconds, "message": each.message} for each in batch])

    def _send(self, log_events: list[dict[str, Any]]) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._client.put_log_events(**self._names, logEvents=log_events)
                return
            except (ClientError, BotoCoreError) as error:
                if attempt == _ATTEMPTS or _gone(error):
                    _log.warning(
                        "%d events of %s did not reach CloudWatch Logs (they are in %s): %s",
                        len(log_events), self._names["logStreamName"], self._path, error,
                    )  # fmt: skip
                    return
                time.sleep(0.2 * attempt)


def _gone(error: Exception) -> bool:
    """The stream or its group was deleted while it was written."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == "ResourceNotFoundException"


def _file_name(part: str) -> str:
    return re.sub(r"[^\w.@=+-]", "_", part).lstrip(".") or "_"
