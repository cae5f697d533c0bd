"""Why a request is not let in: the reason, and what AWS calls it in each of its protocols."""

from __future__ import annotations

import enum
from dataclasses import dataclass

_HINT = "The local cloud takes only keys that it has issued: `gluonship local env` prints its own"


class Reason(enum.Enum):
    UNSIGNED = "Missing Authentication Token"
    UNREADABLE = "The request's signature cannot be read"
    UNKNOWN_KEY = f"The security token included in the request is invalid. {_HINT}"
    MISMATCH = (
        "The request signature we calculated does not match the signature you provided. Check your AWS "
        f"Secret Access Key and signing method. {_HINT}"
    )
    CONTENT = "The provided 'x-amz-content-sha256' header does not match what was computed."
    SKEWED = "The difference between the request time and the current time is too large."
    EXPIRED = "The security token included in the request is expired"
    TOO_LATE = "Request has expired"
    FORBIDDEN = "Access Denied"


@dataclass(frozen=True)
class Name:
    code: str
    status: int


# By AWS's pages "Common Error Types" of each service's API reference, and S3's "Error responses".
_JSON = {
    Reason.UNSIGNED: Name("MissingAuthenticationTokenException", 400),
    Reason.UNREADABLE: Name("IncompleteSignatureException", 400),
    Reason.UNKNOWN_KEY: Name("UnrecognizedClientException", 400),
    Reason.MISMATCH: Name("InvalidSignatureException", 400),
    Reason.CONTENT: Name("InvalidSignatureException", 400),
    Reason.SKEWED: Name("InvalidSignatureException", 400),
    Reason.EXPIRED: Name("ExpiredTokenException", 400),
    Reason.TOO_LATE: Name("InvalidSignatureException", 400),
    Reason.FORBIDDEN: Name("AccessDeniedException", 400),
}
_REST = {reason: Name(name.code, 403) for reason, name in _JSON.items()}
_QUERY = {
    Reason.UNSIGNED: Name("MissingAuthenticationToken", 403),
    Reason.UNREADABLE: Name("IncompleteSignature", 400),
    Reason.UNKNOWN_KEY: Name("InvalidClientTokenId", 403),
    Reason.MISMATCH: Name("SignatureDoesNotMatch", 403),
    Reason.CONTENT: Name("SignatureDoesNotMatch", 403),
    Reason.SKEWED: Name("SignatureDoesNotMatch", 403),
    Reason.EXPIRED: Name("ExpiredToken", 403),
    Reason.TOO_LATE: Name("RequestExpired", 400),
    Reason.FORBIDDEN: Name("AccessDenied", 403),
}
_EC2 = {
    **_QUERY,
    Reason.UNKNOWN_KEY: Name("AuthFailure", 401),
    Reason.MISMATCH: Name("AuthFailure", 401),
    Reason.EXPIRED: Name("RequestExpired", 400),
}
_S3 = {
    Reason.UNSIGNED: Name("AccessDenied", 403),
    Reason.UNREADABLE: Name("AuthorizationHeaderMalformed", 400),
    Reason.UNKNOWN_KEY: Name("InvalidAccessKeyId", 403),
    Reason.MISMATCH: Name("SignatureDoesNotMatch", 403),
    Reason.CONTENT: Name("XAmzContentSHA256Mismatch", 400),
    Reason.SKEWED: Name("RequestTimeTooSkewed", 403),
    Reason.EXPIRED: Name("ExpiredToken", 400),
    Reason.TOO_LATE: Name("AccessDenied", 403),
    Reason.FORBIDDEN: Name("AccessDenied", 403),
}
_BY_PROTOCOL = {
    "json": _JSON,
    "cbor": _JSON,
    "rest-json": _REST,
    "rest-xml": _QUERY,
    "query": _QUERY,
    "ec2": _EC2,
    "s3": _S3,
}


class Denied(Exception):
    """The request is not let in."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason = reason
        self.message = f"{reason.value}: {detail}" if detail else reason.value
        super().__init__(self.message)

    def name(self, protocol: str) -> Name:
        """AWS's code and HTTP status in a protocol of botocore's models, S3's being "s3"."""
        return _BY_PROTOCOL[protocol][self.reason]
