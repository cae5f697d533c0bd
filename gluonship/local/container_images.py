"""Which image URI runs as what on this machine: AWS's MXNet containers, ours, and a user's own lines."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gluonship import bundles as source_bundles
from gluonship.local.contracts import Command, ImageUnknown

FILE = "images.toml"
_KEYS = {"pattern", "python", "command", "env"}
_TOOLKIT = ("-m", "sagemaker_training.cli.train")
_TRAINING_MODULE = {"SAGEMAKER_TRAINING_MODULE": "sagemaker_mxnet_container.training:main"}


class ImagesFileError(ValueError):
    """The user's images.toml cannot be used; the message names the file, the line and the key."""


@dataclass(frozen=True)
class Stand:
    """What stands in for an image: a command of the user's, or a Python with the toolkits of AWS's image."""

    pattern: str
    source: str  # where this line of the table comes from, for messages
    python: Path | None = None  # the interpreter; the kit's own when None
    command: Sequence[str] = ()  # in place of the toolkits: the image's entrypoint, which gets its arguments
    handler: str = "sagemaker-mxnet"  # which of our server's handlers serves
    server: Path | None = None  # our server's script
    variables: Mapping[str, str] = field(default_factory=dict)
    training_variables: Mapping[str, str] = field(default_factory=dict)
    toolkits: bool = True  # without them it runs what a job's ContainerEntrypoint says, and nothing else

    def argv(self, command: Command, python: Path) -> list[str]:
        """The command line, with `python` as the container's interpreter. Raises ImageUnknown where the
        image's own entrypoint is asked for and nothing stands in for it."""
        if command == "process" or not (self.command or self.toolkits):
            if self.command:
                return list(self.command)
            raise ImageUnknown(
                f"No program stands in here for the image's own entrypoint ({self.source}), only its Python. "
                'Give ContainerEntrypoint, such as ["python3", "/opt/ml/processing/input/code/process.py"], '
                'or an [[image]] with command = ["/path/to/program"] in images.toml.'
            )
        if self.command:
            return [*self.command, command]
        if command == "train":
            return [str(python), *_TOOLKIT]
        return [str(python), str(self.server), "--handler", self.handler]

    def environment(self, command: Command) -> dict[str, str]:
        if command == "train":
            # Without it the toolkit waits up to 15 minutes for the DNS of its own host's name.
            return {"SM_STUDIO_LOCAL_MODE": "true", **self.training_variables, **self.variables}
        return dict(self.variables)

    def matches(self, image: str) -> bool:
        """A pattern without a tag matches every tag and digest."""
        if fnmatch.fnmatchcase(image, self.pattern):
            return True
        return fnmatch.fnmatchcase(repository(image), self.pattern)


def repository(image: str) -> str:
    """The URI without its tag and digest: registry:port/name."""
    name = image.partition("@")[0]
    registry, slash, last = name.rpartition("/")
    return registry + slash + last.partition(":")[0]


class ImageTable:
    def __init__(self, stands: Sequence[Stand], home: Path) -> None:
        self._stands = stands
        self._file = home / FILE

    @classmethod
    def load(cls, home: Path, bundles: Path) -> ImageTable:
        """The user's lines first, then the built-in ones. `bundles` holds the folder inference/.

        Lays the server out in `home`/bundles/serving, as a container would have it: the script, its
        package and its own copy of gluonship.vision. Raises ImagesFileError.
        """
        server = _lay_out_server(home / "bundles" / "serving", bundles / "inference" / "serve.py")
        return cls([*_user_lines(home / FILE, server), *_built_in(server)], home)

    def stand_for(self, image: str) -> Stand:
        """Raises ImageUnknown, whose message holds the lines to add."""
        for stand in self._stands:
            if stand.matches(image):
                return stand
        pattern = repository(image).replace("\\", "\\\\").replace('"', '\\"')
        raise ImageUnknown(
            f"Nothing on this machine stands in for the image {image}. Known are AWS's mxnet-training and "
            "mxnet-inference, gluonship-training and gluonship-inference, and sagemaker-scikit-learn in "
            "processing jobs. To say how it runs here, add "
            f"to {self._file} and start the local cloud again:\n"
            f'[[image]]\npattern = "{pattern}"\n'
            'python = "/path/to/python"  # an interpreter with sagemaker-training; '
            'or: command = ["/path/to/program"], which gets train, serve or a processing job\'s arguments'
        )


def _built_in(server: Path) -> list[Stand]:
    mxnet = {"server": server, "training_variables": _TRAINING_MODULE}
    kinds = [("mxnet-training", "sagemaker-mxnet"), ("mxnet-inference", "sagemaker-mxnet"),
             ("gluonship-training", "gluonship"), ("gluonship-inference", "gluonship")]  # fmt: skip
    return [
        Stand(pattern=pattern, source=f"built in: {name}", handler=handler, **mxnet)  # type: ignore[arg-type]
        for name, handler in kinds
        for pattern in (name, f"*/{name}")
    ] + [
        Stand(pattern=pattern, source=f"built in: a plain Python for {name}", toolkits=False)
        for name in ("sagemaker-scikit-learn",)
        for pattern in (name, f"*/{name}")
    ]


def _lay_out_server(target: Path, script: Path) -> Path:
    """Writes beside, then renames: a cloud that is killed meanwhile leaves no half of it."""
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    source_bundles.serving_source(partial)
    shutil.copyfile(script, partial / script.name)
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    return target / script.name


def _user_lines(file: Path, server: Path) -> list[Stand]:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ImagesFileError(f"{file}: cannot be read: {error}") from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ImagesFileError(f"{file}: {error}") from error  # names line and column
    lines = [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if line.split("#")[0].strip() == "[[image]]"
    ]
    for key in content:
        if key != "image":
            raise ImagesFileError(f"{file}, key '{key}': only [[image]] tables are known here")
    entries = content.get("image", [])
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise ImagesFileError(f"{file}, key 'image': write each image as a table that begins with [[image]]")
    places = lines if len(lines) == len(entries) else [0] * len(entries)
    return [
        _user_line(file, place, text, entry, server) for place, entry in zip(places, entries, strict=True)
    ]


def _user_line(file: Path, line: int, text: str, entry: Mapping[str, Any], server: Path) -> Stand:
    def refuse(key: str, problem: str) -> ImagesFileError:
        return ImagesFileError(f"{file}, line {_line_of(text, line, key)}, key '{key}': {problem}")

    for key in entry:
        if key not in _KEYS:
            raise refuse(key, f"not known; an [[image]] takes {', '.join(sorted(_KEYS))}")
    pattern, python, command, env = (entry.get(key) for key in ("pattern", "python", "command", "env"))
    if not isinstance(pattern, str) or not pattern:
        raise refuse(
            "pattern", 'needs the image\'s URI as a string, * for any part: "123456789012.dkr.ecr.*/mine"'
        )
    if (python is None) == (command is None):
        raise refuse("python", "give either python or command")
    if python is not None and not (isinstance(python, str) and Path(python).is_absolute()):
        raise refuse("python", f"needs the absolute path of an interpreter, not {python!r}")
    if command is not None and not (_strings(command) and command):
        raise refuse("command", 'needs a list of strings: ["/path/to/program", "--option"]')
    if env is not None and not (isinstance(env, dict) and _strings(list(env.values()))):
        raise refuse("env", 'needs a table of strings: {NAME = "value"}')
    return Stand(
        pattern=pattern,
        source=f"{file}, line {line}",
        python=None if python is None else Path(python),
        command=tuple(command or ()),
        server=server,
        variables=env or {},
    )


def _strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _line_of(text: str, start: int, key: str) -> int:
    """The line of `key` in the table that begins at line `start`; that of the table when it is not there."""
    for number, line in enumerate(text.splitlines()[start:], start + 1):
        if line.strip().startswith("["):
            break
        if re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
            return number
    return start
