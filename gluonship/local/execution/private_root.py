"""Whether this machine lets a container have a /opt/ml of its own: tried once, for real."""

from __future__ import annotations

import functools
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gluonship.local.execution.shim import MAIN_FOLDER
from gluonship.local.execution.shim_process import ShimFailed, ShimProcess

# The path itself, not one that only ends or begins like it (/home/me/opt/ml, /opt/ml-data).
_MENTION = re.compile(r"(?<![\w./-])/opt/ml(?![\w.-])")
_SECONDS = 20.0


@dataclass(frozen=True)
class PrivateRoot:
    """`allowed`, or the `reason` why not, in the kernel's words."""

    allowed: bool
    reason: str = ""

    @property
    def line(self) -> str:
        """What a container's log says about it."""
        if self.allowed:
            return f"{MAIN_FOLDER} is this container's own"
        return (
            f"{MAIN_FOLDER} cannot be made here ({self.reason}); "
            "the container's folder is in SAGEMAKER_BASE_DIR, and in the SM_* variables"
        )

    @property
    def hint(self) -> str:
        """What to tell a person whose script failed and named /opt/ml."""
        return (
            f"The output mentions {MAIN_FOLDER}, which this machine does not let a container have "
            f"({self.reason}). Use the SM_* variables (SM_MODEL_DIR, SM_CHANNEL_...) or SAGEMAKER_BASE_DIR, "
            "which stands for it (a processing job gets such paths in its arguments translated), "
            "or allow it: run the local cloud as root, or permit unprivileged user namespaces "
            "(sysctl kernel.unprivileged_userns_clone=1; on Ubuntu also "
            "kernel.apparmor_restrict_unprivileged_userns=0; in a container engine, CAP_SYS_ADMIN)."
        )


def mentions_main_folder(line: str) -> bool:
    return _MENTION.search(line) is not None


def at_base(text: str, root: Path) -> str:
    """An argument of a container that has no /opt/ml of its own: with its folder on this machine in it."""
    return _MENTION.sub(lambda _: str(root), text)


@functools.cache
def private_root() -> PrivateRoot:
    """Starts a container that looks for a file in /opt/ml; about 0.1 s, once a process."""
    with tempfile.TemporaryDirectory(prefix="gluonship-probe-") as folder:
        (Path(folder) / "probe").touch()
        try:
            shim = ShimProcess(
                argv=["/bin/sh", "-c", f"test -e {MAIN_FOLDER}/probe"],
                environment={"PATH": "/usr/bin:/bin"},
                cwd=Path("/"),
                private_root=Path(folder),
            )
        except ShimFailed as error:
            return PrivateRoot(allowed=False, reason=str(error))
        with shim:
            report = shim.wait_report(_SECONDS)
        if report is not None and report.status == 0:
            return PrivateRoot(allowed=True)
        return PrivateRoot(allowed=False, reason="the mount did not show in the container")
