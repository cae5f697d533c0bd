"""Names that SageMaker takes: 1 to 63 letters, digits and hyphens, beginning and ending without a hyphen."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime

MAX_LENGTH = 63
_VALID = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_STAMP = r"\d{8}-\d{6}-[0-9a-f]{4}"
_STAMP_LENGTH = len("-20260101-120000-0000")


def check(name: str, what: str) -> str:
    """`name` itself where SageMaker takes it as a `what`; else a ValueError that says why not."""
    if len(name) > MAX_LENGTH:
        raise ValueError(f"The {what}'s name has {len(name)} characters; SageMaker takes {MAX_LENGTH}.")
    if not _VALID.fullmatch(name):
        suggestion = fitted(name)
        raise ValueError(
            f"'{name}' cannot be a {what}'s name: SageMaker takes letters, digits and hyphens, "
            f"with no hyphen at either end. '{suggestion}' would do."
        )
    return name


def fitted(text: str, length: int = MAX_LENGTH) -> str:
    """The nearest name to `text` that SageMaker takes."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", text).strip("-")[:length].rstrip("-") or "gluonship"


def unique(stem: str, now: datetime | None = None) -> str:
    """A new name that begins with `stem`, as far as it fits: STEM-YYYYMMDD-HHMMSS-XXXX, in UTC."""
    moment = now or datetime.now(UTC)
    return f"{fitted(stem, MAX_LENGTH - _STAMP_LENGTH)}-{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def made_from(name: str, stem: str) -> bool:
    """Whether `name` is one that `unique(stem)` gives."""
    return bool(re.fullmatch(f"{re.escape(fitted(stem, MAX_LENGTH - _STAMP_LENGTH))}-{_STAMP}", name))
