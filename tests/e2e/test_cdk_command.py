"""The unmodified CDK command on a local cloud: one app through all that the command does."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import shop_app
from account_state import State, account_state, changes
from local_clouds import LocalCloud, running_cloud
from shop_app import BASE, ORDERS, TAKEN

pytestmark = pytest.mark.timeout(600)  # the first test walks the whole journey

_COMMAND = Path(__file__).parents[2] / "infra" / "node_modules" / ".bin" / "cdk"
_DEPLOY = ("deploy", "--require-approval", "never", "--progress", "events", "--tags", "team=vision")


@dataclass(frozen=True)
class Step:
    """One command, and the account around it."""

    code: int
    output: str  # what the command printed, on either stream
    before: State
    after: State
    outputs_file: dict[str, Any]


class Journey:
    """The app's life, walked once; each test looks at its steps."""

    def __init__(self, cloud: LocalCloud, scratch: Path) -> None:
        self._cloud, self._scratch = cloud, scratch
        self._client = functools.cache(cloud.client)  # making one takes longer than asking it
        self._state = account_state(self._client)
        self._client("ssm").put_parameter(Name=TAKEN, Value="another's", Type="String")
        bootstrap = ("bootstrap", "aws://123456789012/us-east-1")
        with ThreadPoolExecutor() as pool:  # the command mostly waits
            synthesised = pool.submit(shop_app.synthesise, scratch)
            self.bootstrap = self._run(*bootstrap)
            self.bootstrap_again = self._run(*bootstrap)
        synthesised.result()
        self.deploy = self._run(*_DEPLOY, "--all", app="first")
        self.menu = self._asset(self._state["parameter"]["/shop/menu-spring"]["value"])
        self.deploy_again = self._run(*_DEPLOY, "--all", app="first")
        self.diff = self._run("diff", "--fail", app="second")
        self.update = self._run(*_DEPLOY, "--all", "--method", "direct", app="second")
        self.diff_of_nothing = self._run("diff", "--fail", "--method", "template", app="second")
        self.refused = self._run(*_DEPLOY, "--exclusively", ORDERS, app="unsupported")
        self.failed = self._run(*_DEPLOY, "--exclusively", ORDERS, app="failing")
        self.stuck = self._run(*_DEPLOY, "--exclusively", ORDERS, "--no-rollback", app="stuck")
        self.rollback = self._run("rollback", ORDERS, app="stuck")
        self.destroy = self._run("destroy", "--all", "--force", app="second")

    def _run(self, *arguments: str, app: str | None = None) -> Step:
        before, outputs = self._state, self._scratch / "outputs.json"
        outputs.unlink(missing_ok=True)
        more = ["--app", str(self._scratch / app)] if app else []
        more += ["--outputs-file", str(outputs)] if arguments[0] == "deploy" else []
        ended = subprocess.run(
            [str(_COMMAND), *arguments, *more, "--no-notices", "--no-color"],
            cwd=self._scratch,
            env={
                **self._cloud.env,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "CDK_DISABLE_CLI_TELEMETRY": "true",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        self._state = account_state(self._client)
        written = json.loads(outputs.read_text()) if outputs.exists() else {}
        return Step(ended.returncode, ended.stdout, before, self._state, written)

    def _asset(self, key: str) -> str:
        (bucket,) = self._client("s3").list_buckets(Prefix="cdk-")["Buckets"]
        body = self._client("s3").get_object(Bucket=bucket["Name"], Key=key)["Body"]
        return str(body.read().decode())


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    scratch = tmp_path_factory.mktemp("shop")
    with running_cloud(scratch / "cloud") as cloud:
        yield Journey(cloud, scratch)


def resources(state: State, stack: str) -> dict[str, str]:
    """The names that a stack's resources have: logical id without the hash -> physical id."""
    return {id[:-8]: name for id, name in state["stack"][stack]["resources"].items()}


def parameters(state: State) -> dict[str, str]:
    return {
        name: parameter["value"]
        for name, parameter in state["parameter"].items()
        if name.startswith("/shop/")
    }


def log_groups(state: State) -> list[str]:
    return [name for name in state["log group"] if name.startswith("/shop/")]


def test_bootstrap_makes_its_stack_and_then_finds_it(journey: Journey) -> None:
    assert journey.bootstrap.code == journey.bootstrap_again.code == 0
    assert list(journey.bootstrap.after["stack"]) == ["CDKToolkit"]
    assert "cdk-hnb659fds-deploy-role-123456789012-us-east-1" in journey.bootstrap.after["role"]
    assert "bootstrapped (no changes)" in journey.bootstrap_again.output
    assert changes(journey.bootstrap_again.before, journey.bootstrap_again.after) == []


def test_deploy_makes_what_the_app_says(journey: Journey) -> None:
    step = journey.deploy
    assert step.code == 0, step.output
    base, orders = resources(step.after, BASE), resources(step.after, ORDERS)
    assert step.outputs_file[ORDERS] == {"Topic": base["Topic"], "MenuParameter": "/shop/menu-spring"}
    assert base["Topic"] in [export["Value"] for export in step.after["export"].values()]
    assert step.after["topic"][base["Topic"]]["attributes"]["DisplayName"] == "Shop"
    machine = step.after["machine"][orders["Machine"].rpartition(":")[2]]
    assert json.loads(machine["definition"])["States"]["Hello"]["Result"] == "hello 0"
    (policy,) = step.after["role"][orders["Role"]]["inline"].values()
    assert f"arn:aws:s3:::{base['Bucket']}/*" in json.dumps(policy)  # imported from the other stack
    assert log_groups(step.after) == ["/shop/spring"]  # the nested stack's
    assert parameters(step.after)["/shop/price"] == "0"
    assert journey.menu == "the menu of spring"  # the asset, under the key that the parameter holds


def test_deploy_tags_the_stacks_and_what_is_in_them(journey: Journey) -> None:
    state = journey.deploy.after
    for stack in (BASE, ORDERS):
        assert state["stack"][stack]["Tags"] == [{"Key": "team", "Value": "vision"}]
    topic = state["topic"][resources(state, BASE)["Topic"]]
    assert {"Key": "team", "Value": "vision"} in topic["tags"]
    machine = state["machine"][resources(state, ORDERS)["Machine"].rpartition(":")[2]]
    assert {"key": "team", "value": "vision"} in machine["tags"]


def test_a_second_deploy_changes_nothing(journey: Journey) -> None:
    step = journey.deploy_again
    assert step.code == 0
    assert step.output.count("(no changes)") == 2
    assert changes(step.before, step.after) == []
    assert step.outputs_file == journey.deploy.outputs_file


def test_diff_tells_changes_in_place_from_replacements_and_makes_none(journey: Journey) -> None:
    step = journey.diff
    assert step.code == 1  # --fail
    lines = step.output.splitlines()
    assert "[~] AWS::StepFunctions::StateMachine Machine Machine6FC8AE80" in lines
    assert "[~] AWS::SSM::Parameter Renamed Renamed9CF9602B replace" in lines
    assert "[~] AWS::Logs::LogGroup Kitchen/Log Log95422804 replace" in lines  # in the nested stack
    assert "Number of stacks with differences: 2" in step.output
    assert changes(step.before, step.after) == []
    assert journey.diff_of_nothing.code == 0
    assert "Number of stacks with differences: 0" in journey.diff_of_nothing.output


def test_an_update_changes_in_place_and_replaces(journey: Journey) -> None:
    step = journey.update
    assert step.code == 0, step.output
    before, after = (resources(state, ORDERS) for state in (step.before, step.after))
    assert {id for id in after if after[id] != before[id]} == {"Renamed"}
    assert set(parameters(step.after)) == {"/shop/menu-summer", "/shop/price", TAKEN}
    assert parameters(step.after)["/shop/price"] == "1"
    assert step.outputs_file[ORDERS]["MenuParameter"] == "/shop/menu-summer"
    (queue,) = step.after["queue"].values()  # the nested stack's
    assert queue["VisibilityTimeout"] == "31"
    assert log_groups(step.after) == ["/shop/summer"]
    assert "requires the creation of a new physical resource" in step.output


def test_an_unknown_type_is_refused_by_its_construct_before_anything_is_touched(journey: Journey) -> None:
    step = journey.refused
    assert step.code == 1
    assert f"{ORDERS}/Robot" in step.output
    assert "Resource type AWS::RoboMaker::Robot is not supported in the local cloud" in step.output
    assert changes(step.before, step.after) == []


def test_a_failed_update_is_taken_back_whole(journey: Journey) -> None:
    step = journey.failed
    assert step.code == 1
    forward, _, back = step.output.partition("UPDATE_ROLLBACK_IN_PROG")
    for changed in ("Machine", "Renamed", "Stays", "Kitchen.NestedStack"):
        assert re.search(rf"UPDATE_COMPLETE .* {changed}", forward), changed
        assert re.search(rf"(UPDATE|DELETE)_COMPLETE .* {changed}", back), changed
    assert f"{ORDERS}/Clash" in step.output
    assert "The parameter already exists" in step.output
    assert changes(step.before, step.after) == []


def test_an_update_without_rollback_stays_until_it_is_rolled_back(journey: Journey) -> None:
    stuck, rollback = journey.stuck, journey.rollback
    assert stuck.code == 1
    assert parameters(stuck.after)["/shop/price"] == "3"
    assert rollback.code == 0, rollback.output
    assert changes(stuck.before, rollback.after) == []


def test_destroy_goes_against_the_dependencies_and_leaves_what_was_there_before(journey: Journey) -> None:
    step = journey.destroy
    assert step.code == 0, step.output
    assert step.output.index(f"{ORDERS}: destroyed") < step.output.index(f"{BASE}: destroyed")
    assert changes(journey.deploy.before, step.after) == []
