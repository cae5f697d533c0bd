"""The table of images: which URI runs as what, and what a person is told when it is not known."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from execution_parts import Containers

from gluonship import bundles
from gluonship.local.container_images import ImagesFileError, ImageTable, repository
from gluonship.local.contracts import ContainerSpec, Exit, ExitCause, ImageUnknown, StartFailed
from gluonship.local.execution.runtime import ProcessRuntime

AWS = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/"
PYTHON = Path("/p/bin/python")


def load(home: Path, text: str = "") -> ImageTable:
    if text:
        (home / "images.toml").write_text(text)
    return ImageTable.load(home, bundles.find("inference").parent)


@pytest.mark.parametrize(
    ("image", "module", "handler"),
    [
        (AWS + "mxnet-training:1.9.0-cpu-py38", True, None),
        (AWS + "mxnet-inference:1.9.0-cpu-py38", None, "sagemaker-mxnet"),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/gluonship-training", True, None),
        ("localhost:5000/team/gluonship-inference@sha256:" + "0" * 64, None, "gluonship"),
        ("gluonship-inference:dev", None, "gluonship"),
    ],
)
def test_known_images(tmp_path: Path, image: str, module: bool | None, handler: str | None) -> None:
    stand = load(tmp_path).stand_for(image)
    if module:
        assert stand.argv("train", PYTHON) == [str(PYTHON), "-m", "sagemaker_training.cli.train"]
        assert (
            stand.environment("train")["SAGEMAKER_TRAINING_MODULE"]
            == "sagemaker_mxnet_container.training:main"
        )
    if handler:
        python, script, *arguments = stand.argv("serve", PYTHON)
        assert (python, arguments) == (str(PYTHON), ["--handler", handler])
        assert Path(script) == tmp_path / "bundles" / "serving" / "serve.py"
        assert (Path(script).parent / "gluonship" / "vision").is_dir()
        assert "SAGEMAKER_TRAINING_MODULE" not in stand.environment("serve")


@pytest.mark.parametrize("image", ["my-mxnet-training:1", "xgboost:latest", AWS + "mxnet-training-extra"])
def test_an_unknown_image_says_what_to_add(tmp_path: Path, image: str) -> None:
    table = load(tmp_path)
    with pytest.raises(ImageUnknown) as caught:
        table.stand_for(image)
    message = str(caught.value)
    assert image in message
    assert str(tmp_path / "images.toml") in message
    lines = message[message.index("[[image]]") :]
    load(tmp_path, lines.partition("; or:")[0]).stand_for(image)  # what it says to add works


@pytest.mark.parametrize(
    ("image", "expected"),
    [("a/b:1", "a/b"), ("host:5000/a", "host:5000/a"), ("host:5000/a:2@sha256:0", "host:5000/a"), ("a", "a")],
)
def test_repository(image: str, expected: str) -> None:
    assert repository(image) == expected


def test_a_users_line_wins_and_runs(tmp_path: Path) -> None:
    table = load(
        tmp_path,
        '[[image]]\npattern = "*/mine"\ncommand = ["sh", "-c", "echo $GREETING $0 $1", "name"]\n'
        'env = {GREETING = "hello"}\n[[image]]\npattern = "gluonship-training"\ncommand = ["true"]\n',
    )
    assert table.stand_for("gluonship-training:2").argv("train", PYTHON) == ["true", "train"]
    containers = Containers(tmp_path, ProcessRuntime(tmp_path, table))
    root = tmp_path / "ml"
    root.mkdir()
    spec = ContainerSpec("c", "registry/mine:3", "serve", root, {})
    assert containers.runtime.start(spec, containers.lines.append).wait(20).code == 0  # type: ignore[union-attr]
    assert containers.said == ["hello name serve"]
    assert "images.toml, line 1" in containers.lines[0]


def test_another_interpreter(tmp_path: Path) -> None:
    other = tmp_path / "other"
    os.symlink(os.path.realpath(sys.executable), other)  # the bare one: without the kit's site-packages
    table = load(tmp_path, f'[[image]]\npattern = "mine"\npython = "{other}"\n')
    containers = Containers(tmp_path, ProcessRuntime(tmp_path, table))
    root = tmp_path / "ml"
    root.mkdir()
    code = "import sys; print(sys.prefix); import mxnet"
    spec = ContainerSpec("c", "mine", "train", root, {}, entrypoint=["python", "-c", code])
    ended = containers.runtime.start(spec, containers.lines.append).wait(20)
    assert ended is not None
    assert containers.said[0] == str(tmp_path / "containers" / "c" / "environment")
    assert ended.last_lines[-1] == "ModuleNotFoundError: No module named 'mxnet'"
    assert str(other) in containers.lines[1]


def test_an_interpreter_that_is_not_there_names_the_line(tmp_path: Path) -> None:
    table = load(tmp_path, '# mine\n[[image]]\npattern = "mine"\npython = "/no/python"\n')
    containers = Containers(tmp_path, ProcessRuntime(tmp_path, table))
    with pytest.raises(StartFailed, match=r"'/no/python': No such file.*images\.toml, line 2"):
        containers.runtime.start(ContainerSpec("c", "mine", "train", tmp_path, {}), print)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[image]]\npattern = "a"\npython = "/p"\ncolour = 1\n', "line 4, key 'colour': not known"),
        ('[[image]]\npython = "/p"\n', "line 1, key 'pattern': needs"),
        ('[[image]]\npattern = "a"\n', "line 1, key 'python': give either python or command"),
        ('\n[[image]]\npattern = "a"\npython = "bin/python"\n', "line 4, key 'python': needs the absolute"),
        ('[[image]]\npattern = "a"\ncommand = "run"\n', "line 3, key 'command': needs a list of strings"),
        ('[[image]]\npattern = "a"\ncommand = ["r"]\nenv = {A = 1}\n', "line 4, key 'env': needs a table"),
        ('[[image]]\npattern = "a"\ncommand = ["r"]\n[[image]]\npattern = 3\n', "line 5, key 'pattern'"),
        ('[image]\npattern = "a"\n', "key 'image': write each image as a table"),
        ('[other]\n', "key 'other'"),
        ('[[image]\n', "line 1"),
    ],
)  # fmt: skip
def test_errors_name_line_and_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ImagesFileError) as caught:
        load(tmp_path, text)
    assert words in str(caught.value)
    assert str(tmp_path / "images.toml") in str(caught.value)


def test_only_the_toolkit_must_leave_its_success_file(tmp_path: Path) -> None:
    """A program of the user's need not write it, whatever the image is called."""
    table = load(tmp_path, '[[image]]\npattern = "*/mxnet-training"\ncommand = ["/bin/true"]\n')
    runtime = ProcessRuntime(tmp_path, table)

    def ended(name: str, image: str) -> Exit | None:
        root = tmp_path / "roots" / name
        root.mkdir(parents=True)
        spec = ContainerSpec(name=name, image=image, command="train", root=root, environment={})
        return runtime.start(spec, lambda line: None).wait(60)

    own = ended("own", "123456789012.dkr.ecr.us-east-1.amazonaws.com/mxnet-training:1")
    toolkit = ended("toolkit", "gluonship-training")  # fails: its root has no configuration
    assert own == Exit(0, ExitCause.EXITED)
    assert toolkit is not None
    assert toolkit.needs_success_file
