"""GetSessionToken and GetFederationToken give keys with which the caller, or the federated user, can ask;
moto gives the same example to everybody, which no request can be signed with.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.iam.models import iam_backends
from moto.sts.models import AssumedRole, STSBackend, sts_backends
from moto.sts.responses import TokenResponse


class _Session(AssumedRole):  # type: ignore[misc]
    """One of moto's sessions, of somebody who has assumed no role."""

    def __init__(self, owner: tuple[str, str, str], backend: STSBackend, duration: int) -> None:
        user_id, arn, account_id = owner
        access_key = iam_backends[account_id][backend.partition].create_temp_access_key()
        super().__init__(
            account_id=account_id,
            region_name=backend.region_name,
            access_key=access_key,
            role_session_name=user_id,
            role_arn=arn,
            policy="",
            duration=duration,
            external_id="",
        )

    @property
    def user_id(self) -> str:
        return str(self.session_name)

    @property
    def arn(self) -> str:
        return str(self.role_arn)


def apply() -> None:
    session_token, federation_token = TokenResponse.get_session_token, TokenResponse.get_federation_token

    def get_session_token(self: TokenResponse) -> ActionResult:
        caller = self.backend.get_caller_identity(self.get_access_key(), self.region)
        return _with_session(self, session_token(self), caller)

    def get_federation_token(self: TokenResponse) -> ActionResult:
        answer = federation_token(self)
        user = answer.result["FederatedUser"]
        return _with_session(self, answer, (user["FederatedUserId"], user["Arn"], self.current_account))

    TokenResponse.get_session_token = get_session_token
    TokenResponse.get_federation_token = get_federation_token


def _with_session(response: TokenResponse, answer: Any, owner: tuple[str, str, str]) -> ActionResult:
    duration = response._get_int_param("DurationSeconds", 43200)
    session = _Session(owner, response.backend, duration)
    sts_backends[session.account_id][response.partition].assumed_roles.append(session)
    return ActionResult({**answer.result, "Credentials": session})
