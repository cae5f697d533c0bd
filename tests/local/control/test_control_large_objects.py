"""S3's objects over the wire: of any size, as they were sent, and not in the control plane's memory."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import random
import re
import time
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError
from local_clouds import LocalCloud

from gluonship.local.deviations.aws_chunks import AwsChunks, ChunksError
from gluonship.local.deviations.stored_bytes import (
    StoredBytes,
    checksum_of_checksums,
    joined,
    keep_in,
    stored,
)

MIB = 2**20
PART = 5 * MIB
SOME = random.Random(7).randbytes(PART + 300_001)  # two parts


@pytest.fixture
def bucket(cloud: LocalCloud, request: pytest.FixtureRequest) -> str:
    name = "large-" + re.sub(r"[^a-z0-9]", "", request.node.name.lower())[:40]
    cloud.client("s3").create_bucket(Bucket=name)
    return name


def md5(content: bytes) -> Any:
    return hashlib.md5(content, usedforsecurity=False)


def read(s3: Any, bucket: str, key: str, **members: Any) -> bytes:
    content: bytes = s3.get_object(Bucket=bucket, Key=key, **members)["Body"].read()
    return content


def files(cloud: LocalCloud) -> set[str]:
    folder = cloud.info.home / "objects"
    return set(os.listdir(folder)) if folder.exists() else set()


# --- what comes back -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 16_384, 16_385, 700_001])
def test_an_object_is_as_it_was_put(cloud: LocalCloud, bucket: str, size: int) -> None:
    s3, content = cloud.client("s3"), SOME[:size]
    put = s3.put_object(Bucket=bucket, Key="a", Body=content, ContentType="image/png", Metadata={"x": "y"})
    digest = f'"{md5(content).hexdigest()}"'
    assert put["ETag"] == digest
    assert put["ChecksumCRC32"] == base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()
    found = s3.get_object(Bucket=bucket, Key="a")  # boto3 compares the checksum
    assert found["Body"].read() == content
    assert (found["ETag"], found["ContentLength"], found["ContentType"]) == (digest, size, "image/png")
    head = s3.head_object(Bucket=bucket, Key="a")
    assert (head["ETag"], head["ContentLength"], head["Metadata"]) == (digest, size, {"x": "y"})
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert (listed["ETag"], listed["Size"]) == (digest, size)


@pytest.mark.parametrize(
    ("span", "begin", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=262100-262200", 262_100, 262_201),
        ("bytes=5242870-5242890", 5_242_870, 5_242_891),  # over the end of a part
        ("bytes=-7", len(SOME) - 7, len(SOME)),
        ("bytes=100-", 100, len(SOME)),
    ],
)
def test_a_range_of_an_object_of_parts(
    cloud: LocalCloud, bucket: str, span: str, begin: int, end: int, tmp_path: Path
) -> None:
    s3 = cloud.client("s3")
    (tmp_path / "some").write_bytes(SOME)
    transfer = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    s3.upload_file(str(tmp_path / "some"), bucket, "some", Config=transfer)
    found = s3.get_object(Bucket=bucket, Key="some", Range=span)
    assert found["Body"].read() == SOME[begin:end]
    assert found["ContentRange"] == f"bytes {begin}-{end - 1}/{len(SOME)}"
    assert found["ContentLength"] == end - begin


def test_a_multipart_upload_its_checksum_and_its_copies(cloud: LocalCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m", ChecksumAlgorithm="SHA256")["UploadId"]
    contents = [SOME[:PART], SOME[PART:], b"never part of it"]
    parts = [
        {
            "PartNumber": number,
            **{
                name: answer[name]
                for answer in [
                    s3.upload_part(
                        Bucket=bucket,
                        Key="m",
                        UploadId=upload,
                        PartNumber=number,
                        Body=content,
                        ChecksumAlgorithm="SHA256",
                    )
                ]
                for name in ("ETag", "ChecksumSHA256")
            },
        }
        for number, content in enumerate(contents, 1)
    ]
    wrong = [{**parts[0], "ETag": parts[1]["ETag"]}]
    for refused, code in (
        (wrong, "InvalidPart"),
        ([], "MalformedXML"),
        ([{**parts[0], "PartNumber": 9}], "InvalidPart"),
    ):
        with pytest.raises(ClientError, match=code):
            s3.complete_multipart_upload(
                Bucket=bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": refused}
            )
    done = s3.complete_multipart_upload(
        Bucket=bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": parts[:2]}
    )
    md5s = b"".join(md5(each).digest() for each in contents[:2])
    assert done["ETag"] == f'"{md5(md5s).hexdigest()}-2"'
    digests = b"".join(hashlib.sha256(each).digest() for each in contents[:2])
    checksum = base64.b64encode(hashlib.sha256(digests).digest()).decode()
    found = s3.get_object(Bucket=bucket, Key="m", ChecksumMode="ENABLED")
    assert found["ChecksumSHA256"] == f"{checksum}-2"
    assert found["Body"].read() == SOME

    before = files(cloud)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "m"})
    assert files(cloud) == before  # it refers to the same files
    again = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    copied = [
        s3.upload_part_copy(
            Bucket=bucket,
            Key="parts",
            UploadId=again,
            PartNumber=number,
            CopySource={"Bucket": bucket, "Key": "m"},
            CopySourceRange=span,
        )["CopyPartResult"]["ETag"]
        for number, span in ((1, "bytes=3-5242902"), (2, "bytes=0-99"))
    ]
    s3.complete_multipart_upload(
        Bucket=bucket,
        Key="parts",
        UploadId=again,
        MultipartUpload={"Parts": [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(copied, 1)]},
    )
    s3.delete_object(Bucket=bucket, Key="m")
    found = s3.get_object(Bucket=bucket, Key="copy", ChecksumMode="ENABLED")
    assert found["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(SOME).digest()).decode()
    assert found["Body"].read() == SOME
    assert read(s3, bucket, "parts") == SOME[3:5_242_903] + SOME[:100]


@pytest.mark.parametrize(
    "told",
    [
        {"ContentMD5": "AAAAAAAAAAAAAAAAAAAAAA=="},
        {"ChecksumCRC32": "AAAAAA=="},
        {"ChecksumSHA1": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"ChecksumSHA256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
    ],
)
def test_a_body_that_is_not_what_its_sender_says_is_not_kept(
    cloud: LocalCloud, bucket: str, told: dict[str, str]
) -> None:
    s3 = cloud.client("s3")
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="told", Body=b"something else", **told)
    assert caught.value.response["Error"]["Code"] == "BadDigest"
    assert s3.list_objects_v2(Bucket=bucket, Prefix="told")["KeyCount"] == 0


def test_versions_keep_their_bytes(cloud: LocalCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first, second = (
        s3.put_object(Bucket=bucket, Key="v", Body=SOME[begin:])["VersionId"] for begin in (0, 100_000)
    )
    s3.delete_object(Bucket=bucket, Key="v")
    held = files(cloud)
    listed = s3.list_object_versions(Bucket=bucket)
    assert {each["VersionId"]: each["Size"] for each in listed["Versions"]} == {
        first: len(SOME),
        second: len(SOME) - 100_000,
    }
    assert {each["ETag"] for each in listed["Versions"]} == {
        f'"{md5(each).hexdigest()}"' for each in (SOME, SOME[100_000:])
    }
    assert len(listed["DeleteMarkers"]) == 1
    assert files(cloud) == held
    assert read(s3, bucket, "v", VersionId=first) == SOME
    assert read(s3, bucket, "v", VersionId=second) == SOME[100_000:]


def test_a_presigned_put_that_calls_itself_a_form(cloud: LocalCloud, bucket: str) -> None:
    """As curl does with --data-binary: it is an object all the same."""
    s3 = cloud.client("s3", config=Config(signature_version="s3v4"))  # which need not name the type
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "form"})
    content = b"a=1&" + SOME[:100_000]
    request = urllib.request.Request(url, content, method="PUT")  # urllib says it is a form
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200
    assert read(s3, bucket, "form") == content


def test_a_full_disk_is_said_and_not_tried_again(cloud: LocalCloud, bucket: str) -> None:
    # Nobody but S3 keeps a body whose digest is not signed.
    s3 = cloud.client("s3", config=Config(s3={"payload_signing_enabled": False}))
    process = psutil.Process(cloud.info.pid)
    held, limit = files(cloud), process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (PART, limit[1]))
    try:
        with pytest.raises(
            ClientError, match=r"cannot keep the object .*: make room in its folder"
        ) as caught:
            s3.put_object(Bucket=bucket, Key="a", Body=SOME)
    finally:
        process.rlimit(psutil.RLIMIT_FSIZE, limit)
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0
    assert files(cloud) == held
    s3.put_object(Bucket=bucket, Key="a", Body=SOME)
    assert read(s3, bucket, "a") == SOME


# --- AWS's chunks ----------------------------------------------------------------------------------------


def chunked_put(cloud: LocalCloud, bucket: str, body: bytes, length: object) -> Any:
    """PutObject with a body that says of itself that it is in AWS's chunks."""
    s3 = cloud.client("s3", config=Config(request_checksum_calculation="when_required"))

    def replace(request: AWSRequest, **_: Any) -> None:
        request.data = body
        request.headers["X-Amz-Decoded-Content-Length"] = str(length)
        request.headers["Content-Encoding"] = "aws-chunked"
        request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}  # the signature leaves it out

    s3.meta.events.register("before-sign.s3.PutObject", replace)
    return s3.put_object(Bucket=bucket, Key="chunks", Body=b"")


@pytest.mark.parametrize(
    ("body", "length", "words"),
    [
        (b"ZZ\r\nabc\r\n0\r\n\r\n", 3, "a chunk does not begin with its size"),
        (b"-1\r\nabc\r\n0\r\n\r\n", 3, "a chunk does not begin with its size"),
        (b"5\r\nabc", 5, "ends in the middle of a chunk"),
        (b"3\r\nabcde\r\n0\r\n\r\n", 3, "a chunk is longer than it says"),
        (b"3\r\nabc\r\n", 3, "ends where a chunk or its size should be"),
        (b"a" * 100_000, 3, "ends where a chunk or its size should be"),
        (b"3\r\nabc\r\n0\r\n\r\n", 4, "has 3 bytes, x-amz-decoded-content-length says 4"),
        (b"3\r\nabc\r\n0\r\n\r\n", "-3", "has 3 bytes, x-amz-decoded-content-length says -3"),
    ],
)
def test_broken_chunks_are_the_callers_mistake(
    cloud: LocalCloud, bucket: str, body: bytes, length: object, words: str
) -> None:
    with pytest.raises(ClientError, match=words) as caught:
        chunked_put(cloud, bucket, body, length)
    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (
        "IncompleteBody",
        400,
    )
    assert "Contents" not in cloud.client("s3").list_objects_v2(Bucket=bucket)


def test_a_length_that_is_no_number_is_named(cloud: LocalCloud, bucket: str) -> None:
    with pytest.raises(ClientError, match="InvalidArgument") as caught:
        chunked_put(cloud, bucket, b"3\r\nabc\r\n0\r\n\r\n", "zz")
    error = caught.value.response["Error"]
    assert (error["ArgumentName"], error["ArgumentValue"]) == ("x-amz-decoded-content-length", "zz")


def test_chunks_are_taken_apart(cloud: LocalCloud, bucket: str) -> None:
    chunked_put(cloud, bucket, b"3;chunk-signature=0\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 5)
    found = cloud.client("s3").get_object(Bucket=bucket, Key="chunks")
    assert found["Body"].read() == b"abcde"
    assert "ContentEncoding" not in found


def read_by(step: int, data: bytes) -> Any:
    rest = bytearray(data)

    def read(_: int) -> bytes:
        piece = bytes(rest[:step])
        del rest[:step]
        return piece

    return read


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_chunks_come_in_any_pieces(step: int) -> None:
    body = b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0;s=1\r\nx-amz-checksum-crc32: AAAAAA==\r\nX-Amz-B:c\r\n\r\n"
    chunks = AwsChunks(read_by(step, body))
    assert b"".join(chunks.data()) == b"abc0123456789"
    assert chunks.trailers == {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-b": "c"}


def test_a_line_without_end_is_not_read_for_ever() -> None:
    endless = AwsChunks(lambda size: b"1" * size)
    with pytest.raises(ChunksError):
        list(endless.data())


# --- what is stored --------------------------------------------------------------------------------------


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[begin : begin + size] for begin in range(0, len(content), size))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keep_in(tmp_path / "kept")
    return tmp_path / "kept"


def test_slices_and_joins_are_as_of_bytes(folder: Path) -> None:
    content = SOME[:100_000]
    whole = joined(
        stored(pieces(part, 9_999)) for part in (content[:40_000], content[40_000:40_010], content[40_010:])
    )
    assert len(os.listdir(folder)) == 2  # the part in the middle is in memory
    spans = [(0, 100_000), (0, 0), (39_990, 40_020), (-5, None), (99_999, 200_000), (70_000, 3)]
    for begin, end in spans:
        part = whole[begin:end]
        assert bytes(part) == content[begin:end]
        assert len(part) == len(content[begin:end])
        assert part.md5 == md5(content[begin:end]).hexdigest()
    assert bytes(whole[20_000:60_000][10:39_000][5:25_000]) == content[20_015:45_010]
    assert whole.checksum("CRC32") == zlib.crc32(content).to_bytes(4, "big")
    assert whole.checksum("SHA1") == hashlib.new("sha1", content, usedforsecurity=False).digest()
    assert whole.checksum("CRC64NVME") is None
    assert checksum_of_checksums([whole], "CRC64NVME") is None


def test_files_go_with_the_last_that_refers_to_them(folder: Path) -> None:
    kept = stored([SOME[:50_000]])
    part = kept[10:20]
    reading = kept.chunks()
    assert next(reading)[:3] == SOME[:3]
    del kept
    assert len(os.listdir(folder)) == 1
    assert bytes(part) == SOME[10:20]
    del part, reading
    assert os.listdir(folder) == []


def test_what_breaks_off_leaves_no_file(folder: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield SOME[:50_000]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        stored(broken())
    assert os.listdir(folder) == []
    assert stored([]).md5 == md5(b"").hexdigest()
    assert bytes(StoredBytes(())) == b""


# --- memory ----------------------------------------------------------------------------------------------


def memory(cloud: LocalCloud, what: str) -> int:
    """Of the control plane, in bytes: VmRSS, or the most since the last `forget_peak`, VmHWM."""
    status = Path(f"/proc/{cloud.info.pid}/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]


def forget_peak(cloud: LocalCloud) -> None:
    Path(f"/proc/{cloud.info.pid}/clear_refs").write_text("5")


@pytest.mark.slow
def test_a_large_model_is_not_in_the_control_planes_memory(
    cloud: LocalCloud, bucket: str, tmp_path: Path
) -> None:
    """200 MB go up in parts and in one piece, are copied, and come back."""
    s3, size, budget = cloud.client("s3"), 200 * MIB, 60 * MIB
    model = tmp_path / "model.tar.gz"
    with model.open("wb") as file:
        file.truncate(size)
    s3.put_object(Bucket=bucket, Key="first", Body=SOME)  # what any upload needs is there from now on
    assert read(s3, bucket, "first") == SOME
    steps = {
        "upload_file": lambda: s3.upload_file(str(model), bucket, "model"),
        "put_object": lambda: s3.put_object(Bucket=bucket, Key="whole", Body=model.open("rb")),
        "copy": lambda: s3.copy({"Bucket": bucket, "Key": "model"}, bucket, "copy"),
        "list_object_versions": lambda: s3.list_object_versions(Bucket=bucket),
        "get_object": lambda: sum(
            map(len, s3.get_object(Bucket=bucket, Key="copy")["Body"].iter_chunks(MIB))
        ),
    }
    before, held = memory(cloud, "VmRSS"), files(cloud)
    for name, step in steps.items():
        forget_peak(cloud)
        done = step()
        assert memory(cloud, "VmHWM") - before < budget, name
        assert name != "get_object" or done == size
    for key in ("model", "whole", "copy"):
        s3.delete_object(Bucket=bucket, Key=key)
    end = time.monotonic() + 20
    while not files(cloud) <= held:
        assert time.monotonic() < end, "files of deleted objects stayed"
        time.sleep(0.05)
    assert memory(cloud, "VmRSS") - before < budget


def test_what_is_overwritten_or_given_up_leaves_no_file(cloud: LocalCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    held = files(cloud)
    for _ in range(3):
        s3.put_object(Bucket=bucket, Key="same", Body=gzip.compress(SOME[:100_000]))
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="m", UploadId=upload, PartNumber=1, Body=SOME)
    assert len(files(cloud) - held) == 2
    s3.abort_multipart_upload(Bucket=bucket, Key="m", UploadId=upload)
    s3.delete_object(Bucket=bucket, Key="same")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="v", Body=SOME)["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="v")["VersionId"]
    assert len(files(cloud) - held) >= 1
    for each in (version, marker):
        s3.delete_object(Bucket=bucket, Key="v", VersionId=each)
    end = time.monotonic() + 20
    while files(cloud) - held:
        assert time.monotonic() < end, "they stayed"
        time.sleep(0.02)
