"""SIGTERM: what SageMaker sends when a job is stopped; two minutes later comes SIGKILL.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
"""

from __future__ import annotations

import signal
from types import FrameType

from gluonship_training.failures import Stopped


class Interruption:
    """Remembers that SIGTERM came, for the job to end at the next place where that is safe."""

    def __init__(self) -> None:
        self.requested = False

    def install(self) -> None:
        """Takes SIGTERM over; only the main thread may."""
        signal.signal(signal.SIGTERM, self._received)

    def check(self) -> None:
        """Raises Stopped when SIGTERM has come."""
        if self.requested:
            raise Stopped

    def _received(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
