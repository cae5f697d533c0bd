"""`gluonship delete`: an endpoint and what was made for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gluonship.cli.options import account_of, cloud_options, json_option

if TYPE_CHECKING:
    from gluonship.aws.account import Where


@click.command()
@click.argument("endpoint")
@cloud_options
@json_option
def delete(endpoint: str, cloud: Where, region: str | None, as_json: bool) -> None:
    """Delete ENDPOINT with its endpoint configs and models. The model's artifact stays in S3."""
    from gluonship.aws import endpoints
    from gluonship.cli.terminal import Terminal

    terminal = Terminal(as_json)
    account = account_of(cloud, region)
    terminal.step(f"Deleting the endpoint '{endpoint}', its endpoint configs and models")
    deleted = endpoints.delete(account, endpoint)
    for each in deleted:
        terminal.line(f"deleted {each}")
    terminal.result({"deleted": deleted})
    terminal.done("The model's artifact is still in S3; `gluonship deploy` can serve it again.")
