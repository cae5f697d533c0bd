"""Labelled pictures from a folder: an image folder (a folder per class) or RecordIO."""

from gluonship.vision.datasets.cache import cached_pixels
from gluonship.vision.datasets.checking import check
from gluonship.vision.datasets.dataset import Dataset, DatasetError, Sample
from gluonship.vision.datasets.opening import open_dataset
from gluonship.vision.datasets.records import write_recordio

__all__ = ["Dataset", "DatasetError", "Sample", "cached_pixels", "check", "open_dataset", "write_recordio"]
