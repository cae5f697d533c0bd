"""An engine process: one model, one request at a time, over the socket it was started with."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import traceback

from gluonship_inference import frames, handlers
from gluonship_inference.errors import LoadError, ServingError, in_words
from gluonship_inference.log_lines import Log
from gluonship_inference.settings import from_environment

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

SINGLE_THREADED: dict[str, str] = {
    # The pool runs one engine a core; a second level of threads only makes them wait for each other.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MXNET_CPU_WORKER_NTHREADS": "1",
    "MXNET_CPU_PRIORITY_NTHREADS": "1",
    "MXNET_KVSTORE_REDUCTION_NTHREADS": "1",
}


def command(handler: str, file_descriptor: int) -> list[str]:
    """The command line of an engine process. Not `-m`: this folder must not shadow a user's script."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    boot = (
        "import sys; sys.path[0] = sys.argv[1]; from gluonship_inference.worker import main; "
        "sys.exit(main(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))"
    )
    return [sys.executable, "-c", boot, folder, handler, str(file_descriptor), str(os.getpid())]


def environment() -> dict[str, str]:
    return {**SINGLE_THREADED, "PYTHONUNBUFFERED": "1", **os.environ}


def main(handler_name: str, file_descriptor: int, parent: int) -> int:
    """Serves until the front process closes its end; returns the exit code."""
    _die_with(parent)
    settings = from_environment(os.environ, handler_name)
    connection = socket.socket(fileno=file_descriptor)
    log = Log(settings.log_level)
    try:
        handler = handlers.create(settings)
        loaded = handler.load()
    except LoadError as error:
        frames.send(connection, {"kind": "unloadable", "code": error.code, "message": error.message})
        return 1
    except ImportError as error:
        message = f"the handler {handler_name} needs a package that is not installed: {error}"
        frames.send(connection, {"kind": "unloadable", "code": "MissingPackage", "message": message})
        return 1
    except Exception as error:  # noqa: BLE001 - whatever it is, the log's last line says it
        log.error("load_failed", reason=in_words(error), trace=traceback.format_exc(limit=-4))
        frames.send(connection, {"kind": "unloadable", "code": "LoadFailed", "message": in_words(error)})
        return 1
    frames.send(connection, {"kind": "loaded", "model": loaded})
    while True:
        frame = frames.receive(connection)
        if frame is None:
            return 0
        response = _answer(handler, frame, log)
        header = {"kind": "response", **response._asdict()}
        body = header.pop("body")
        frames.send(connection, header, body)


def _answer(handler: handlers.Handler, frame: frames.Frame, log: Log) -> handlers.Response:
    header = frame.header
    request = handlers.Request(header["content_type"], header["accept"], header["headers"], frame.body)
    try:
        return handler.handle(request)
    except ServingError as error:
        failure = error
    except Exception as error:  # noqa: BLE001 - whatever a model does, its client gets an answer
        log.error("request_failed", reason=in_words(error), trace=traceback.format_exc(limit=-4))
        failure = ServingError(500, "InternalError", f"the model failed on this request: {in_words(error)}")
    return handlers.Response(failure.status, handlers.JSON, {}, failure.to_bytes())


def _die_with(parent: int) -> None:
    """This process never outlives its front process, however that ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)
    # A platform may send SIGTERM to every process of a container: the front process drains, then ends us.
    # Handlers, not SIG_IGN, which a program that a user's script starts would inherit.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
