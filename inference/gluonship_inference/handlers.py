"""What an engine process asks of the handler in it, and which handlers there are."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple, Protocol

from gluonship_inference.settings import Settings

JSON = "application/json"


class Request(NamedTuple):
    """A POST /invocations: `content_type` and `accept` as sent ("" where not), all headers, the body."""

    content_type: str
    accept: str
    headers: dict[str, str]
    body: bytes


class Response(NamedTuple):
    status: int
    content_type: str
    headers: dict[str, str]
    body: bytes


class Handler(Protocol):
    def load(self) -> dict[str, Any]:
        """Loads the model, ready for requests; what it returns goes to the log. Raises LoadError."""
        ...

    def handle(self, request: Request) -> Response:
        """Raises ServingError for what the client did wrong, and anything else for what we did."""
        ...


_MODULES = {
    "gluonship": "gluonship_inference.native",
    "sagemaker-mxnet": "gluonship_inference.sagemaker_mxnet",
}


def create(settings: Settings) -> Handler:
    """The handler of `settings.handler`; its module is imported only now, because it imports MXNet."""
    handler: Handler = importlib.import_module(_MODULES[settings.handler]).create(settings)
    return handler
