"""The control plane's door: who has sent a request, and whether with a key of this cloud.

What is behind it trusts its callers: the in-process clients use the application without a door.
"""

from __future__ import annotations

import hashlib
import io
import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qs, urlsplit

from gluonship.local.control import admin, public_objects, s3_forms, s3_places, s3_query_signatures
from gluonship.local.control.errors import HttpResponse, error_response
from gluonship.local.control.moto_gateway import send, take_body
from gluonship.local.control.requests import ACCOUNT_HEADER, identify
from gluonship.local.door import senders, sigv4
from gluonship.local.door.denials import Denied, Reason
from gluonship.local.door.keys import FindKey, Key
from gluonship.local.door.sigv4 import WireRequest

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

_S3_SCOPE = "20000101/us-east-1/s3/aws4_request"  # of what is signed without one
_IN_MEMORY = 2**20  # bytes of a body; what is above is kept in a file while it is read
_READ = 2**16

_log = logging.getLogger(__name__)


class Door:
    """A WSGI application in front of the control plane's."""

    def __init__(self, application: Application, find_key: FindKey, port: int, folder: Path) -> None:
        """`find_key` knows the keys; large bodies lie in `folder` while they are read."""
        self._application = application
        self._folder = folder
        self._find_key = find_key
        self._ports = (port,)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        refused = senders.refusal(
            environ.get("HTTP_HOST"),
            environ.get("HTTP_ORIGIN"),
            environ.get("HTTP_SEC_FETCH_SITE"),
            self._ports,
        )
        if refused:
            return send(error_response("rest-json", "AccessDenied", refused, 403), start_response)
        if not environ["PATH_INFO"].startswith(admin.PREFIX):  # which asks for the home's token itself
            try:
                self._let_in(environ)
            except Denied as denied:
                return send(_answer(environ, denied), start_response)
        return self._application(environ, start_response)

    def _let_in(self, environ: dict[str, Any]) -> None:
        """Raises Denied; afterwards the request is its key's account's, and its body can be read."""
        body = _Body(environ, self._folder)
        key = self._key(environ, body)
        if key is None:
            account_id = public_objects.account_of(environ)
            if account_id is None:
                raise Denied(Reason.UNSIGNED)
            environ[ACCOUNT_HEADER] = account_id
            _only_s3(environ, "anonymous", _S3_SCOPE)
            return
        if environ["REQUEST_METHOD"] in ("GET", "HEAD") and _is_query_operation(environ):
            raise Denied(
                Reason.FORBIDDEN, "the local cloud takes operations of the Query protocol by POST only"
            )
        environ.setdefault(ACCOUNT_HEADER, key.account_id)

    def _key(self, environ: dict[str, Any], body: _Body) -> Key | None:
        """Whose request it is; its Authorization says so afterwards, also where it was signed otherwise, so
        that nobody takes it for another service's."""
        request, now = wire_request(environ), time.time()
        signature = sigv4.read(request)
        if signature is not None:
            key = sigv4.live(self._find_key(signature.key_id), signature.token, now)
            sigv4.check(request, signature, key, body.sha256, now)
            if signature.valid_seconds is None:
                return key
            scope = signature.scope
        elif environ.get("HTTP_AUTHORIZATION"):
            raise Denied(Reason.UNREADABLE, f"Authorization must begin with {sigv4.ALGORITHM}")
        elif s3_query_signatures.is_signed(request):
            path = s3_places.whole_path(environ)
            key, scope = s3_query_signatures.check(request, path, self._find_key, now), _S3_SCOPE
        elif s3_forms.is_form(environ):
            key = s3_forms.check(environ, body.head(s3_forms.LARGEST_HEAD), body.keep, self._find_key, now)
            environ["HTTP_AUTHORIZATION"] = _authorization(key.id, _S3_SCOPE)
            return key
        else:
            return None
        _only_s3(environ, key.id, scope)
        return key


class _Body:
    """A request's body: read once where its digest is asked for, and then there again for what comes next."""

    def __init__(self, environ: dict[str, Any], folder: Path) -> None:
        self._environ = environ
        self._folder = folder
        self._digest = ""
        self._begun = b""

    def head(self, most: int) -> bytes:
        """Its beginning, of so many bytes at most; to be followed by `keep`, or by no more reading."""
        source: BinaryIO = self._environ["wsgi.input"]
        while len(self._begun) < most and (chunk := source.read(min(_READ, most - len(self._begun)))):
            self._begun += chunk
        return self._begun

    def sha256(self) -> str:
        self.keep()
        return self._digest

    def keep(self) -> None:
        if self._digest:
            return
        source: BinaryIO = self._environ["wsgi.input"]
        kept = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(self._folder))  # noqa: SIM115 - read by others
        digest, size = hashlib.sha256(self._begun), len(self._begun)
        kept.write(self._begun)
        while chunk := source.read(_READ):
            digest.update(chunk)
            kept.write(chunk)
            size += len(chunk)
        kept.seek(0)
        self._digest = digest.hexdigest()
        self._environ["wsgi.input"] = cast(BinaryIO, kept)
        self._environ["wsgi.input_terminated"] = True
        self._environ["CONTENT_LENGTH"] = str(size)
        if self._environ.pop("HTTP_TRANSFER_ENCODING", None):
            _log.debug("%s came in chunks", self._environ.get("PATH_INFO"))


def wire_request(environ: dict[str, Any]) -> WireRequest:
    """The request as its sender signed it."""

    def header(name: str) -> str | None:
        key = name.upper().replace("-", "_")
        value: str | None = environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}")
        return value

    path, _, query = environ["RAW_URI"].partition("?")
    if not path.startswith("/"):  # an absolute URL, whose host is what the environ has as its Host
        path = urlsplit(path).path or "/"
    return WireRequest(environ["REQUEST_METHOD"], path, query, header, lambda: _header_names(environ))


def _header_names(environ: dict[str, Any]) -> Iterator[str]:
    for key in environ:
        if key.startswith("HTTP_"):
            yield key[5:].lower().replace("_", "-")


def _authorization(key_id: str, scope: str) -> str:
    return f"{sigv4.ALGORITHM} Credential={key_id}/{scope}, SignedHeaders=host, Signature=0"


def _only_s3(environ: dict[str, Any], key_id: str, scope: str) -> None:
    """What comes by a URL, which says nothing of a body, is carried out as the URL says: moto would take a
    form in the body of a GET, a DELETE or a POST for the operation's parameters."""
    environ["HTTP_AUTHORIZATION"] = _authorization(key_id, scope)
    method = environ["REQUEST_METHOD"]
    if method in ("GET", "HEAD", "DELETE"):
        environ.update({"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "0"})
    if method != "PUT":
        environ.pop("CONTENT_TYPE", None)


def _is_query_operation(environ: dict[str, Any]) -> bool:
    fields = parse_qs(environ.get("QUERY_STRING", ""))
    return "Action" in fields and "Version" in fields


def _answer(environ: dict[str, Any], denied: Denied) -> HttpResponse:
    length = environ.get("CONTENT_LENGTH", "")
    is_small = length.isdecimal() and len(length) < 6  # nobody's body is read at length to name an error
    identity = identify(environ, take_body(environ) if is_small else b"")
    name = denied.name(identity.protocol)
    _log.warning(
        "not let in: %s %.200r: %s", environ["REQUEST_METHOD"], environ["RAW_URI"], denied.reason.name
    )
    return error_response(identity.protocol, name.code, denied.message, name.status)
