"""Hyperparameters, checked by the training script's own parser before a job is paid for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from gluonship import bundles

_WRONG = 2  # the script's exit code
_SECONDS = 120  # MXNet may be imported, and a large network made


def check(hyperparameters: Mapping[str, Any], on_note: Callable[[str], None]) -> None:
    """Raises click.UsageError with the words that the job would fail with.

    `on_note` gets what cannot be checked on this machine, and is left to the job.
    """
    script = bundles.find("training") / "train.py"
    command = [sys.executable, str(script), "--check", *_arguments(hyperparameters)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        on_note(f"The hyperparameters are left to the job: checking them took more than {_SECONDS} s.")
        return
    if done.returncode == _WRONG:
        raise click.UsageError(done.stderr.strip().splitlines()[-1])
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        on_note(f"The hyperparameters are left to the job: they could not be checked here ({reason}).")
    for line in done.stdout.splitlines():
        on_note(line)


def _arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """As SageMaker's toolkit gives them to the script (sagemaker_training.mapping.to_cmd_args)."""
    return [
        part
        for name, value in sorted(hyperparameters.items())
        for part in (f"--{name}" if len(name) > 1 else f"-{name}", str(value))
    ]
