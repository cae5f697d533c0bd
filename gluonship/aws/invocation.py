"""Images to an endpoint, predictions back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from gluonship.aws.account import MAX_CONCURRENT_INVOCATIONS
from gluonship.aws.errors import OperationFailed, error_code, error_message, is_missing
from gluonship.vision.predictions import Classification

if TYPE_CHECKING:
    from gluonship.aws.account import Account


_ABOUT_THE_REQUEST = ("ValidationError", "ValidationException", "RequestEntityTooLarge")


class InvocationFailed(OperationFailed):
    """The endpoint refused an image, or could not answer. `code` and `status` are the container's own, or
    SageMaker's where it refused the request; `status` is None where it is not about this image."""

    def __init__(self, message: str, code: str = "", status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def content_type(image: bytes) -> str:
    """By the first bytes, as the container will read it; what is none of its formats is sent as it is."""
    if image.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if image.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp"
    return "application/octet-stream"


def invoke(account: Account, endpoint: str, image: bytes) -> Classification:
    """Raises InvocationFailed, with the container's own words where it gave some."""
    body = send(account, endpoint, image, content_type(image))
    try:
        return Classification.from_json(json.loads(body))
    except (ValueError, KeyError, TypeError) as error:
        raise InvocationFailed(
            f"The endpoint '{endpoint}' answered, but not with a classification: {body[:200]!r}."
        ) from error


def send(account: Account, endpoint: str, body: bytes, media_type: str) -> bytes:
    """The endpoint's answer to a request of any content type, as it came."""
    try:
        answer = account.runtime.invoke_endpoint(
            EndpointName=endpoint, Body=body, ContentType=media_type, Accept="application/json"
        )
    except ClientError as error:
        if error_code(error) == "ModelError":
            raise _refusal(endpoint, error) from error
        if is_missing(error):
            raise InvocationFailed(
                f"There is no endpoint '{endpoint}' in {account.region}. "
                "`gluonship deploy JOB --endpoint NAME` makes one."
            ) from error
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if status == 413 or error_code(error) in _ABOUT_THE_REQUEST:
            raise InvocationFailed(
                f"SageMaker refused the request: {error_message(error)}", error_code(error), status
            ) from error
        raise
    return answer["Body"].read()


def invoke_many(
    account: Account, endpoint: str, images: Iterable[bytes], clients: int = 8
) -> Iterator[Classification]:
    """The predictions of `images`, in their order, from `clients` requests at a time."""
    if not 1 <= clients <= MAX_CONCURRENT_INVOCATIONS:
        raise ValueError(f"clients is {clients}; it must be from 1 to {MAX_CONCURRENT_INVOCATIONS}.")
    ask: Callable[[bytes], Classification] = lambda image: invoke(account, endpoint, image)  # noqa: E731
    waiting = iter(images)
    with ThreadPoolExecutor(clients, thread_name_prefix="invoke") as pool:
        while batch := list(islice(waiting, 16 * clients)):  # so that neither images nor answers pile up
            yield from pool.map(ask, batch)


def _refusal(endpoint: str, error: ClientError) -> InvocationFailed:
    answer = cast("dict[str, Any]", error.response)  # with ModelError's own members
    status: int | None = answer.get("OriginalStatusCode")
    original = str(answer.get("OriginalMessage") or error_message(error))
    code, message = "", original
    try:
        # AWS's own server puts a traceback behind what a handler says.
        detail = json.JSONDecoder().raw_decode(original)[0]["error"]
        code, message = str(detail["code"]), str(detail["message"])
    except (ValueError, KeyError, TypeError):
        pass  # not our container's form: its words are given as they are
    return InvocationFailed(f"The endpoint '{endpoint}' answered {status}: {message}", code, status)
