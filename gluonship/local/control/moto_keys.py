"""The keys that users make in this cloud, as moto keeps them: IAM users' access keys and STS's sessions."""

from __future__ import annotations

from datetime import UTC

from moto.iam.models import AccessKey, iam_backends
from moto.sts.models import AssumedRole, sts_backends

from gluonship.local.door.keys import Key

_SESSION_PREFIX = "ASIA"  # AWS's, of keys that a session's token must accompany


def find(key_id: str) -> Key | None:
    """The live key of that id: an active access key, or a session, expired or not."""
    for account_id, account in list(iam_backends.items()):
        for partition, backend in list(account.items()):
            access_key = backend.access_keys.get(key_id)
            if access_key is not None:
                if key_id.startswith(_SESSION_PREFIX):
                    return _session_key(account_id, partition, key_id)
                return _user_key(account_id, access_key)
    return None


def _user_key(account_id: str, access_key: AccessKey) -> Key | None:
    if access_key.status != "Active":
        return None
    return Key(access_key.access_key_id, access_key.secret_access_key, account_id)


def _session_key(account_id: str, partition: str, key_id: str) -> Key | None:
    session: AssumedRole | None = sts_backends[account_id][partition].get_assumed_role_from_access_key(key_id)
    if session is None:
        return None
    return Key(
        key_id,
        session.secret_access_key,
        account_id,
        session.session_token,
        session.expiration.replace(tzinfo=UTC).timestamp(),
    )
