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

    SUBJECT is an artifact (a model.tar.gz or its folder), which is served here as a container would be; or
    an endpoint's name.
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

    path = Path(subject)
    if path.exists():
        from gluonship.cli.doctor import artifact

        yield from artifact.examine(path, scratch, on_step)
        return
    if "/" in subject or subject.endswith((".gz", ".tgz")):
        raise click.UsageError(f"There is no file '{subject}'.")

    from gluonship.cli.doctor import endpoint

    yield from endpoint.examine(account_of(cloud, region), subject, scratch, on_step)
