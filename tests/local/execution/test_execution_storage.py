"""S3 over HTTP: SageMaker's rule for prefixes, and errors that a person can act on."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from execution_parts import REGION, Clients

from gluonship.local.contracts import StorageError
from gluonship.local.execution import s3_uris
from gluonship.local.execution.s3_uris import S3Uri
from gluonship.local.execution.storage import S3Storage


@pytest.fixture
def storage(clients: Clients) -> S3Storage:
    return S3Storage(clients, REGION)


def put(clients: Clients, bucket: str, *keys: str) -> None:
    for key in keys:
        clients("s3", REGION).put_object(Bucket=bucket, Key=key, Body=key.encode())


def found(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://b/a/c.txt", S3Uri("b", "a/c.txt")),
        ("s3://b", S3Uri("b", "")),
        ("s3://b/100%/what?#1", S3Uri("b", "100%/what?#1")),
        ("https://s3.eu-west-1.amazonaws.com/b/a/c", S3Uri("b", "a/c")),
        ("https://s3.amazonaws.com/b", S3Uri("b", "")),
        ("https://my.bucket.s3.us-east-1.amazonaws.com/a%20b", S3Uri("my.bucket", "a b")),
    ],
)
def test_uris(uri: str, expected: S3Uri) -> None:
    assert s3_uris.parse(uri) == expected


@pytest.mark.parametrize("uri", ["", "s3://", "s3:///key", "http://x/y", "https://example.com/b/k", "/tmp/x"])
def test_no_uris(uri: str) -> None:
    with pytest.raises(StorageError, match="is no S3 location"):
        s3_uris.parse(uri)


@pytest.mark.parametrize(
    ("prefix", "key", "name"),
    [
        ("data/train", "data/train/a.jpg", "a.jpg"),
        ("data/train/", "data/train/cat/a.jpg", "cat/a.jpg"),
        ("data/tr", "data/train/a.jpg", "train/a.jpg"),
        ("data/train.rec", "data/train.rec", "train.rec"),
        ("data/train", "data/train.rec", "train.rec"),
        ("", "a/b", "a/b"),
        ("a", "a//b", "b"),
    ],
)
def test_names_under_a_prefix(prefix: str, key: str, name: str) -> None:
    assert s3_uris.relative_name(prefix, key) == name


def test_a_prefix_takes_all_that_begins_so(
    clients: Clients, bucket: str, storage: S3Storage, tmp_path: Path
) -> None:
    put(
        clients, bucket, "d/train/cat/1.jpg", "d/train/2.jpg", "d/train.csv", "d/test/3.jpg", "d/train/empty/"
    )
    assert storage.download_prefix(f"s3://{bucket}/d/train", tmp_path / "x") == 3
    assert found(tmp_path / "x") == {
        "cat/1.jpg": "d/train/cat/1.jpg",
        "2.jpg": "d/train/2.jpg",
        "train.csv": "d/train.csv",
    }


def test_many_objects(clients: Clients, bucket: str, storage: S3Storage, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(60):
        (source / f"{number}.txt").write_text(str(number))
    storage.upload_files({f"in/{path.name}": path for path in source.iterdir()}, f"s3://{bucket}/many/")
    assert storage.download_prefix(f"s3://{bucket}/many/in/", tmp_path / "target") == 60
    assert found(tmp_path / "target") == found(source)


def test_long_names_that_begin_alike(
    clients: Clients, bucket: str, storage: S3Storage, tmp_path: Path
) -> None:
    """Each as long as a name can be, downloaded at the same time."""
    names = ["n" * 253 + f"{number:02d}" for number in range(16)]
    for name in names:
        clients("s3", REGION).put_object(Bucket=bucket, Key=f"d/{name}", Body=name[-2:].encode() * 500_000)
    assert storage.download_prefix(f"s3://{bucket}/d/", tmp_path / "x") == 16
    assert found(tmp_path / "x") == {name: name[-2:] * 500_000 for name in names}


def test_nothing_under_a_prefix_is_no_error(bucket: str, storage: S3Storage, tmp_path: Path) -> None:
    assert storage.download_prefix(f"s3://{bucket}/nothing", tmp_path / "x") == 0


@pytest.mark.parametrize("key", ["d/../../etc/x", "d/a/../b"])
def test_names_that_lead_out_are_refused(
    clients: Clients, bucket: str, storage: S3Storage, tmp_path: Path, key: str
) -> None:
    put(clients, bucket, "d/ok", key)
    with pytest.raises(StorageError, match=r"has a name that no file below"):
        storage.download_prefix(f"s3://{bucket}/d", tmp_path / "in" / "x")
    assert found(tmp_path) == {}


def test_a_file_that_is_also_a_folder_is_refused(
    clients: Clients, bucket: str, storage: S3Storage, tmp_path: Path
) -> None:
    put(clients, bucket, "d/a", "d/a/b")
    with pytest.raises(StorageError, match="'d/a' would be a file and, for 'd/a/b', a folder"):
        storage.download_prefix(f"s3://{bucket}/d/", tmp_path / "x")


def test_two_keys_of_one_name_are_refused(
    clients: Clients, bucket: str, storage: S3Storage, tmp_path: Path
) -> None:
    put(clients, bucket, "d/a/b", "d/a//b")
    with pytest.raises(StorageError, match="would be one file, 'a/b'"):
        storage.download_prefix(f"s3://{bucket}/d/", tmp_path / "x")


def test_errors_name_place_and_reason(bucket: str, storage: S3Storage, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    with pytest.raises(
        StorageError, match="cannot read s3://no-such-bucket/k: the bucket 'no-such-bucket' does"
    ):
        storage.download_prefix("s3://no-such-bucket/k", tmp_path)
    with pytest.raises(
        StorageError, match="cannot write s3://no-such-bucket/k: the bucket 'no-such-bucket' does"
    ):
        storage.upload_file(tmp_path / "f", "s3://no-such-bucket/k")
    with pytest.raises(StorageError, match=f"cannot read s3://{bucket}/k: there is no such object"):
        storage.read(f"s3://{bucket}/k")
    with pytest.raises(StorageError, match=f"cannot read s3://{bucket}/k: there is no such object"):
        storage.download_file(f"s3://{bucket}/k", tmp_path / "k")
    with pytest.raises(StorageError, match="File exists"):
        storage.download_file(f"s3://{bucket}/k", tmp_path / "f" / "k")


@pytest.fixture
def small_files_only() -> Iterator[None]:
    """What a full disk does to a writer, for this process: no file above 64 KB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_stays_what_it_is(
    clients: Clients, bucket: str, storage: S3Storage, tmp_path: Path, small_files_only: None
) -> None:
    clients("s3", REGION).put_object(Bucket=bucket, Key="big", Body=b"x" * 200_000)
    with pytest.raises(OSError, match="File too large"):
        storage.download_prefix(f"s3://{bucket}/big", tmp_path / "x")
