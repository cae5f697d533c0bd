"""The local cloud: AWS's APIs on this machine, with training jobs and endpoints that truly run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gluonship.local.connection import Connection

__all__ = ["connect"]


def connect(home: Path | str | None = None, start: bool = True) -> Connection:
    """A connection to the local cloud of `home` (GLUONSHIP_HOME, ~/.gluonship when None).

    Starts the cloud where it does not run, unless `start` is False. `.boto` is a boto3 session and
    `.sagemaker` a SageMaker SDK session; neither reads or changes the process's AWS settings. Raises
    gluonship.local.launcher.LauncherError where there is no cloud to connect to.
    """
    from gluonship.local.connection import Connection
    from gluonship.local.launcher import running, up

    return Connection(up(home) if start else running(home))
