"""Errors as AWS writes them, in the wire protocol of each service."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal
from uuid import uuid4
from xml.sax.saxutils import escape

# What XML 1.0 cannot carry, not even as a reference: an error may repeat it from a request.
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Protocol = Literal["json", "rest-json", "query", "ec2", "rest-xml", "s3", "cbor"]


@dataclass(frozen=True)
class HttpResponse:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def status_line(self) -> str:
        try:
            return f"{self.status} {HTTPStatus(self.status).phrase}"
        except ValueError:
            return f"{self.status} Unknown"


def error_response(protocol: Protocol, code: str, message: str, status: int) -> HttpResponse:
    """The error `code` with its sentence, readable by botocore's parser of `protocol`."""
    request_id = str(uuid4())
    headers = [("x-amzn-RequestId", request_id)]
    if protocol in ("json", "rest-json"):
        body = json.dumps({"__type": code, "message": message}).encode()
        content_type = "application/x-amz-json-1.1" if protocol == "json" else "application/json"
        if protocol == "rest-json":
            headers.append(("x-amzn-ErrorType", code))
    elif protocol == "cbor":
        body = _cbor_map({"__type": code, "message": message})
        content_type = "application/cbor"
        headers.append(("smithy-protocol", "rpc-v2-cbor"))
    else:
        body = _xml(protocol, code, message, status, request_id).encode()
        content_type = "application/xml" if protocol in ("s3", "rest-xml") else "text/xml"
    headers += [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    return HttpResponse(status, headers, body)


def _xml(protocol: Protocol, code: str, message: str, status: int, request_id: str) -> str:
    shown = _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", message)
    error = f"<Code>{escape(code)}</Code><Message>{escape(shown)}</Message>"
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    if protocol == "s3":
        return f"{head}<Error>{error}<RequestId>{request_id}</RequestId></Error>"
    if protocol == "ec2":
        error = f"<Errors><Error>{error}</Error></Errors>"
        return f"{head}<Response>{error}<RequestID>{request_id}</RequestID></Response>"
    fault = "Sender" if status < 500 else "Receiver"
    return (
        f"{head}<ErrorResponse><Error><Type>{fault}</Type>{error}</Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )


def _cbor_map(members: dict[str, str]) -> bytes:
    """RFC 8949 for a small map of text to text, which is all that an error is."""

    def text(value: str) -> bytes:
        data = value.encode()
        return b"\x79" + len(data).to_bytes(2, "big") + data

    pairs = b"".join(text(name) + text(value[:4000]) for name, value in members.items())
    return bytes([0xA0 + len(members)]) + pairs
