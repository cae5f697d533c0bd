"""What a container sees: its variables, its Python, its /opt/ml."""

from __future__ import annotations

import base64
import errno
import hashlib
import importlib.metadata
import json
import os
import sys
import zipfile
from pathlib import Path

import pytest
from execution_parts import IMAGE, Containers

from gluonship.local.container_images import ImageTable
from gluonship.local.contracts import ContainerSpec
from gluonship.local.execution.interpreters import InterpreterBroken, interpreter
from gluonship.local.execution.overlay import closure
from gluonship.local.execution.private_root import PrivateRoot, mentions_main_folder, private_root
from gluonship.local.execution.runtime import ProcessRuntime

REFUSED = PrivateRoot(allowed=False, reason="unshare: Operation not permitted")
PRINT_VARIABLES = "import json, os; print(json.dumps(dict(os.environ)))"


def wheel(folder: Path, name: str, version: str) -> Path:
    """A wheel with one module that says its version."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = '{version}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text)}\n"
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in files.items():
            archive.writestr(member, text)
    return path


def test_nothing_of_the_users_own_reaches_a_container(
    containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "/mine")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://sagemaker.example.com")  # not this machine
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("PIP_INDEX_URL", "http://index/simple")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    containers.start(PRINT_VARIABLES, environment={"MINE": "yes", "LANG": "de_DE.UTF-8"}).wait(20)
    seen = json.loads(containers.said[0])
    assert "/mine" not in seen.values()
    assert "AWS_ENDPOINT_URL" not in seen
    assert "PIP_TARGET" not in seen
    assert (seen["AWS_CONFIG_FILE"], seen["AWS_SHARED_CREDENTIALS_FILE"]) == ("/dev/null", "/dev/null")
    assert (seen["HTTPS_PROXY"], seen["PIP_INDEX_URL"]) == ("http://proxy:1", "http://index/simple")
    assert (seen["MINE"], seen["LANG"], seen["OMP_NUM_THREADS"]) == ("yes", "de_DE.UTF-8", "3")
    assert seen["SM_STUDIO_LOCAL_MODE"] == "true"
    assert seen["HOME"] != os.environ["HOME"]
    assert str(Path(sys.executable).parent) not in seen["PATH"].split(":")


def test_a_container_finds_this_cloud(containers: Containers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5111")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "http://127.0.0.1:5112")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    containers.start(PRINT_VARIABLES).wait(20)
    seen = json.loads(containers.said[0])
    assert seen["AWS_ENDPOINT_URL"] == seen["S3_ENDPOINT_URL"] == "http://127.0.0.1:5111"
    assert seen["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] == "http://127.0.0.1:5112"
    assert seen["AWS_ACCESS_KEY_ID"] == "test"


def test_opt_ml_is_the_containers_own_where_the_machine_allows_it(containers: Containers) -> None:
    before = sorted(os.listdir("/opt"))
    container = containers.start(
        "import os; print(sorted(os.listdir('/opt'))); open('/opt/ml/made', 'w').write('here');"
        "print(os.environ.get('SAGEMAKER_BASE_DIR'))"
    )
    ended = container.wait(20)
    assert ended is not None
    allowed = private_root().allowed
    # Where it is not allowed, the script fails and is told why; nothing is ever hidden.
    assert (ended.code == 0) is allowed
    assert bool(ended.hint) is not allowed
    seen = containers.said[0]
    assert seen == str(sorted({*before, "ml"} if allowed else before))
    assert (container.spec.root / "made").exists() is allowed
    assert sorted(os.listdir("/opt")) == before


def test_without_a_private_opt_ml_the_failure_says_so(tmp_path: Path, images: ImageTable) -> None:
    lines: list[str] = []
    runtime = ProcessRuntime(tmp_path, images, private=REFUSED)
    root = tmp_path / "containers" / "c" / "ml"
    root.mkdir(parents=True)
    code = "import os; print(os.environ['SAGEMAKER_BASE_DIR']); open('/opt/ml/input/config/x')"
    spec = ContainerSpec("c", IMAGE, "train", root, {}, entrypoint=["python", "-c", code])
    ended = runtime.start(spec, lines.append).wait(20)
    assert ended is not None
    assert ended.code == 1
    assert lines[3] == str(root)
    assert "Operation not permitted" in lines[2]
    assert "The output mentions /opt/ml" in ended.hint
    assert "SAGEMAKER_BASE_DIR" in ended.hint
    assert lines[-1] == f"gluonship: {ended.hint}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("No such file: '/opt/ml/model'", True),
        ("cd /opt/ml", True),
        ("/home/me/opt/ml/model", False),
        ("/opt/ml-data", False),
        ("/opt/mlops", False),
    ],
)
def test_mentions(line: str, expected: bool) -> None:
    assert mentions_main_folder(line) is expected


def test_a_job_installs_into_its_own_environment_only(tmp_path: Path, containers: Containers) -> None:
    made = wheel(tmp_path, "lighthouse", "1.2")
    ended = containers.start(
        "import subprocess, sys\n"
        f"subprocess.run(['pip', 'install', '-q', '--no-index', {str(made)!r}], check=True)\n"
        "show = 'import lighthouse, numpy; print(lighthouse.VERSION)'\n"
        "subprocess.run([sys.executable, '-c', show], check=True)"
    ).wait(60)
    assert ended is not None
    assert ended.code == 0, ended.last_lines
    assert containers.said[-1] == "1.2"
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("lighthouse")


def test_a_job_cannot_replace_what_mxnet_needs(tmp_path: Path, containers: Containers) -> None:
    made = wheel(tmp_path, "numpy", "2.0.0")
    installed = importlib.metadata.version("numpy")
    ended = containers.start("", entrypoint=["pip", "install", "--no-index", str(made)]).wait(60)
    assert ended is not None
    assert ended.code == 1
    assert any(f"numpy=={installed}" in line and "constraint" in line for line in ended.last_lines)
    assert importlib.metadata.version("numpy") == installed


def test_pip_takes_the_headless_opencv_for_the_one_that_gluoncv_wants(containers: Containers) -> None:
    ended = containers.start("", entrypoint=["pip", "install", "--no-index", "gluoncv"]).wait(60)
    assert ended is not None
    assert ended.code == 0, ended.last_lines
    assert not any("Collecting" in line or "Processing" in line for line in containers.said)


def test_an_unreachable_index_is_the_jobs_own_failure(containers: Containers) -> None:
    ended = containers.start(
        "",
        entrypoint=["pip", "install", "--retries", "0", "--timeout", "2", "no-such-distribution-of-mine"],
        environment={"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_EXTRA_INDEX_URL": "",
                     "PIP_CONFIG_FILE": "/dev/null", "PIP_FIND_LINKS": ""},
    ).wait(60)  # fmt: skip
    assert ended is not None
    assert ended.code == 1
    assert any("no-such-distribution-of-mine" in line for line in ended.last_lines)


def test_a_home_with_spaces(tmp_path: Path, images: ImageTable) -> None:
    """sagemaker-training splits a command line with the interpreter's path at its spaces."""
    home = tmp_path / "my home's folder"
    made = wheel(tmp_path / "wheels", "lighthouse", "1.2")
    root = home / "containers" / "c" / "ml"
    root.mkdir(parents=True)
    lines: list[str] = []
    code = (
        "import shlex, subprocess, sys\n"
        f"subprocess.run(shlex.split(sys.executable + ' -m pip install --no-index -q {made}'), check=True)\n"
        "import os; print(sys.executable); print(os.path.realpath(sys.prefix))"
    )
    spec = ContainerSpec("c", IMAGE, "train", root, {}, entrypoint=["python", "-c", code])
    ended = ProcessRuntime(home, images).start(spec, lines.append).wait(60)
    assert ended is not None
    assert ended.code == 0, ended.last_lines
    executable, prefix = lines[-2:]
    assert prefix == str(home / "containers" / "c" / "environment")
    assert not Path(executable).parent.parent.is_symlink()  # the link is gone with the container


def test_a_start_that_fails_leaves_nothing(tmp_path: Path, images: ImageTable) -> None:
    home = tmp_path / "a home"  # with a space: python goes by a link in /tmp
    root = home / "containers" / "c" / "ml"
    root.mkdir(parents=True)

    def full(line: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        ProcessRuntime(home, images).start(ContainerSpec("c", IMAGE, "train", root, {}), full)
    assert [each.name for each in root.parent.iterdir()] == ["ml"]
    links = [os.readlink(each) for each in Path("/tmp").glob("gluonship-*") if each.is_symlink()]
    assert [each for each in links if each.startswith(str(home))] == []


def test_the_kits_editable_self_is_not_in_a_container(containers: Containers) -> None:
    ended = containers.start("import numpy\nimport gluonship").wait(30)
    assert ended is not None
    assert ended.last_lines[-1] == "ModuleNotFoundError: No module named 'gluonship'"


def test_closure_follows_requirements_but_not_extras() -> None:
    requires = {
        "a": ["B_b>=1", "c ; extra == 'x'", "absent"],
        "b-b": ["a", "d (<2)"],
        "c": [],
        "d": [],
    }
    assert closure(["a", "nowhere"], requires) == {"a", "b-b", "d"}


def test_a_broken_interpreter_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho broken by hand >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(InterpreterBroken, match=r"python' ended with code 3: broken by hand"):
        interpreter(broken)
    with pytest.raises(InterpreterBroken, match=r"absent': No such file"):
        interpreter(tmp_path / "absent")
