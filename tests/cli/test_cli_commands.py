"""The command as a person meets it, in processes of its own: help, usage errors, failures; no cloud runs."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import gluonship
from gluonship.cli import problems
from gluonship.cli.main import run

COMMAND = [str(Path(sys.executable).parent / "gluonship")]


def call(*arguments: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GLUONSHIP_"))}
    environment = {**kept, "GLUONSHIP_HOME": str(home), "AWS_CONFIG_FILE": "/dev/null", **variables}
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment,
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    assert call("--version", home=tmp_path).stdout == f"gluonship {gluonship.__version__}\n"


@pytest.mark.parametrize(
    "command",
    ["local", "local up", "local logs", "train", "deploy", "invoke", "delete", "download", "doctor", "demo"],
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command.split(), "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: gluonship {command}")


def test_help_is_quick_since_it_imports_no_command(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom gluonship.cli.main import run\nassert run(['--help']) == 0\n"
        "print([name for name in ('boto3', 'numpy', 'rich', 'moto', 'mxnet') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


def test_nothing_given_is_wrong_usage(tmp_path: Path) -> None:
    done = call(home=tmp_path)
    assert done.returncode == 2
    assert "Usage: gluonship" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], "No such command 'trian'"),
        (["train"], "Missing argument 'DATA'"),
        (["train", "x", "--epochs", "0"], "--epochs"),
        (["train", "x", "--image-size", "large"], "--image-size"),
        (["train", "x", "--set", "momentum"], "--set takes KEY=VALUE"),
        (["train", "x", "--epochs", "2", "--set", "epochs=3"], "'epochs' is given twice"),
        (["train", "x", "--set", "sagemaker_program=x"], "SageMaker's own"),
        (["train", "x", "--job-name", "my_job"], "'my-job' would do"),
        (["deploy", "job", "--endpoint", "a_b"], "'a-b' would do"),
        (["deploy", "job"], "Missing option '--endpoint'"),
        (["invoke", "endpoint"], "Missing argument 'IMAGES...'"),
        (["invoke", "endpoint", "nothing.jpg"], "does not exist"),
        (["doctor", "no/such/model.tar.gz"], "There is no file"),
        (["local", "up", "--port", "99999"], "--port"),
        (["train", "x", "--bucket", "Bad_Bucket"], "digits, periods and hyphens, not 'B_'"),
        (["deploy", "job", "--endpoint", "e", "--bucket", "ab"], "must have 3 to 63"),
    ],
)
def test_wrong_usage_is_said_and_exits_with_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert words in " ".join(error.split())
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "."],
        ["deploy", "job", "--endpoint", "e"],
        ["delete", "e"],
        ["doctor", "e"],
        ["local", "env"],
        ["local", "logs", "job"],
        ["local", "interrupt", "job"],
    ],
)
def test_without_a_cloud_the_error_says_how_to_start_one(
    tmp_path: Path,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GLUONSHIP_HOME", str(tmp_path))
    assert run(arguments) == 1
    error = capsys.readouterr().err
    assert "`gluonship local up`" in error
    assert str(tmp_path) in error
    assert "Traceback" not in error


def test_a_shell_notices_that_there_is_no_cloud(tmp_path: Path) -> None:
    """Else it would go on with the AWS account that it has."""
    gluonship = Path(sys.executable).with_name("gluonship")
    script = f'set -e; eval "$({shlex.quote(str(gluonship))} local env)"; echo "went on"'
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "GLUONSHIP_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "`gluonship local up`" in done.stderr


def test_with_json_an_error_is_an_object_on_stdout_too(tmp_path: Path) -> None:
    done = call("delete", "e", "--json", home=tmp_path)
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "failed"
    assert error["message"] in done.stderr
    wrong = call("delete", "--json", home=tmp_path)
    assert wrong.returncode == 2
    assert json.loads(wrong.stdout)["error"]["kind"] == "usage"


def test_status_of_no_cloud_exits_with_1(tmp_path: Path) -> None:
    done = call("local", "status", "--json", home=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"state": "stopped", "home": str(tmp_path)}


def test_down_without_a_cloud_is_no_failure(tmp_path: Path) -> None:
    done = call("local", "down", "--json", home=tmp_path)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"was_running": False})


# --- on AWS -----------------------------------------------------------------------------------------------


def test_aws_needs_a_role(tmp_path: Path) -> None:
    for arguments in (["train", "."], ["deploy", "job", "--endpoint", "e"]):
        done = call(*arguments, "--cloud", "aws", "--region", "us-east-1", home=tmp_path)
        assert done.returncode == 2
        assert "--role" in done.stderr
        assert "sagemaker.amazonaws.com" in done.stderr


def test_a_role_is_an_arn(tmp_path: Path) -> None:
    done = call("train", ".", "--cloud", "aws", "--region", "us-east-1", "--role", "me", home=tmp_path)
    assert done.returncode == 2
    assert "arn:aws:iam::" in done.stderr


def test_a_shell_that_is_set_up_for_the_local_cloud_does_not_pass_for_aws(tmp_path: Path) -> None:
    done = call("delete", "e", "--cloud", "aws", home=tmp_path, AWS_ENDPOINT_URL="http://127.0.0.1:5111")
    assert done.returncode == 1
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:5111" in done.stderr


def test_without_credentials_the_error_says_where_they_come_from(tmp_path: Path) -> None:
    done = call(
        "delete",
        "e",
        "--cloud",
        "aws",
        "--region",
        "us-east-1",
        home=tmp_path,
        AWS_SHARED_CREDENTIALS_FILE="/dev/null",
        AWS_EC2_METADATA_DISABLED="true",
    )
    assert done.returncode == 1
    assert "No AWS credentials were found" in done.stderr


def test_without_a_region_the_error_says_how_to_give_one(tmp_path: Path) -> None:
    done = call("delete", "e", "--cloud", "aws", home=tmp_path)
    assert done.returncode == 1
    assert "--region" in done.stderr


# --- what the machine lacks ---------------------------------------------------------------------------------


def test_a_package_that_is_not_installed_is_named_with_its_extra(tmp_path: Path) -> None:
    """As where only gluonship[client] is."""
    (tmp_path / "psutil.py").write_text("raise ModuleNotFoundError('no psutil', name='psutil')\n")
    done = call("local", "up", home=tmp_path, PYTHONPATH=str(tmp_path), TMPDIR=str(tmp_path))
    assert done.returncode == 1
    assert "'psutil'" in done.stderr
    assert "extras local, training and inference" in done.stderr
    assert not list(tmp_path.glob("gluonship-error-*"))


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    variables = {**os.environ, "GLUONSHIP_HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "local", "status"],
            env=variables,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert "No space left on device: free some space" in done.stderr
    assert not list(tmp_path.glob("gluonship-error-*"))


def test_errors_known_by_name_are_there() -> None:
    source = "".join(path.read_text() for path in Path(gluonship.__file__).parent.rglob("*.py"))
    assert [name for name in problems.OWN_ERRORS if f"class {name}(" not in source] == []


# --- what nobody foresaw -----------------------------------------------------------------------------------

# A module that fails where `gluonship delete` begins to work.
_BROKEN = "raise RuntimeError('the floor gave way')\n"


@pytest.fixture
def broken(tmp_path: Path) -> dict[str, str]:
    """Variables with which the command meets an error of a kind that it does not know."""
    (tmp_path / "rich").mkdir()
    (tmp_path / "rich/__init__.py").write_text(_BROKEN)
    return {"PYTHONPATH": str(tmp_path), "TMPDIR": str(tmp_path)}


def test_an_unforeseen_error_is_a_sentence_and_its_traceback_a_file(
    tmp_path: Path, broken: dict[str, str]
) -> None:
    done = call("delete", "e", home=tmp_path, **broken)
    assert done.returncode == 1
    assert "the floor gave way" in done.stderr
    assert "Traceback" not in done.stderr
    (report,) = tmp_path.glob("gluonship-error-*.txt")
    assert str(report) in done.stderr
    assert "Traceback" in report.read_text()


def test_a_person_may_ask_for_the_traceback(tmp_path: Path, broken: dict[str, str]) -> None:
    done = call("delete", "e", home=tmp_path, GLUONSHIP_DEBUG="1", **broken)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert not list(tmp_path.glob("gluonship-error-*"))
