"""What goes with the local cloud when it goes down, and whether a person agrees."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from gluonship.cli.problems import Problem, Refusal

if TYPE_CHECKING:
    from gluonship.cli.terminal import Terminal

_SHOWN = 20  # of each kind


def agree(terminal: Terminal) -> None:
    """Returns where nothing would be lost, or a person says so. Raises Refusal without a terminal to ask on,
    Problem for a no."""
    from gluonship.local import launcher

    if launcher.status().state is not launcher.State.RUNNING:
        return  # one that starts holds nothing yet, and of one that has ended nothing is left
    try:
        held = launcher.contents()
    except launcher.LauncherError as error:
        _confirm(terminal, f"What the local cloud holds is not known ({error}).", "Stop it all the same?")
        return
    if any(held["counts"].values()):
        _show(terminal, held)
        _confirm(terminal, _sentence(held["counts"]), "Stop the local cloud and delete all of that?")


def _confirm(terminal: Terminal, what: str, question: str) -> None:
    if terminal.as_json or not sys.stdin.isatty():
        raise Refusal(
            f"{what} Nothing was stopped, since nobody can be asked here: --yes stops it all the same. "
            "`gluonship download JOB` fetches a trained model first."
        )
    terminal.warn(what)
    if not click.confirm(question, err=True):
        raise Problem("It runs on. `gluonship download JOB` fetches a trained model.")


def _sentence(counts: dict[str, int]) -> str:
    words = {"models": "trained model", "buckets": "bucket with objects", "jobs": "job that runs"}
    plurals = {"models": "trained models", "buckets": "buckets with objects", "jobs": "jobs that run"}
    parts = [
        f"{count} {words[kind] if count == 1 else plurals[kind]}" for kind, count in counts.items() if count
    ]
    listed = ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
    return f"The local cloud keeps nothing when it goes down: {listed} would be gone."


def _show(terminal: Terminal, held: dict[str, Any]) -> None:
    rows = {
        "models": [
            (each["kind"], each["name"], f"{each['location']}{_size(each['bytes'])}")
            for each in held["models"]
        ],
        "buckets": [
            ("bucket", each["name"], f"{each['objects']:,} objects{_size(each['bytes'])}")
            for each in held["buckets"]
        ],
        "jobs": [(each["kind"], each["name"], "runs") for each in held["jobs"]],
    }
    terminal.table(
        ["What would be gone", "Name", "Holds"], [row for kind in rows.values() for row in kind[:_SHOWN]]
    )
    for kind, count in held["counts"].items():
        if count > _SHOWN:
            terminal.say(f"  and {count - _SHOWN:,} more {kind}")


def _size(count: int | None) -> str:
    from rich.filesize import decimal

    return "" if count is None else f", {decimal(count)}"
