"""What a person sees when a command fails: one red sentence that says what to do, never a traceback."""

from __future__ import annotations

import errno
import json
import os
import sys
import tempfile
import traceback
from datetime import datetime
from pathlib import Path

import click

DEBUG = "GLUONSHIP_DEBUG"
FAILED, USAGE, INTERRUPTED = 1, 2, 130


class Problem(Exception):
    """A command cannot do what it was asked for; the message says why and what to do."""


class Refusal(Problem):
    """A command does not do what it was asked for without being told that it may: exit code 2."""


def usage(error: click.UsageError, as_json: bool) -> int:
    if as_json:
        _print_json("usage", error.format_message())
    if error.ctx:
        click.echo(error.ctx.get_usage(), err=True)
    _print_red(error.format_message())
    if error.ctx:
        click.echo(f"`{error.ctx.command_path} --help` says what it takes.", err=True)
    return USAGE


def interrupted(as_json: bool) -> int:
    if as_json:
        _print_json("interrupted", "Interrupted.")
    _print_red("Interrupted.")
    return INTERRUPTED


def failed(error: Exception, as_json: bool) -> int:
    sentence = explain(error)
    kind = "refused" if isinstance(error, Refusal) else "failed"
    if sentence is None:
        kind = "unexpected"
        sentence = _unexpected(error)
    elif os.environ.get(DEBUG):
        traceback.print_exception(error)
    if as_json:
        _print_json(kind, sentence)
    _print_red(sentence)
    return USAGE if isinstance(error, Refusal) else FAILED


def explain(error: BaseException) -> str | None:
    """What to tell a person about an error that this kit foresees; None for one that it does not."""
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, Problem) or any(kind.__name__ in OWN_ERRORS for kind in type(error).__mro__):
        return _sentence(str(error))
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("gluonship"):
        return (
            f"This needs the Python package '{error.name}', which is not installed here. To work on this "
            "machine takes gluonship's extras local, training and inference (`make setup` in a clone brings "
            "them all); with its extra client alone, --cloud aws works."
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror}{place}: free some space, or set TMPDIR and GLUONSHIP_HOME to another disk."
    if isinstance(error, OSError) and error.filename:
        return f"{error.strerror}: {error.filename}."
    if "botocore" in sys.modules:  # else it cannot be one of AWS's
        from gluonship.aws import errors

        return errors.explain(error)
    return None


# By name: their modules are not imported for the sake of a message.
OWN_ERRORS = frozenset(
    {
        "ArtifactError",
        "BundleMissing",
        "DatasetError",
        "DemoFailed",
        "ImageError",
        "LauncherError",
        "SettingError",
    }
)


def _sentence(text: str) -> str:
    """Ends it; how it begins is left as it is, since that may be a file's or a job's name."""
    text = text.strip()
    return text + ("" if text.endswith((".", "!", "?", "`", ")")) else ".")


def _unexpected(error: Exception) -> str:
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
        return f"Unexpected {type(error).__name__}: {error}"
    words = f"Something unexpected went wrong ({type(error).__name__}: {error})."
    lines = "".join(traceback.format_exception(error))
    stamp = f"{datetime.now():%Y%m%d-%H%M%S}"
    try:
        handle, name = tempfile.mkstemp(prefix=f"gluonship-error-{stamp}-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(lines)
    except OSError:
        return f"{words} {DEBUG}=1 shows the traceback."
    return f"{words} The traceback is in {Path(name)}; please report it. {DEBUG}=1 shows it here."


def _print_red(text: str) -> None:
    click.echo(click.style(text, fg="red"), err=True)


def _print_json(kind: str, message: str) -> None:
    click.echo(json.dumps({"error": {"kind": kind, "message": message}}))
