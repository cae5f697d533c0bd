"""`python infra/local.py ...` as a person starts it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from processes import hear_interrupts

SCRIPT = Path(__file__).parents[2] / "infra" / "local.py"


def start(home: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """The running command on the cloud of `home`; stdout and stderr are pipes."""
    foreign = {"AWS_PROFILE": "nobody", "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "eu-west-3"}
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *arguments],
        env={**os.environ, **foreign, "GLUONSHIP_HOME": str(home), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )


def run(home: Path, *arguments: str, **variables: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr."""
    out, err = (process := start(home, *arguments, **variables)).communicate(timeout=400)
    return process.returncode, out, err
