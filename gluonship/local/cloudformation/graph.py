"""Work along a graph of dependencies, independent parts side by side."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait


def walk(
    needs: Mapping[str, Collection[str]],
    work: Callable[[str], bool],
    *,
    workers: int,
    stopped: Callable[[], bool] = lambda: False,
) -> list[str]:
    """Calls `work` for every name once all that it needs succeeded; at most `workers` calls at a time.

    `work` answers whether it succeeded. What needs a failed one is not begun; the rest goes on unless
    `stopped` answers True. Returns the names that were never begun. An exception of `work` is raised
    here after the calls under way have ended.
    """
    waiting = {name: set(others) & needs.keys() for name, others in needs.items()}
    running: dict[Future[bool], str] = {}
    done: set[str] = set()
    with ThreadPoolExecutor(max(1, min(workers, len(needs))), thread_name_prefix="stack") as pool:
        while True:
            for name in [name for name, others in waiting.items() if others <= done]:
                if stopped():
                    break
                del waiting[name]
                running[pool.submit(work, name)] = name
            if not running:
                return list(waiting)
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                name = running.pop(future)
                if future.result():
                    done.add(name)


def reversed_needs(needs: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """For each name, those that need it: the order of removal."""
    backwards: dict[str, set[str]] = {name: set() for name in needs}
    for name, others in needs.items():
        for other in others:
            backwards.setdefault(other, set()).add(name)
    return backwards


def everything_needed(name: str, needs: Mapping[str, Collection[str]]) -> set[str]:
    """What a name needs, and what that needs, to the end."""
    found: set[str] = set()
    left = list(needs.get(name, ()))
    while left:
        other = left.pop()
        if other not in found:
            found.add(other)
            left += needs.get(other, ())
    return found
