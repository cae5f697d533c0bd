"""The two ways in which serving fails: a request that gets an error, a model that cannot be served."""

from __future__ import annotations

import json
from typing import Any


class ServingError(Exception):
    """A request's failure, as its client sees it: `{"error": {"code": ..., "message": ...}}`.

    `status` is the HTTP status, `code` a short name for programs, `message` a sentence for people.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    def to_json(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": self.message}}

    def to_bytes(self) -> bytes:
        return json.dumps(self.to_json()).encode()


class LoadError(Exception):
    """The model can never be served as it is: `code` and a sentence that names the file and the cure."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def one_line(text: str) -> str:
    """The line of a message that says most: the first one, but of MXNet's messages, which begin with stack
    traces of C++, the one that says what failed."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("Error in operator", "MXNetError:"))]
    telling += [line[line.index("Check failed") :] for line in lines if "Check failed" in line]
    return (telling or lines or [""])[0]


def in_words(error: BaseException) -> str:
    """An exception's kind and message on one line: `ValueError: no such class`."""
    line, name = one_line(str(error)), type(error).__name__
    return f"{name}: {line}" if line and not line.startswith(name) else line or name
