"""Whatever a user's expression or pattern computes is computed here, in processes that have little time and
memory: none of it can hold up the cloud, fill its memory or outlive it."""

from __future__ import annotations

from gluonship.local.evaluation.failures import Cancelled, EvaluationFailed
from gluonship.local.evaluation.workers import Workers

__all__ = ["Cancelled", "EvaluationFailed", "close", "end_all", "evaluate"]

_workers = Workers()
evaluate = _workers.evaluate
close = _workers.close
end_all = _workers.end_all
