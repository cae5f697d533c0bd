"""Clouds that start, meet trouble, and end: real processes, real ports."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from local_clouds import LocalCloud, free_port, running_cloud
from processes import still_alive

from gluonship.local import connect, launcher
from gluonship.local.launcher import CloudInfo, LauncherError, State

# An image of the user's own, whose container ignores SIGTERM and has a child that does, too.
STUBBORN = """
[[image]]
pattern = "example/stubborn"
command = ["bash", "-c", "trap '' TERM; bash -c \\"trap '' TERM; sleep 321\\" & echo running; sleep 321; :"]
"""


def home_with_stubborn_image(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "images.toml").write_text(STUBBORN)
    return folder


def start_stubborn_job(cloud: LocalCloud) -> list[psutil.Process]:
    """A running job of that image; its processes below the cloud's own, the data plane's among them."""
    s3, sagemaker = cloud.client("s3"), cloud.client("sagemaker")
    s3.create_bucket(Bucket="jobs")
    sagemaker.create_training_job(
        TrainingJobName="stubborn",
        RoleArn=cloud.role,
        AlgorithmSpecification={"TrainingImage": "example/stubborn", "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": "s3://jobs/out"},
        ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        family = psutil.Process(cloud.info.pid).children(recursive=True)
        if sum("sleep" in command_line(each) for each in family) >= 2:
            return family
        time.sleep(0.1)
    raise AssertionError(sagemaker.describe_training_job(TrainingJobName="stubborn"))


def command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def kill(home: Path, info: CloudInfo) -> None:
    """SIGKILL; returns when the last thread is gone, and the lock with it."""
    os.kill(info.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while launcher.status(home).state is not State.STALE and time.monotonic() < deadline:
        time.sleep(0.02)


def wait_until_gone(processes: list[psutil.Process], seconds: float = 10.0) -> None:
    assert still_alive(processes, seconds) == []


def test_a_cloud_lives_and_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One life: a home with a space, up twice, private files, and a down that leaves no stubborn process."""
    home = home_with_stubborn_image(tmp_path / "with a space" / "home")
    monkeypatch.setenv("GLUONSHIP_DOWN_GRACE_SECONDS", "4")
    assert launcher.status(home).state is State.STOPPED
    steps: list[str] = []
    with running_cloud(home) as cloud:
        assert launcher.status(home) == launcher.Status(State.RUNNING, home, cloud.info)
        assert launcher.up(home, progress=steps.append) == cloud.info, "a second up finds the first's cloud"
        with pytest.raises(LauncherError, match=rf"already runs, on port {cloud.info.control_port}: use it"):
            launcher.up(home, cloud.info.control_port + 1)
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        for name in ("cloud.json", "cloud.log", "token"):
            assert stat.S_IMODE((home / name).stat().st_mode) == 0o600, name
        family = start_stubborn_job(cloud)
        monkeypatch.setenv("GLUONSHIP_DOWN_GRACE_SECONDS", "0")  # another shell's: the cloud's own counts
        started = time.monotonic()
        assert launcher.down(home) is True
        assert time.monotonic() - started < 15
        assert still_alive(family) == []
        assert (home / "cloud.log").read_text().endswith("INFO gluonship.local: down\n"), "it was killed"
    assert launcher.status(home) == launcher.Status(State.STOPPED, home, None)
    assert launcher.down(home) is False
    assert steps == []


def test_a_killed_cloud_leaves_no_orphan_and_is_found(tmp_path: Path) -> None:
    home = home_with_stubborn_image(tmp_path / "home")
    info = launcher.up(home, 0)
    cloud = LocalCloud(info)
    family = start_stubborn_job(cloud)
    kill(home, info)
    wait_until_gone(family)
    assert launcher.status(home) == launcher.Status(State.STALE, home, info)
    with pytest.raises(
        LauncherError, match="was killed and left its files: start it with `gluonship local up`"
    ):
        launcher.environment(home)
    steps: list[str] = []
    again = launcher.up(home, 0, steps.append)
    try:
        assert again.pid != info.pid
        assert steps[0] == f"cleaning up after a cloud that was killed (process {info.pid})"
        assert not (home / "containers").exists() or list((home / "containers").iterdir()) == []
        assert LocalCloud(again).client("sagemaker").list_training_jobs()["TrainingJobSummaries"] == []
        kill(home, again)
        assert launcher.down(home) is False, "down cleans up after a killed cloud as well"
        assert launcher.status(home).state is State.STOPPED
    finally:
        launcher.down(home)


def test_two_clouds_never_meet(cloud: LocalCloud, tmp_path: Path) -> None:
    with running_cloud(tmp_path / "second") as second:
        ports = {
            cloud.info.control_port,
            cloud.info.data_port,
            second.info.control_port,
            second.info.data_port,
        }
        assert len(ports) == 4
        second.client("s3").create_bucket(Bucket="only-in-the-second")
        names = [each["Name"] for each in cloud.client("s3").list_buckets()["Buckets"]]
        assert "only-in-the-second" not in names
    assert cloud.client("sts").get_caller_identity()["Account"] == "123456789012"


def test_two_ups_at_once_bring_up_one_cloud(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "logging").mkdir(parents=True)
    (home / "logging.py").write_text("raise SystemExit('a module of the home is none of the cloud's')")
    with ThreadPoolExecutor(2) as pool:
        infos = list(pool.map(lambda _: launcher.up(home, 0), range(2)))
    try:
        assert infos[0] == infos[1]
        assert psutil.pid_exists(infos[0].pid)
        with pytest.raises(LauncherError, match="nowhere: Requested resource not found"):
            launcher.interrupt("nowhere", home)
        with pytest.raises(LauncherError, match="time never goes back"):
            launcher.advance_clock(-1, home)
        launcher.advance_clock(3600, home)
        model = {"ModelName": "later", "ExecutionRoleArn": LocalCloud(infos[0]).role}
        client = LocalCloud(infos[0]).client("sagemaker")
        client.create_model(**model, PrimaryContainer={"Image": "mxnet-inference"})
        created = client.describe_model(ModelName="later")["CreationTime"]
        assert created.timestamp() - time.time() > 3500
    finally:
        assert launcher.down(home) is True


def test_a_start_that_nobody_waits_for_any_more_ends(tmp_path: Path) -> None:
    """Ctrl-C during `up`: no cloud comes up behind the user's back."""
    home = tmp_path / "home"
    script = "import sys; from gluonship.local import launcher; launcher.up(sys.argv[1], 0)"
    starter = subprocess.Popen([sys.executable, "-c", script, str(home)])
    try:
        wait_for_state(home, State.STARTING)
    finally:
        starter.kill()
        starter.wait()
    wait_for_state(home, State.STOPPED)
    assert "BrokenPipeError" not in (home / "cloud.log").read_text()


STARTED = {
    "has the lock": lambda home: launcher.status(home).state is State.STARTING,
    "has a port": lambda home: (home / "token").exists(),
    "has its data plane": lambda home: (home / "data-plane.log").exists(),
    "is ready": lambda home: (home / "cloud.json").exists(),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "number"), list(zip(STARTED, [signal.SIGKILL, signal.SIGINT] * 2, strict=True))
)
def test_an_up_after_one_that_was_interrupted_has_a_cloud(
    tmp_path: Path, moment: str, number: signal.Signals
) -> None:
    home = tmp_path / "home"
    script = "import sys; from gluonship.local import launcher; launcher.up(sys.argv[1], 0)"
    starter = subprocess.Popen([sys.executable, "-c", script, str(home)], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while not STARTED[moment](home):
        assert time.monotonic() < end
        time.sleep(0.005)
    starter.send_signal(number)
    starter.wait()
    first = servers_of(home)
    info = launcher.up(home, 0)
    try:
        wait_until_gone([each for each in first if each.pid != info.pid])
        assert launcher.status(home) == launcher.Status(State.RUNNING, home, info)
        assert LocalCloud(info).client("sts").get_caller_identity()["Account"] == "123456789012"
        assert [each.pid for each in servers_of(home)] == [info.pid]
    finally:
        launcher.down(home, grace_seconds=1)


def servers_of(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        line = command_line(process)
        if "gluonship.local.launcher.server" in line and str(home) in line:
            found.append(process)
    return found


@pytest.mark.slow
def test_an_up_waits_for_a_cloud_that_goes_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as one that answers, though it does so until the last of its jobs has ended."""
    monkeypatch.setenv("GLUONSHIP_DOWN_GRACE_SECONDS", "2")
    home = home_with_stubborn_image(tmp_path / "home")
    with running_cloud(home) as cloud:
        start_stubborn_job(cloud)
        os.kill(cloud.info.pid, signal.SIGTERM)
        wait_for_state(home, State.STOPPING)
        with pytest.raises(LauncherError, match="is going down: start it with `gluonship local up`"):
            launcher.environment(home)
        steps: list[str] = []
        again = launcher.up(home, 0, steps.append)
        assert steps[0] == "waiting for a cloud that is stopping"
        assert again.pid != cloud.info.pid
        assert LocalCloud(again).client("sagemaker").list_training_jobs()["TrainingJobSummaries"] == []


@pytest.mark.slow
def test_a_cloud_that_does_not_answer_is_said(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_cloud(home) as cloud:
        process = psutil.Process(cloud.info.pid)
        process.suspend()
        try:
            with pytest.raises(LauncherError, match="runs and does not answer: `gluonship local down --yes`"):
                launcher.up(home)
        finally:
            process.resume()


def wait_for_state(home: Path, state: State) -> None:
    deadline = time.monotonic() + 60
    while launcher.status(home).state is not state:
        assert time.monotonic() < deadline, (home / "cloud.log").read_text()
        time.sleep(0.02)


def test_a_busy_port_is_said_and_avoided(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LauncherError) as caught:
            launcher.up(home, port)
    assert f"port {port} cannot be used (Address already in use)" in str(caught.value)
    assert "leave --port out to get a free one" in str(caught.value)
    assert launcher.status(home).state is State.STOPPED


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_said(tmp_path: Path, port: int) -> None:
    with pytest.raises(LauncherError, match=f"port {port} cannot be used"):
        launcher.up(tmp_path / "home", port)


def test_a_home_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LauncherError, match="set GLUONSHIP_HOME to a folder that is yours"):
        launcher.up(tmp_path / "file" / "home")


def test_a_folder_of_the_users_own_is_left_alone(tmp_path: Path) -> None:
    """A project may well have a folder `containers`, and GLUONSHIP_HOME may name the project by mistake."""
    work = tmp_path / "containers" / "Dockerfile"
    work.parent.mkdir()
    work.write_text("FROM debian")
    mode = tmp_path.stat().st_mode
    with pytest.raises(LauncherError, match=r"is there \(containers\): set GLUONSHIP_HOME"):
        launcher.up(tmp_path, 0)
    assert work.read_text() == "FROM debian"
    assert [each.name for each in tmp_path.iterdir()] == ["containers"]
    assert tmp_path.stat().st_mode == mode


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("GLUONSHIP_STOP_GRACE_SECONDS", "soon", "takes a number, at least 0"),
        ("GLUONSHIP_MEMORY_LIMIT_BYTES", "1", "takes a whole number, at least 1.04858e+06"),
    ],
)
def test_a_wrong_setting_is_said_by_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(LauncherError) as caught:
        launcher.up(tmp_path / "home", free_port())
    assert str(caught.value).startswith(f"{variable}='{value}'")
    assert words in str(caught.value)


def test_a_wrong_images_file_is_said_by_up(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "images.toml").write_text("[[image]]\npatern = 'x'\n")
    with pytest.raises(LauncherError, match=r"images\.toml, line 2, key 'patern'"):
        launcher.up(home, free_port())


def test_a_pid_that_is_another_processes_by_now_is_never_killed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        state = {
            "home": str(home),
            "pid": bystander.pid,
            "pid_started": 1.0,
            "control_port": 1,
            "data_port": 2,
        }
        (home / "cloud.json").write_text(json.dumps({**state, "version": "0"}))
        assert launcher.status(home).state is State.STALE
        assert launcher.down(home) is False
        assert bystander.poll() is None
        assert not (home / "cloud.json").exists()
    finally:
        bystander.kill()
        bystander.wait()


def test_connect_without_starting_needs_a_cloud(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match="is not running: start it with `gluonship local up`"):
        connect(tmp_path / "home", start=False)
    assert not (tmp_path / "home").exists(), "asking changes nothing"


def test_connect_ignores_the_users_own_aws(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign: dict[str, Any] = {
        "AWS_PROFILE": "nobody",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "AKIAFOREIGN",
        "AWS_SESSION_TOKEN": "foreign",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "AWS_REGION": "eu-central-1",
    }
    for name, value in foreign.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    connection = connect(cloud.home, start=False, whole_process=False)
    bucket = connection.boto.resource("s3").Bucket("by-connection")
    bucket.create()
    assert "by-connection" in [each["Name"] for each in cloud.client("s3").list_buckets()["Buckets"]]
    endpoints = connection.boto.client("sagemaker-runtime").meta.endpoint_url
    assert endpoints == cloud.runtime_url
    assert dict(os.environ) == before


def test_the_sdks_session_is_local_and_silent(cloud: LocalCloud) -> None:
    session = connect(cloud.home, start=False, whole_process=False).sagemaker
    assert session.default_bucket() == "sagemaker-us-east-1-123456789012"
    assert session.account_id() == "123456789012"
    assert session.sagemaker_runtime_client.meta.endpoint_url == cloud.runtime_url
    modules = session.sagemaker_config["SageMaker"]["PythonSDK"]["Modules"]
    assert modules == {
        "TelemetryOptOut": True,
        "Session": {"DefaultS3Bucket": "sagemaker-us-east-1-123456789012"},
    }


def test_a_shell_of_the_cloud_has_an_sdk_that_asks_nobody_else(cloud: LocalCloud) -> None:
    """Without a session of ours, the SDK would ask AWS's own STS for its default bucket."""
    script = "import sagemaker; print(sagemaker.Session().default_bucket())"
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=cloud.env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.stdout.splitlines()[-1:] == ["sagemaker-us-east-1-123456789012"], ended.stderr
