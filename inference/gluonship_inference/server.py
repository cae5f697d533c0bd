"""A server's life: bind, start the engines, serve, drain on SIGTERM, end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from typing import Any

from aiohttp import web

from gluonship_inference import requirements, worker
from gluonship_inference.application import Application
from gluonship_inference.engine_process import EngineProcess
from gluonship_inference.errors import in_words
from gluonship_inference.log_lines import Log
from gluonship_inference.pool import Pool, Unservable
from gluonship_inference.settings import Settings


async def serve(settings: Settings) -> int:
    """Serves until SIGTERM or SIGINT: 0. Or until the model turns out to be unservable: 1."""
    log = Log(settings.log_level)
    stopped = _stop_signals()
    try:
        listener = _listen(settings.host, settings.port)
    except OSError as error:
        log.error(
            "cannot_listen",
            address=f"{settings.host}:{settings.port}",
            reason=error.strerror or error,
            cure="set SAGEMAKER_BIND_TO_PORT to a free port",
        )
        return 1
    pool = Pool(
        lambda: EngineProcess.start(
            lambda descriptor: worker.command(settings.handler, descriptor),
            worker.environment(),
            _folder(settings),
        ),
        settings.workers,
        settings.queue_size,
        settings.request_timeout,
        settings.startup_timeout,
        log,
    )
    application = Application(settings, pool, log)
    runner = web.AppRunner(application.routes(), access_log=None, handle_signals=False)
    await runner.setup()
    loop = asyncio.get_event_loop()
    # Not a Site: what closing one does to requests in flight differs between aiohttp's versions.
    assert runner.server is not None  # since setup()
    server = await loop.create_server(runner.server, sock=listener, backlog=1024)
    log.info(
        "started",
        handler=settings.handler,
        address=f"{settings.host}:{settings.port}",
        model=settings.model_dir,
        engines=settings.workers,
        python=sys.version.split()[0],
    )
    running = asyncio.ensure_future(_load_and_run(settings, pool, log))
    either: set[asyncio.Future[Any]] = {stopped, running}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    failure = running.exception() if running.done() else None
    application.draining = True
    server.close()
    if failure is None:
        await _drain(application, settings.drain_timeout, log)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await runner.cleanup()
    if failure is not None:
        # The last line of the log is the one that platforms show.
        log.error(
            "cannot_serve",
            model=settings.model_dir,
            reason=failure if isinstance(failure, Unservable) else in_words(failure),
        )
        return 1
    log.info("stopped")
    return 0


async def _load_and_run(settings: Settings, pool: Pool, log: Log) -> None:
    if settings.handler == "sagemaker-mxnet":
        await requirements.install(settings.model_dir / "code" / "requirements.txt", log)
    await pool.run()


def _folder(settings: Settings) -> str:
    """Where engines run: in the model, as multi-model-server's workers do."""
    return str(settings.model_dir) if settings.model_dir.is_dir() else os.getcwd()


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _stop_signals() -> asyncio.Future[None]:
    """Done when the platform wants this server to stop. A second signal does not cut the draining short."""
    loop = asyncio.get_event_loop()
    stopped: asyncio.Future[None] = loop.create_future()

    def stop() -> None:
        if not stopped.done():
            stopped.set_result(None)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    return stopped


async def _drain(application: Application, seconds: float, log: Log) -> None:
    """Waits until every invocation is answered, `seconds` at most."""
    log.info("stopping", in_flight=application.in_flight)
    deadline = time.monotonic() + seconds
    while application.in_flight and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    if application.in_flight:
        log.error("not_drained", in_flight=application.in_flight, seconds=seconds)
