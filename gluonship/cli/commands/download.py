"""`gluonship download`: a trained model from S3 to this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gluonship.cli.options import account_of, cloud_options, json_option
from gluonship.cli.problems import Problem

if TYPE_CHECKING:
    from gluonship.aws.account import Where


@click.command()
@click.argument("model", metavar="JOB|MODEL")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="The folder, made where it is not there; by default the one you are in.",
)
@cloud_options
@json_option
def download(model: str, folder: Path, cloud: Where, region: str | None, as_json: bool) -> None:
    """Fetch the model.tar.gz of a training job, a model or a model package, by its name or ARN.

    With a job's comes its output.tar.gz, where it has one. No file is ever overwritten.
    """
    from gluonship.aws import storage, trained
    from gluonship.cli.terminal import Terminal

    terminal = Terminal(as_json)
    account = account_of(cloud, region)
    found = trained.find(account, model)
    targets = {folder / name: source for name, source in found.files.items()}
    for path in targets:
        if path.exists() or path.is_symlink():
            raise Problem(f"{path} is there already, and is not overwritten: give another folder with --to.")
    sizes = {path: storage.size(account, source) for path, source in targets.items()}
    folder.mkdir(parents=True, exist_ok=True)
    terminal.step(f"Fetching the {found.kind} '{found.name}'")
    for path, source in targets.items():
        with terminal.bytes_progress(path.name, sizes[path]) as progress:
            storage.download_file(account, source, path, progress, overwrite=False)
        terminal.say(f"  {source}")
        terminal.line(str(path))
    terminal.result(
        {
            "kind": found.kind,
            "name": found.name,
            "files": [
                {"path": str(path), "source": str(source), "bytes": sizes[path]}
                for path, source in targets.items()
            ],
        }
    )
    flag = " --cloud aws" if cloud == "aws" else ""
    terminal.then(f"gluonship deploy {folder / 'model.tar.gz'} --endpoint NAME{flag}")
