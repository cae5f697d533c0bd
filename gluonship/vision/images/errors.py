"""What can be wrong with the bytes of a picture."""

from __future__ import annotations


class ImageError(ValueError):
    """A picture that cannot be used; `code` is for programs, `message` for people.

    Codes: EmptyImage (no bytes), ImageTooLarge (bytes or pixels above the limits), UnsupportedImage (not a
    format that is read here), InvalidImage (truncated or corrupt).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
