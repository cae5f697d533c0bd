"""`gluonship local` on a cloud of its own: what down would delete, and reset."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from local_clouds import LocalCloud, running_cloud

from gluonship.local import launcher
from gluonship.local.launcher import State

COMMAND = [str(Path(sys.executable).parent / "gluonship"), "local"]


@pytest.fixture(scope="module")
def own_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with running_cloud(tmp_path_factory.mktemp("local")) as cloud:
        yield cloud


def call(cloud: LocalCloud, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(cloud),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def environment(cloud: LocalCloud) -> dict[str, str]:
    return {**os.environ, "GLUONSHIP_HOME": str(cloud.home), "COLUMNS": "200"}


def on_a_terminal(cloud: LocalCloud, *arguments: str, answer: str) -> tuple[int, str]:
    """The exit code, and all that was shown, of a command whose one question is answered."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments], env=environment(cloud), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    try:
        while b"[y/N]" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, f"{answer}\n".encode())
        while True:
            shown += os.read(ours, 4096)
    except OSError:  # Linux's way to say that the other side is closed
        pass
    finally:
        os.close(ours)
    return process.wait(60), " ".join(shown.decode().split())


def fill(cloud: LocalCloud) -> None:
    """One bucket with two objects, one without any, one model package; in other accounts and regions too."""
    for region in ("us-east-1", "eu-west-1"):
        s3 = cloud.client("s3", region)
        place = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != "us-east-1" else {}
        s3.create_bucket(Bucket=f"kept-{region}", **place)
    cloud.client("s3").create_bucket(Bucket="empty")
    for number in range(2):
        s3.put_object(Bucket="kept-eu-west-1", Key=f"of/{number}", Body=b"12345")
    cloud.client("sagemaker").create_model_package(
        ModelPackageName="registered",
        InferenceSpecification={
            "Containers": [{"Image": "mxnet-inference", "ModelDataUrl": "s3://kept-eu-west-1/of/1"}],
            "SupportedContentTypes": ["image/jpeg"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )


def test_down_asks_before_anything_is_lost_and_reset_never_does(own_cloud: LocalCloud) -> None:
    fill(own_cloud)
    refused = call(own_cloud, "down")
    assert refused.returncode == 2
    lost = "1 trained model and 1 bucket with objects would be gone. Nothing was stopped"
    assert lost in refused.stderr
    assert "--yes stops it all the same" in refused.stderr
    rows = [" ".join(line.strip("│ ").split()) for line in refused.stdout.splitlines()]
    assert "model package │ registered │ s3://kept-eu-west-1/of/1, 5 bytes" in rows
    assert "bucket │ kept-eu-west-1 │ 2 objects, 10 bytes" in rows
    assert not any("empty" in row or "kept-us-east-1" in row for row in rows)

    as_json = call(own_cloud, "down", "--json")
    assert as_json.returncode == 2
    error = json.loads(as_json.stdout)["error"]
    assert (error["kind"], lost in error["message"]) == ("refused", True)

    code, shown = on_a_terminal(own_cloud, "down", answer="n")
    assert code == 1
    assert "It runs on." in shown
    assert launcher.status(own_cloud.home).state is State.RUNNING

    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(
            urllib.request.Request(f"{own_cloud.url}/_gluonship/reset", b"", method="POST")
        )
    assert len(own_cloud.client("s3").list_buckets()["Buckets"]) == 3
    emptied = call(own_cloud, "reset", "--json")
    assert (emptied.returncode, json.loads(emptied.stdout)) == (0, {"reset": True})
    assert own_cloud.client("s3").list_buckets()["Buckets"] == []
    assert own_cloud.client("sagemaker").list_model_packages()["ModelPackageSummaryList"] == []

    fill(own_cloud)
    code, shown = on_a_terminal(own_cloud, "down", answer="y")
    assert code == 0, shown
    assert "It is down; nothing of it runs any more." in shown
    assert launcher.status(own_cloud.home).state is State.STOPPED


@pytest.mark.slow
def test_down_stops_what_is_empty_or_need_not_be_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_cloud(tmp_path / "empty") as cloud:
        cloud.client("s3").create_bucket(Bucket="without-objects")
        assert call(cloud, "down").returncode == 0
        assert launcher.status(cloud.home).state is State.STOPPED
    monkeypatch.setenv("GLUONSHIP_DOWN_GRACE_SECONDS", "1")
    with running_cloud(tmp_path / "stuck") as cloud:
        fill(cloud)
        process = psutil.Process(cloud.info.pid)
        process.suspend()
        try:
            silent = call(cloud, "down")
            assert silent.returncode == 2
            assert "What the local cloud holds is not known" in silent.stderr
            assert process.is_running()
            assert call(cloud, "down", "--yes").returncode == 0
        finally:
            if process.is_running():
                process.resume()
        assert launcher.status(cloud.home).state is State.STOPPED
