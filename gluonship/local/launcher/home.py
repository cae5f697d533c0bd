"""GLUONSHIP_HOME: the one folder in which a local cloud keeps everything, and what its files say.

cloud.lock   locked (flock) by the cloud's process for as long as it lives, however it ends
cloud.json   where the cloud is (CloudInfo); written when it is ready, says when it goes down, removed then
cloud.log    what its process says
objects/     the bytes of S3's larger objects; gone with the cloud
stacks/      what CloudFormation is at, so that a killed cloud's successor can say what was left
token        what the admin interface asks for, so that no web page can use it
credentials  the home's access key and secret; they stay the same from one cloud of the home to the next
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gluonship.local.door.keys import Key, home_key, new_key

DEFAULT_PORT = 5111
DEFAULT_REGION = "us-east-1"
DEFAULT_ACCOUNT_ID = "123456789012"


JOURNAL = "stacks"
OBJECTS = "objects"

# What a cloud writes in its folder, or replaces, when it starts.
_REPLACED = ("bundles", "containers", "credentials", JOURNAL, OBJECTS, "token")


class LauncherError(Exception):
    """The cloud could not be started, found or stopped; the message says why and what to do."""


@dataclass(frozen=True)
class CloudInfo:
    """Where a running cloud is."""

    home: Path
    pid: int
    pid_started: float  # the process's start, seconds since the epoch: tells a reused pid
    control_port: int
    data_port: int
    version: str
    down_grace_seconds: float = 10.0  # how long it waits for its jobs when it goes down
    going_down: bool = False

    @property
    def url(self) -> str:
        """The control plane: every AWS service but InvokeEndpoint."""
        return f"http://127.0.0.1:{self.control_port}"

    @property
    def s3_control_url(self) -> str:
        """For S3 Control, whose clients put the account's number before the host: that name may lead
        anywhere, and by TLS it leads nowhere (`environment.NO_AWS_CERTIFICATE`)."""
        return f"https://127.0.0.1:{self.control_port}"

    @property
    def runtime_url(self) -> str:
        """The data plane: InvokeEndpoint."""
        return f"http://127.0.0.1:{self.data_port}"


class Home:
    """The folder of one local cloud; private to its user."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state_file = path / "cloud.json"
        self.log_file = path / "cloud.log"
        self.lock_file = path / "cloud.lock"
        self.token_file = path / "token"
        self.key_file = path / "credentials"

    def make(self) -> None:
        """Makes the folder, for its owner only. Raises LauncherError where that cannot be, and where a folder
        that never was a cloud's has what a cloud would replace: it is somebody's work."""
        if not self.lock_file.exists():
            theirs = [name for name in _REPLACED if os.path.lexists(self.path / name)]
            if theirs:
                raise LauncherError(
                    f"{self.path} is not the folder of a local cloud, which would replace what is there "
                    f"({', '.join(theirs)}): set GLUONSHIP_HOME to a folder of its own"
                )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise LauncherError(
                f"the folder of the local cloud, {self.path}, cannot be used ({error.strerror}): "
                "set GLUONSHIP_HOME to a folder that is yours"
            ) from error

    def take_lock(self, patience_seconds: float = 0.0) -> int | None:
        """The descriptor of the lock, which holds until it is closed; None where another process has it.

        `patience_seconds` outlasts a process that only looks (`is_locked`).
        """
        descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + patience_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    return None
                time.sleep(0.02)
            else:
                return descriptor

    def is_locked(self) -> bool:
        """Whether a cloud's process lives here, ready or not."""
        if not self.lock_file.exists():
            return False
        descriptor = self.take_lock()
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    def read_state(self) -> CloudInfo | None:
        """What cloud.json says, or None where it is absent or not one of ours."""
        try:
            values = json.loads(self.state_file.read_text("utf-8"))
            return CloudInfo(**{**values, "home": self.path})
        except (OSError, ValueError, TypeError):
            return None

    def write_state(self, info: CloudInfo) -> None:
        write_private(
            self.state_file, json.dumps({**dataclasses.asdict(info), "home": str(info.home)}, indent=1)
        )

    def key(self) -> Key:
        """The key that this home's clouds take. Raises LauncherError where no cloud has ever made it."""
        try:
            return home_key(json.loads(self.key_file.read_text("utf-8")), DEFAULT_ACCOUNT_ID)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LauncherError(
                f"the home's access key cannot be read from {self.key_file} ({error}): start its cloud anew "
                "with `gluonship local down` and `gluonship local up`"
            ) from error

    def make_key(self) -> Key:
        """The home's key, made where there is none that can be read."""
        try:
            return self.key()
        except LauncherError:
            made = new_key(DEFAULT_ACCOUNT_ID, "", "", token=False)
            document = {"access_key_id": made.id, "secret_access_key": made.secret}
            write_private(self.key_file, json.dumps(document, indent=1))
            return self.key()

    def forget(self) -> None:
        """Removes what a cloud that is gone has left about itself."""
        self.state_file.unlink(missing_ok=True)
        self.token_file.unlink(missing_ok=True)

    def log_tail(self, lines: int = 15) -> str:
        try:
            return "\n".join(self.log_file.read_text("utf-8", "replace").splitlines()[-lines:])
        except OSError:
            return ""


def write_private(path: Path, text: str) -> None:
    """Writes `text` for the owner only, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def home_path(home: Path | str | None, environment: Mapping[str, str]) -> Path:
    """The folder meant: `home`, else GLUONSHIP_HOME, else ~/.gluonship; absolute."""
    chosen = home or environment.get("GLUONSHIP_HOME") or Path("~/.gluonship")
    return Path(os.path.abspath(Path(chosen).expanduser()))
