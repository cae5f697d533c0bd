"""No signed request leaves this machine: by the AWS CLI, by the SageMaker SDK, in a shell of the local cloud
or after connect()."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from local_clouds import LocalCloud

from gluonship.local.launcher import aws_command

HERE = Path(__file__).parent
# Their addresses are fixed by the CLI, or by a name that is put before the host.
ELSEWHERE = {"docdb", "health", "neptune", "rds", "s3control", "signin", "sqs"}
# The CLI ends before it asks: a bearer token, an address or a setting is missing, or a value is impossible.
ASK_NOBODY = {
    "cloudfront-keyvaluestore",
    "cloudsearchdomain",
    "codecatalyst",
    "payment-cryptography-data",
    "sdb",
}
# AWS's own STS, whatever the session's settings.
ASKS_STS = {
    "get_execution_role",
    "Session().account_id",
    "Session().get_caller_identity_arn",
    "PipelineSession().account_id",
    "Session.account_id",
    "Session.get_caller_identity_arn",
}


def swept(script: str, *arguments: str, env: dict[str, str]) -> dict[str, Any]:
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", str(HERE / script), *arguments],
        env={**env, "AWS_MAX_ATTEMPTS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    lines = ended.stdout.strip().splitlines()
    assert lines, ended.stderr
    report: dict[str, Any] = json.loads(lines[-1])
    assert report["heard"] == [], "sent, in plain text or after a TLS handshake"
    assert report["refused"] == len(report["dialled"])
    return report


@pytest.mark.slow
def test_every_service_of_the_aws_cli_asks_this_machine_or_nobody(cloud: LocalCloud) -> None:
    report = swept("sweep_aws_cli.py", env=cloud.env)
    elsewhere = report["elsewhere"]
    assert {name for name, came in report["here"].items() if came != 1} == ELSEWHERE | ASK_NOBODY
    assert len(report["here"]) > 400
    for name in ELSEWHERE:
        assert "SSL validation failed for https://" in elsewhere[name], "at once, and in words"
    assert len(report["dialled"]) == len(ELSEWHERE)


@pytest.mark.slow
def test_the_sdk_in_a_shell_of_the_cloud(cloud: LocalCloud) -> None:
    report = swept("sweep_sagemaker_sdk.py", "environment", env=cloud.env)
    assert report["calls"] > 100
    assert set(report["elsewhere"]) == ASKS_STS
    for said in report["elsewhere"].values():
        assert said.startswith("SSLError: SSL validation failed for https://sts.us-east-1.amazonaws.com/")


@pytest.mark.slow
def test_the_sdk_after_connect_although_the_user_has_an_account(cloud: LocalCloud, tmp_path: Path) -> None:
    account = tmp_path / "credentials"
    account.write_text("[default]\naws_access_key_id = AKIAUSERS\naws_secret_access_key = theirs\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env = {**kept, "AWS_SHARED_CREDENTIALS_FILE": str(account), "AWS_REGION": "us-east-1"}
    report = swept("sweep_sagemaker_sdk.py", "connect", str(cloud.home), env=env)
    assert report["calls"] > 100
    assert report["dialled"] == []
    assert report["role"] == "arn:aws:iam::123456789012:role/SageMakerRole"


# --- the AWS CLI's versions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "first"),
    [
        ("aws-cli/2.9.19 Python/3.11.2 Linux/6.1.0 source/x86_64.debian.12", "2.13.0"),
        ("aws-cli/2.12.99 x", "2.13.0"),
        ("aws-cli/2.13.0 x", None),
        ("aws-cli/1.28.90 x", "1.29.0"),
        ("aws-cli/1.46.3 x", None),
        ("aws-cli/3.0.0 x", None),
        ("another program", None),
    ],
)
def test_an_aws_cli_that_knows_no_endpoint_url_is_named(tmp_path: Path, says: str, first: str | None) -> None:
    command = tmp_path / "aws"
    command.write_text(f"#!/bin/sh\necho '{says}'\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    objection = aws_command.objection(str(tmp_path))
    if first is None:
        assert objection is None
    else:
        assert objection is not None
        assert str(command) in objection
        assert f"Update it to {first} or newer" in objection


def test_local_env_warns_of_it_beside_the_lines_that_a_shell_reads(cloud: LocalCloud, tmp_path: Path) -> None:
    command = tmp_path / "aws"
    command.write_text("#!/bin/sh\necho aws-cli/2.9.19\n")
    command.chmod(0o700)
    env = {**cloud.env, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    gluonship = str(Path(sys.executable).parent / "gluonship")
    ended = subprocess.run(
        [gluonship, "local", "env"], env=env, capture_output=True, text=True, timeout=60, check=True
    )
    assert "knows no AWS_ENDPOINT_URL" in ended.stderr
    assert all(line.startswith(("export ", "unset ")) for line in ended.stdout.splitlines())
    assert "/no-aws.pem" in ended.stdout
    assert aws_command.objection("/nowhere") is None
