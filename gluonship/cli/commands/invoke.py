"""`gluonship invoke`: what is in these images, by an endpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    """Ask ENDPOINT what is in IMAGES (JPEG, PNG or WebP).

    One that cannot be used, or is refused, is named with the reason; the others are answered. The exit code
    is 1 then.
    """
    from rich.text import Text

    from gluonship.aws.invocation import InvocationFailed, invoke
    from gluonship.cli.terminal import Terminal
    from gluonship.vision.images import ImageError

    terminal = Terminal(as_json)
    account = account_of(cloud, region)
    terminal.step(f"Asking the endpoint '{endpoint}' about {len(images)} image{'s' * (len(images) > 1)}")
    results: list[dict[str, Any]] = []
    rows: list[tuple[str | Text, ...]] = []
    without = 0
    for path in images:
        try:
            prediction = invoke(account, endpoint, _content(path))
        except (ImageError, InvocationFailed) as error:
            if isinstance(error, InvocationFailed) and error.status is None:  # not about this image
                raise
            without += 1
            words = error.message if isinstance(error, ImageError) else str(error)
            results.append({"image": str(path), "error": {"code": error.code, "message": words}})
            rows.append((str(path), Text(words, "red"), ""))
            continue
        results.append({"image": str(path), **prediction.to_json()})
        for number, score in enumerate(prediction.scores[:top]):
            rows.append((str(path) if number == 0 else "", score.label, f"{score.probability:.3f}"))
    terminal.table(["Image", "Class", "Probability"], rows)
    terminal.result({"endpoint": endpoint, "results": results})
    if without:
        terminal.warn(f"{without} of {len(images)} images got no answer; the table says why.")
    return 1 if without else 0


def _content(path: Path) -> bytes:
    """The file's bytes. Raises ImageError where it is no JPEG, PNG or WebP, or cannot be read."""
    from gluonship.vision.images import ImageError
    from gluonship.vision.images.headers import read_header

    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError("UnreadableFile", f"the file cannot be read: {error.strerror}") from error
    if not data:
        raise ImageError("EmptyImage", "the file is empty")
    read_header(data)
    return data
