"""`gluonship local`: start, find, watch and stop this machine's cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gluonship.cli.options import json_option

if TYPE_CHECKING:
    from gluonship.aws.account import Account
    from gluonship.local.launcher import CloudInfo


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def local() -> None:
    """The local cloud. Its state lives in one folder: GLUONSHIP_HOME, by default ~/.gluonship."""


@local.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Of the control plane; else 5111, or a free one if that is taken.",
)
@json_option
def up(port: int | None, as_json: bool) -> None:
    """Start it in the background; returns when it is ready."""
    from gluonship.cli.terminal import Terminal
    from gluonship.local import launcher

    terminal = Terminal(as_json)
    terminal.step("Starting the local cloud")
    info = launcher.up(port=port, progress=lambda text: terminal.say(f"  {text}"))
    terminal.done(f"The local cloud answers at {info.url}; its folder is {info.home}")
    terminal.result(_described(info))
    terminal.then(
        'eval "$(gluonship local env)" sets this shell up for boto3, the AWS CLI and the SageMaker SDK',
        "gluonship train FOLDER, and gluonship local down at the end",
    )


@local.command()
@click.option("--yes", is_flag=True, help="Without asking, whatever would be lost.")
@json_option
def down(yes: bool, as_json: bool) -> None:
    """Stop it and everything it has started. What it holds is gone then.

    It lists the trained models and the buckets' contents that would be lost, and asks. Where there is no
    terminal to ask on it refuses, with exit code 2, unless --yes is given or nothing would be lost.
    """
    from gluonship.cli import losses
    from gluonship.cli.terminal import Terminal
    from gluonship.local import launcher

    terminal = Terminal(as_json)
    if not yes:
        losses.agree(terminal)
    terminal.step("Stopping the local cloud")
    ran = launcher.down()
    terminal.done("It is down; nothing of it runs any more." if ran else "None was running.")
    terminal.result({"was_running": ran})


@local.command()
@json_option
def reset(as_json: bool) -> None:
    """Empty the account, for the next test: in under a second, and without asking.

    Jobs and endpoints are killed; of every service, account and region nothing is left. The cloud runs on, at
    the same addresses and the same time, and requests wait meanwhile.
    """
    from gluonship.cli.terminal import Terminal
    from gluonship.local import launcher

    terminal = Terminal(as_json)
    terminal.step("Emptying the local cloud's account")
    launcher.reset()
    terminal.done("There is nothing in it any more.")
    terminal.result({"reset": True})


@local.command()
@json_option
def status(as_json: bool) -> int:
    """Say whether it runs, where, and what is in it. Exit code 1 where it does not run."""
    from gluonship.cli.terminal import Terminal
    from gluonship.local import launcher

    terminal = Terminal(as_json)
    found = launcher.status()
    running = found.state is launcher.State.RUNNING and found.info is not None
    value: dict[str, Any] = {"state": found.state.value, "home": str(found.home)}
    terminal.line(f"The local cloud of {found.home} is {found.state.value}.")
    if running and found.info:
        value |= _described(found.info)
        value["resources"] = _resources(_account())
        terminal.line(
            f"Control plane {found.info.url}, data plane {found.info.runtime_url}, process {found.info.pid}."
        )
        terminal.table(
            ["Resource", "Name", "State"],
            [(each["kind"], each["name"], each["status"]) for each in value["resources"]],
        )
    elif found.state is launcher.State.STALE:
        terminal.warn("It was killed and left its files; `gluonship local up` cleans up and starts it again.")
    else:
        terminal.then("gluonship local up")
    terminal.result(value)
    return 0 if running else 1


@local.command()
@json_option
def env(as_json: bool) -> None:
    """Print the lines that set a shell up for it: eval "$(gluonship local env)"."""
    from gluonship.cli.terminal import Terminal
    from gluonship.local import launcher
    from gluonship.local.launcher import aws_command

    try:
        variables = launcher.environment()
    except launcher.LauncherError:
        if not as_json:
            print("false")  # eval fails, and so does a script that has `set -e`
        raise
    objection = aws_command.objection()
    if objection:
        Terminal(as_json).warn(objection)
    if as_json:
        import json

        print(json.dumps(variables, indent=2))
    else:
        print(launcher.shell_lines(variables), end="")


@local.command()
@click.argument("name", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come, until the job ends or Ctrl-C.")
@click.option("-n", "--lines", type=click.IntRange(min=0), help="Only the last so many of what is there.")
@json_option
def logs(name: str | None, follow: bool, lines: int | None, as_json: bool) -> None:
    """Print the log of the training job or endpoint NAME, or without NAME the cloud's own.

    Lines are in order of time over all instances. An error of the cloud's own is one line, which says where
    in the file its traceback is.
    """
    import json
    import sys

    from gluonship.cli import log_sources
    from gluonship.local import launcher

    if name:
        source = log_sources.of_container(_account(), name, follow, lines)
    else:
        found = launcher.status()
        source = log_sources.of_cloud(found.home / "cloud.log", follow, lines)
    try:
        for line in source:
            print(json.dumps({"line": line}) if as_json else line, flush=follow)
        sys.stdout.flush()
    except KeyboardInterrupt:
        if not follow:
            raise


@local.command()
@click.argument("job")
@json_option
def interrupt(job: str, as_json: bool) -> None:
    """Take the spot instance of the training JOB away, as AWS may at any time."""
    from gluonship.aws import training
    from gluonship.cli.problems import Problem
    from gluonship.cli.terminal import Terminal
    from gluonship.local import launcher

    terminal = Terminal(as_json)
    if not training.exists(_account(), job):
        raise Problem(f"There is no training job '{job}' here: see `gluonship local status`.")
    terminal.step(f"Interrupting the training job '{job}'")
    launcher.interrupt(job)
    terminal.done("Its instance is gone; it starts again with its checkpoints from S3.")
    terminal.result({"interrupted": job})
    terminal.then(f"gluonship local logs {job} -f")


def _described(info: CloudInfo) -> dict[str, Any]:
    return {
        "url": info.url,
        "runtime_url": info.runtime_url,
        "home": str(info.home),
        "pid": info.pid,
        "version": info.version,
    }


def _account() -> Account:
    from gluonship.cli.options import account_of

    return account_of("local", None)


def _resources(account: Account) -> list[dict[str, str]]:
    sagemaker = account.sagemaker
    jobs = [
        {"kind": "training job", "name": job["TrainingJobName"], "status": job["TrainingJobStatus"]}
        for page in sagemaker.get_paginator("list_training_jobs").paginate()
        for job in page["TrainingJobSummaries"]
    ]
    endpoints = [
        {"kind": "endpoint", "name": endpoint["EndpointName"], "status": endpoint["EndpointStatus"]}
        for page in sagemaker.get_paginator("list_endpoints").paginate()
        for endpoint in page["Endpoints"]
    ]
    return [*jobs, *endpoints]
