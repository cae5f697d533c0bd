"""The cloud's process: `python -m gluonship.local.launcher.server`. Started by `up`, never by hand."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from gluonship import __version__, bundles
from gluonship.local.cloudformation import journal
from gluonship.local.container_images import ImagesFileError, ImageTable
from gluonship.local.door.keys import FindKey, IssuedKeys, Key
from gluonship.local.launcher.environment import NO_AWS_CERTIFICATE, SDK_CONFIG, applied, environment
from gluonship.local.launcher.home import (
    DEFAULT_ACCOUNT_ID,
    DEFAULT_PORT,
    DEFAULT_REGION,
    JOURNAL,
    OBJECTS,
    CloudInfo,
    Home,
    LauncherError,
    write_private,
)
from gluonship.local.launcher.no_aws import NO_AWS
from gluonship.local.launcher.starter import Starter
from gluonship.local.settings import SettingError, Settings

if TYPE_CHECKING:
    from gluonship.local.serving.router import DataPlane

_log = logging.getLogger("gluonship.local")

_LOCK_PATIENCE_SECONDS = 1.0
# Without a bucket by name, the SageMaker SDK asks AWS's own STS for the account, whatever the endpoint URL.
_SDK_CONFIG = f"""SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
      Session:
        DefaultS3Bucket: sagemaker-{DEFAULT_REGION}-{DEFAULT_ACCOUNT_ID}
"""


def main() -> None:
    """Detaches, takes the home's lock and the port, wires the cloud, and serves until SIGTERM."""
    parser = argparse.ArgumentParser(prog="gluonship.local.launcher.server")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--report", type=int, required=True, help="descriptor that `up` reads")
    arguments = parser.parse_args()
    if os.fork():
        os._exit(0)  # the starter's child ends here: the cloud belongs to init
    os.setsid()
    with os.fdopen(arguments.report, "w", buffering=1, encoding="utf-8") as reports:
        starter = Starter(reports)
        try:
            _serve(Home(arguments.home), arguments.port, starter)
        except LauncherError as error:
            starter.tell("failed", str(error))
            sys.exit(1)


def _serve(home: Home, port: int | None, starter: Starter) -> None:
    started = time.monotonic()
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, lambda *_: stop.set())
    if home.take_lock(_LOCK_PATIENCE_SECONDS) is None:
        starter.tell("taken", "")
        return
    home.forget()
    for left_over in ("containers", OBJECTS):  # of the cloud before
        shutil.rmtree(home.path / left_over, ignore_errors=True)
    left = [line for each in journal.interrupted(home.path / JOURNAL) for line in each.sentences()]
    left += journal.unreadable(home.path / JOURNAL)
    for line in left:
        starter.tell("progress", line)
    journal.clear(home.path / JOURNAL)
    settings, images = _settings(), _images(home)
    listener = _listen(port)
    control_port = listener.getsockname()[1]
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("gluonship").setLevel(logging.INFO)
    for line in left:
        _log.warning("%s", line)
    write_private(home.token_file, secrets.token_urlsafe(32))
    write_private(home.path / SDK_CONFIG, _SDK_CONFIG)
    write_private(home.path / NO_AWS_CERTIFICATE, NO_AWS)
    home_key = home.make_key()
    keys = IssuedKeys(home_key)
    starter.tell("progress", f"starting the control plane on port {control_port}")
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"  # read when moto is imported
    os.environ["MOTO_PORT"] = str(control_port)
    # A client made anywhere in this process, or in one it starts, talks to this cloud and to nothing else.
    info = CloudInfo(home.path, os.getpid(), 0.0, control_port, control_port, __version__)
    os.environ.update(applied(environment(info, home_key, os.environ), {}))

    def find_key(key_id: str) -> Key | None:
        # moto's are asked only when a request needs them: it is being loaded while the data plane starts.
        from gluonship.local.control import moto_keys

        return keys.find(key_id) or moto_keys.find(key_id)

    with ThreadPoolExecutor(1, "data-plane") as pool:
        # The two processes come up at the same time: most of a start is importing.
        data_plane = pool.submit(_start_data_plane, home, control_port, home_key.id, find_key, settings)
        import psutil

        from gluonship.local.launcher import wiring

        cloud = wiring.Cloud(home, listener, settings, images, data_plane.result, keys, find_key, stop.set)
    try:
        info = CloudInfo(
            home.path,
            os.getpid(),
            psutil.Process().create_time(),
            control_port,
            cloud.data_port,
            __version__,
            settings.down_grace_seconds,
        )
        os.environ["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] = info.runtime_url
        cloud.serve()
        if stop.is_set():
            raise LauncherError("the cloud was told to end while it started")
        starter.ready()
        home.write_state(info)  # from here on it is found
        starter.tell("found", "")
        _log.info("ready on port %d after %.1f s", control_port, time.monotonic() - started)
        stop.wait()
        _log.info("going down")
        home.write_state(dataclasses.replace(info, going_down=True))
    finally:
        cloud.close()
        home.forget()
    _log.info("down")
    _exit_now()


def _settings() -> Settings:
    try:
        return Settings.from_environment(os.environ)
    except SettingError as error:
        raise LauncherError(str(error)) from error


def _images(home: Home) -> ImageTable:
    try:
        return ImageTable.load(home.path, bundles.find("inference").parent)
    except (ImagesFileError, bundles.BundleMissing) as error:
        raise LauncherError(str(error)) from error


def _start_data_plane(
    home: Home, control_port: int, home_key_id: str, find_key: FindKey, settings: Settings
) -> DataPlane:
    from gluonship.local.serving.limits import Limits
    from gluonship.local.serving.router import DataPlane, DataPlaneError

    try:
        return DataPlane.start(
            home.path,
            home_key_id=home_key_id,
            find_key=find_key,
            also_port=control_port,
            limits=Limits(settings.payload_limit_bytes),
        )
    except DataPlaneError as error:
        raise LauncherError(str(error)) from error


def _exit_now() -> NoReturn:
    # Threads of jobs may still wait for their containers; those end when this process's pipes close.
    logging.shutdown()
    os._exit(0)


def _listen(port: int | None) -> socket.socket:
    wanted = [DEFAULT_PORT, 0] if port is None else [port]
    for each in wanted:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", each))
            listener.listen(128)
        except (OSError, OverflowError) as error:
            listener.close()
            reason = getattr(error, "strerror", None) or str(error)
            continue
        return listener
    raise LauncherError(
        f"port {wanted[0]} cannot be used ({reason}): another program listens there, or you may not; leave "
        "--port out to get a free one, or name another"
    )


if __name__ == "__main__":
    main()
