"""`gluonship demo`: the whole journey on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from gluonship.cli.options import json_option


@click.command()
@click.option(
    "--network",
    default="gluonship_small",
    show_default=True,
    help="Or a GluonCV classification network, as cifar_resnet20_v1.",
)
@click.option("--epochs", type=click.IntRange(min=1), default=8, show_default=True)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-output"),
    show_default=True,
    help="Where the pictures go, in place of an earlier demo's.",
)
@json_option
def demo(network: str, epochs: int, output: Path, as_json: bool) -> None:
    """Real images in, a trained model answering on an endpoint, on this machine.

    Starts a local cloud for itself alone, trains on 12,000 pictures of clothing by a SageMaker training job,
    serves the model, and asks it about 2,000 pictures that it never saw. Leaves nothing running.
    """
    from gluonship.cli.terminal import Terminal
    from gluonship.demo import journey

    terminal = Terminal(as_json)
    terminal.say("Train, deploy and ask a model on this machine, through AWS's APIs. It takes a few minutes.")
    outcome = journey.run(terminal, network, epochs, output)
    terminal.result(outcome.to_json())
    terminal.done(f"The whole journey took {outcome.seconds:.0f} s.")
    terminal.then(
        "gluonship local up, then gluonship train FOLDER with images of your own",
        "gluonship --help",
    )
