"""Why an event did not reach its target, by the codes of dead letters, and whether trying again helps.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html: missing permissions and missing
targets are not tried again.
"""

from __future__ import annotations

from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

_NO_RESOURCE = ("NotFound", "DoesNotExist", "NonExistent", "NoSuch", "Deleting")
_NO_PERMISSIONS = ("AccessDenied", "AuthorizationError", "NotAuthorized", "UnauthorizedOperation")
_THROTTLED = ("Throttl", "TooManyRequests", "LimitExceeded", "RequestLimit")
_INVALID = ("Invalid", "Validation", "Missing", "Malformed", "UnsupportedOperation")


@dataclass(frozen=True)
class Failure:
    code: str  # ERROR_CODE of the dead letter
    message: str
    lasting: bool  # trying again would not help


def failure_of(error: Exception) -> Failure:
    """What went wrong in a call to a target."""
    message = str(error)
    if isinstance(error, Undeliverable):
        return Failure(error.code, message, True)
    if isinstance(error, ParamValidationError):
        return Failure("SDK_CLIENT_ERROR", message, True)
    if isinstance(error, BotoCoreError):
        return Failure("CONNECTION_FAILURE", message, False)
    if not isinstance(error, ClientError):
        return Failure("INTERNAL_ERROR", f"{type(error).__name__}: {message}", False)
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    for names, kind, lasting in (
        (_NO_RESOURCE, "NO_RESOURCE", True),
        (_NO_PERMISSIONS, "NO_PERMISSIONS", True),
        (_THROTTLED, "THROTTLING", False),
        (_INVALID, "INVALID_PARAMETER", True),
    ):
        if status < 500 and any(name in code for name in names):
            return Failure(kind, message, lasting)
    return Failure("ERROR_FROM_TARGET", message, False)


class Undeliverable(Exception):
    """A target that cannot take this event however often it is sent; `code` as dead letters have it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
