"""Containers as processes of this machine: contracts.Runtime."""

from __future__ import annotations

import dataclasses
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gluonship.local.container_images import ImageTable, Stand
from gluonship.local.contracts import Container, ContainerSpec, Exit, StartFailed
from gluonship.local.door.keys import IssuedKeys, Key
from gluonship.local.execution import environment
from gluonship.local.execution.container import MARKER, ProcessContainer
from gluonship.local.execution.interpreters import Interpreter, InterpreterBroken, interpreter
from gluonship.local.execution.overlay import Overlay
from gluonship.local.execution.private_root import PrivateRoot, at_base, mentions_main_folder, private_root
from gluonship.local.execution.shim_process import ShimFailed, ShimProcess

_NAMED = ("mxnet", "gluoncv", "numpy", "sagemaker-training", "sagemaker-mxnet-training",
          "sagemaker-inference", "sagemaker-mxnet-inference")  # fmt: skip


class ProcessRuntime:
    """`home`/containers/NAME/{environment,home} is a container's own; both are gone when it has ended.

    `cloud` are the variables with which a container reaches this cloud; by default those of this process,
    as far as they point to this machine. `keys` gives each container an access key of its own, which ends
    with it. `private` overrules what the machine allows about /opt/ml.
    """

    def __init__(
        self,
        home: Path,
        images: ImageTable,
        cloud: Mapping[str, str] | None = None,
        private: PrivateRoot | None = None,
        keys: IssuedKeys | None = None,
    ) -> None:
        self._home = home
        self._images = images
        self._cloud = cloud
        self._private = private
        self._keys = keys

    def start(self, spec: ContainerSpec, on_line: Callable[[str], None]) -> Container:
        """See contracts.Runtime."""
        stand = self._images.stand_for(spec.image)
        private = self._private or private_root()
        try:
            below = interpreter(stand.python or Path(sys.executable))
        except InterpreterBroken as error:
            raise StartFailed(f"{error}. It stands in for the image {spec.image}: {stand.source}") from error
        folder = self._home / "containers" / spec.name
        overlay = Overlay(folder / "environment", below)
        home = folder / "home"
        for each in (overlay.folder, home):  # of a former container of this name, which was killed
            shutil.rmtree(each, ignore_errors=True)
        toolkit = spec.command == "train" and not spec.entrypoint and not stand.command
        key = None if self._keys is None else self._keys.issue(spec.account_id, spec.role_arn)
        clean = _Cleaner(folder, overlay, home, private, on_line, toolkit, lambda: self._end(key))
        marker = secrets.token_hex(8)
        try:
            overlay.create()
            home.mkdir(parents=True)
            for line in _introduction(spec, stand, below, private):
                on_line(line)
            variables = self._environment(spec, stand, overlay, home, private, marker, key)
            argv = [*(spec.entrypoint or stand.argv(spec.command, overlay.python)), *spec.arguments]
            if spec.command == "process" and not private.allowed:
                argv = [at_base(each, spec.root) for each in argv]
            shim = _shim(spec, argv, variables, home, private)
        except BaseException:
            clean.remove()
            raise
        return ProcessContainer(spec, shim, marker, clean.listen, clean.ended)

    def _environment(
        self,
        spec: ContainerSpec,
        stand: Stand,
        overlay: Overlay,
        home: Path,
        private: PrivateRoot,
        marker: str,
        key: Key | None,
    ) -> dict[str, str]:
        variables = {
            **environment.machine(os.environ),
            **environment.base(overlay.python.parent, home, os.environ.get("PATH", "")),
            **(environment.cloud(os.environ) if self._cloud is None else self._cloud),
            **(key.variables() if key is not None else {}),
            "PIP_CONSTRAINT": overlay.constraints.as_uri(),  # a path with a space would be two files
            **stand.environment(spec.command),
            **spec.environment,
            MARKER: marker,
        }
        if private.allowed:
            variables.pop("SAGEMAKER_BASE_DIR", None)
        else:
            variables["SAGEMAKER_BASE_DIR"] = str(spec.root)
        if spec.port is not None:
            variables["SAGEMAKER_BIND_TO_PORT"] = str(spec.port)
        return variables

    def _end(self, key: Key | None) -> None:
        if self._keys is not None and key is not None:
            self._keys.revoke(key)


def _shim(
    spec: ContainerSpec, argv: Sequence[str], variables: Mapping[str, str], home: Path, private: PrivateRoot
) -> ShimProcess:
    try:
        return ShimProcess(argv, variables, home, spec.root if private.allowed else None)
    except (ShimFailed, OSError) as error:
        raise StartFailed(f"container {spec.name} did not start: {error}") from error


def _introduction(spec: ContainerSpec, stand: Stand, below: Interpreter, private: PrivateRoot) -> list[str]:
    return [
        f"gluonship: here a process stands in for the image {spec.image} ({stand.source})",
        f"gluonship: {below.describe(_NAMED)}",
        f"gluonship: {private.line}",
    ]


class _Cleaner:
    """Watches the output for /opt/ml; at a container's end says what it was and removes its folders."""

    def __init__(
        self,
        folder: Path,
        overlay: Overlay,
        home: Path,
        private: PrivateRoot,
        on_line: Callable[[str], None],
        toolkit: bool,
        end_key: Callable[[], None],
    ) -> None:
        self._end_key = end_key
        self._toolkit = toolkit
        self._folder = folder
        self._overlay = overlay
        self._container_home = home
        self._private = private
        self._on_line = on_line
        self._mentioned = False

    def listen(self, line: str) -> None:
        if not self._private.allowed and not self._mentioned and mentions_main_folder(line):
            self._mentioned = True
        self._on_line(line)

    def ended(self, ended: Exit) -> Exit:
        self.remove()
        ended = dataclasses.replace(ended, needs_success_file=self._toolkit)
        if ended.code == 0 or not self._mentioned:
            return ended
        self._on_line(f"gluonship: {self._private.hint}")
        return dataclasses.replace(ended, hint=self._private.hint)

    def remove(self) -> None:
        self._end_key()
        self._overlay.remove()
        shutil.rmtree(self._container_home, ignore_errors=True)
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()
