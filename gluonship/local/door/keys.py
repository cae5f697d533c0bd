"""The keys that this cloud takes: its home's, its containers', and what IAM and STS have made in it."""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

HOME_ROLE = "SageMakerRole"  # whom the home's key is: the SageMaker SDK wants a session of a role
SESSION_NAME = "SageMaker"  # AWS's, of a job's and an endpoint's session


@dataclass(frozen=True)
class Key:
    """An access key: whose account's, and its secret."""

    id: str
    secret: str
    account_id: str
    token: str | None = None  # of a session
    expires: float | None = None  # seconds since the epoch
    arn: str = ""  # who asks with it, where this cloud has issued it itself

    def variables(self) -> dict[str, str]:
        """As AWS's clients take it from the environment."""
        named = {"AWS_ACCESS_KEY_ID": self.id, "AWS_SECRET_ACCESS_KEY": self.secret}
        return named if self.token is None else {**named, "AWS_SESSION_TOKEN": self.token}


FindKey = Callable[[str], Key | None]  # by the access key's id


def new_key(account_id: str, role_arn: str, session_name: str, *, token: bool) -> Key:
    """A key that nobody can guess, for a session of the role."""
    role = role_arn.rpartition("/")[2] or HOME_ROLE
    return Key(
        id=("ASIA" if token else "AKIA") + base64.b32encode(secrets.token_bytes(10)).decode("ascii"),
        secret=secrets.token_urlsafe(30),
        account_id=account_id,
        token=secrets.token_urlsafe(96) if token else None,
        arn=f"arn:aws:sts::{account_id}:assumed-role/{role}/{session_name}",
    )


def home_key(document: Mapping[str, str], account_id: str) -> Key:
    """The home's key as its file says it. Raises KeyError, TypeError for another document."""
    arn = f"arn:aws:sts::{account_id}:assumed-role/{HOME_ROLE}/gluonship"
    return Key(str(document["access_key_id"]), str(document["secret_access_key"]), account_id, arn=arn)


class IssuedKeys:
    """The keys that this cloud itself has given out. May be used from any thread."""

    def __init__(self, home: Key) -> None:
        self._keys = {home.id: home}
        self._lock = threading.Lock()

    def find(self, key_id: str) -> Key | None:
        return self._keys.get(key_id)

    def issue(self, account_id: str, role_arn: str) -> Key:
        """For a container, which runs under the role; until `revoke`."""
        key = new_key(account_id, role_arn, SESSION_NAME, token=True)
        with self._lock:
            self._keys[key.id] = key
        return key

    def revoke(self, key: Key) -> None:
        with self._lock:
            self._keys.pop(key.id, None)
