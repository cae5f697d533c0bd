"""Why a job failed, in the words that DescribeTrainingJob shows: mostly pure."""

from __future__ import annotations

import codecs
import re
import signal
from collections.abc import Sequence
from pathlib import Path

from gluonship.local.contracts import Exit, ExitCause, Failure

MAX_LENGTH = 960  # of the 1,024 characters of a FailureReason; its kind and the exit code go around it
SUCCESS_FILE = "output/success"  # below a job's root; sagemaker-training writes it
_READ_BYTES = 16 * 1024
EXIT_MESSAGE_BYTES = 1024  # "the first 1 KB of this file"

MEMORY_LINE = "gluonship: killed for its memory"  # how the runtime's line about it begins

_SCRIPT_KILLED = re.compile(r"\bExitCode -(\d+)\b")  # as sagemaker-training writes it
_EMPTY_MESSAGE = 'ErrorMessage ""'
# What the toolkit says about a failed script, after the script has said what happened.
_TOOLKIT_NOISE = re.compile(
    r"sagemaker-training-toolkit (ERROR|INFO)|^ExecuteUserScriptError:|^ExitCode -?\d+$|^ErrorMessage |"
    r'^ExtraInfo |^Command "|^gluonship: '
)
_INVOKING = "Invoking script with the following command:"
_NO_SPACE = re.compile(r"No space left on device|Errno 28\b|Disk quota exceeded")


class JobFailed(Exception):
    """Ends a job; carries what is shown."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def client_error(message: str) -> JobFailed:
    return JobFailed(Failure("ClientError", _clipped(message)))


def internal_error(message: str) -> JobFailed:
    return JobFailed(Failure("InternalServerError", _clipped(message)))


def of_container(ended: Exit, failure_text: str, disk_advice: str, lead: str = "") -> Failure:
    """For a container that ended with a code other than 0, or was killed.

    `failure_text` is the content of output/failure. The toolkit leaves its ErrorMessage empty: then the
    last words of the log are put in. `disk_advice` is added when the log says that the disk is full.
    `lead` goes before the log's words, where the container says nothing itself.
    """
    words = last_words(ended.last_lines)
    notes = [_cause(ended), ended.hint]
    if _NO_SPACE.search(failure_text) or any(_NO_SPACE.search(line) for line in ended.last_lines):
        notes.append(disk_advice)
    killed = _SCRIPT_KILLED.search(failure_text)
    if killed and ended.cause is ExitCause.EXITED:
        notes.append(_killed(int(killed.group(1)), "The training script"))
    return Failure("AlgorithmError", _composed(failure_text, words, notes, lead), ended.code)


def without_success(words: str) -> Failure:
    """For a toolkit that ended with code 0 and did not say that it succeeded: it does so when it cannot
    write its verdict."""
    message = (
        f"The container ended with code 0 but did not write /opt/ml/{SUCCESS_FILE}, as it does when training "
        "succeeds; its folder /opt/ml/output may have become unwritable."
    )
    said = f" The end of its log: {_tail(words, MAX_LENGTH - len(message) - 25)}" if words else ""
    return Failure("AlgorithmError", message + said, 0)


def last_words(lines: Sequence[str]) -> str:
    """The end of a log: from the last traceback on, if there is one, else its last lines."""
    said = [line.rstrip() for line in lines if line.strip() and not _TOOLKIT_NOISE.search(line)]
    if _INVOKING in said:  # the toolkit lists the environment and the command; then the script speaks
        said = said[said.index(_INVOKING) + 2 :]
    starts = [
        number for number, line in enumerate(said) if line.startswith("Traceback (most recent call last)")
    ]
    if starts:
        said = said[starts[-1] :]
    return "\n".join(said[-15:])


def read_failure_file(path: Path) -> str:
    """What the container says itself about its failure; empty when it says nothing."""
    try:
        if not path.is_file():  # a pipe would never end
            return ""
        with path.open("rb") as file:
            return file.read(_READ_BYTES).decode("utf-8", errors="replace").strip()
    except OSError:
        return ""


def read_message_file(root: Path, name: str) -> str | None:
    """What a processing container leaves as its ExitMessage; None when it leaves nothing.

    https://docs.aws.amazon.com/sagemaker/latest/dg/byoc-metadata.html. Raises JobFailed when it is no UTF-8.
    """
    path = root / name
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            content = file.read(EXIT_MESSAGE_BYTES)
        whole = path.stat().st_size <= EXIT_MESSAGE_BYTES  # else the last character may be cut in two
        return codecs.getincrementaldecoder("utf-8")().decode(content, final=whole) or None
    except UnicodeDecodeError as error:
        raise client_error(
            f"/opt/ml/{name} is not encoded in UTF-8: {error}. Write the message as UTF-8 text."
        ) from error
    except OSError:
        return None


def _composed(text: str, words: str, notes: Sequence[str], lead: str = "") -> str:
    """All notes, and as much of `text` and of the end of `words` as there is room for."""
    note = " ".join(each for each in notes if each)
    room = max(MAX_LENGTH - len(note) - 2, 0)
    if not text:
        head = f"{lead}\n" if lead and words else lead
        body = head + _tail(words, max(room - len(head), 0))
    elif _EMPTY_MESSAGE in text and words:
        left = max(room - len(text), room // 2)
        body = text.replace(_EMPTY_MESSAGE, f'ErrorMessage "{_tail(words, left)}"', 1)
    else:
        body = text
    return _clipped("\n".join(part for part in (_clipped(body, room), note) if part))


def _tail(words: str, room: int) -> str:
    """The last `room` characters, from the beginning of a line where that loses little."""
    if len(words) <= room:
        return words
    cut = words[len(words) - room :]
    first, newline, rest = cut.partition("\n")
    return rest if newline and len(first) < room // 3 else cut


def _clipped(text: str, room: int = MAX_LENGTH) -> str:
    return text if len(text) <= room else text[: max(room - 3, 0)] + "..."


def _cause(ended: Exit) -> str:
    if ended.cause is ExitCause.MEMORY:
        said = [line for line in ended.last_lines if line.startswith(MEMORY_LINE)]
        return (said[-1] if said else MEMORY_LINE).removeprefix("gluonship: ") + "."
    if ended.cause is ExitCause.SIGNALLED:
        return _killed(ended.code - 128, "The container")
    return ""


def _killed(number: int, what: str) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    by = "another process of this machine"
    if number == signal.SIGKILL:
        by += ", or by the kernel because the machine ran out of memory"
    elif number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT):
        by = "itself: native code crashed"
    return f"{what} was killed with {name} by {by}."
