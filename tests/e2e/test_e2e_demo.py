"""`gluonship demo` as a newcomer runs it: in a folder with a space, on a busy port, beside AWS settings."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image
from processes import hear_interrupts


@pytest.fixture
def busy_port() -> Iterator[None]:
    """The control plane's usual port is taken."""
    with socket.socket() as taken:
        with contextlib.suppress(OSError):  # by another program: as well
            taken.bind(("127.0.0.1", 5111))
            taken.listen()
        yield


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "a folder with spaces"
    (folder / "tmp files").mkdir(parents=True)
    return folder


def start(place: Path, *arguments: str) -> subprocess.Popen[str]:
    # Settings that would lead it elsewhere if it read them.
    foreign = {
        "AWS_PROFILE": "nobody",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_REGION": "eu-west-3",
        "GLUONSHIP_HOME": str(place / "not this one"),
        "TMPDIR": str(place / "tmp files"),
    }
    return subprocess.Popen(
        [str(Path(sys.executable).parent / "gluonship"), "demo", *arguments],
        cwd=place,
        env={**os.environ, **foreign},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )


def assert_nothing_is_left(place: Path) -> None:
    assert list((place / "tmp files").glob("gluonship-*")) == []
    assert not (place / "not this one").exists()
    left = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(place) in " ".join(process.cmdline()) or str(place) in process.environ().get("TMPDIR", ""):
                left.append(process.cmdline())
    assert left == []


@pytest.mark.timeout(900)
def test_the_whole_journey_reaches_its_accuracy_and_leaves_nothing(place: Path, busy_port: None) -> None:
    out, err = (demo := start(place)).communicate()
    assert demo.returncode == 0, err
    line = re.search(r"^accuracy: (0\.\d{3}) over 2,000 held-out images$", out, re.MULTILINE)
    assert line, out
    assert float(line[1]) >= 0.86
    assert "0 T-shirt/top" in out
    assert "recall" in out
    for picture in ("contact-sheet.png", "confusion-matrix.png"):
        path = place / "demo-output" / picture
        assert str(path) in out
        with Image.open(path) as image:
            assert min(image.size) > 400
    assert sorted(path.name for path in (place / "demo-output").iterdir()) == [
        "confusion-matrix.png",
        "contact-sheet.png",
    ]
    assert err.count("metric epoch=") == 8
    assert "mxnet-training:1.9.0-cpu-py38" in err
    assert "InService after" in err
    assert_nothing_is_left(place)


def test_too_little_accuracy_fails_the_demo_with_its_pictures_drawn(place: Path) -> None:
    (place / "demo-output").mkdir()
    (place / "demo-output/contact-sheet.png").write_text("of an earlier demo")
    out, err = (demo := start(place, "--epochs", "1", "--json")).communicate()
    assert demo.returncode == 1
    message = json.loads(out)["error"]["message"]
    assert re.search(r"The accuracy is 0\.\d{3}; the demo is to reach 0\.86", message)
    assert message in err
    assert "Traceback" not in err
    with Image.open(place / "demo-output/contact-sheet.png") as image:
        assert image.format == "PNG"
    assert_nothing_is_left(place)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_cleans_up(place: Path, number: signal.Signals) -> None:
    demo = start(place)
    assert demo.stderr
    for line in demo.stderr:
        if "stands in for the image" in line:  # the training's process runs
            break
    demo.send_signal(number)
    deadline = time.monotonic() + 60
    while demo.poll() is None and time.monotonic() < deadline:  # impatience does not stop the cleaning-up
        time.sleep(0.1)
        demo.send_signal(number)
    _, err = demo.communicate(timeout=5)
    assert demo.returncode == 130
    assert "Interrupted." in err
    assert "Traceback" not in err
    assert_nothing_is_left(place)
