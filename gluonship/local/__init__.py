"""The local cloud: AWS's APIs on this machine, with training jobs and endpoints that truly run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gluonship.local.connection import Connection

__all__ = ["connect"]


def connect(home: Path | str | None = None, start: bool = True, *, whole_process: bool = True) -> Connection:
    """A connection to the local cloud of `home` (GLUONSHIP_HOME, ~/.gluonship when None).

    Starts the cloud where it does not run, unless `start` is False. `.boto` is a boto3 session and
    `.sagemaker` a SageMaker SDK session; neither reads the process's AWS settings.

    From then on the whole process uses the local cloud, as a shell after `gluonship local env` does: the SDK
    makes sessions of its own where it is given none, and they must not reach AWS. That sets the AWS_*
    variables of os.environ and boto3's default session; to be called before sagemaker is imported.
    `whole_process=False` changes nothing of the process, for a program that also talks to AWS.

    Raises gluonship.local.launcher.LauncherError where there is no cloud to connect to.
    """
    from gluonship.local.connection import Connection
    from gluonship.local.launcher import running, up

    connection = Connection(up(home) if start else running(home))
    if whole_process:
        connection.take_process()
    return connection
