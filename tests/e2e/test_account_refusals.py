"""`python infra/local.py` given what it cannot use, and left by its cloud: a sentence, never a traceback."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from account_commands import run, start
from local_clouds import LocalCloud

from gluonship.local import launcher

INFRA = Path(__file__).parents[2] / "infra"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    launcher.down(tmp_path / "home", grace_seconds=2)


def configuration(folder: Path, text: str) -> str:
    path = folder / "my.toml"
    path.write_text(text + "\n[environments.local]\n")
    return str(path)


def test_a_wrong_key_is_named_before_a_cloud_is_started(home: Path, tmp_path: Path) -> None:
    path = configuration(tmp_path, "[pipeline]\nepoch = 3")
    code, out, err = run(home, "deploy", "--config", path, "--json")
    assert code == 2
    assert "pipeline.epoch: is no key here; did you mean 'epochs'?" in err
    assert "Traceback" not in err
    assert json.loads(out)["error"]["kind"] == "usage"
    assert not home.exists()


def test_an_unknown_environment_is_named_on_a_machine_without_node(home: Path, tmp_path: Path) -> None:
    nothing = tmp_path / "bin"
    nothing.mkdir()
    code, out, err = run(home, "destroy", "--environment", "staging", PATH=str(nothing))
    assert (code, out) == (2, "")
    assert err == (
        f"The configuration '{INFRA / 'gluonship.toml'}' has 1 problem:\n"
        "  environments: has no 'staging', which was asked for; there are dev, local, prod\n"
    )


def test_another_account_than_the_local_clouds_is_refused(home: Path, tmp_path: Path) -> None:
    path = configuration(tmp_path, '[account]\nid = "111122223333"')
    code, _, err = run(home, "deploy", "--config", path)
    assert code == 1
    assert err == (
        f"The environment 'local' of {path} is for the account 111122223333, and the local cloud's is "
        "123456789012: deploy an environment without account.id here.\n"
    )
    assert not home.exists()


def test_wrong_usage_is_said_without_the_library_being_loaded(home: Path) -> None:
    code, _, err = run(home, "deploy", "--images", "3")
    assert code == 2
    assert "3 is not in the range 1000<=x<=12000" in err


def test_destroy_without_a_cloud_has_nothing_to_do(home: Path) -> None:
    code, out, err = run(home, "destroy")
    assert (code, out) == (0, "")
    assert err == f"✓ No local cloud runs in {home}: there is nothing to destroy.\n"
    assert not home.exists()


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    code, _, err = run(tmp_path / "file", "deploy")
    assert code == 1
    assert f"the folder of the local cloud, {tmp_path / 'file'}, cannot be used" in err
    assert "Traceback" not in err


@pytest.mark.timeout(600)
def test_a_cloud_killed_in_the_middle_is_missed_and_the_next_deploy_says_what_it_was_at(
    home: Path, tmp_path: Path
) -> None:
    path = configuration(tmp_path, 'stacks = ["storage"]')
    deploy = start(home, "deploy", "--config", path)
    # The record of a stack's operation, which is there only while that is under way.
    while not any("CdkBootstrapVersion" in path.read_text() for path in (home / "stacks").glob("*")):
        assert deploy.poll() is None
        time.sleep(0.005)
    info = launcher.status(home).info
    assert info is not None
    os.kill(info.pid, signal.SIGKILL)
    _, err = deploy.communicate(timeout=200)
    assert deploy.returncode == 1
    assert err.endswith(
        f"The local cloud of {home} ended meanwhile, and with it all that it held (its log is "
        f"{home / 'cloud.log'}): deploy again, which starts another.\n"
    )
    assert "Traceback" not in err
    assert "Synthesising" not in err  # the command that was under way has failed

    code, _, err = run(home, "deploy", "--config", path)
    assert code == 0, err
    assert f"cleaning up after a cloud that was killed (process {info.pid})" in err
    assert "CREATE_STACK of stack CDKToolkit" in err.partition("Bootstrapping")[0]
    stacks = LocalCloud(launcher.running(home)).client("cloudformation").describe_stacks()["Stacks"]
    assert {stack["StackName"]: stack["StackStatus"] for stack in stacks} == {
        "CDKToolkit": "CREATE_COMPLETE",
        "GluonShip-local-Storage": "CREATE_COMPLETE",
    }
