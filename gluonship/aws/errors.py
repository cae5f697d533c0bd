"""What goes wrong at AWS, as a sentence that says what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore import exceptions as boto

from gluonship.aws.instance_types import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping


class OperationFailed(Exception):
    """An operation on AWS did not succeed; the message is for a person, and says what to do."""


_CURES: Mapping[str, str] = {
    "ExpiredToken": "The credentials have expired: sign in again (`aws sso login`, or new session keys).",
    "ExpiredTokenException": "The credentials have expired: sign in again (`aws sso login`, or new keys).",
    "InvalidClientTokenId": "AWS does not know this access key: check AWS_PROFILE and `aws configure list`.",
    "UnrecognizedClientException": "AWS does not know this access key: check `aws configure list`.",
    "SignatureDoesNotMatch": "The secret key does not fit the access key: check `aws configure list`.",
    "AccessDenied": "Allow it in the IAM policy of the caller (`aws sts get-caller-identity` names it).",
    "AccessDeniedException": "Allow it in the IAM policy of the caller (`aws sts get-caller-identity`).",
    "ResourceLimitExceeded": "Ask for a higher limit in Service Quotas, or take another --instance-type.",
    "NoSuchBucket": "Check the bucket's name and region, or make it: `aws s3 mb s3://BUCKET`.",
    "NoSuchKey": "Check the URI: `aws s3 ls URI` lists what is there.",
    "404": "Check the URI: `aws s3 ls URI` lists what is there.",
    "403": "The bucket is not the caller's to use: check its name and the caller's policy.",
    "ThrottlingException": "AWS asks for fewer requests: wait a minute and try again.",
    "ResourceInUse": "Take another name, or delete what has this one.",
}


def error_code(error: boto.ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def error_message(error: boto.ClientError) -> str:
    return error.response.get("Error", {}).get("Message", "") or str(error)


def is_missing(error: boto.ClientError) -> bool:
    """Whether AWS says that a SageMaker resource does not exist; it has no code of its own for that."""
    message = error_message(error).lower()
    return error_code(error) in ("ValidationException", "ValidationError", "ResourceNotFound") and (
        "could not find" in message or "not found" in message or "does not exist" in message
    )


def explain(error: BaseException) -> str | None:
    """One sentence or two for an error of boto3's or of this room, None for any other."""
    if isinstance(error, OperationFailed):
        return str(error)
    if isinstance(error, boto.ClientError):
        return _explain_refusal(error)
    if isinstance(error, (boto.NoCredentialsError, boto.PartialCredentialsError)):
        return (
            "No AWS credentials were found. Run `aws configure` or set AWS_PROFILE; "
            "to work on this machine instead, leave out `--cloud aws`."
        )
    if isinstance(error, boto.NoRegionError):
        return "No AWS region is set. Give --region, or set AWS_REGION."
    if isinstance(error, boto.ProfileNotFound):
        return f"{error}. `aws configure list-profiles` names those there are; AWS_PROFILE picks one."
    if isinstance(error, (boto.SSOTokenLoadError, boto.UnauthorizedSSOTokenError, boto.TokenRetrievalError)):
        return "The single sign-on session has ended. Run `aws sso login`."
    if isinstance(error, (boto.ReadTimeoutError, boto.ConnectTimeoutError)):
        return f"No answer came in time from {_url(error)}. Try again; `gluonship local status` asks here."
    if isinstance(error, (boto.HTTPClientError, boto.ConnectionError)):
        return (
            f"Nothing answers at {_url(error)}. If it is this machine's cloud, look with "
            "`gluonship local status` and start it with `gluonship local up`; else check the network."
        )
    if isinstance(error, boto.ParamValidationError):
        return f"A value does not fit what AWS takes. {error}"
    if isinstance(error, boto.BotoCoreError):
        return str(error)
    # s3transfer's own errors (S3UploadFailedError) carry the refusal in their text alone.
    if type(error).__module__.startswith(("boto3.", "s3transfer.")):
        return str(error)
    return None


def _explain_refusal(error: boto.ClientError) -> str:
    code = error_code(error)
    sentence = f"{error.operation_name} was refused: {shortened(error_message(error)).rstrip('.')} ({code})."
    cure = _CURES.get(code)
    return f"{sentence} {cure}" if cure else sentence


def _url(error: boto.BotoCoreError) -> str:
    return str(getattr(error, "kwargs", {}).get("endpoint_url") or "the address")
