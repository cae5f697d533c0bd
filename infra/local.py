#!/usr/bin/env python3
"""The whole account on the local cloud: `make deploy-local`, `make destroy-local`.

The same app and the same CDK command as for AWS; only the values of the environment differ.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import click

from gluonship.cli import problems
from gluonship.cli.terminal import Terminal

# The CDK's Python starts `node` by its name: the one of this environment, whatever the machine has.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"

ALL_IMAGES = 12_000
_FEWEST_IMAGES = 1_000

_config = click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=Path(__file__).resolve().with_name("gluonship.toml"),
    help="The configuration; gluonship.toml beside this file by default.",
)
_environment = click.option("--environment", default="local", show_default=True, help="One of the file's.")
_json = click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout.")
_images = click.option(
    "--images",
    type=click.IntRange(_FEWEST_IMAGES, ALL_IMAGES),
    default=ALL_IMAGES,
    show_default=True,
    help="Of the demo's images, so many to train on, and a sixth of that to test on: fewer are quicker.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Deploy the account to the local cloud, or take it away."""


@main.command()
@_config
@_environment
@_images
@_json
def deploy(config: Path, environment: str, images: int, as_json: bool) -> None:
    """Deploy all stacks; starts a cloud where none runs.

    The first time in two phases, with a run of the pipeline on the demo's images between them: it makes the
    endpoint that the second phase attaches to. Later, the endpoint goes on serving what it serves.
    """
    from local_account import journey

    terminal = Terminal(as_json)
    result = journey.deploy(terminal, journey.Wanted(config.resolve(), environment, images))
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
    if journey.destroy(terminal, journey.Wanted(config.resolve(), environment)):
        terminal.then("gluonship local down stops the cloud; it lists what is left there, and asks")


def run(arguments: Sequence[str]) -> int:
    """Runs one command line; gives 0: done, 1: failed, 2: wrong usage or configuration, 130: interrupted."""
    as_json = "--json" in arguments
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        main.main(args=list(arguments), prog_name="infra/local.py", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return problems.USAGE
    except click.UsageError as error:
        return problems.usage(error, as_json)
    except (click.Abort, KeyboardInterrupt):
        return problems.interrupted(as_json)
    except Exception as error:  # noqa: BLE001  the outermost place: nothing may end in a bare traceback
        from gluonship_infra.configuration import ConfigurationError

        if isinstance(error, ConfigurationError):
            return problems.usage(click.UsageError(str(error)), as_json)
        return problems.failed(error, as_json)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
