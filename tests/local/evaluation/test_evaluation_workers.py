"""The workers that evaluate what users write: what they may take, whose turn it is, and how they end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from processes import still_alive

from gluonship.local.evaluation import Cancelled, EvaluationFailed
from gluonship.local.evaluation.regular_expressions import all_match, groups, numbers
from gluonship.local.evaluation.turns import Turns
from gluonship.local.evaluation.workers import Workers
from gluonship.local.stepfunctions import jsonata_expressions

ENDLESS = ("(a|aa|b?a)+$", ["a" * 60 + "!"])


class Watched(Workers):
    """With the processes that it has started; this test process may have others."""

    def __init__(self) -> None:
        super().__init__()
        self._earlier = psutil.Process().children()

    def processes(self) -> list[psutil.Process]:
        return [each for each in psutil.Process().children() if each not in self._earlier]


@pytest.fixture
def workers() -> Iterator[Watched]:
    made = Watched()
    yield made
    made.close()


class Calls:
    """Somebody who asks on threads, and may not want the answers any more."""

    def __init__(self, workers: Workers, owner: str) -> None:
        self.workers, self.owner = workers, owner
        self.answers: list[object] = []
        self.wanted: list[Callable[[], None]] = []
        self.threads: list[threading.Thread] = []

    def ask(self, pattern: str, values: list[str]) -> None:
        self.threads.append(threading.Thread(target=self._ask, args=(pattern, values)))
        self.threads[-1].start()

    def _ask(self, pattern: str, values: list[str]) -> None:
        def register(listener: Callable[[], None]) -> Callable[[], None]:
            self.wanted.append(listener)
            return lambda: None

        try:
            answer: object = self.workers.evaluate(
                all_match, pattern, values, seconds=60, owner=self.owner, cancel=register
            )
        except (Cancelled, EvaluationFailed) as error:
            answer = error
        self.answers.append(answer)

    def cancel(self) -> None:
        for listener in self.wanted:
            listener()
        for thread in self.threads:
            thread.join()


# --- limits ------------------------------------------------------------------------------------------------


def test_time_is_limited_and_the_next_question_is_answered(workers: Watched) -> None:
    with pytest.raises(EvaluationFailed, match=r"It took more than 0\.3 s of processor time"):
        workers.evaluate(all_match, *ENDLESS, seconds=0.3, owner="x")
    assert workers.evaluate(all_match, "[a-z]+", ["abc", "d"], seconds=0.3, owner="x") is True
    assert workers.evaluate(all_match, "[a-z]+", ["abc", "d1"], seconds=0.3, owner="x") is False
    assert workers.evaluate(groups, "(", seconds=0.3, owner="x") == (
        "missing ), unterminated subpattern at position 0"
    )


def test_who_is_ended_has_left_a_mark(workers: Watched) -> None:
    patterns, lines = ["(b)", ENDLESS[0], "(c)"], ["b 1", *ENDLESS[1]]
    with pytest.raises(EvaluationFailed) as caught:
        workers.evaluate(numbers, patterns, lines, seconds=0.3, owner="x")
    assert caught.value.mark == "1"
    template = {"fine": "{% 2 + 3 %}", "bad": [0, "{% ($f := function($n) { $f($n + 1) }; $f(1)) %}"]}
    with pytest.raises(EvaluationFailed, match=r"more than 0\.5 s") as caught:
        workers.evaluate(jsonata_expressions.evaluate, template, {}, "Output", 0, seconds=0.5, owner="x")
    assert caught.value.mark.endswith("specified for the field 'Output/bad[1]'")


def test_memory_is_limited(workers: Watched) -> None:
    template = "{% $length($pad('x', 1000000000)) %}"
    with pytest.raises(EvaluationFailed, match="It needed more than 256 MiB of memory"):
        workers.evaluate(jsonata_expressions.evaluate, template, {}, "Output", 0, seconds=9, owner="x")
    assert workers.evaluate(
        jsonata_expressions.evaluate, "{% 7 * 6 %}", {}, "O", 0, seconds=9, owner="x"
    ) == {"value": 42}


def test_an_answer_is_limited(workers: Watched) -> None:
    lines = ["1.2345678901234567e-300 " * 300] * 450
    with pytest.raises(EvaluationFailed, match=r"Its result has \d+ bytes; 4194304 are the most"):
        workers.evaluate(numbers, [r"(\S+)"], lines, seconds=30, owner="x")


# --- turns -------------------------------------------------------------------------------------------------


def test_nobody_takes_all_places() -> None:
    turns = Turns(3, 2)
    first, second, third = (turns.take("greedy") for _ in range(3))
    assert [each.given.is_set() for each in (first, second, third)] == [True, True, False]
    other = turns.take("other")
    assert other.given.is_set()
    more = [turns.take("greedy"), turns.take("other")]
    turns.end(first)  # one of each runs: the longest wait decides
    assert third.given.is_set()
    turns.end(other)  # two of greedy run, none of other
    assert [each.given.is_set() for each in more] == [False, True]


def test_a_turn_that_is_given_up_is_passed_on() -> None:
    turns = Turns(1, 1)
    running, given_up, last = (turns.take(owner) for owner in "abc")
    turns.give_up(given_up)
    assert given_up.given_up
    turns.give_up(running)  # too late: it has come
    assert not running.given_up
    assert not last.given.is_set()
    turns.end(running)
    assert last.given.is_set()


def test_endless_evaluations_stall_nobody_else(workers: Watched) -> None:
    poisoned = Calls(workers, "poisoned")
    for _ in range(6):  # more than there are workers
        poisoned.ask(*ENDLESS)
    try:
        for number in range(5):
            assert workers.evaluate(groups, "(a)" * number, seconds=5, owner="other") == number
        assert poisoned.answers == []
        assert len(workers.processes()) == 3
    finally:
        poisoned.cancel()
    assert [type(answer) for answer in poisoned.answers] == [Cancelled] * 6
    assert workers.evaluate(groups, "(a)", seconds=5, owner="poisoned") == 1


# --- the processes -----------------------------------------------------------------------------------------


def test_a_worker_inherits_nothing(workers: Watched, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)), (tmp_path / "lock").open("w"):
        workers.evaluate(groups, "a", seconds=5, owner="x")
        [worker] = workers.processes()
        kept = {
            name: os.readlink(f"/proc/{worker.pid}/fd/{name}")
            for name in os.listdir(f"/proc/{worker.pid}/fd")
        }
        del kept["1"], kept["2"]  # what is printed, and errors, go to the cloud's log
        assert {target.split(":")[0] for target in kept.values()} == {"pipe", "/memfd"}
        assert set(worker.environ()) <= {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "LC_CTYPE"}


def test_a_worker_that_was_killed_is_replaced(workers: Watched) -> None:
    workers.evaluate(groups, "a", seconds=5, owner="x")
    [worker] = workers.processes()
    worker.kill()
    assert still_alive([worker], 10) == []
    assert workers.evaluate(groups, "(a)", seconds=5, owner="x") == 1


def test_closing_ends_all_and_whoever_waits_hears_so(workers: Watched) -> None:
    waiting = Calls(workers, "x")
    waiting.ask(*ENDLESS)
    workers.evaluate(groups, "a", seconds=5, owner="other")
    family = workers.processes()
    workers.close()
    for thread in waiting.threads:
        thread.join()
    assert [type(answer) for answer in waiting.answers] == [EvaluationFailed]
    assert still_alive(family, 10) == []


@pytest.mark.parametrize("busy", [True, False])
def test_no_worker_outlives_a_cloud_that_is_killed(busy: bool) -> None:
    """It has no time to tell anybody; an evaluation in progress would last for an hour."""
    ask = f"evaluation.evaluate(regular.all_match, *{ENDLESS!r}, seconds=3600, owner='x')"
    program = (
        "import threading\n"
        "from gluonship.local import evaluation\n"
        "from gluonship.local.evaluation import regular_expressions as regular\n"
        "evaluation.evaluate(regular.groups, 'a', seconds=5, owner='x')\n"
        f"if {busy}: threading.Thread(target=lambda: {ask}, daemon=True).start()\n"
        "print('started', flush=True)\n"
        "input()\n"
    )
    cloud = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert cloud.stdout is not None
    assert cloud.stdout.readline() == "started\n"
    [worker] = psutil.Process(cloud.pid).children()
    if busy:
        while worker.status() != psutil.STATUS_RUNNING:
            assert worker.is_running()
    cloud.send_signal(signal.SIGKILL)
    cloud.communicate()
    assert still_alive([worker], 20) == []


def test_a_worker_has_no_aws() -> None:
    program = (
        "import sys\n"
        "import gluonship.local.evaluation.worker, gluonship.local.evaluation.regular_expressions\n"
        "from gluonship.local.stepfunctions import jsonata_expressions\n"
        "jsonata_expressions.evaluate('{% 1 %}', {}, 'Output', 0)\n"
        "print(*sorted({'moto', 'boto3', 'botocore', 'flask', 'requests'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
