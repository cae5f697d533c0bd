"""InvokeEndpoint on the control plane's port: passed to the data plane, whose port is its proper one."""

from __future__ import annotations

import contextlib
import http.client
import re
from collections.abc import Iterator, Mapping
from typing import Any

from gluonship.local.control.errors import HttpResponse, error_response

_PATH = re.compile(r"/endpoints/[^/]+/(invocations|async-invocations|invocations-response-stream)")
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "upgrade", "expect"}
)
_TIMEOUT_SECONDS = 120.0  # above the 60 s that a model has
_PIECE = 2**16


def is_invocation(path: str, service: str) -> bool:
    """Whether the request is sagemaker-runtime's; an S3 bucket may be called "endpoints" too."""
    return service in ("sagemaker", "") and _PATH.fullmatch(path) is not None


def forward(environ: Mapping[str, Any], data_port: int) -> HttpResponse:
    """The data plane's answer. The request's body is passed on as it comes: the data plane bounds it."""
    headers = {
        name[5:].replace("_", "-").title(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") and name[5:].replace("_", "-").lower() not in _HOP_BY_HOP
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").title()] = environ[name]
    connection = http.client.HTTPConnection("127.0.0.1", data_port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.connect()
        with contextlib.suppress(ConnectionError):  # it may have answered before all was sent
            connection.request("POST", environ["RAW_URI"], body=_pieces(environ), headers=headers)
        answer = connection.getresponse()
        data = answer.read()
    except (OSError, http.client.HTTPException) as error:
        message = f"the data plane on port {data_port} did not answer: {error}"
        return error_response("rest-json", "ServiceUnavailable", message, 503)
    finally:
        connection.close()
    kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP]
    return HttpResponse(answer.status, [*kept, ("Content-Length", str(len(data)))], data)


def _pieces(environ: Mapping[str, Any]) -> Iterator[bytes]:
    """The request's body; http.client sends it in chunks where its length is not in the headers."""
    while piece := environ["wsgi.input"].read(_PIECE):
        yield piece
