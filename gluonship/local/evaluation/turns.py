"""Who evaluates next, where more is asked than can run: whoever has the least running. So one who asks for
much, or for what takes long, holds up nobody but himself."""

from __future__ import annotations

import threading
from collections import Counter


class Turn:
    """One place in the queue. `given` is set when it has come, or when it was given up."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.given = threading.Event()
        self.given_up = False


class Turns:
    """`size` run at a time, and of one owner `most`, so that it takes several to take all."""

    def __init__(self, size: int, most: int) -> None:
        self._size = size
        self._most = most
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()
        self._waiting: list[Turn] = []

    def take(self, owner: str) -> Turn:
        turn = Turn(owner)
        with self._lock:
            self._waiting.append(turn)
            self._give()
        return turn

    def give_up(self, turn: Turn) -> None:
        """Has no effect on a turn that has come."""
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                turn.given_up = True
                turn.given.set()

    def end(self, turn: Turn) -> None:
        with self._lock:
            self._running[turn.owner] -= 1
            if not self._running[turn.owner]:
                del self._running[turn.owner]
            self._give()

    def _give(self) -> None:
        while self._running.total() < self._size:
            able = [turn for turn in self._waiting if self._running[turn.owner] < self._most]
            if not able:
                return
            turn = min(able, key=lambda each: self._running[each.owner])
            self._waiting.remove(turn)
            self._running[turn.owner] += 1
            turn.given.set()
