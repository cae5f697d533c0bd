"""The app as the CDK command and a shell run it: what a user's mistake looks like."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

INFRA = Path(__file__).parents[2] / "infra"
VENV = Path(sys.executable).parent


def run(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": f"{VENV}{os.pathsep}{os.environ['PATH']}",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_OUTDIR": str(folder),
        **variables,
    }
    return subprocess.run(
        command,
        cwd=INFRA,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_cdk_command_shows_what_is_wrong_with_the_configuration(tmp_path: Path) -> None:
    wrong = tmp_path / "mine.toml"
    wrong.write_text("[storage]\nremoval = 'destory'\n[environments.dev]\n", encoding="utf-8")
    cdk = str(INFRA / "node_modules" / ".bin" / "cdk")
    out = str(tmp_path / "out")
    done = run(tmp_path, cdk, "synth", "--no-notices", "-o", out, "-c", f"config={wrong}")
    assert done.returncode != 0
    assert f"The configuration '{wrong}' has 1 problem:" in done.stderr
    assert "storage.removal: is 'destory'; did you mean 'destroy'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_environment_may_come_from_a_variable(tmp_path: Path) -> None:
    done = run(tmp_path, sys.executable, "app.py", GLUONSHIP_ENVIRONMENT="prdo")
    assert done.returncode == 2
    assert (
        "has no 'prdo', which was asked for; did you mean 'prod'? there are dev, local, prod" in done.stderr
    )
    assert "Traceback" not in done.stderr
