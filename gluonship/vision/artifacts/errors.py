"""What can be wrong with an artifact."""

from __future__ import annotations


class ArtifactError(ValueError):
    """An artifact, or an archive of one, that must not be used; the message names the file and the cure."""
