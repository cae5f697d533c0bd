"""S3 ignores a Range, an If-Modified-Since or an If-Unmodified-Since that it cannot read, as RFC 9110 has it
(13.1.3, 13.1.4, 14.2). moto fails on them, and takes one form of date only.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from moto.s3 import responses
from moto.s3.responses import S3Response
from werkzeug.http import parse_date

_RANGES = re.compile(r"bytes=(?:[0-9]+-[0-9]*|-[0-9]+)(?:[ \t]*,[ \t]*(?:[0-9]+-[0-9]*|-[0-9]+))*")
_ONE_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]+)")


def apply() -> None:
    responses.str_to_rfc_1123_datetime = date
    S3Response._handle_range_header = _ignoring_unreadable(S3Response._handle_range_header)


class NoDate:
    """Nothing is before it and nothing after it: a condition on it never holds."""

    def __lt__(self, other: object) -> bool:
        return False

    __gt__ = __le__ = __ge__ = __lt__


def date(text: str) -> datetime | NoDate:
    """An HTTP date in any of its three forms, in UTC and naive as moto's are."""
    moment = parse_date(text)
    return moment.replace(tzinfo=None) if moment else NoDate()


def is_range(text: str) -> bool:
    one = _ONE_RANGE.fullmatch(text)
    return bool(_RANGES.fullmatch(text)) and not (one and int(one[1]) > int(one[2]))


def _ignoring_unreadable(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def handle(self: S3Response, request: Any, headers: Any, content: Any) -> Any:
        if not is_range(request.headers["range"]):
            return 200, headers, content
        return method(self, request, headers, content)

    return handle
