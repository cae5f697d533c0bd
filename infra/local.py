#!/usr/bin/env python3
"""The whole account on the local cloud: `make deploy-local`, `make destroy-local`.

The same app and the same CDK command as for AWS; only the values of the environment differ.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from gluonship.cli.terminal import Terminal

# The CDK's Python starts `node` by its name: the one of this environment, whatever the machine has.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"

_config = click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=Path(__file__).resolve().with_name("gluonship.toml"),
    help="The configuration; gluonship.toml beside this file by default.",
)
_environment = click.option("--environment", default="local", show_default=True, help="One of the file's.")
_json = click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout.")


@click.group()
def main() -> None:
    """Deploy the account to the local cloud, or take it away."""


@main.command()
@_config
@_environment
@_json
def deploy(config: Path, environment: str, as_json: bool) -> None:
    """Deploy both phases, with a run on the demo's images between them; starts a cloud where none runs."""
    from local_account import journey

    terminal = Terminal(as_json)
    result = journey.deploy(terminal, journey.Wanted(config.resolve(), environment))
    terminal.result(result)
    seconds = result["seconds"]
    terminal.table(["part", "seconds"], [(part, f"{taken:.1f}") for part, taken in seconds.items()])
    terminal.then(
        'eval "$(gluonship local env)", then aws cloudformation describe-stacks, or the CDK command',
        "make destroy-local, and gluonship local down at the end",
    )


@main.command()
@_config
@_environment
def destroy(config: Path, environment: str) -> None:
    """Destroy the stacks, what the pipeline made, and what the buckets hold; the cloud goes on."""
    from local_account import journey

    terminal = Terminal()
    journey.destroy(terminal, journey.Wanted(config.resolve(), environment))
    terminal.then("gluonship local down stops the cloud")


def _run() -> int:
    from gluonship_infra.configuration import ConfigurationError
    from local_account.cdk import CdkFailed
    from local_account.run import RunFailed

    from gluonship.local.launcher import LauncherError

    try:
        main()
    except (CdkFailed, ConfigurationError, LauncherError, RunFailed) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_run())
