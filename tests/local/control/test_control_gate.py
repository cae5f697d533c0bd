"""Who passes the gate while the account is emptied, and who waits."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from gluonship.local.control.gate import Entry, Gate


def enter(gate: Gate, environ: Mapping[str, Any], inside: threading.Event | None = None) -> Entry:
    """How a request enters; it stays inside until `inside` is set."""
    with gate.passing(environ) as entry:
        if inside is not None:
            inside.wait(30)
    return entry


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def own(gate: Gate) -> dict[str, str]:
    return {"HTTP_X_GLUONSHIP_LIFE": gate.life}


def test_others_wait_at_a_shut_gate_and_the_clouds_own_pass() -> None:
    gate = Gate()
    gate.life = "first"
    late = own(gate)
    with ThreadPoolExecutor(1) as pool:
        with gate.shut():
            waiting = pool.submit(enter, gate, {})
            wait_until(lambda: gate.waiting == 1)
            assert enter(gate, own(gate)) is Entry.OWN
            gate.life = "second"
            assert enter(gate, late) is Entry.OUTDATED
            assert gate.await_others(0), "who waits is not inside"
            assert not waiting.done()
        assert waiting.result(30) is Entry.OTHER
    assert enter(gate, late) is Entry.OUTDATED, "also when it is open again"
    assert enter(gate, own(gate)) is Entry.OWN


def test_those_inside_are_waited_for() -> None:
    gate = Gate()
    gate.life = "first"
    with ThreadPoolExecutor(2) as pool:
        leave = {Entry.OTHER: threading.Event(), Entry.OWN: threading.Event()}
        pool.submit(enter, gate, {}, leave[Entry.OTHER])
        pool.submit(enter, gate, own(gate), leave[Entry.OWN])
        wait_until(lambda: not gate.await_others(0))
        with gate.shut():
            leave[Entry.OTHER].set()
            assert gate.await_others(30)
            wait_until(lambda: not gate.await_all(0))
            leave[Entry.OWN].set()
            assert gate.await_all(30)


def test_a_request_whose_sender_left_while_it_waited_is_not_executed() -> None:
    """A container of the account that is gone must not write into the next one. Its body hides the end of its
    connection."""
    gate = Gate()
    staying, leaving = socket.socketpair(), socket.socketpair()
    with ThreadPoolExecutor(2) as pool:
        entries: list[Future[Entry]] = []
        with gate.shut():
            for ours, theirs in (staying, leaving):
                theirs.sendall(b"a body that nobody has read")
                entries.append(pool.submit(enter, gate, {"werkzeug.socket": ours}))
            wait_until(lambda: gate.waiting == 2)
            leaving[1].close()
        assert [each.result(30) for each in entries] == [Entry.OTHER, Entry.LEFT]
    for each in (*staying, leaving[0]):
        each.close()
