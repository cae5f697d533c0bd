"""Options that several commands share, and the account they lead to."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlparse

import click

from gluonship.cli.problems import Problem

if TYPE_CHECKING:
    from gluonship.aws.account import Account, Where
    from gluonship.aws.images import Purpose

Command = TypeVar("Command", bound=Callable[..., Any])

LOCAL_ROLE = (
    "arn:aws:iam::123456789012:role/gluonship-local"  # whose existence the local cloud does not check
)


def json_option(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")(
        command
    )


def cloud_options(command: Command) -> Command:
    """--cloud and --region, as `cloud` and `region`."""
    command = click.option("--region", help="With --cloud aws: the AWS region, in place of AWS_REGION's.")(
        command
    )
    return click.option(
        "--cloud",
        type=click.Choice(["local", "aws"]),
        default="local",
        show_default=True,
        help="Where to act: on this machine's cloud, or on AWS.",
    )(command)


def role_option(command: Command) -> Command:
    return click.option(
        "--role", metavar="ARN", help="The IAM role that SageMaker works under; needed with --cloud aws."
    )(command)


def bucket_option(help_text: str) -> Callable[[Command], Command]:
    return click.option("--bucket", callback=_bucket, help=help_text)


def instance_type_of(account: Account, purpose: Purpose, name: str) -> str:
    from gluonship.aws import instance_types

    try:
        return instance_types.check(account, purpose, name)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def account_of(cloud: Where, region: str | None) -> Account:
    """Raises Problem (or the launcher's error) where there is no such cloud to talk to."""
    from gluonship.aws.account import Account

    if cloud == "local":
        from gluonship.local import connect

        if region:
            raise click.UsageError("--region goes with --cloud aws; the local cloud has one region.")
        return Account(connect(start=False, whole_process=False).boto, "local")
    import boto3

    _refuse_loopback()
    return Account(boto3.Session(region_name=region), "aws")


def role_of(account: Account, role: str | None) -> str:
    if role:
        if not role.startswith("arn:"):
            raise click.UsageError(
                f"--role takes an ARN, as arn:aws:iam::123456789012:role/NAME, not '{role}'."
            )
        return role
    if account.where == "local":
        return LOCAL_ROLE
    raise click.UsageError(
        "On AWS, SageMaker works under an IAM role of yours: give its ARN with --role. "
        "`aws iam list-roles` lists them; it must trust sagemaker.amazonaws.com."
    )


def _bucket(context: click.Context, option: click.Parameter, name: str | None) -> str | None:
    from gluonship.aws import buckets

    try:
        return name if name is None else buckets.check(name)
    except ValueError as error:
        raise click.BadParameter(str(error), context, option) from error


def _refuse_loopback() -> None:
    """A shell that is set up for the local cloud must not pass for AWS."""
    for name, value in os.environ.items():
        if name.startswith("AWS_ENDPOINT_URL") and urlparse(value).hostname in (
            "127.0.0.1",
            "localhost",
            "::1",
        ):
            raise Problem(
                f"--cloud aws was asked for, but this shell is set up for the local cloud ({name}={value}). "
                f"Open another shell, or `unset {name}` and set your own credentials again."
            )
