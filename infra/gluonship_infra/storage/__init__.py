"""Where data, models and images are kept: three buckets, two image repositories, one key."""

from gluonship_infra.storage.storage import Storage

__all__ = ["Storage"]
