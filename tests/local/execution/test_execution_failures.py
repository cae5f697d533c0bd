"""The words of a failure: what a person reads in FailureReason."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from gluonship.local.contracts import Exit, ExitCause, StorageError
from gluonship.local.execution import failures, inputs

ADVICE = "'/home' is on a disk with 3 MiB free of 10 MiB. Make room there."
TRACEBACK = ["Traceback (most recent call last):", '  File "train.py", line 1', "ValueError: no classes"]
TOOLKIT = 'ExecuteUserScriptError:\nExitCode 1\nErrorMessage ""\nCommand "python train.py --epochs 3"'


def exited(code: int, *lines: str, cause: ExitCause = ExitCause.EXITED, hint: str = "") -> Exit:
    return Exit(code, cause, lines, hint)


def test_the_toolkits_empty_message_gets_the_scripts_last_words() -> None:
    noise = ["2026-11-22 sagemaker-training-toolkit ERROR    Reporting training FAILURE", 'ErrorMessage ""']
    failure = failures.of_container(exited(1, "epoch 1", *TRACEBACK, *noise), TOOLKIT, ADVICE)
    assert failure.kind == "AlgorithmError"
    assert failure.exit_code == 1
    assert failure.message == TOOLKIT.replace('""', '"' + "\n".join(TRACEBACK) + '"')


def test_without_a_failure_file_the_end_of_the_log_speaks() -> None:
    assert failures.of_container(exited(3, "a", "", "bye"), "", ADVICE).message == "a\nbye"


def test_the_toolkits_listing_of_the_environment_is_no_word_of_the_script() -> None:
    listing = [
        'SM_HOSTS=["algo-1"]',
        "PYTHONPATH=/opt/ml/code",
        "",
        "Invoking script with the following command:",
    ]
    ended = exited(1, *listing, "", "/usr/bin/python train.py --lr 1", "", "one epoch", *listing[2:3])
    assert failures.of_container(ended, TOOLKIT, ADVICE).message == TOOLKIT.replace('""', '"one epoch"')
    silent = exited(1, *listing, "", "/usr/bin/python train.py --lr 1")
    assert failures.of_container(silent, TOOLKIT, ADVICE).message == TOOLKIT


def test_what_the_script_wrote_itself_comes_first() -> None:
    failure = failures.of_container(exited(1, *TRACEBACK), "The data set has one class.", ADVICE)
    assert failure.message == "The data set has one class."


@pytest.mark.parametrize("text", ["", TOOLKIT, "x" * 5000])
def test_a_message_has_at_most_960_characters_and_keeps_the_end_of_the_error(text: str) -> None:
    lines = [f"line {number} " + "y" * 200 for number in range(40)] + ["ValueError: at the end"]
    hint = "The output mentions /opt/ml."
    message = failures.of_container(exited(1, *lines, hint=hint), text, ADVICE).message
    assert len(message) <= 960
    assert message.endswith(hint)
    if not text.startswith("x"):
        assert "ValueError: at the end" in message


@pytest.mark.parametrize(
    ("ended", "text", "words"),
    [
        (
            exited(137, cause=ExitCause.SIGNALLED),
            "",
            "The container was killed with SIGKILL by another process",
        ),
        (exited(139, cause=ExitCause.SIGNALLED), "", "with SIGSEGV by itself: native code crashed."),
        (
            exited(1),
            TOOLKIT.replace("ExitCode 1", "ExitCode -9"),
            "The training script was killed with SIGKILL",
        ),
        (exited(1, "OSError: [Errno 28] No space left on device"), "", ADVICE),
        (exited(1), "OSError: No space left on device: '/opt/ml/model'", ADVICE),
        (
            exited(137, "gluonship: killed for its memory: its processes hold 9 MiB", cause=ExitCause.MEMORY),
            "",
            "killed for its memory: its processes hold 9 MiB.",
        ),
    ],
)
def test_causes_from_outside_are_named(ended: Exit, text: str, words: str) -> None:
    assert words in failures.of_container(ended, text, ADVICE).message


def test_success_that_was_not_reported() -> None:
    failure = failures.without_success("last words")
    assert "did not write /opt/ml/output/success" in failure.message
    assert failure.message.endswith("last words")
    assert failure.exit_code == 0


def test_a_failure_file_that_is_a_pipe_or_a_folder_or_garbage(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert failures.read_failure_file(tmp_path / "pipe") == ""
    assert failures.read_failure_file(tmp_path) == ""
    assert failures.read_failure_file(tmp_path / "absent") == ""
    (tmp_path / "garbage").write_bytes(b"\xff bad \n")
    assert failures.read_failure_file(tmp_path / "garbage") == "\ufffd bad"


def test_every_signal_has_a_name() -> None:
    for number in [signal.SIGTERM, signal.SIGABRT, 63]:
        message = failures.of_container(exited(128 + number, cause=ExitCause.SIGNALLED), "", "").message
        assert message.startswith("The container was killed with ")


@pytest.mark.parametrize(
    "content",
    [b"not json", b"[]", b'["a"]', b'[{"pre": "s3://b/"}]', b'[{"prefix": "s3://b/"}, 3]', b'{"a": 1}'],
)
def test_manifests_that_are_none(content: bytes) -> None:
    with pytest.raises(StorageError, match=r"s3://b/m.*\[\{\"prefix\": "):
        inputs.parse_manifest(content, "s3://b/m")
