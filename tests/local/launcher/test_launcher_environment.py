"""The lines that a shell evaluates, by a real shell and the real AWS CLI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from local_clouds import LocalCloud

from gluonship.local import launcher
from gluonship.local.door.keys import Key
from gluonship.local.launcher.environment import environment
from gluonship.local.launcher.home import CloudInfo

PRINT_LINES = (
    "import sys; from gluonship.local import launcher as l; print(l.shell_lines(l.environment(sys.argv[1])))"
)

KEY = Key("AKIA7", "whisper", "123456789012")


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_eval_leads_the_aws_cli_to_the_cloud(cloud: LocalCloud, shell: str) -> None:
    foreign = {
        **os.environ,
        "AWS_PROFILE": "nobody",
        "AWS_SESSION_TOKEN": "foreign",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
    }
    script = f'eval "$("$0" -c \'{PRINT_LINES}\' "$1")"; "$2" sts get-caller-identity'
    aws = str(Path(sys.executable).with_name("aws"))
    done = subprocess.run(
        [shell, "-c", script, sys.executable, str(cloud.home), aws],
        env=foreign,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Account"] == "123456789012"


def test_values_are_quoted_whole(tmp_path: Path) -> None:
    home = tmp_path / 'it\'s $(touch gone) "here"\n; x'
    info = CloudInfo(home, 1, 1.0, 5111, 5112, "0")
    lines = launcher.shell_lines(environment(info, KEY, {}))
    done = subprocess.run(
        ["bash", "-euc", f'{lines}\nprintf %s "$GLUONSHIP_HOME"'],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=10,
        check=True,
    )
    assert done.stdout == str(home)
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_the_users_account_is_left() -> None:
    info = CloudInfo(Path("/h"), 1, 1.0, 5111, 5112, "0")
    current = {
        "AWS_PROFILE": "p",
        "AWS_SESSION_TOKEN": "t",
        "AWS_ENDPOINT_URL_S3": "https://elsewhere",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://x",
        "AWS_ROLE_ARN": "r",
        "NO_PROXY": "example.org",
        "PATH": "/bin",
    }
    applied = launcher.applied(environment(info, KEY, current), current)
    assert applied == {
        "AWS_ACCESS_KEY_ID": "AKIA7",
        "AWS_CA_BUNDLE": "/h/no-aws.pem",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:5111",
        "AWS_ENDPOINT_URL_S3_CONTROL": "https://127.0.0.1:5111",
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": "http://127.0.0.1:5112",
        "AWS_PAGER": "",
        "AWS_REGION": "us-east-1",
        "AWS_SECRET_ACCESS_KEY": "whisper",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "GLUONSHIP_HOME": "/h",
        "NO_PROXY": "example.org,127.0.0.1,localhost",
        "PATH": "/bin",
        "SAGEMAKER_USER_CONFIG_OVERRIDE": "/h/sagemaker-sdk.yaml",
        "no_proxy": "example.org,127.0.0.1,localhost",
    }
