"""Names that SageMaker takes: 1 to 63 letters, digits and hyphens, beginning and ending without a hyphen."""

from __future__ import annotations

import hashlib
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


def is_valid(name: str) -> bool:
    """Whether SageMaker takes it; of another one it does not say that it is missing, but that it is wrong."""
    return _VALID.fullmatch(name) is not None


def fitted(text: str, length: int = MAX_LENGTH) -> str:
    """The nearest name to `text` that SageMaker takes."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", text).strip("-")[:length].rstrip("-") or "gluonship"


def unique(text: str, now: datetime | None = None) -> str:
    """A new name made from `text`: STEM-YYYYMMDD-HHMMSS-XXXX, in UTC."""
    moment = now or datetime.now(UTC)
    return f"{stem(text)}-{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def made_from(name: str, text: str) -> bool:
    """Whether `name` is one that `unique(text)` gives."""
    return bool(re.fullmatch(f"{re.escape(stem(text))}-{_STAMP}", name))


def stem(text: str) -> str:
    """What the names that `unique(text)` gives begin with. Where `text` must be cut, a digest of it takes the
    place of its end: texts that begin alike must not share names."""
    longest = MAX_LENGTH - _STAMP_LENGTH
    if len(text) <= longest:
        return fitted(text, longest)
    digest = hashlib.sha256(text.encode()).hexdigest()[:6]
    return f"{fitted(text, longest - 7)}-{digest}"
