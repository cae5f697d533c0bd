"""The CDK command, run on the local cloud."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

INFRA = Path(__file__).resolve().parents[1]
_COMMAND = INFRA / "node_modules" / ".bin" / "cdk"
_UNATTENDED = ("--require-approval", "never", "--progress", "events")
_SECONDS = 900.0
_LINES_SHOWN = 15  # of a failure


class CdkFailed(Exception):
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
    ) -> None:
        """`variables` lead to the cloud; `say` gets each line that the command prints."""
        if not _COMMAND.exists():
            raise CdkFailed(f"{_COMMAND} is missing: `make setup` installs it")
        tools = Path(sys.executable).parent  # node and the Python that synthesises
        self._variables = {
            **variables,
            "PATH": f"{tools}:{variables.get('PATH', '')}",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }
        self._assembly = assembly
        self._context = ["-c", f"config={configuration}", "-c", f"environment={environment}"]
        self._say = say

    def bootstrap(self, account_id: str, region: str) -> None:
        # In an empty folder: with an app at hand it would be synthesised, for nothing.
        self._assembly.mkdir(parents=True, exist_ok=True)
        self._run(["bootstrap", f"aws://{account_id}/{region}"], self._assembly)

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
        command = [str(_COMMAND), *arguments, "--no-notices", "--no-color"]
        tail: deque[str] = deque(maxlen=_LINES_SHOWN)
        with subprocess.Popen(
            command,
            cwd=folder,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process:
            assert process.stdout is not None
            limit = threading.Timer(_SECONDS, process.kill)
            limit.start()
            try:
                for line in process.stdout:
                    if line.strip():
                        tail.append(line.rstrip())
                        self._say(line.rstrip())
            finally:
                limit.cancel()
                if process.poll() is None:
                    process.terminate()
        if process.returncode:
            said = "\n".join(tail)
            raise CdkFailed(f"cdk {arguments[0]} ended with exit code {process.returncode}:\n{said}")
