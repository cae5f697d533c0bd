"""The `gluonship` command. A subcommand's module is imported when it is called, so that help is quick."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from gluonship import __version__
from gluonship.cli import problems

_COMMANDS = {
    "local": "The local cloud: up, down, reset, status, logs, env, interrupt.",
    "train": "Train a classifier on a folder of images.",
    "deploy": "Put a trained model on an endpoint.",
    "invoke": "Ask an endpoint what is in images.",
    "download": "Fetch a trained model to this machine.",
    "delete": "Delete an endpoint, its configs and models.",
    "doctor": "Check an artifact or an endpoint against the container contract.",
    "demo": "The whole journey on this machine, with real images.",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command = getattr(importlib.import_module(f"gluonship.cli.commands.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gluonship", message="%(prog)s %(version)s")
def gluonship() -> None:
    """Train, serve and ship GluonCV models: on AWS SageMaker, and on this machine through the same APIs.

    Every verb acts on this machine's cloud (`gluonship local up` starts it) unless told `--cloud aws`.
    """


def run(arguments: Sequence[str]) -> int:
    """Runs one command line; returns its exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    as_json = "--json" in arguments
    try:
        result = gluonship.main(args=list(arguments), prog_name="gluonship", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return 2
    except click.UsageError as error:
        return problems.usage(error, as_json)
    except (click.Abort, KeyboardInterrupt):
        return problems.interrupted(as_json)
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has enough
        sys.stderr.close()
        return 1
    except Exception as error:  # noqa: BLE001  the outermost place: nothing may end in a bare traceback
        return problems.failed(error, as_json)
    return result if isinstance(result, int) else 0


def main() -> NoReturn:
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
