"""A cloud that is killed in the middle of a deployment: nothing of it runs on, and its successor says so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
from cfn_wire import Stacks, request, resource
from local_clouds import LocalCloud
from processes import still_alive

from gluonship.local import launcher
from gluonship.local.launcher import State

SERVER = Path(__file__).resolve().parents[1] / "serving" / "tiny_server.py"
GLUONSHIP = Path(sys.executable).with_name("gluonship")
RESOURCES = {
    "Role": resource(
        "IAM::Role",
        AssumeRolePolicyDocument={
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"Service": "sagemaker.amazonaws.com"},
                }
            ],
        },
    ),
    "Model": resource(
        "SageMaker::Model",
        ExecutionRoleArn={"Fn::GetAtt": ["Role", "Arn"]},
        PrimaryContainer={"Image": "tiny/mute:1"},  # it never answers: the endpoint stays in Creating
    ),
    "Config": resource(
        "SageMaker::EndpointConfig",
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
            }
        ],
    ),
    "Endpoint": resource(
        "SageMaker::Endpoint", EndpointConfigName={"Fn::GetAtt": ["Config", "EndpointConfigName"]}
    ),
}


def deploying(cloud: LocalCloud, stacks: Stacks) -> list[psutil.Process]:
    """Begins the stack; all processes of the cloud once the endpoint's container is one of them."""
    stacks.create("cut-off", RESOURCES, wait=False)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        family = psutil.Process(cloud.info.pid).children(recursive=True)
        if any(str(SERVER) in command_line(each) for each in family):
            return [psutil.Process(cloud.info.pid), *family]
        time.sleep(0.05)
    raise AssertionError(stacks.reasons("cut-off"))


def command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def refusals(stacks: Stacks) -> list[str]:
    """Of all that others may want of a stack while it is deployed."""
    members: dict[str, Any] = {"StackName": "cut-off", **request(RESOURCES, {})}
    change_set = {**members, "ChangeSetName": "c", "ChangeSetType": "UPDATE"}
    return [
        stacks.refused("create_stack", **members),
        stacks.refused("update_stack", **members),
        stacks.refused("create_change_set", **change_set),
        stacks.refused("delete_stack", StackName="cut-off"),
    ]


def up(home: Path) -> str:
    """`gluonship local up`: what it says."""
    environment = {**os.environ, "GLUONSHIP_HOME": str(home)}
    command = [str(GLUONSHIP), "local", "up"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_what_a_killed_cloud_was_at_is_said_by_the_next(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    command = json.dumps([sys.executable, "-S", str(SERVER), "mute"])
    (home / "images.toml").write_text(f'[[image]]\npattern = "tiny/mute"\ncommand = {command}\n', "utf-8")
    try:
        cloud = LocalCloud(launcher.up(home, 0))
        stacks = Stacks(cloud)
        family = deploying(cloud, stacks)
        made = stacks.ids("cut-off")
        for said in refusals(stacks):
            assert "already exists" in said or "is in CREATE_IN_PROGRESS state and can not be" in said

        os.kill(cloud.info.pid, signal.SIGKILL)
        assert still_alive(family, 10) == []
        assert launcher.status(home).state is State.STALE

        said = " ".join(up(home).split())
        assert "CREATE_STACK of stack cut-off (us-east-1, account 123456789012), begun " in said
        assert (
            "was interrupted when the cloud ended; the cloud's state went with it: deploy the stack" in said
        )
        for name in ("Role", "Model", "Config"):
            assert f"CREATE_COMPLETE: {name} (AWS::" in said
            assert made[name] in said
        assert "CREATE_IN_PROGRESS: Endpoint (AWS::SageMaker::Endpoint)" in said

        again = Stacks(LocalCloud(launcher.up(home, 0)))
        assert again.create("cut-off", {"Role": RESOURCES["Role"]}) == "CREATE_COMPLETE"
        assert again.delete("cut-off") == "DELETE_COMPLETE"
    finally:
        launcher.down(home, grace_seconds=5)
