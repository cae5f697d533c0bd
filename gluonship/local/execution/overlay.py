"""A container's own Python environment: a thin layer over an interpreter's, gone with the container.

It is a virtual environment by its layout (pyvenv.cfg, bin/python) whose one .pth file names the
site-packages below it. What a job installs goes into the layer and wins over what is below; the layer
below never changes. A line of a .pth file is put on sys.path only: the .pth files *of* that folder are not
read, so an editable `gluonship` is not importable unless the job brings it, as in AWS's containers.
"""

from __future__ import annotations

import re
import secrets
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gluonship.local.execution.interpreters import Interpreter

# What a job must not replace, and all that these need: MXNet breaks with another NumPy, and a job whose
# toolkit is replaced under it ends without a word. All else a job may have in the version it asks for.
_KEPT = ("mxnet", "sagemaker-training", "sagemaker-mxnet-training", "sagemaker-inference",
         "sagemaker-mxnet-inference")  # fmt: skip
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")

# pip, by the environment's own python whatever its path holds (a shebang takes no spaces).
_PIP = '#!/bin/sh\nexec "$(dirname -- "$0")/python" -m pip "$@"\n'
_TRAIN = '#!/bin/sh\nexec "$(dirname -- "$0")/python" -m sagemaker_training.cli.train "$@"\n'


class Overlay:
    """`folder` is removed with the container. sagemaker-training writes sys.executable unquoted into a
    command line: where the folder's path would not survive that, `python` goes by a link in /tmp."""

    def __init__(self, folder: Path, below: Interpreter) -> None:
        self.folder = folder
        self._link = None
        if shlex.quote(str(folder)) != str(folder):
            self._link = Path("/tmp") / f"gluonship-{secrets.token_hex(8)}"  # noqa: S108 - has no space
        self.python = (self._link or folder) / "bin" / "python"
        self.constraints = folder / "constraints.txt"
        self._below = below

    def create(self) -> None:
        """Lays it out: a few small files, some milliseconds."""
        version = self._below.short_version
        bin_folder = self.folder / "bin"
        site = self.folder / "lib" / f"python{version}" / "site-packages"
        bin_folder.mkdir(parents=True)
        site.mkdir(parents=True)
        (self.folder / "lib64").symlink_to("lib")  # where some distributions keep compiled packages
        (self.folder / "pyvenv.cfg").write_text(
            f"home = {self._below.base.parent}\ninclude-system-site-packages = false\n"
            f"version = {self._below.version}\n"
        )
        (bin_folder / "python").symlink_to(self._below.base)
        for name in ("python3", f"python{version}"):
            (bin_folder / name).symlink_to("python")
        for name, text in (("pip", _PIP), ("pip3", _PIP), ("train", _TRAIN)):
            (bin_folder / name).write_text(text)
            (bin_folder / name).chmod(0o755)
        (site / "below.pth").write_text("".join(f"{each}\n" for each in self._below.sites))
        self.constraints.write_text("".join(f"{line}\n" for line in self.kept))
        _stand_in_for_opencv(site, self._below.versions)
        settings = self._below.prefix / "pip.conf"
        if settings.is_file():  # where a virtual environment names its package index
            shutil.copyfile(settings, self.folder / "pip.conf")
        if self._link is not None:
            self._link.symlink_to(self.folder.absolute())

    def remove(self) -> None:
        if self._link is not None:
            self._link.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def kept(self) -> list[str]:
        """The constraints for pip: name==version of what stays as it is."""
        names = sorted(closure(_KEPT, self._below.requires))
        # Local versions (+cpu) are no valid constraint for an index's file, and direct references neither.
        return [f"{name}=={self._below.versions[name]}" for name in names]


def closure(roots: Sequence[str], requires: Mapping[str, Sequence[str]]) -> set[str]:
    """The installed ones of `roots` and all that they require, at any depth; without extras."""
    found: set[str] = set()
    waiting = [name for name in roots if name in requires]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [each for each in _required(requires[name]) if each in requires]
    return found


def _required(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        matched = _NAME.match(line)
        if matched and "extra ==" not in line:
            yield re.sub(r"[._]", "-", matched.group()).lower()


def _stand_in_for_opencv(site: Path, versions: Mapping[str, str]) -> None:
    """Lets pip take the headless OpenCV below for the one that gluoncv asks for, which needs libGL."""
    version = versions.get("opencv-python-headless")
    if version is None or "opencv-python" in versions:
        return
    folder = site / f"opencv_python-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: opencv-python\nVersion: {version}\n"
        "Summary: opencv-python-headless stands in for it here\n"
    )
    (folder / "INSTALLER").write_text("gluonship\n")
    names = [f"{folder.name}/{name}" for name in ("METADATA", "INSTALLER", "RECORD")]
    (folder / "RECORD").write_text("".join(f"{name},,\n" for name in names))
