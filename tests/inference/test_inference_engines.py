"""The pool under bad luck: engines that hang, die, or are too few."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from processes import still_alive
from server_process import Server, wait_until


@pytest.fixture(scope="module")
def server(obedient: Path, start: Callable[..., Server]) -> Server:
    started = start(
        obedient,
        "sagemaker-mxnet",
        SAGEMAKER_MODEL_SERVER_WORKERS="2",
        SAGEMAKER_MODEL_SERVER_TIMEOUT="2",
        GLUONSHIP_QUEUE_SIZE="3",
    )
    return started.wait_ready(engines=2)


def test_two_engines_work_at_once_and_ping_does_not_wait(server: Server) -> None:
    with ThreadPoolExecutor(4) as pool:
        began = time.monotonic()
        answers = [pool.submit(server.order, sleep=0.7) for _ in range(4)]
        while not all(answer.done() for answer in answers):
            assert server.ping().status == 200  # with a limit of 2 s
        seconds = time.monotonic() - began
    assert [answer.result().status for answer in answers] == [200] * 4
    assert len({answer.result().json()["pid"] for answer in answers}) == 2
    assert 1.4 <= seconds < 2.6


def test_requests_beyond_the_queue_are_refused_at_once(server: Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = [answer.result() for answer in [pool.submit(server.order, sleep=0.6) for _ in range(8)]]
    refused = [answer for answer in answers if answer.status == 503]
    assert len(refused) == 3  # 2 run, 3 wait
    assert {answer.error["code"] for answer in refused} == {"TooManyRequests"}
    assert sum(answer.status == 200 for answer in answers) == 5


def test_a_request_that_gets_no_engine_is_told_so(server: Server) -> None:
    with ThreadPoolExecutor(4) as pool:
        first = [pool.submit(server.order, sleep=1.6) for _ in range(2)]
        time.sleep(0.2)
        second = [pool.submit(server.order, sleep=1.6) for _ in range(2)]
        time.sleep(0.2)
        late = server.order()
        assert (late.status, late.error["code"]) == (503, "NoFreeEngine")
        assert [answer.result().status for answer in first + second] == [200] * 4


def test_an_engine_that_hangs_is_replaced(server: Server) -> None:
    server.wait_ready(engines=2)
    before = {engine.pid for engine in server.engines()}
    began = time.monotonic()
    answer = server.order(sleep=3600)
    assert time.monotonic() - began < 4
    assert (answer.status, answer.error["code"]) == (504, "ModelTimeout")
    assert server.order().status == 200  # by the other one
    wait_until(lambda: len({engine.pid for engine in server.engines()} - before) == 1, 5)
    assert "engine_stuck" in server.log


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_an_engine_that_dies_with_a_request_answers_it(server: Server, number: int) -> None:
    server.wait_ready(engines=2)
    answer = server.order(signal=number)
    assert (answer.status, answer.error["code"]) == (500, "EngineLost")
    assert signal.Signals(number).name in answer.error["message"]
    assert server.order().status == 200


def test_a_client_that_leaves_does_not_keep_its_place(server: Server) -> None:
    server.wait_ready(engines=2)
    with ThreadPoolExecutor(5) as pool:
        busy = [pool.submit(server.order, sleep=1.6) for _ in range(2)]
        time.sleep(0.2)
        leaving = [pool.submit(server.order, timeout=0.2) for _ in range(3)]  # the queue is full
        for client in leaving:
            with pytest.raises(TimeoutError):
                client.result()
        assert server.order().status == 200
        assert [answer.result().status for answer in busy] == [200, 200]


def test_engines_die_with_a_killed_server(obedient: Path, start: Callable[..., Server]) -> None:
    server = start(obedient, "sagemaker-mxnet").wait_ready()
    engines = server.engines()
    busy = threading.Thread(target=_ignoring_the_end, args=(server,))
    busy.start()
    time.sleep(0.3)
    os.kill(server.process.pid, signal.SIGKILL)
    assert server.wait_end() == -signal.SIGKILL
    assert still_alive(engines, 3) == []
    busy.join(5)


def _ignoring_the_end(server: Server) -> None:
    with pytest.raises(ConnectionError):
        server.order(sleep=30)


def test_sigterm_to_everything_still_drains(obedient: Path, start: Callable[..., Server]) -> None:
    """A platform may signal every process of a container, as `kill -- -PGID` does."""
    server = start(obedient, "sagemaker-mxnet").wait_ready()
    with ThreadPoolExecutor(2) as pool:
        running, waiting = (pool.submit(server.order, sleep=1.0) for _ in range(2))
        time.sleep(0.4)
        for process in [*server.engines(), server.process]:
            process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        with pytest.raises(ConnectionError):
            server.ping()
        assert running.result().status == 200
        assert waiting.result().status == 200
        assert waiting.result().headers["Connection"] == "close"
    assert server.wait_end(5) == 0
    assert server.log.splitlines()[-1].endswith("INFO stopped")


def test_a_drain_does_not_last_for_ever(obedient: Path, start: Callable[..., Server]) -> None:
    server = start(obedient, "sagemaker-mxnet", GLUONSHIP_DRAIN_SECONDS="0.5").wait_ready()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.order, sleep=30)
        time.sleep(0.4)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.wait_end(10) == 0
        assert time.monotonic() - began < 4
        assert answer.result().error["code"] in ("EngineLost", "ShuttingDown")
    assert "not_drained" in server.log
