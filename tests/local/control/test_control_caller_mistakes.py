"""What is not there, cannot be read or was left out is the caller's mistake: 4xx in the service's words."""

from __future__ import annotations

import http.client
import io
import json
import logging
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError
from local_clouds import LocalCloud

from gluonship.local.contracts import AwsError
from gluonship.local.control import caller_mistakes, json_protocol
from gluonship.local.control.moto_gateway import MotoGateway
from gluonship.local.control.registry import Registry, service_model
from gluonship.local.control.requests import Identity
from gluonship.local.deviations import aws_chunked

ARN = "arn:aws:{}:us-east-1:123456789012:{}"
ONE_ATTEMPT = Config(retries={"total_max_attempts": 1}, parameter_validation=False)


def refused(cloud: LocalCloud, service: str, operation: str, **arguments: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        getattr(cloud.client(service, config=ONE_ATTEMPT), operation)(**arguments)
    response = caught.value.response
    error = response["Error"]
    return response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]


# --- what is not there -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "code", "named"),
    [
        ("sagemaker", "describe_experiment", {"ExperimentName": "gone"}, "ResourceNotFound", "gone"),
        ("sagemaker", "describe_feature_group", {"FeatureGroupName": "gone"}, "ResourceNotFound", "gone"),
        ("logs", "get_query_results", {"queryId": "gone"}, "ResourceNotFoundException", "queryId 'gone'"),
        (
            "ecr",
            "put_image",
            {"repositoryName": "gone", "imageManifest": "{}"},
            "RepositoryNotFoundException",
            "repositoryName 'gone'",
        ),
        (
            "sns",
            "delete_platform_application",
            {"PlatformApplicationArn": ARN.format("sns", "app/APNS/gone")},
            "InvalidParameter",
            "app/APNS/gone",
        ),
        ("kms", "list_grants", {"KeyId": "gone"}, "NotFoundException", "KeyId 'gone'"),
        ("kms", "revoke_grant", {"KeyId": "gone", "GrantId": "g"}, "NotFoundException", "KeyId 'gone'"),
        ("iot", "cancel_job", {"jobId": "gone"}, "ResourceNotFoundException", "jobId 'gone'"),
        (
            "ec2",
            "delete_transit_gateway",
            {"TransitGatewayId": "tgw-0"},
            "InvalidTransitGatewayID.NotFound",
            "TransitGatewayId 'tgw-0'",
        ),
        ("ec2", "delete_nat_gateway", {"NatGatewayId": "nat-0"}, "NatGatewayNotFound", "nat-0"),
    ],
)
def test_what_is_not_there_is_named(
    cloud: LocalCloud, service: str, operation: str, arguments: dict[str, Any], code: str, named: str
) -> None:
    status, answered, message = refused(cloud, service, operation, **arguments)
    assert (status // 100, answered) == (4, code)
    assert named in message
    assert "Error" not in message, "no exception's name"


KINDS = (
    "training-job",
    "endpoint",
    "model",
    "model-package",
    "experiment",
    "notebook-instance",
    "pipeline",
    "no",
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("list_tags", {}),
        ("add_tags", {"Tags": [{"Key": "k", "Value": "v"}]}),
        ("delete_tags", {"TagKeys": ["k"]}),
    ],
)
def test_tags_of_what_is_not_there(
    cloud: LocalCloud, kind: str, operation: str, arguments: dict[str, Any]
) -> None:
    arn = ARN.format("sagemaker", f"{kind}/gone")
    status, code, _ = refused(cloud, "sagemaker", operation, ResourceArn=arn, **arguments)
    assert (status, code) in {(400, "ValidationException"), (400, "ResourceNotFound")}


def test_the_traceback_is_in_the_log(cloud: LocalCloud) -> None:
    refused(cloud, "kms", "list_grants", KeyId="logged-key")
    log = (cloud.home / "cloud.log").read_text()
    assert "moto failed in ListGrants of kms" in log
    assert "KeyError: 'logged-key'" in log


def test_asking_for_a_parameter_that_is_not_there_leaves_nothing(cloud: LocalCloud) -> None:
    """GetResources walks all parameters."""
    with pytest.raises(ClientError) as caught:
        cloud.client("ssm").label_parameter_version(Name="/gone", Labels=["l"])
    assert caught.value.response["Error"]["Code"] == "ParameterNotFound"
    assert cloud.client("resourcegroupstaggingapi").get_resources()["ResponseMetadata"]["RetryAttempts"] == 0


def test_a_function_without_code_is_not_made(cloud: LocalCloud) -> None:
    role = ARN.format("iam", "role/r").replace("us-east-1", "")
    status, code, message = refused(
        cloud, "lambda", "create_function", FunctionName="codeless", Role=role, Code={}
    )
    assert (status, code) == (400, "InvalidParameterValueException")
    assert "source for function code" in message
    assert refused(cloud, "lambda", "get_function", FunctionName="codeless")[0] == 404


# --- what is left out, or cannot be read -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "code", "named"),
    [
        ("kms", "generate_random", {}, "ValidationException", "a member that is missing"),
        (
            "secretsmanager",
            "tag_resource",
            {"SecretId": "s", "Tags": [{}]},
            "InvalidParameterException",
            "Key",
        ),
        ("events", "put_partner_events", {"Entries": [{}]}, "ValidationException", "needs Source"),
        (
            "sagemaker",
            "create_feature_group",
            {
                "FeatureGroupName": "g",
                "RecordIdentifierFeatureName": "id",
                "EventTimeFeatureName": "at",
                "FeatureDefinitions": [{"FeatureName": "id", "FeatureType": "String"}],
            },
            "ValidationException",
            "CreateFeatureGroup",
        ),
        (
            "iot",
            "create_certificate_from_csr",
            {"certificateSigningRequest": "no PEM"},
            "InvalidRequestException",
            "PEM",
        ),
        (
            "stepfunctions",
            "tag_resource",
            {"resourceArn": ARN.format("states", "stateMachine:gone"), "tags": [{}]},
            "ValidationException",
            "'tags.1.member.key'",
        ),
    ],
)
def test_what_is_left_out_or_unreadable_is_said(
    cloud: LocalCloud, service: str, operation: str, arguments: dict[str, Any], code: str, named: str
) -> None:
    status, answered, message = refused(cloud, service, operation, **arguments)
    assert (status, answered) == (400, code)
    assert named in message


def test_a_trace_header_is_checked_by_its_pattern(cloud: LocalCloud) -> None:
    machine = ARN.format("states", "stateMachine:gone")
    for header, code in (("Root=1-5759e988", "StateMachineDoesNotExist"), ("Grüße", "ValidationException")):
        answer = refused(
            cloud, "stepfunctions", "start_execution", stateMachineArn=machine, traceHeader=header
        )
        assert answer[:2] == (400, code)


def test_characters_that_xml_cannot_carry_do_not_break_an_answer(cloud: LocalCloud) -> None:
    answer = refused(cloud, "cloudformation", "describe_stacks", StackName="a\0b")
    assert answer[:2] == (400, "ValidationError")
    assert "a\N{REPLACEMENT CHARACTER}b" in answer[2]


# --- a mistake, or a defect ------------------------------------------------------------------------------


class Moto:
    """Stands for moto's application: fails as it is told."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        raise self._error


class Thing:
    """Of moto's own."""


def attribute_error(thing: object) -> AttributeError:
    try:
        return thing.name  # type: ignore[attr-defined, no-any-return]
    except AttributeError as error:
        return error


LOOK_UP = KeyError("gone")
DEFECTS = [
    (RuntimeError("dictionary changed size during iteration"), {"repositoryName": "gone"}),
    (attribute_error(Thing()), {"repositoryName": "gone"}),
    (TypeError("describe() takes 2 positional arguments but 3 were given"), {"repositoryName": "gone"}),
    (OSError(28, "No space left on device"), {"repositoryName": "gone"}),
    (ImportError("no such module"), {"repositoryName": "gone"}),
    (AssertionError(), {"repositoryName": "gone"}),
    (KeyError("internal"), {}),
    (IndexError("list index out of range"), {}),
]


def asked(error: Exception, members: dict[str, Any]) -> tuple[int, dict[str, str]]:
    body = json.dumps(members).encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/x-amz-json-1.1",
        "HTTP_X_AMZ_TARGET": "AmazonEC2ContainerRegistry_V20150921.DescribeImages",
        "HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=K/20260101/us-east-1/ecr/aws4_request, Signature=",
        "wsgi.input": io.BytesIO(body),
    }
    answer: list[Any] = []
    result = MotoGateway(Moto(error))(environ, lambda status, headers: answer.append(status))
    return int(answer[0].split()[0]), json.loads(b"".join(result))


@pytest.mark.parametrize(("error", "members"), DEFECTS, ids=lambda value: type(value).__name__)
def test_a_defect_is_an_internal_failure_in_words(
    error: Exception, members: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    status, document = asked(error, members)
    assert (status, document["__type"]) == (500, "InternalFailure")
    assert "cloud.log in GLUONSHIP_HOME says where" in document["message"]
    assert "Traceback" not in document["message"]
    assert [record.exc_info is not None for record in caplog.records if record.levelno == logging.ERROR] == [
        True
    ]


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyError("gone"), "RepositoryNotFoundException", "repositoryName 'gone' was not found"),
        (KeyError(("123456789012", "gone")), "RepositoryNotFoundException", "'gone' was not found"),
        (KeyError("arn:aws:ecr:::repository/gone"), "RepositoryNotFoundException", "'gone' was not found"),
        (StopIteration(), "RepositoryNotFoundException", "'gone' was not found"),
        (attribute_error(None), "RepositoryNotFoundException", "'gone' was not found"),
        (Exception("gone is no repository"), "RepositoryNotFoundException", "'gone' was not found"),
        (ValueError("list.remove(x): x not in list"), "RepositoryNotFoundException", "was not found"),
        (KeyError("imageIds"), "InvalidParameterException", "it needs imageIds, which is missing"),
        (KeyError("imageDigest"), "InvalidParameterException", "it needs imageDigest, which is missing"),
        (KeyError(None), "InvalidParameterException", "a member that is missing"),
        (KeyError(), "InvalidParameterException", "cannot be used"),
        (
            UnboundLocalError("local variable 'image'"),
            "InvalidParameterException",
            "a member that is missing",
        ),
        (attribute_error("text"), "InvalidParameterException", "cannot be used"),
        (json.JSONDecodeError("Expecting value", "x", 0), "InvalidParameterException", "Expecting value"),
        (RecursionError("maximum recursion depth exceeded"), "InvalidParameterException", "recursion"),
        (OverflowError("date value out of range"), "InvalidParameterException", "out of range"),
        (AssertionError("unknown tag status"), "InvalidParameterException", "unknown tag status"),
    ],
)
def test_a_mistake_has_the_nearest_of_the_operations_errors(error: Exception, code: str, words: str) -> None:
    status, document = asked(error, {"repositoryName": "gone"})
    assert (status, document["__type"]) == (400, code)
    assert words in document["message"]


def test_a_services_codes_and_statuses_are_its_models() -> None:
    """Query services write the model's code, which is not always the shape's name."""
    role = Identity("iam", "GetRole", "query")
    answer = caller_mistakes.answer(KeyError("gone"), role, b"Action=GetRole&RoleName=gone", "")
    assert answer.status == 404
    assert b"<Code>NoSuchEntity</Code>" in answer.body
    function = Identity("lambda", "GetFunction", "rest-json", {"FunctionName": "gone"})
    answer = caller_mistakes.answer(KeyError("gone"), function, b"", "")
    assert (answer.status, json.loads(answer.body)["__type"]) == (404, "ResourceNotFoundException")


# --- S3 --------------------------------------------------------------------------------------------------

BUCKET = "mistakes"


class Payload(S3SigV4Auth):
    """Signs a request whose body is what x-amz-content-sha256 says."""

    def __init__(self, credentials: Any, said: str) -> None:
        super().__init__(credentials, "s3", "us-east-1")
        self._said = said

    def payload(self, request: AWSRequest) -> str:
        return self._said or str(super().payload(request))


class Raw:
    """Signed requests to S3 that boto3 would not send."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._host = urlsplit(cloud.url).netloc

    def __call__(
        self, method: str, path: str, body: bytes = b"", payload: str = "", **headers: str
    ) -> tuple[int, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest(method, self._cloud.url + path, {**named, "Host": self._host}, body)
        Payload(self._cloud.boto.get_credentials(), payload).add_auth(request)
        connection = http.client.HTTPConnection(self._host, timeout=30)
        try:
            connection.request(method, path, body, dict(request.headers.items()))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def raw(cloud: LocalCloud) -> Raw:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"0123456789")
    return Raw(cloud)


@pytest.mark.parametrize(
    "document",
    [
        b"text",
        b"<a><b></a>",
        b"<a>\xff</a>",
        b"<a>" * 5000 + b"</a>" * 5000,
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    ],
    ids=["text", "unclosed", "bytes", "deep", "entities"],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "?acl"),
        ("PUT", "?cors"),
        ("PUT", "?lifecycle"),
        ("PUT", "?tagging"),
        ("PUT", "?website"),
        ("PUT", "?versioning"),
        ("PUT", "/k?acl"),
        ("PUT", "/k?tagging"),
        ("POST", "?delete"),
        ("POST", "/k?uploadId=none"),
    ],
)
def test_s3_says_malformed_xml(raw: Raw, method: str, path: str, document: bytes) -> None:
    status, body = raw(method, f"/{BUCKET}{path}", document)
    assert (status, b"<Code>MalformedXML</Code>" in body) == (400, True)


@pytest.mark.parametrize("path", ["?cors", "?lifecycle", "?tagging", "/k?tagging"])
def test_xml_of_another_schema_is_malformed(raw: Raw, path: str) -> None:
    status, body = raw("PUT", f"/{BUCKET}{path}", b"<Other><Thing>1</Thing></Other>")
    assert (status, b"<Code>MalformedXML</Code>" in body) == (400, True)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("If-Modified-Since", "zz"),
        ("If-Unmodified-Since", "zz"),
        ("Range", "zz"),
        ("Range", "bytes=zz-"),
        ("Range", "bytes=+1-3"),
        ("Range", "bytes=5-2"),
        ("Range", "bytes=99999999-5"),
        ("Range", "bytes=0-5=3"),
        ("Range", "lines=0-3"),
    ],
)
def test_s3_ignores_what_it_cannot_read(raw: Raw, method: str, name: str, value: str) -> None:
    status, body = raw(method, f"/{BUCKET}/k", **{name: value})
    assert (status, body) == (200, b"0123456789" if method == "GET" else b"")


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT", 304),
        ("If-Modified-Since", "Sunday, 06-Nov-94 08:49:37 GMT", 200),
        ("If-Unmodified-Since", "Sun Nov  6 08:49:37 1994", 412),
        ("Range", "bytes=2-3", 206),
        ("Range", "bytes=-3", 206),
        ("Range", "bytes=10-", 416),
    ],
)
def test_s3_heeds_what_it_can_read(raw: Raw, name: str, value: str, status: int) -> None:
    assert raw("GET", f"/{BUCKET}/k", **{name: value})[0] == status


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "?list-type=2&max-keys=zz", {}),
        ("GET", "?list-type=2&continuation-token=zz", {}),
        ("GET", "/k?partNumber=zz", {}),
        ("PUT", "/k2?partNumber=zz&uploadId=zz", {}),
        ("PUT", "/k2", {"x_amz_acl": "zz"}),
        ("PUT", "/k2", {"x_amz_grant_read": "zz"}),
        ("PUT", "/k2", {"x_amz_copy_source": "zz"}),
        ("POST", "", {}),
    ],
)
def test_s3_says_which_argument_is_invalid(raw: Raw, method: str, path: str, headers: dict[str, str]) -> None:
    status, body = raw(method, f"/{BUCKET}{path}", **headers)
    assert (status, b"<Code>InvalidArgument</Code>" in body) == (400, True)


TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


@pytest.mark.parametrize(
    ("body", "length", "code"),
    [
        (b"5\r\nhello\r\n0\r\n\r\n", "6", b"IncompleteBody"),
        (b"5\r\nhello\r\n0\r\n\r\n", "4", b"IncompleteBody"),
        (b"5\r\nhello\r\n0\r\n\r\n", "-5", b"IncompleteBody"),
        (b"5\r\nhello\r\n0\r\n\r\n", "zz", b"InvalidArgument"),
        (b"5\r\nhel", "5", b"IncompleteBody"),
        (b"5\r\nhello\r\n", "5", b"IncompleteBody"),
        (b"4\r\nhello\r\n0\r\n\r\n", "5", b"IncompleteBody"),
        (b"-5\r\nhello\r\n0\r\n\r\n", "5", b"IncompleteBody"),
        (b"hello", "5", b"IncompleteBody"),
    ],
)
def test_aws_chunks_of_wrong_sizes_store_nothing(raw: Raw, body: bytes, length: str, code: bytes) -> None:
    headers = {"Content_Encoding": "aws-chunked", "x_amz_decoded_content_length": length}
    status, answer = raw("PUT", f"/{BUCKET}/chunked", body, TRAILER, **headers)
    assert (status, code in answer) == (400, True)
    assert raw("GET", f"/{BUCKET}/chunked")[0] == 404


def test_aws_chunks_of_right_sizes_are_put_together(raw: Raw) -> None:
    body = b"5\r\nhello\r\nb\r\n, you there\r\n0\r\nx-amz-checksum-crc32:DBYRRQ==\r\n\r\n"
    headers = {"Content_Encoding": "aws-chunked", "x_amz_decoded_content_length": "16"}
    assert raw("PUT", f"/{BUCKET}/whole", body, TRAILER, **headers)[0] == 200
    assert raw("GET", f"/{BUCKET}/whole") == (200, b"hello, you there")
    signed = b"5;chunk-signature=ab\r\nhello\r\n0;chunk-signature=cd\r\n\r\n"
    assert aws_chunked.decoded(signed, 5) == b"hello"


@pytest.mark.parametrize(
    "policy",
    [
        "{bad",
        '"str"',
        "[]",
        '{"Version": "2012-10-17"}',
        '{"Statement": 5}',
        '{"Statement": []}',
        '{"Statement": [{"Effect": "Maybe", "Principal": "*", "Action": "s3:*", "Resource": "*"}]}',
        '{"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}',
        '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": 7, "Resource": "*"}]}',
        '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": ["x", null]}]}',
        '{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "a", "Resource": "*", "Condition": 1}}',
    ],
)
def test_a_bucket_policy_that_is_none_is_refused_at_once(cloud: LocalCloud, policy: str) -> None:
    cloud.client("s3").create_bucket(Bucket="malformed-policy")
    status, code, _ = refused(cloud, "s3", "put_bucket_policy", Bucket="malformed-policy", Policy=policy)
    assert (status, code) == (400, "MalformedPolicy")


# --- the operations that this cloud executes itself ------------------------------------------------------


def nested(depth: int) -> bytes:
    return b'{"SubExpressions": [' * depth + b"{}" + b"]}" * depth


@pytest.mark.parametrize(
    "body",
    [
        b'{"EndpointName": "\\ud800"}',
        b'{"EndpointName": NaN}',
        b"[" * 100_000,
        b"\xff",
        b'"text"',
        b'{"Resource": "TrainingJob", "SearchExpression": '
        + nested(20_000)
        + b"}",  # libraries raise the limit
        b'{"Resource": "TrainingJob", "SearchExpression": {"SubExpressions": 5}}',
    ],
    ids=["half a character", "NaN", "brackets", "bytes", "no object", "deep", "no list"],
)
def test_a_body_that_is_not_the_shapes_is_a_serialization_error(body: bytes) -> None:
    with pytest.raises(AwsError) as caught:
        json_protocol.parse(
            service_model("sagemaker").operation_model("Search"), body.replace(b"EndpointName", b"NextToken")
        )
    assert (caught.value.code, caught.value.status) == ("SerializationException", 400)


@pytest.mark.parametrize(
    "body",
    [
        b"Action=CreateStack&StackName=s&TimeoutInMinutes=zz",
        b"%%%",
    ],
)
def test_a_form_that_is_not_the_shapes_is_a_validation_error(body: bytes) -> None:
    registry = Registry("cloudformation", {})
    answer = registry.objection("CreateStack", body)
    assert answer is not None
    assert answer.status == 400
