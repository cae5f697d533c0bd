"""STS's GetCallerIdentity says who asks. moto knows its own users and sessions, and takes any other key for a
user called "moto"; here, other keys are those that this cloud has given out: its home's and its containers'.

Their owners are sessions of roles, as in SageMaker's notebooks and jobs: the SageMaker SDK's
get_execution_role() takes its role from there.
"""

from __future__ import annotations

from moto.sts.models import STSBackend

from gluonship.local.door.keys import FindKey


def apply(find_issued: FindKey) -> None:
    """`find_issued` knows the keys that this cloud has given out itself."""
    moto = STSBackend.get_caller_identity

    def get_caller_identity(self: STSBackend, access_key_id: str, region: str) -> tuple[str, str, str]:
        key = find_issued(access_key_id)
        if key is None:
            return moto(self, access_key_id, region)  # type: ignore[no-any-return]
        session_name = key.arn.rpartition("/")[2]
        return f"AROA{key.id[4:]}:{session_name}", key.arn, key.account_id

    STSBackend.get_caller_identity = get_caller_identity
