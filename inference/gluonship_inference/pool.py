"""The engine processes, and the queue before them.

The next free engine takes the next request, so that no core is idle while a request waits. An engine that
dies or does not answer is replaced: the request it held gets an error, those that wait go on waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any, Awaitable, Callable

from gluonship_inference.engine_process import EngineLost, EngineProcess
from gluonship_inference.errors import ServingError
from gluonship_inference.frames import Frame
from gluonship_inference.log_lines import Log

_LOADS_TRIED = 2  # engines that die while they load, one after the other, before the model is given up
_LONGEST_PAUSE = 5.0  # seconds between two tries to load


class Unservable(Exception):
    """No engine can load the model; the message says why."""


class _Job:
    """A request that waits for an engine, then runs in one."""

    def __init__(
        self,
        header: dict[str, Any],
        body: bytes,
        wanted: Callable[[], bool],
        answer: asyncio.Future[Frame],
    ) -> None:
        self.header = header
        self.body = body
        self.wanted = wanted
        self.answer = answer
        self.expiry: asyncio.TimerHandle | None = None  # while it waits

    def leave_queue(self) -> None:
        if self.expiry is not None:
            self.expiry.cancel()

    def abandon(self) -> None:
        self.fail(499, "ClientGone", "the client left before the model was free")

    def fail(self, status: int, code: str, message: str) -> None:
        if not self.answer.done():
            self.answer.set_exception(ServingError(status, code, message))


class Pool:
    """Keeps `size` engines alive, each started by `start_engine`. All methods belong to one event loop."""

    def __init__(
        self,
        start_engine: Callable[[], Awaitable[EngineProcess]],
        size: int,
        queue_size: int,
        request_timeout: float,
        startup_timeout: float,
        log: Log,
    ) -> None:
        self._start_engine = start_engine
        self._size = size
        self._queue_size = queue_size
        self._request_timeout = request_timeout
        self._startup_timeout = startup_timeout
        self._log = log
        self._waiting: deque[_Job] = deque()
        self._idle: deque[EngineProcess] = deque()
        self._live: list[EngineProcess] = []  # loading, idle and busy ones
        self._ready = 0
        self._exchanges: set[asyncio.Future[None]] = set()
        self.first_loaded: asyncio.Future[dict[str, Any]] = asyncio.get_event_loop().create_future()

    @property
    def ready(self) -> int:
        """How many engines have loaded the model, busy or not."""
        return self._ready

    async def run(self) -> None:
        """Keeps the engines alive until cancelled, then ends them. Raises Unservable.

        The first engine starts alone: where the model is bad, the log says so once.
        """
        keepers: list[asyncio.Future[None]] = [asyncio.ensure_future(self._keep())]
        try:
            either: set[asyncio.Future[Any]] = {self.first_loaded, keepers[0]}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self.first_loaded.done():
                keepers += [asyncio.ensure_future(self._keep()) for _ in range(self._size - 1)]
            await asyncio.gather(*keepers)
        finally:
            for keeper in keepers:
                keeper.cancel()
            await self._end_all()

    def check_open(self) -> None:
        """Raises ServingError when a request would not be taken now: worth asking before its body is read."""
        if not self.first_loaded.done():
            raise ServingError(
                503, "ModelLoading", "the model is still loading: try again when /ping says 200"
            )
        if len(self._waiting) >= self._queue_size:
            self._forget_unwanted()
        if len(self._waiting) >= self._queue_size:
            raise ServingError(
                503, "TooManyRequests", f"{self._queue_size} requests are waiting already: try again later"
            )

    async def submit(self, header: dict[str, Any], body: bytes, wanted: Callable[[], bool]) -> Frame:
        """An engine's answer. Raises ServingError: no engine in time, or the engine died or hung.

        `wanted` says whether the client is still there: a request without one never runs.
        """
        self.check_open()
        loop = asyncio.get_event_loop()
        job = _Job(header, body, wanted, loop.create_future())
        job.expiry = loop.call_later(self._request_timeout, self._expire, job)
        self._waiting.append(job)
        self._dispatch()
        return await job.answer

    def _expire(self, job: _Job) -> None:
        self._waiting.remove(job)
        job.fail(
            503, "NoFreeEngine", f"no engine came free within {self._request_timeout:g} s: try again later"
        )

    def _dispatch(self) -> None:
        while self._idle and self._waiting:
            job = self._waiting.popleft()
            job.leave_queue()
            if job.wanted():
                exchange = asyncio.ensure_future(self._exchange(self._idle.popleft(), job))
                self._exchanges.add(exchange)
                exchange.add_done_callback(self._exchanges.discard)
            else:
                job.abandon()

    def _forget_unwanted(self) -> None:
        for job in [job for job in self._waiting if not job.wanted()]:
            self._waiting.remove(job)
            job.leave_queue()
            job.abandon()

    async def _exchange(self, engine: EngineProcess, job: _Job) -> None:
        limit = self._request_timeout
        try:
            frame = await asyncio.wait_for(engine.exchange(job.header, job.body), limit)
        except EngineLost as lost:
            job.fail(500, "EngineLost", f"the process that ran the model ended during this request: {lost}")
        except asyncio.TimeoutError:
            self._log.error("engine_stuck", pid=engine.pid, seconds=limit)
            engine.kill()
            job.fail(504, "ModelTimeout", f"the model did not answer within {limit:g} s")
        else:
            if not job.answer.done():
                job.answer.set_result(frame)
            if engine.alive:
                self._idle.append(engine)
                self._dispatch()

    async def _keep(self) -> None:
        """Keeps one engine alive. Raises Unservable when there is no point in going on."""
        failures = 0
        while True:
            engine = await self._start_engine()
            self._live.append(engine)
            try:
                started = time.monotonic()
                failures = 0 if await self._load(engine, started) else failures + 1
                if not failures:
                    reason = await self._serve(engine)
                    self._log.error("engine_lost", pid=engine.pid, reason=reason)
                elif failures >= _LOADS_TRIED and not self._ready:
                    raise Unservable(
                        f"{failures} engine processes ended while they loaded the model, the last one by "
                        f"{await engine.end()}: the log may say why; signal 9 often means no memory left"
                    )
            finally:
                self._live.remove(engine)
                engine.kill()
            if failures:
                await asyncio.sleep(min(_LONGEST_PAUSE, 0.25 * 2**failures))

    async def _load(self, engine: EngineProcess, started: float) -> bool:
        """Whether it loaded the model. Raises Unservable when it never will and no other engine serves."""
        try:
            frame = await asyncio.wait_for(engine.receive(), self._startup_timeout)
        except EngineLost as lost:
            self._log.error("engine_lost_loading", pid=engine.pid, reason=lost)
            return False
        except asyncio.TimeoutError:
            refusal = f"ModelTimeout: the model did not load within {self._startup_timeout:g} s"
        else:
            if frame.header["kind"] == "loaded":
                seconds = time.monotonic() - started
                self._log.info("engine_loaded", pid=engine.pid, seconds=seconds, **frame.header["model"])
                if not self.first_loaded.done():
                    self.first_loaded.set_result(frame.header["model"])
                return True
            refusal = f"{frame.header['code']}: {frame.header['message']}"
        if not self._ready:
            raise Unservable(refusal)
        self._log.error("engine_not_loaded", pid=engine.pid, reason=refusal)
        return False

    async def _serve(self, engine: EngineProcess) -> str:
        """Lets it serve until it ends; says how it ended."""
        self._ready += 1
        self._idle.append(engine)
        self._dispatch()
        try:
            return await engine.wait()
        finally:
            self._ready -= 1
            if engine in self._idle:
                self._idle.remove(engine)

    async def _end_all(self) -> None:
        for job in self._waiting:
            job.leave_queue()
            job.fail(503, "ShuttingDown", "the server is shutting down")
        self._waiting.clear()
        for engine in self._live:
            engine.kill()
        await asyncio.gather(*(engine.end() for engine in list(self._live)))
        await asyncio.gather(*self._exchanges, return_exceptions=True)
