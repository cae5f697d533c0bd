"""The artifact: a trained model with everything that serving it needs, and proof that it is whole."""

from gluonship.vision.artifacts.archive import ArchiveLimits, extract, pack
from gluonship.vision.artifacts.errors import ArtifactError
from gluonship.vision.artifacts.layout import seal, verify, write
from gluonship.vision.artifacts.manifest import Golden, Manifest
from gluonship.vision.artifacts.names import MANIFEST, PARAMS, SYMBOL, neo_violations

__all__ = [
    "MANIFEST",
    "PARAMS",
    "SYMBOL",
    "ArchiveLimits",
    "ArtifactError",
    "Golden",
    "Manifest",
    "extract",
    "neo_violations",
    "pack",
    "seal",
    "verify",
    "write",
]
