"""What moto's own exceptions say about a request: the caller's mistake, or a defect of moto or ours.

moto checks little before it uses what a request gives: it looks a name up in a dictionary, converts a value,
reads a document. When that fails, AWS answers 4xx. So an exception counts as the caller's where a value of
the request, or its absence, can be its cause:

- a failed look-up: KeyError, IndexError, StopIteration, `list.remove`, an attribute of None;
- a failed conversion or reading: ValueError (JSON, base64, UTF-8, dates), TypeError, OverflowError, XML,
  YAML, a document too deep (RecursionError), and a choice that no member has made (UnboundLocalError);
- `raise Exception("... is not a repository")`, or an assertion with a message: moto's words for what it has
  no exception of its own.

Everything else is a defect, which clients may retry: a dictionary changed while it was walked (RuntimeError),
a file, an import, an attribute that one of moto's own objects lacks, a call with the wrong arguments; and a
look-up that failed although the request gives nothing that could be looked up. Both are in cloud.log, with
their tracebacks: an optional member that moto cannot do without looks like a mistake of the caller.
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from xml.parsers.expat import ExpatError

import yaml  # type: ignore[import-untyped] # PyYAML carries no types
from botocore.model import OperationModel, Shape
from moto.core.exceptions import ServiceException
from moto.core.parse import RequestParserError

from gluonship.local.contracts import AwsError
from gluonship.local.control import json_protocol, query_protocol
from gluonship.local.control.errors import HttpResponse, error_response
from gluonship.local.control.registry import internal_failure, service_model
from gluonship.local.control.requests import Identity
from gluonship.local.control.validation import validate

_LOOK_UPS = (LookupError, StopIteration)
_READINGS = (
    ValueError,
    TypeError,
    ArithmeticError,
    RecursionError,
    UnboundLocalError,
    SyntaxError,  # xml.etree's ParseError is one
    ExpatError,
    RequestParserError,
    yaml.YAMLError,
    zipfile.BadZipFile,
    zlib.error,
    re.error,
)
_PLAIN = (type(None), str, bytes, int, float, list, tuple, dict)
_CALLED_WRONGLY = re.compile(r"\(\) (takes|got|missing)\b")
_NONE = "'NoneType' object"
# What these operations make does not exist yet: what they lack was not given.
_MAKES = re.compile(r"(Create|Put|Publish|Generate|Request|Register|Start|Run|Allocate|Import)[A-Z]")

_NOT_FOUND = re.compile(r"(NotFound|NoSuch|DoesNotExist|NonExistent|NotExist)")
_NOISE = re.compile(r"NotFound|NoSuch|DoesNotExist|NonExistent|NotExist|Exception|Fault|Error|Invalid|^.*\.")
_INVALID = [
    re.compile(words)
    for words in ("^Validation", "InvalidParameter", "Invalid(Request|Input|Argument)", "BadRequest")
]
_DEFAULT_INVALID = {
    "json": "ValidationException",
    "rest-json": "ValidationException",
    "query": "ValidationError",
    "cbor": "ValidationError",
    "ec2": "InvalidParameterValue",
    "rest-xml": "InvalidRequest",
    "s3": "InvalidArgument",
}
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html; EC2's model declares no errors.
_EC2_NOT_FOUND = {
    "ImageId": "InvalidAMIID.NotFound",
    "SourceImageId": "InvalidAMIID.NotFound",
    "SnapshotId": "InvalidSnapshot.NotFound",
    "SourceSnapshotId": "InvalidSnapshot.NotFound",
    "NatGatewayId": "NatGatewayNotFound",
}
# AWS's sentence.
_MALFORMED_XML = "The XML you provided was not well-formed or did not validate against our published schema"
_LONGEST_SHOWN = 256


@dataclass(frozen=True)
class Given:
    """One plain value of a request, under the name of its member."""

    name: str
    value: str


def answer(error: Exception, identity: Identity, body: bytes, query: str) -> HttpResponse:
    """AWS's answer to a request on which moto failed with `error`.

    `body` is the request's where it is JSON or a form.
    """
    if isinstance(error, ServiceException):  # AWS's own, raised where moto does not expect it
        return error_response(identity.protocol, error.code, str(error.message), 400)
    in_path = [*identity.parameters.items(), *parse_qsl(query)]
    given = [*_in_body(identity, body), *(Given(name, value) for name, value in in_path)]
    operation = _operation(identity)
    if not _is_callers(error, identity, operation, given):
        what = f"{identity.operation}: {type(error).__name__}: {error}".strip()
        return internal_failure(identity.protocol, what)
    objection = operation and _objection(identity, operation, body)
    if objection:
        return error_response(identity.protocol, objection.code, objection.message, objection.status)
    found = _missing_thing(error, identity, operation, given)
    if found:
        code, status = _not_found(identity, operation, found)
        message = f"{identity.operation}: {found.name} '{found.value[:_LONGEST_SHOWN]}' was not found"
        return error_response(identity.protocol, code, message, status)
    if identity.protocol == "s3" and _takes_xml(operation):
        return error_response("s3", "MalformedXML", _MALFORMED_XML, 400)
    code, status = _invalid(identity, operation)
    return error_response(identity.protocol, code, _reason(error, identity, operation), status)


def _is_callers(
    error: Exception, identity: Identity, operation: OperationModel | None, given: list[Given]
) -> bool:
    if isinstance(error, _LOOK_UPS):
        # No operation at all, as a POST to a bucket that is no form, is the caller's mistake, too.
        return bool(given) or not identity.operation or _names_member(error, operation)
    if isinstance(error, AttributeError):
        return _NONE in str(error) or (error.name is not None and isinstance(error.obj, _PLAIN))
    if isinstance(error, TypeError) and _CALLED_WRONGLY.search(str(error)):
        return False
    in_words = type(error) is Exception or (isinstance(error, AssertionError) and bool(error.args))
    return in_words or isinstance(error, _READINGS)


def _in_body(identity: Identity, body: bytes) -> list[Given]:
    if identity.protocol in ("query", "ec2"):
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        return [
            Given(name.split(".")[0], value) for name, value in fields if name not in ("Action", "Version")
        ]
    try:
        return list(_plain_values("", json.loads(body or b"{}")))
    except (ValueError, RecursionError):
        return [Given("", "")] if body else []


def _plain_values(name: str, value: Any) -> Iterator[Given]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _plain_values(key, item)
    elif isinstance(value, list):
        for item in value:
            yield from _plain_values(name, item)
    elif value is not None:
        yield Given(name, value if isinstance(value, str) else json.dumps(value))


def _operation(identity: Identity) -> OperationModel | None:
    if not identity.service:
        return None
    try:
        model = service_model(identity.service)
    except Exception:  # noqa: BLE001 - botocore's, for a service that it does not know
        return None
    known = identity.operation in model.operation_names
    return model.operation_model(identity.operation) if known else None


def _objection(identity: Identity, operation: OperationModel, body: bytes) -> AwsError | None:
    """What the service's model forbids in the request: its error says most."""
    try:
        if identity.protocol == "json":
            validate(operation, json_protocol.parse(operation, body), _invalid(identity, operation)[0])
        elif identity.protocol == "query":
            validate(operation, query_protocol.parse(operation, body), _invalid(identity, operation)[0])
    except AwsError as error:
        return error
    except re.error:  # a pattern of Java's that Python cannot read
        return None
    return None


def _missing_thing(
    error: Exception, identity: Identity, operation: OperationModel | None, given: list[Given]
) -> Given | None:
    """The value by which moto has looked for a thing in vain, if that is what has failed."""
    named = [each for each in given if each.value and not each.value.isspace()]
    if isinstance(error, KeyError):
        keys = error.args[0] if error.args and isinstance(error.args[0], tuple) else error.args
        for key in map(str, keys):
            same = next((each for each in named if each.value == key), None)
            part = next((each for each in named if len(each.value) > 2 and each.value in key), None)
            if same or part:
                return same or part
        return None
    looked_up = (
        isinstance(error, StopIteration)
        or "list.remove" in str(error)
        or (type(error) is Exception)
        or (_NONE in str(error) and not _MAKES.match(identity.operation))
    )
    if not looked_up:
        return None
    required = operation.input_shape.required_members if operation and operation.input_shape else []
    return next((each for each in named if each.name in required or not required), None)


def _not_found(identity: Identity, operation: OperationModel | None, found: Given) -> tuple[str, int]:
    """The service's code for what is not there, the nearest to the member's name; else the invalid one."""
    if identity.protocol == "ec2":
        if found.name in _EC2_NOT_FOUND:
            return _EC2_NOT_FOUND[found.name], 400
        thing = re.fullmatch(r"(\w+)Ids?", found.name)
        return (f"Invalid{thing[1]}ID.NotFound" if thing else "InvalidParameterValue"), 400
    declared = [each for each in _client_errors(operation) if _NOT_FOUND.search(_code(identity, each))]
    if not declared:
        return _invalid(identity, operation)

    def nearness(error: Shape) -> int:
        thing = _NOISE.sub("", _code(identity, error)).lower()
        if thing and thing in f"{found.name} {identity.operation}".lower():
            return 2
        return int(thing in ("", "resource", "entity"))

    best = max(declared, key=nearness)
    return _code(identity, best), _status(best)


def _invalid(identity: Identity, operation: OperationModel | None) -> tuple[str, int]:
    declared = (
        [] if identity.protocol == "s3" else _client_errors(operation)
    )  # S3 declares few, for one case each
    for words in _INVALID:
        for each in declared:
            if words.search(_code(identity, each)):
                return _code(identity, each), _status(each)
    return _DEFAULT_INVALID[identity.protocol], 400


def _client_errors(operation: OperationModel | None) -> list[Shape]:
    return [each for each in operation.error_shapes if _status(each) < 500] if operation else []


def _code(identity: Identity, error: Shape) -> str:
    """On the wire: the JSON protocols write the shape's name, the others the model's code."""
    code = error.metadata.get("error", {}).get("code")
    return str(error.name if identity.protocol in ("json", "rest-json") else code or error.name)


def _status(error: Shape) -> int:
    default = 500 if error.metadata.get("fault") else 400
    return int(error.metadata.get("error", {}).get("httpStatusCode", default))


def _takes_xml(operation: OperationModel | None) -> bool:
    shape = operation.input_shape if operation else None
    payload = shape.serialization.get("payload") if shape else None
    return bool(payload and shape and shape.members[payload].type_name == "structure")


def _reason(error: Exception, identity: Identity, operation: OperationModel | None) -> str:
    if error.args not in ((), (None,)) and (
        _names_member(error, operation) or (isinstance(error, KeyError) and not operation)
    ):
        why = f"it needs {error.args[0]}, which is missing"
    elif isinstance(error, UnboundLocalError) or _NONE in str(error) or error.args == (None,):
        why = "it needs a member that is missing, or what a member names is not there"
    else:
        why = f"a value of it cannot be used: {type(error).__name__}: {error}"
    return f"{identity.operation or 'The request'} cannot be carried out by the local cloud as it is: {why}"


def _names_member(error: Exception, operation: OperationModel | None) -> bool:
    """Whether moto has looked for a member, or for what one names, and the request gives none."""
    if not isinstance(error, KeyError) or not error.args or not operation or not operation.input_shape:
        return False
    return error.args == (None,) or error.args[0] in _names(operation.input_shape, set())


def _names(shape: Shape, seen: set[str]) -> Iterator[str]:
    if shape.name in seen:
        return
    seen.add(shape.name)
    for name, member in getattr(shape, "members", {}).items():
        yield name
        yield from _names(member, seen)
    for inner in ("member", "value"):
        if hasattr(shape, inner):
            yield from _names(getattr(shape, inner), seen)
