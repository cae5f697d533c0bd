"""The program of a worker: `python -m gluonship.local.evaluation.worker MARKS`, started by worker_process.py.

On stdin comes a JSON line a question: {"function": "module:name", "arguments": [...], "seconds"}; on stdout
goes one an answer: {"value"} or {"failed"}. The end of stdin is the cloud's: the worker ends too, also in the
midst of a question. MARKS is the descriptor of a file for marks.py.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from gluonship.local.evaluation import limits, marks

_OURS = "gluonship.local."
LARGEST_ANSWER = 4 * 2**20


def main() -> None:
    limits.bound_process()
    marks.keep_in(int(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # a library that prints does not speak for this program

    def say(kind: str, json_text: str) -> None:
        answers.write(f'{{"{kind}": {json_text}}}\n')
        answers.flush()

    try:
        for line in sys.stdin.buffer:
            say(*_answer(json.loads(line)))
    except BrokenPipeError:
        os._exit(0)  # the cloud is gone


def _answer(question: dict[str, Any]) -> tuple[str, str]:
    """What to say: its kind, and the JSON of it."""
    function = _function(question["function"])
    try:
        with limits.bounded(question["seconds"], orders=0):
            value = json.dumps(function(*question["arguments"]))
    except MemoryError:
        failed = f"It needed more than {limits.MEMORY_BYTES // 2**20} MiB of memory."
    except RecursionError:
        failed = "It was nested too deeply."
    else:
        if len(value) <= LARGEST_ANSWER:
            return "value", value
        failed = f"Its result has {len(value)} bytes; {LARGEST_ANSWER} are the most."
    return "failed", json.dumps(failed)


def _function(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    if not module.startswith(_OURS):
        raise ValueError(f"{name} is no function of this program")
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return found


if __name__ == "__main__":
    main()
