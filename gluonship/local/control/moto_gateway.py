"""moto's application, with what it cannot do answered as AWS answers: an error, at once, in words."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from gluonship.local.contracts import UNSUPPORTED, AwsError, Handler, Scope
from gluonship.local.control import caller_mistakes, without_effect
from gluonship.local.control.errors import HttpResponse, error_response
from gluonship.local.control.registry import service_model
from gluonship.local.control.request_body import BodyUnreadable
from gluonship.local.control.requests import identify

_log = logging.getLogger(__name__)

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

_SMALL = ("application/x-www-form-urlencoded", "application/x-amz-json-")
# moto's own pages are not AWS's, and resetting its state would leave ours behind. It knows them by their path
# alone, whoever asks: a bucket of such a name is as good as taken.
_NOT_AWS = ("/moto-api", "/latest/meta-data/", "/latest/api/")


class _ServiceUnknownError(NotImplementedError):
    """moto has no back end for the service."""


def _backend_app(service: str | None) -> Any:
    if service is None:
        raise _ServiceUnknownError
    return create_backend_app(service)


@dataclass
class _Answer:
    """What an application has answered, before it goes out."""

    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        self.status, self.headers = status, headers


class MotoGateway:
    """All of AWS that moto answers."""

    def __init__(self, application: Application | None = None) -> None:
        """`application` is moto's own unless another is given."""
        self._application = application or DomainDispatcherApplication(_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body_read = take_body(environ)
        notice = without_effect.sentence(environ, lambda: taken(environ))
        if environ["PATH_INFO"].startswith(_NOT_AWS):
            return send(error_response("s3", "AccessDenied", "This path is not AWS's", 403), start_response)
        answer = _Answer()
        try:
            body = self._application(environ, answer.start)
        except NotImplementedError as error:
            return send(_refusal(environ, body_read, str(error)), start_response)
        except BodyUnreadable:
            raise  # the server answers
        except Exception as error:  # noqa: BLE001 - the boundary to moto
            identity = identify(environ, body_read)
            _log.exception("moto failed in %s of %s", identity.operation, identity.service)
            response = caller_mistakes.answer(error, identity, body_read, environ.get("QUERY_STRING", ""))
            return send(response, start_response)
        if _is_missing(answer, environ):
            if hasattr(body, "close"):
                body.close()
            return send(_refusal(environ, body_read, ""), start_response)
        if notice and answer.status.startswith("2"):
            _log.warning("%s", notice)
        start_response(answer.status, answer.headers)
        return body

    def handler(self, service: str, operation: str) -> Handler:
        """One of moto's operations of a JSON service, as a handler; timestamps stay numbers."""
        target = f"{service_model(service).metadata['targetPrefix']}.{operation}"

        def call(scope: Scope, members: dict[str, Any]) -> dict[str, Any]:
            body = json.dumps(members).encode()
            answer = _Answer()
            environ = _environ(service, target, scope, body)
            document = json.loads(b"".join(self._collected(environ, answer)) or b"{}")
            status = int(answer.status.split()[0])
            if status != 200:
                code = str(document.get("__type", "InternalFailure")).rpartition("#")[2]
                raise AwsError(code, str(document.get("message", document.get("Message", ""))), status)
            return document  # type: ignore[no-any-return]

        return call

    def _collected(self, environ: dict[str, Any], answer: _Answer) -> list[bytes]:
        result = self(environ, answer.start)
        try:
            return list(result)
        finally:
            if hasattr(result, "close"):
                result.close()


def send(response: HttpResponse, start_response: Any) -> Iterable[bytes]:
    start_response(response.status_line, response.headers)
    return [response.body]


def refused_message(service: str, operation: str, detail: str = "", *, instead: str = "") -> str:
    """The sentence of an operation that neither runs nor is recorded here, and what to do instead."""
    what = f"{operation or 'This operation'} of {service or 'this service'}"
    return (
        f"{what} is not available in the local cloud: it is neither executed nor recorded here"
        f"{f' ({detail})' if detail else ''}. {f'{instead} ' if instead else ''}"
        "The pages docs/coverage-*.md list what is; AWS may have it."
    )


def _refusal(environ: Mapping[str, Any], body: bytes, detail: str) -> HttpResponse:
    identity = identify(environ, body)
    _log.warning("refused: %s of %s %s", identity.operation, identity.service, detail)
    # moto's own sentence only repeats that the action is missing, unless a part of an operation is.
    shown = "" if detail.endswith("action has not been implemented") else detail
    message = refused_message(identity.service, identity.operation, shown)
    return error_response(identity.protocol, UNSUPPORTED, message, 400)


def _is_missing(answer: _Answer, environ: Mapping[str, Any]) -> bool:
    """Whether moto says that it has no such operation: Flask's page, or an empty 404 to all but S3's HEAD."""
    if not answer.status.startswith(("404", "405")):
        return False
    headers = {name.lower(): value for name, value in answer.headers}
    if headers.get("content-type", "").startswith("text/html") and "x-amzn-requestid" not in headers:
        return "x-amz-request-id" not in headers
    return headers.get("content-length") == "0" and environ["REQUEST_METHOD"] != "HEAD"


def take_body(environ: dict[str, Any]) -> bytes:
    """The body where it is a form or JSON, which are small, left in place for moto; else nothing.

    An object that is put may be called one.
    """
    is_small = environ.get("CONTENT_TYPE", "").startswith(_SMALL)
    return taken(environ) if is_small and environ["REQUEST_METHOD"] != "PUT" else b""


def taken(environ: dict[str, Any]) -> bytes:
    """The body, which stays readable."""
    body: bytes = environ["wsgi.input"].read()
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    return body


def _environ(service: str, target: str, scope: Scope, body: bytes) -> dict[str, Any]:
    credential = f"Credential=test/20000101/{scope.region}/{service}/aws4_request"
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "RAW_URI": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0",
        "HTTP_X_AMZ_TARGET": target,
        "HTTP_X_MOTO_ACCOUNT_ID": scope.account_id,
        "CONTENT_TYPE": "application/x-amz-json-1.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
