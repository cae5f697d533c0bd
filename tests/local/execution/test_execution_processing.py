"""What processing jobs ask of containers: entrypoints, messages at the end, machines without /opt/ml."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gluonship import bundles
from gluonship.local.container_images import ImageTable
from gluonship.local.contracts import ContainerSpec, Exit, ExitCause, ImageUnknown
from gluonship.local.execution import failures
from gluonship.local.execution.failures import JobFailed
from gluonship.local.execution.private_root import PrivateRoot, at_base
from gluonship.local.execution.runtime import ProcessRuntime

PYTHON = Path("/p/bin/python")
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
REFUSED = PrivateRoot(allowed=False, reason="Operation not permitted")


def table(home: Path, text: str = "") -> ImageTable:
    (home / "images.toml").write_text(text)
    return ImageTable.load(home, bundles.find("inference").parent)


def run(
    home: Path, images: ImageTable, private: PrivateRoot | None = None, **spec: object
) -> tuple[Exit, list[str]]:
    root = home / "containers" / "p" / "ml"
    root.mkdir(parents=True)
    options: dict[str, object] = {"image": "gluonship-training", "environment": {}, **spec}
    lines: list[str] = []
    runtime = ProcessRuntime(home, images, private=private)
    container = runtime.start(ContainerSpec(name="p", command="process", root=root, **options), lines.append)  # type: ignore[arg-type]
    ended = container.wait(30)
    assert ended is not None
    return ended, [line for line in lines if not line.startswith("gluonship: ")]


def test_a_users_program_is_the_images_entrypoint(tmp_path: Path) -> None:
    images = table(tmp_path, '[[image]]\npattern = "*/mine"\ncommand = ["echo", "program"]\n')
    ended, said = run(tmp_path, images, image="registry/mine:1", arguments=["--fast", "a b"])
    assert (ended.code, said) == (0, ["program --fast a b"])


@pytest.mark.parametrize("image", ["gluonship-training", SKLEARN])
def test_python_is_no_entrypoint_of_its_own(tmp_path: Path, image: str) -> None:
    with pytest.raises(ImageUnknown, match="Give ContainerEntrypoint"):
        run(tmp_path, table(tmp_path), image=image)
    assert list((tmp_path / "containers" / "p").iterdir()) == [tmp_path / "containers" / "p" / "ml"]


def test_scikit_learns_image_neither_trains_nor_serves(tmp_path: Path) -> None:
    stand = table(tmp_path).stand_for(SKLEARN)
    for command in ("train", "serve"):
        with pytest.raises(ImageUnknown, match="a plain Python for sagemaker-scikit-learn"):
            stand.argv(command, PYTHON)  # type: ignore[arg-type]


def test_python3_of_the_entrypoint_is_the_jobs_own(tmp_path: Path) -> None:
    code = "import sys; print(sys.executable, *sys.argv[1:])"
    ended, said = run(tmp_path, table(tmp_path), entrypoint=["python3", "-c", code], arguments=["x"])
    assert (ended.code, said) == (0, [f"{tmp_path}/containers/p/environment/bin/python3 x"])


def test_without_a_private_opt_ml_arguments_are_translated(tmp_path: Path) -> None:
    root = tmp_path / "containers" / "p" / "ml"
    ended, said = run(
        tmp_path,
        table(tmp_path),
        REFUSED,
        entrypoint=["sh", "-c", 'echo "$@"', "/opt/ml/processing/x.sh"],
        arguments=["--data=/opt/ml/processing/input", "/home/me/opt/ml", "/opt/ml"],
    )
    assert (ended.code, said) == (0, [f"--data={root}/processing/input /home/me/opt/ml {root}"])
    assert at_base(r"/opt/ml/a", Path(r"/odd\1")) == r"/odd\1/a"


def test_without_a_private_opt_ml_the_failure_says_what_to_use(tmp_path: Path) -> None:
    code = "open('/opt' + '/ml/processing/input/a.csv')"
    ended, _ = run(tmp_path, table(tmp_path), REFUSED, entrypoint=[sys.executable, "-c", code])
    assert ended.code == 1
    assert "SAGEMAKER_BASE_DIR" in ended.hint
    assert "Operation not permitted" in ended.hint


# --- what is said at the end -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", None),
        (b"fine", "fine"),
        ("ü".encode() * 600, "ü" * 512),
        (b"a" + "ü".encode() * 600, "a" + "ü" * 511),  # the 1,024th byte is half a letter
    ],
)
def test_the_exit_message(tmp_path: Path, content: bytes, message: str | None) -> None:
    assert failures.read_message_file(tmp_path, "message") is None
    (tmp_path / "message").write_bytes(content)
    assert failures.read_message_file(tmp_path, "message") == message


def test_an_exit_message_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "message").write_bytes(b"a\xc3")
    with pytest.raises(JobFailed, match="message is not encoded in UTF-8") as caught:
        failures.read_message_file(tmp_path, "message")
    assert caught.value.failure.kind == "ClientError"


def test_the_lead_stands_before_the_logs_last_words() -> None:
    lead = "See job logs for more information"
    silent = failures.of_container(Exit(2, ExitCause.EXITED), "", "", lead)
    assert silent.message == lead
    long = failures.of_container(Exit(2, ExitCause.EXITED, ["x" * 5000, "the last word"]), "", "", lead)
    assert long.message.startswith(lead)
    assert long.message.endswith("the last word")
    assert len(long.message) <= failures.MAX_LENGTH
    hinted = Exit(2, ExitCause.EXITED, ["x" * 5000, "the last word"], hint="h" * 600)
    assert f"the last word\n{'h' * 600}" in failures.of_container(hinted, "", "", lead).message
