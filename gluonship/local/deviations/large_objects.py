"""S3 takes and gives objects of terabytes. moto has each in memory, several times over: a request's body, the
object, its parts, the parts joined, a response; and it keeps every object that ever was.

Here an object's bytes go from the request into a StoredBytes, and from there into a response, a piece at a
time. Multipart uploads and copies only refer to what is stored.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.s3.exceptions import EntityTooSmall, InvalidArgumentError, InvalidPart, MalformedXML, S3ClientError
from moto.s3.models import (
    S3_UPLOAD_PART_MIN_SIZE,
    FakeBucket,
    FakeDeleteMarker,
    FakeKey,
    FakeMultipart,
    S3Backend,
)
from moto.s3.responses import S3Response

from gluonship.local.deviations.aws_chunks import AwsChunks, ChunksError
from gluonship.local.deviations.stored_bytes import (
    StoredBytes,
    checksum_of_checksums,
    in_base64,
    joined,
    stored,
)

_PIECE = 2**18
_SUBRESOURCES = frozenset({"acl", "legal-hold", "retention", "tagging"})  # whose bodies are XML


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class _IncompleteBody(S3ClientError):  # type: ignore[misc]
    code = "IncompleteBody"


class _NoRoom(S3ClientError):  # type: ignore[misc]
    """AWS never says this. As the caller's error it is not tried again at once."""

    code = "InsufficientStorage"


class _BadDigest(S3ClientError):  # type: ignore[misc]
    code = "BadDigest"

    def __init__(self, message: str) -> None:
        super().__init__("BadDigest", message)


@dataclass(frozen=True)
class _Received:
    """The body of PutObject or UploadPart."""

    content: StoredBytes
    trailers: dict[str, str]
    error: S3ClientError | None = None


class _Unread:
    """An object whose value is what is stored, not its bytes in memory."""

    def __init__(self, key: FakeKey) -> None:
        self._key = key

    def __getattr__(self, name: str) -> Any:
        return self._key.content if name == "value" else getattr(self._key, name)


def apply() -> None:
    # moto remembers every instance of its models for a page that is none of AWS's.
    for model in (FakeBucket, FakeDeleteMarker, FakeKey, FakeMultipart):
        model.__new__ = staticmethod(_untracked)
    del FakeKey.__del__  # which warns of files that are not there
    FakeKey.value = property(lambda self: bytes(self.content), _set_value)
    FakeKey.etag = property(lambda self: f'"{self._etag or self.content.md5}"')
    # A listing of versions is made of deep copies of all objects.
    FakeKey.__getstate__ = _state
    FakeKey.__setstate__ = _set_state
    FakeMultipart.complete = _complete
    S3Backend.upload_part_copy = _upload_part_copy
    S3Backend.copy_object = _copying_what_is_stored(S3Backend.copy_object)
    S3Response._get_key = _unread(S3Response._get_key)
    S3Response._get_checksum = _from_what_came(S3Response._get_checksum)
    S3Response._key_response = _with_what_came(S3Response._key_response)
    S3Response.key_response = _in_pieces(S3Response.key_response)
    DomainDispatcherApplication._get_body = _unless_put(DomainDispatcherApplication._get_body)


def _untracked(model: Any, *_: Any, **__: Any) -> Any:
    return object.__new__(model)


# --- what is kept ----------------------------------------------------------------------------------------


def _set_value(key: Any, value: Any) -> None:
    if not isinstance(value, StoredBytes):
        value = stored([value.encode() if isinstance(value, str) else bytes(value)])
    key.content, key.contentsize = value, len(value)


def _state(key: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(key).items() if name not in ("lock", "_value_buffer")}


def _set_state(key: Any, state: dict[str, Any]) -> None:
    vars(key).update(state)


def _complete(self: Any, body: Iterator[tuple[int, str]]) -> tuple[StoredBytes, str, Any]:
    """As moto's, but that the parts stay where they are."""
    parts: list[FakeKey] = []
    for number, etag in body:
        part = self.parts.get(number)
        if part is None or part.etag.replace('"', "") != etag.replace('"', ""):
            raise InvalidPart()
        if parts and parts[-1].contentsize < S3_UPLOAD_PART_MIN_SIZE:
            raise EntityTooSmall()
        parts.append(part)
    if not parts:
        raise MalformedXML
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(bytes.fromhex(part.etag.replace('"', "")))
    contents = [part.content for part in parts]
    checksum = _checksum(contents, self.metadata)
    return joined(contents), f"{digest.hexdigest()}-{len(parts)}", checksum


def _checksum(contents: list[StoredBytes], metadata: Any) -> tuple[str, str, int] | None:
    """Its type, its value, and of how many parts it is made; None where none was asked for."""
    algorithm = metadata.get("x-amz-checksum-algorithm")
    kind = metadata.get("x-amz-checksum-type") or "COMPOSITE"
    if algorithm is None:
        return None
    whole = kind == "FULL_OBJECT"
    value = joined(contents).checksum(algorithm) if whole else checksum_of_checksums(contents, algorithm)
    return None if value is None else (kind, in_base64(value), 1 if whole else len(contents))


def _upload_part_copy(
    self: Any,
    dest_bucket_name: str,
    multipart_id: str,
    part_id: int,
    src_bucket_name: str,
    src_key_name: str,
    src_version_id: str | None,
    start_byte: int | None,
    end_byte: int,
) -> FakeKey:
    multipart = self.get_bucket(dest_bucket_name).multiparts[multipart_id]
    content = self.get_object(src_bucket_name, src_key_name, version_id=src_version_id).content
    return multipart.set_part(part_id, content if start_byte is None else content[start_byte : end_byte + 1])


def _copying_what_is_stored(copy: Any) -> Any:
    @functools.wraps(copy)
    def copy_object(
        self: Any, src_key: FakeKey, dest_bucket_name: str, dest_key_name: str, *args: Any, **members: Any
    ) -> None:
        copy(self, _Unread(src_key), dest_bucket_name, dest_key_name, *args, **members)
        made = self.get_object(dest_bucket_name, dest_key_name)
        if src_key.checksum_type == "COMPOSITE":  # moto keeps its value, which is none of one piece
            made.checksum_type = "FULL_OBJECT"
            made.checksum_value = in_base64(made.content.checksum(made.checksum_algorithm))

    return copy_object


# --- requests and responses ------------------------------------------------------------------------------


def _unless_put(get_form: Any) -> Any:
    """moto looks for an operation in the form of an unsigned request: an object that a presigned URL puts may
    be called a form by its client, and is none."""

    @functools.wraps(get_form)
    def get_body(self: Any, environ: dict[str, Any]) -> Any:
        return None if environ["REQUEST_METHOD"] == "PUT" else get_form(self, environ)

    return get_body


def _in_pieces(respond: Any) -> Any:
    @functools.wraps(respond)
    def key_response(self: Any, request: Any, full_url: str, headers: Any) -> Any:
        if _brings_an_object(request):
            self.received = _received(request)
        status, answered, body = respond(self, request, full_url, headers)
        if isinstance(body, StoredBytes):
            return status, {**answered, "content-length": str(len(body))}, body.chunks()
        return status, answered, body

    return key_response


def _brings_an_object(request: Any) -> bool:
    path = request.path.lstrip("/")
    has_key = bool(path if S3Response.subdomain_based_buckets(request) else path.partition("/")[2])
    return (
        request.method == "PUT"
        and has_key
        and "x-amz-copy-source" not in request.headers
        and not _SUBRESOURCES & set(request.args)
    )


def _received(request: Any) -> _Received:
    try:
        return _receive(request)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        message = f"The local cloud cannot keep the object ({error.strerror}): make room in its folder"
        return _Received(StoredBytes(()), {}, _NoRoom(message))


def _receive(request: Any) -> _Received:
    read = request.stream.read  # which knows where the body ends, whoever serves
    if not request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        return _Received(_kept(iter(functools.partial(read, _PIECE), b""), request), {})
    # moto, who finds no body any more, is not to take it apart.
    request.environ["HTTP_X_AMZ_CONTENT_SHA256"] = "UNSIGNED-PAYLOAD"
    length = request.headers.get("x-amz-decoded-content-length")
    if length is not None and not re.fullmatch(r"-?[0-9]+", length):
        error = InvalidArgumentError("It is no number", "x-amz-decoded-content-length", length)
        return _Received(StoredBytes(()), {}, error)
    chunks = AwsChunks(read)
    try:
        content = _kept(chunks.data(), request)
    except ChunksError as error:
        return _Received(StoredBytes(()), {}, _IncompleteBody(f"The request's body is not whole: {error}"))
    if length is not None and int(length) != len(content):
        message = f"The request's body has {len(content)} bytes, x-amz-decoded-content-length says {length}"
        return _Received(content, {}, _IncompleteBody(message))
    return _Received(content, chunks.trailers)


def _kept(content: Iterator[bytes], request: Any) -> StoredBytes:
    made = stored(content)
    if "uploadId" in request.args:  # now, and not under a lock when the parts are completed
        made.checksum(request.headers.get("x-amz-sdk-checksum-algorithm", ""))
    return made


def _what_came(response: Any) -> _Received | None:
    found: _Received | None = vars(response).get("received")
    return found


def _with_what_came(respond: Any) -> Any:
    @functools.wraps(respond)
    def key_response(self: Any, request: Any, full_url: str) -> Any:
        received = _what_came(self)
        if received is not None:
            if received.error is not None:
                raise received.error
            _compare(self.headers, received)
            self.body = received.content
        return respond(self, request, full_url)

    return key_response


def _compare(headers: Any, received: _Received) -> None:
    """Raises BadDigest where the body is not what its sender has computed of it."""
    md5 = headers.get("Content-MD5")
    if md5 and md5 != in_base64(bytes.fromhex(received.content.md5)):
        raise _BadDigest("The Content-MD5 you specified did not match what we received.")
    told = {name.lower(): value for name, value in headers.items()} | received.trailers
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        value = told.get(f"x-amz-checksum-{algorithm.lower()}")
        computed = received.content.checksum(algorithm) if value else None
        if computed is not None and value != in_base64(computed):
            raise _BadDigest(f"The {algorithm} you specified did not match the calculated checksum.")


def _unread(find: Any) -> Any:
    @functools.wraps(find)
    def get_key(self: Any, *args: Any, **members: Any) -> Any:
        key, not_modified = find(self, *args, **members)
        return _Unread(key), not_modified

    return get_key


def _from_what_came(get_checksum: Any) -> Any:
    @functools.wraps(get_checksum)
    def checksum_of_body(self: Any, headers: dict[str, Any]) -> tuple[str, str | None]:
        received = _what_came(self)
        algorithm = self.headers.get("x-amz-sdk-checksum-algorithm", "")
        if received is None or not algorithm:
            return get_checksum(self, headers)  # type: ignore[no-any-return]
        name = f"x-amz-checksum-{algorithm.lower()}"
        value = self.headers.get(name) or received.trailers.get(name)
        if not value:
            computed = received.content.checksum(algorithm)
            value = None if computed is None else in_base64(computed)
        if value:
            headers[name] = value
        return algorithm, value

    return checksum_of_body
