"""`gluonship invoke`: what is in these images, by an endpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gluonship.cli.options import account_of, cloud_options, json_option

if TYPE_CHECKING:
    from gluonship.aws.account import Where


@click.command()
@click.argument("endpoint")
@click.argument(
    "images", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--top", type=click.IntRange(min=1), default=3, show_default=True, help="Classes to show an image."
)
@cloud_options
@json_option
def invoke(
    endpoint: str, images: tuple[Path, ...], top: int, cloud: Where, region: str | None, as_json: bool
) -> int:
    """Ask ENDPOINT what is in IMAGES (JPEG, PNG or WebP)."""
    from gluonship.aws.errors import OperationFailed
    from gluonship.aws.invocation import InvocationFailed, invoke
    from gluonship.cli.terminal import Terminal

    terminal = Terminal(as_json)
    account = account_of(cloud, region)
    terminal.step(f"Asking the endpoint '{endpoint}' about {len(images)} image{'s' * (len(images) > 1)}")
    results, rows, refused = [], [], 0
    for path in images:
        try:
            prediction = invoke(account, endpoint, path.read_bytes())
        except InvocationFailed as error:
            if error.status is None:  # not about this image
                raise
            refused += 1
            results.append({"image": str(path), "error": {"code": error.code, "message": str(error)}})
            rows.append((str(path), f"refused: {error}", ""))
            continue
        results.append({"image": str(path), **prediction.to_json()})
        for number, score in enumerate(prediction.scores[:top]):
            rows.append((str(path) if number == 0 else "", score.label, f"{score.probability:.3f}"))
    terminal.table(["Image", "Class", "Probability"], rows)
    terminal.result({"endpoint": endpoint, "results": results})
    if refused == len(images):
        raise OperationFailed("The endpoint refused every image; the table says why.")
    if refused:
        terminal.warn(f"The endpoint refused {refused} of {len(images)} images.")
    return 1 if refused else 0
