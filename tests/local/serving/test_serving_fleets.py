"""Fleets of real processes: how they come up, fail, come back and go."""

from __future__ import annotations

import io
import os
import signal
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from serving_fakes import FolderStorage, ListLogs, OffsetClock, TinyRuntime, fleet_plan

from gluonship.local.contracts import ProvisionFailed
from gluonship.local.serving.fleets import ProcessFleets
from gluonship.local.serving.health import ping
from gluonship.local.serving.instances import InstanceState
from gluonship.local.serving.ports import Ports

GROUP = "/aws/sagemaker/Endpoints/pets"


def eventually(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not become true in time"
        time.sleep(0.02)


def archive(storage: FolderStorage, uri: str, members: dict[str, bytes]) -> str:
    path = storage.path(uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return uri


def test_instances_serve_with_sagemakers_environment_and_log_streams(
    fleets: ProcessFleets, runtime: TinyRuntime, logs: ListLogs
) -> None:
    fleet = fleets.provision(fleet_plan(instance_count=2))
    assert [state.ready for state in fleet.states] == [True, True]
    assert all(ping(state.port) for state in fleet.states)
    streams = sorted(stream for group, stream in logs.streams if group == GROUP)
    assert streams == sorted(f"AllTraffic/{each}" for each in fleet.instance_ids)
    assert all(stream.lines == ["starting, ok"] for stream in logs.streams.values())
    environments = [container.spec.environment for container in runtime.containers]
    assert {e["SAGEMAKER_BIND_TO_PORT"] for e in environments} == {str(s.port) for s in fleet.states}
    assert len({e["SAGEMAKER_SAFE_PORT_RANGE"] for e in environments}) == 2
    assert environments[0]["AWS_REGION"] == "us-east-1"
    assert environments[0]["TAG"] == "one"


def test_a_container_that_ends_fails_the_fleet_with_its_last_lines(
    fleets: ProcessFleets, runtime: TinyRuntime, tmp_path: Path
) -> None:
    with pytest.raises(ProvisionFailed) as failure:
        fleets.provision(fleet_plan("broken", instance_count=2))
    reason = str(failure.value)
    assert reason.startswith(
        "The primary container for production variant AllTraffic did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )
    assert "exited with code 1" in reason
    assert "No module named 'nothing'" in reason
    assert runtime.alive == []
    assert list((tmp_path / "home" / "containers").iterdir()) == []


def test_a_container_that_never_answers_fails_the_fleet_in_time_and_is_killed(
    fleets: ProcessFleets, runtime: TinyRuntime, clock: OffsetClock
) -> None:
    started = time.monotonic()
    with pytest.raises(ProvisionFailed, match="did not answer /ping with 200 in time"):
        fleets.provision(fleet_plan("mute", startup_timeout_seconds=0.5))
    assert time.monotonic() - started < 5
    assert runtime.alive == []


def test_a_reason_fits_into_a_failure_reason(fleets: ProcessFleets) -> None:
    with pytest.raises(ProvisionFailed) as failure:
        fleets.provision(fleet_plan("x" * 2000))
    assert len(str(failure.value)) == 1024


def test_an_unknown_image_says_what_to_add(fleets: ProcessFleets) -> None:
    with pytest.raises(ProvisionFailed, match=r"The image 'strange:1' cannot run here: .* add one"):
        fleets.provision(fleet_plan("strange:1"))


def test_a_machine_that_starts_no_container_is_said(fleets: ProcessFleets, runtime: TinyRuntime) -> None:
    runtime.refuses = "container pets did not start: the shim did not answer"
    with pytest.raises(ProvisionFailed, match=r"The image 'ok' could not be started: container pets did not"):
        fleets.provision(fleet_plan())


def test_what_the_machine_could_not_give_is_in_the_reason(
    fleets: ProcessFleets, runtime: TinyRuntime
) -> None:
    runtime.hint = "The output mentions /opt/ml, which this machine does not let a container have."
    with pytest.raises(ProvisionFailed) as failure:
        fleets.provision(fleet_plan("broken"))
    assert str(failure.value).endswith(f"{runtime.hint})")


def test_model_data_is_where_the_container_looks(
    fleets: ProcessFleets, runtime: TinyRuntime, storage: FolderStorage, tmp_path: Path
) -> None:
    uri = archive(storage, "s3://b/model.tar.gz", {"model.txt": b"from the archive"})
    fleet = fleets.provision(fleet_plan("needs-model", model_data_uri=uri))
    model = runtime.containers[0].spec.root / "model"
    assert [each.name for each in model.iterdir()] == ["model.txt"]
    assert model.is_relative_to(tmp_path / "home" / "containers")
    fleet.retire(1.0)
    assert not model.exists()


def test_model_data_may_be_a_prefix(
    fleets: ProcessFleets, runtime: TinyRuntime, storage: FolderStorage
) -> None:
    folder = storage.path("s3://b/models/7")
    folder.mkdir(parents=True)
    (folder / "model.txt").write_text("plain")
    fleets.provision(fleet_plan("needs-model", model_data_uri="s3://b/models/7/"))
    assert (runtime.containers[0].spec.root / "model" / "model.txt").read_text() == "plain"


@pytest.mark.parametrize("uri", ["s3://b/no/model.tar.gz", "s3://b/no/"])
def test_missing_model_data_is_named(fleets: ProcessFleets, runtime: TinyRuntime, uri: str) -> None:
    with pytest.raises(ProvisionFailed, match=f"Could not find model data at {uri}"):
        fleets.provision(fleet_plan(model_data_uri=uri))
    assert runtime.containers == []


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, "A training job must write its model to /opt/ml/model"),
        ({"../escaped.txt": b"x"}, "escaped.txt"),
        ({"/etc/escaped.txt": b"x"}, "escaped.txt"),
    ],
)
def test_bad_model_data_is_refused(
    fleets: ProcessFleets, storage: FolderStorage, tmp_path: Path, members: dict[str, bytes], reason: str
) -> None:
    uri = archive(storage, "s3://b/bad.tar.gz", members)
    with pytest.raises(ProvisionFailed, match=r"model data at s3://b/bad\.tar\.gz") as failure:
        fleets.provision(fleet_plan(model_data_uri=uri))
    assert reason in str(failure.value)
    assert list(tmp_path.rglob("escaped.txt")) == []


def test_a_folder_in_the_archive_without_files_is_no_model(
    fleets: ProcessFleets, storage: FolderStorage
) -> None:
    path = storage.path("s3://b/hollow.tar.gz")
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz") as tar:
        folder = tarfile.TarInfo("code")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
    with pytest.raises(ProvisionFailed, match="holds no files"):
        fleets.provision(fleet_plan(model_data_uri="s3://b/hollow.tar.gz"))


def test_an_instance_that_dies_is_started_again_and_says_so(
    fleets: ProcessFleets, runtime: TinyRuntime, logs: ListLogs
) -> None:
    fleet = fleets.provision(fleet_plan())
    heard: list[InstanceState] = []
    fleet.watch(heard.append)
    os.kill(runtime.containers[0].process.pid, signal.SIGKILL)
    eventually(lambda: [state.ready for state in heard] == [False, True])
    assert len(runtime.containers) == 2
    assert ping(fleet.states[0].port)
    (stream,) = logs.streams.values()
    assert any("The container exited with code 137" in line for line in stream.lines)


def test_an_instance_that_cannot_be_started_again_now_is_tried_later(
    fleets: ProcessFleets, runtime: TinyRuntime, logs: ListLogs
) -> None:
    fleet = fleets.provision(fleet_plan())
    (stream,) = logs.streams.values()
    runtime.refuses = "the machine is out of memory"
    runtime.containers[0].process.kill()
    eventually(lambda: any("did not come back: the machine is out of memory" in one for one in stream.lines))
    assert not fleet.states[0].ready
    runtime.refuses = ""
    eventually(lambda: fleet.states[0].ready)


def test_a_silent_instance_leaves_the_routes_and_is_replaced(
    fleets: ProcessFleets, runtime: TinyRuntime, logs: ListLogs
) -> None:
    fleet = fleets.provision(fleet_plan())
    heard: list[InstanceState] = []
    fleet.watch(heard.append)
    os.kill(runtime.containers[0].process.pid, signal.SIGSTOP)
    eventually(lambda: [state.ready for state in heard] == [False, True], 20)
    assert len(runtime.containers) == 2
    (stream,) = logs.streams.values()
    assert any("did not answer /ping" in line for line in stream.lines)


def test_retiring_waits_for_running_requests_then_ends_all_and_the_log(
    fleets: ProcessFleets, runtime: TinyRuntime, logs: ListLogs
) -> None:
    fleet = fleets.provision(fleet_plan(instance_count=2))
    asked: list[float] = []

    def wait_idle(seconds: float) -> bool:
        asked.append(seconds)
        assert len(runtime.alive) == 2
        return True

    fleet.wait_idle = wait_idle
    fleet.retire(5.0)
    assert asked == [5.0]
    assert runtime.alive == []
    assert all(stream.closed for stream in logs.streams.values())
    time.sleep(0.5)
    assert len(runtime.containers) == 2, "a retired instance came back"


def test_closing_ends_everything_and_what_is_just_coming_up(
    fleets: ProcessFleets, runtime: TinyRuntime
) -> None:
    fleets.provision(fleet_plan())
    fleets.close()
    assert runtime.alive == []
    with pytest.raises(ProvisionFailed, match="going down"):
        fleets.provision(fleet_plan())


def test_ports_are_never_given_twice() -> None:
    ports = Ports()
    taken = [ports.take() for _ in range(50)]
    assert len(set(taken)) == 50
    first, last = ports.take_range()
    assert last - first == 9
    ports.give_back(*taken)
