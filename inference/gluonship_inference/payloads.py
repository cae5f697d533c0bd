"""The bytes of requests and responses of the native handler: which types there are, and what is in them.

Request bodies:
- an image file: `image/jpeg`, `image/png`, `image/webp`, or `application/x-image` for any of them;
- `application/json`: `{"image": "<base64 of an image file>"}`, or several:
  `{"instances": [{"image": "<base64>"}, ...]}`.

Responses are `application/json`: for one image the task's prediction, for `instances`
`{"predictions_list": [<the task's prediction>, ...]}` in the order of the request.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, NamedTuple, Sequence

from gluonship_inference.errors import ServingError
from gluonship_inference.handlers import JSON

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "application/x-image")
CONTENT_TYPES = (*IMAGE_TYPES, JSON)
MAX_INSTANCES = 256


class Images(NamedTuple):
    files: list[bytes]
    several: bool  # whether the client sent a list, and so gets one


def media_type(header: str) -> str:
    """`Image/JPEG; q=1` -> `image/jpeg`."""
    return header.partition(";")[0].strip().lower()


def check_negotiation(content_type: str, accept: str) -> None:
    """Raises ServingError 415 or 406, naming what is possible."""
    if media_type(content_type) not in CONTENT_TYPES:
        sent = f"Content-Type {content_type}" if content_type else "a body without a Content-Type"
        raise ServingError(
            415, "UnsupportedMediaType", f"{sent} is not served here: send one of {', '.join(CONTENT_TYPES)}"
        )
    if not _accepts_json(accept):
        raise ServingError(406, "NotAcceptable", f"Accept {accept}: this model answers {JSON} only")


def _accepts_json(accept: str) -> bool:
    """RFC 9110, 12.5.1: the most specific range that matches decides; q=0 means no."""
    found: dict[str, bool] = {}
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        found[media] = not any(_is_zero_quality(parameter) for parameter in parameters)
    for media in (JSON, "application/*", "*/*"):
        if media in found:
            return found[media]
    return not accept.strip()


def _is_zero_quality(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and value.strip() in ("0", "0.", "0.0", "0.00", "0.000")


def images(content_type: str, body: bytes) -> Images:
    """The image files in a request's body. Raises ServingError 400."""
    if not body:
        raise ServingError(400, "EmptyBody", "the body is empty: send an image")
    if media_type(content_type) != JSON:
        return Images([body], several=False)
    request = _parse(body)
    if isinstance(request, dict) and set(request) == {"image"}:
        return Images([_decode(request["image"], "image")], several=False)
    if isinstance(request, dict) and set(request) == {"instances"}:
        instances = request["instances"]
        if isinstance(instances, list) and 1 <= len(instances) <= MAX_INSTANCES:
            return Images([_instance(item, number) for number, item in enumerate(instances)], several=True)
        raise _invalid(f'"instances" must be a list of 1 to {MAX_INSTANCES} objects')
    raise _invalid(
        'the body must be {"image": "<base64>"} or {"instances": [{"image": "<base64>"}, ...]}, no more'
    )


def predictions(predicted: Sequence[dict[str, Any]], several: bool) -> bytes:
    """The response's body for the JSON form of the predictions, one an image."""
    return json.dumps({"predictions_list": list(predicted)} if several else predicted[0]).encode()


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except RecursionError:
        raise _invalid("the body is JSON nested too deeply") from None
    except ValueError as error:  # also UnicodeDecodeError
        raise _invalid(f"the body is not JSON: {error}") from None


def _instance(item: Any, number: int) -> bytes:
    where = f"instances[{number}]"
    if not isinstance(item, dict) or set(item) != {"image"}:
        raise _invalid(f'{where} must be {{"image": "<base64>"}}')
    return _decode(item["image"], f"{where}.image")


def _decode(text: Any, where: str) -> bytes:
    if not isinstance(text, str) or not text:
        raise _invalid(f"{where} must be a string, the base64 of an image file")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid(f"{where} is not base64: {error}") from None


def _invalid(message: str) -> ServingError:
    return ServingError(400, "InvalidJson", message)
