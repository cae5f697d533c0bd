"""The CDK command, run on the local cloud."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from gluonship.cli.problems import Problem

INFRA = Path(__file__).resolve().parents[1]
_COMMAND = INFRA / "node_modules" / ".bin" / "cdk"
_UNATTENDED = ("--require-approval", "never", "--progress", "events")
_SECONDS = 900.0
_LOOK_SECONDS = 0.5
_GRACE_SECONDS = 5.0
_LINES_SHOWN = 15  # of a failure


class CdkFailed(Problem):
    """The command failed; the message has the end of what it said."""


class Cdk:
    """The CDK command on `configuration` for one environment, with its assembly in a folder of its own."""

    def __init__(
        self,
        variables: Mapping[str, str],
        assembly: Path,
        configuration: Path,
        environment: str,
        say: Callable[[str], None],
        cloud_runs: Callable[[], bool],
    ) -> None:
        """`variables` lead to the cloud; `say` gets each line that the command prints."""
        if not _COMMAND.exists():
            raise CdkFailed(f"{_COMMAND} is missing: `make setup` installs it")
        tools = Path(sys.executable).parent  # node and the Python that synthesises
        self._variables = {
            # The command would read each CDK_ variable of the user's as an option.
            **{name: value for name, value in variables.items() if not name.startswith("CDK_")},
            "PATH": f"{tools}:{variables.get('PATH', '')}",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }
        self._assembly = assembly
        self._context = ["-c", f"config={configuration}", "-c", f"environment={environment}"]
        self._say = say
        self._cloud_runs = cloud_runs

    def bootstrap(self, account_id: str, region: str, qualifier: str | None) -> None:
        """A qualifier's resources are a stack of their own: CDKToolkit is the one of those without."""
        arguments = ["bootstrap", f"aws://{account_id}/{region}"]
        if qualifier:
            arguments += ["--qualifier", qualifier, "--toolkit-stack-name", f"CDKToolkit-{qualifier}"]
        # In an empty folder: with an app at hand it would be synthesised, for nothing.
        self._assembly.mkdir(parents=True, exist_ok=True)
        self._run(arguments, self._assembly)

    def synth(self) -> None:
        self._run(["synth", "--quiet", "--output", str(self._assembly), *self._context], INFRA)

    def deploy(self, *stacks: str) -> None:
        """Of what `synth` made."""
        self._run(["deploy", *stacks, "--exclusively", *_UNATTENDED, *self._app()], INFRA)

    def destroy(self, *stacks: str) -> None:
        self._run(["destroy", *stacks, "--exclusively", "--force", *self._app()], INFRA)

    def _app(self) -> list[str]:
        return ["--app", str(self._assembly)]

    def _run(self, arguments: Sequence[str], folder: Path) -> None:
        tail: deque[str] = deque(maxlen=_LINES_SHOWN)
        with self._started([*arguments, "--no-notices", "--no-color"], folder) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip():
                    tail.append(line.rstrip())
                    self._say(line.rstrip())
        if process.returncode:
            said = "\n".join(tail)
            raise CdkFailed(f"cdk {arguments[0]} ended with exit code {process.returncode}:\n{said}")

    @contextmanager
    def _started(self, arguments: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
        """The process, of which nothing is left at the block's end, however that comes."""
        process = subprocess.Popen(
            [str(_COMMAND), *arguments],
            cwd=folder,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        over = threading.Event()
        threading.Thread(target=self._watch, args=(process, over), daemon=True).start()
        try:
            yield process
            process.wait()
        finally:
            over.set()
            if process.returncode is None:
                _end(process)
                process.wait()
            if process.stdout:
                process.stdout.close()

    def _watch(self, command: subprocess.Popen[str], over: threading.Event) -> None:
        """Ends the command after its time, and with its cloud: left alone it tries for most of a minute."""
        deadline = time.monotonic() + _SECONDS
        while not over.wait(_LOOK_SECONDS):
            if time.monotonic() > deadline or not self._cloud_runs():
                _end(command)
                return


def _end(command: subprocess.Popen[str]) -> None:
    """Ends the command with all that it has started: the Python that synthesises, and the node of that."""
    try:
        family = psutil.Process(command.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return
    command.terminate()
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    try:
        command.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        command.kill()
    _, alive = psutil.wait_procs(family, _GRACE_SECONDS)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
