"""What a word means that doctor is given: a file, a folder, an S3 URI, an endpoint or a training job."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gluonship.cli.doctor.findings import Finding, failed

if TYPE_CHECKING:
    from gluonship.aws.account import Account


def on_this_machine(subject: str) -> Path | None:
    """The file or folder that is meant; None for what is to be looked for in the cloud.

    A folder that happens to have an endpoint's name, as the folder of its images, is not meant.
    """
    if subject.startswith("s3:"):
        return None
    path = Path(subject)
    if "/" in subject or subject in (".", "..") or subject.endswith((".gz", ".tgz")):
        if not path.exists():
            raise click.UsageError(f"There is no file '{subject}'.")
        return path

    from gluonship.vision.artifacts import MANIFEST

    return path if path.is_file() or (path / MANIFEST).is_file() else None


def examine(
    account: Account, subject: str, scratch: Path, on_step: Callable[[str], None]
) -> Iterator[Finding]:
    """Every finding about an S3 URI, an endpoint's name or a training job's."""
    from gluonship.aws import endpoints, names, storage, training
    from gluonship.cli.doctor import artifact, endpoint

    uri = subject
    if not subject.startswith("s3:"):
        try:
            names.check(subject, "endpoint")
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        if endpoints.describe(account, subject):
            yield from endpoint.examine(account, subject, scratch, on_step)
            return
        if not training.exists(account, subject):
            yield _nothing(account, subject)
            return
        uri = training.describe(account, subject).artifact
        on_step(f"taking the model of the training job '{subject}'")
    try:
        source = storage.S3Uri.parse(uri)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    archive = scratch / "model.tar.gz"
    storage.download_file(account, source, archive)
    yield from artifact.examine(archive, scratch, on_step, shown=uri)


def _nothing(account: Account, name: str) -> Finding:
    words = f"there is neither an endpoint nor a training job named '{name}' in {account.region}"
    if Path(name).is_dir():
        return failed("endpoint", words, f"If the folder is meant, give it as ./{name}.")
    return failed("endpoint", words, "`gluonship local status` lists what there is here.")
