"""`gluonship doctor`: the container contract, replayed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gluonship.cli.options import account_of, cloud_options, json_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gluonship.aws.account import Where
    from gluonship.cli.doctor.findings import Finding
    from gluonship.cli.terminal import Terminal

_COLOURS = {"ok": "green", "failed": "bold red", "warning": "yellow"}


@click.command()
@click.argument("subject")
@cloud_options
@json_option
def doctor(subject: str, cloud: Where, region: str | None, as_json: bool) -> int:
    """Check SUBJECT against the container contract, and name what is missing.

    SUBJECT is the name of an endpoint, which is asked; or a model, which is served here as a container would
    serve it: a training job's name, a model.tar.gz of this machine, its S3 URI, or its folder. A plain word
    is an endpoint's name, or else a job's; a folder of that name is meant by ./NAME, or where it holds a
    gluonship.manifest.
    """
    from rich.text import Text

    from gluonship.cli.doctor.findings import healthy
    from gluonship.cli.terminal import Terminal

    terminal = Terminal(as_json)
    with tempfile.TemporaryDirectory(prefix="gluonship-doctor-") as scratch:
        findings = list(_findings(subject, cloud, region, Path(scratch), terminal))
    terminal.table(
        ["Check", "", "What was seen"],
        [
            (
                finding.check,
                Text(finding.verdict, _COLOURS[finding.verdict]),
                Text(finding.detail) + Text(f"\n→ {finding.cure}" if finding.cure else "", "bold"),
            )
            for finding in findings
        ],
    )
    well = healthy(findings)
    terminal.result({"subject": subject, "healthy": well, "findings": [each.to_json() for each in findings]})
    if well:
        terminal.done(f"'{subject}' keeps the contract.")
        return 0
    failed = sum(finding.verdict == "failed" for finding in findings)
    terminal.warn(f"'{subject}' does not keep the contract: {failed} of {len(findings)} checks failed.")
    return 1


def _findings(
    subject: str, cloud: Where, region: str | None, scratch: Path, terminal: Terminal
) -> Iterator[Finding]:
    def on_step(text: str) -> None:
        terminal.step(text[:1].upper() + text[1:])

    from gluonship.cli.doctor import subjects

    path = subjects.on_this_machine(subject)
    if path:
        from gluonship.cli.doctor import artifact

        yield from artifact.examine(path, scratch, on_step)
        return
    yield from subjects.examine(account_of(cloud, region), subject, scratch, on_step)
