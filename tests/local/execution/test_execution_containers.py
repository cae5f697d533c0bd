"""Containers are real processes here: output, exit codes, signals, memory, and that nothing survives."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from execution_parts import IMAGE, Containers, eventually

from gluonship.local.contracts import ContainerSpec, ExitCause
from gluonship.local.execution.runtime import ProcessRuntime

# Two generations away, in a session of its own, deaf to SIGTERM: what a daemon does.
DAEMON = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("daemon", os.getpid(), flush=True)
        time.sleep(600)
    os._exit(0)
os.wait()
"""


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone_within(seconds: float, pids: list[int]) -> bool:
    return eventually(lambda: not any(alive(pid) for pid in pids), seconds)


def daemon_pid(lines: list[str]) -> int:
    return next(int(line.split()[1]) for line in lines if line.startswith("daemon "))


def test_output_exit_code_and_introduction(containers: Containers) -> None:
    ended = containers.start(
        "import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(7)"
    ).wait(20)
    assert ended is not None
    assert (ended.code, ended.cause) == (7, ExitCause.EXITED)
    assert containers.said == ["out", "err"]
    introduction = "\n".join(containers.lines[:3])
    for words in (IMAGE, f"Python {sys.version.split()[0]}", "mxnet 1.9.1", "/opt/ml"):
        assert words in introduction
    assert list(ended.last_lines) == ["out", "err"]


def test_garbage_and_long_lines_become_text(containers: Containers) -> None:
    code = (
        "import os; os.write(1, b'\\xff\\xfe\\x00ok\\r\\n'); os.write(1, 'é'.encode() * 300_000);"
        "os.write(1, b'\\nend without newline')"
    )
    assert containers.start(code).wait(20).code == 0  # type: ignore[union-attr]
    first, *middle, last = containers.said
    assert first == "\ufffd\ufffd\x00ok"
    assert "".join(middle) == "é" * 300_000  # 600 kB: in pieces, no character parted
    assert all(len(piece.encode()) <= 256 * 1024 for piece in middle)
    assert len(middle) == 3
    assert last == "end without newline"


def test_100_megabytes_of_log_take_no_memory(tmp_path: Path, containers: Containers) -> None:
    seen = {"lines": 0, "characters": 0}

    def count(line: str) -> None:
        seen["lines"] += 1
        seen["characters"] += len(line)

    root = tmp_path / "containers" / "big" / "ml"
    root.mkdir(parents=True)
    code = "import os\nfor _ in range(1600): os.write(1, (b'x' * 127 + b'\\n') * 512)"
    before = psutil.Process().memory_info().rss
    spec = ContainerSpec("big", IMAGE, "train", root, {}, entrypoint=["python", "-c", code])
    container = containers.runtime.start(spec, count)
    containers.started.append(container)
    assert container.wait(60).code == 0  # type: ignore[union-attr]
    assert seen["characters"] >= 1600 * 512 * 127  # 104 MB, and the introduction
    assert 1600 * 512 <= seen["lines"] <= 1600 * 512 + 10
    assert psutil.Process().memory_info().rss - before < 50 * 2**20


def test_a_slow_reader_holds_the_container_up(tmp_path: Path, containers: Containers) -> None:
    """Backpressure: what the container has written ahead is what a pipe holds, not its whole log."""
    lines = 0

    def slow(line: str) -> None:
        nonlocal lines
        lines += 1
        time.sleep(0.01 if lines < 80 else 0)

    root = tmp_path / "containers" / "slow" / "ml"
    root.mkdir(parents=True)
    code = "for n in range(20000): print('x' * 100)\nopen('done', 'w')"
    spec = ContainerSpec("slow", IMAGE, "train", root, {}, entrypoint=["python", "-uc", code])
    container = containers.runtime.start(spec, slow)
    containers.started.append(container)
    time.sleep(0.5)
    assert container.poll() is None
    assert not (tmp_path / "containers" / "slow" / "home" / "done").exists()
    assert container.wait(30).code == 0  # type: ignore[union-attr]
    assert lines >= 20000


def test_a_failing_listener_does_not_hang_the_container(tmp_path: Path, containers: Containers) -> None:
    def listener(line: str) -> None:
        if not line.startswith("gluonship: "):
            raise RuntimeError("no")

    root = tmp_path / "containers" / "l" / "ml"
    root.mkdir(parents=True)
    code = "print(('x' * 1000 + '\\n') * 1000)"
    spec = ContainerSpec("l", IMAGE, "train", root, {}, entrypoint=["python", "-c", code])
    container = containers.runtime.start(spec, listener)
    containers.started.append(container)
    assert container.wait(20).code == 0  # type: ignore[union-attr]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGPIPE])
def test_a_signal_is_128_and_its_number(containers: Containers, number: signal.Signals) -> None:
    ended = containers.start(
        f"import os, signal; signal.signal(signal.SIGPIPE, signal.SIG_DFL); os.kill(os.getpid(), {number})"
    ).wait(20)
    assert ended is not None
    assert (ended.code, ended.cause) == (128 + number, ExitCause.SIGNALLED)


def test_a_missing_command_says_so(containers: Containers) -> None:
    ended = containers.start("", entrypoint=["/no/such/program"]).wait(20)
    assert ended is not None
    assert ended.code == 127
    assert containers.said == ["cannot run '/no/such/program': No such file or directory"]


def test_stop_reaches_every_process_and_waits_for_the_last(containers: Containers) -> None:
    """The main process ends at once, as sagemaker-training does; its script takes a moment to save."""
    container = containers.start(
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-uc', '''import signal, sys, time\n"
        'def save(*_): time.sleep(0.5); print("saved", flush=True); sys.exit(0)\n'
        "signal.signal(signal.SIGTERM, save)\nprint(\"ready\")\ntime.sleep(600)'''])"
    )
    containers.wait_for("ready")
    ended = container.stop(20)
    assert ended.cause is ExitCause.STOPPED
    assert ended.code == 128 + signal.SIGTERM
    assert containers.said == ["ready", "saved"]
    assert container.pids == []


def test_what_ignores_sigterm_is_killed_after_the_grace_time(containers: Containers) -> None:
    container = containers.start(
        "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "for _ in range(3): os.fork()\nos.write(1, b'deaf\\n')\ntime.sleep(600)"
    )
    assert eventually(lambda: containers.said.count("deaf") == 8)
    pids = list(container.pids)
    assert len(pids) == 8
    started = time.monotonic()
    ended = container.stop(0.5)
    assert 0.5 <= time.monotonic() - started < 5
    assert (ended.code, ended.cause) == (137, ExitCause.STOPPED)
    assert not any(alive(pid) for pid in pids)


def test_what_the_main_process_leaves_behind_is_killed(containers: Containers) -> None:
    ended = containers.start(DAEMON + "time.sleep(0.3)").wait(20)
    assert ended is not None
    assert ended.code == 0
    assert not alive(daemon_pid(containers.said))


def test_a_script_that_signals_its_group_ends_only_itself(containers: Containers) -> None:
    ended = containers.start("import os, signal; os.killpg(0, signal.SIGKILL)").wait(20)
    assert ended is not None
    assert (ended.code, ended.cause) == (137, ExitCause.SIGNALLED)


def test_more_memory_than_allowed_is_137(containers: Containers) -> None:
    code = (
        "import os, time\nif os.fork() == 0:\n b = bytearray(os.urandom(1)) * 150_000_000\n time.sleep(600)\n"
        "b = bytearray(os.urandom(1)) * 150_000_000\ntime.sleep(600)"
    )
    ended = containers.start(code, memory_limit_bytes=200 * 2**20).wait(30)
    assert ended is not None
    assert (ended.code, ended.cause) == (137, ExitCause.MEMORY)
    assert "more than the limit of 200 MiB" in ended.last_lines[-1]


def test_memory_that_forks_share_counts_once(containers: Containers) -> None:
    code = (
        "import os, time\nb = bytearray(os.urandom(1)) * 100_000_000\n"
        "for _ in range(4):\n if os.fork() == 0: time.sleep(1.5); os._exit(0)\n"
        "for _ in range(4): os.wait()"
    )
    ended = containers.start(code, memory_limit_bytes=250 * 2**20).wait(30)
    assert ended is not None
    assert (ended.code, ended.cause) == (0, ExitCause.EXITED)


def test_memory_that_cannot_be_seen_for_a_moment_ends_nothing(containers: Containers) -> None:
    container = containers.start("import time; time.sleep(1.5)", memory_limit_bytes=2**30)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # no file can be opened
    try:
        time.sleep(0.8)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    ended = container.wait(20)
    assert ended is not None
    assert (ended.code, ended.cause) == (0, ExitCause.EXITED)


DRIVER = """
import json, sys, time
from pathlib import Path
from gluonship.local.container_images import ImageTable
from gluonship.local.contracts import ContainerSpec
from gluonship.local.execution.runtime import ProcessRuntime
home, bundles, code = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
root = home / "containers" / "c" / "ml"
root.mkdir(parents=True)
lines = []
spec = ContainerSpec("c", "gluonship-training:latest", "train", root, {}, entrypoint=["python", "-c", code])
container = ProcessRuntime(home, ImageTable.load(home, bundles)).start(spec, lines.append)
while not any(line.startswith("daemon ") for line in lines):
    time.sleep(0.01)
daemon = next(int(line.split()[1]) for line in lines if line.startswith("daemon "))
print(json.dumps({"pids": list(container.pids), "daemon": daemon}), flush=True)
time.sleep(600)
"""


def test_killing_the_cloud_leaves_nothing(tmp_path: Path) -> None:
    from gluonship import bundles

    folder = str(bundles.find("inference").parent)
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path), folder, DAEMON + "time.sleep(600)"],
        stdout=subprocess.PIPE,
    )
    try:
        assert driver.stdout is not None
        told = json.loads(driver.stdout.readline())
        below = [each.pid for each in psutil.Process(driver.pid).children(recursive=True)]  # and the shim
        pids = sorted({*told["pids"], told["daemon"], *below})
        assert len(pids) >= 3
        assert all(alive(pid) for pid in pids)
    finally:
        driver.kill()
        driver.wait()
        if driver.stdout is not None:
            driver.stdout.close()
    assert gone_within(2.0, pids)


def test_killing_the_shim_leaves_nothing_and_is_seen(containers: Containers) -> None:
    container = containers.start(DAEMON + "time.sleep(600)")
    assert eventually(lambda: bool(containers.said))
    pids = list(container.pids)
    parents = [psutil.Process(psutil.Process(pid).ppid()) for pid in pids]
    (shim,) = {each.pid for each in parents if "shim.py" in " ".join(each.cmdline())}
    os.kill(shim, signal.SIGKILL)
    ended = container.wait(10)
    assert ended is not None
    assert (ended.code, ended.cause) == (137, ExitCause.SIGNALLED)
    assert gone_within(2.0, [*pids, daemon_pid(containers.said)])


def test_the_runtime_cleans_up_after_itself(tmp_path: Path, containers: Containers) -> None:
    container = containers.start("pass")
    container.wait(20)
    assert sorted(each.name for each in (tmp_path / "containers" / "c").iterdir()) == ["ml"]
    assert isinstance(containers.runtime, ProcessRuntime)
