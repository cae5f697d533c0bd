"""From bytes to pixels to tensors: the one definition that training, serving and devices share."""

from gluonship.vision.images.decoding import decode
from gluonship.vision.images.encoding import encode_png
from gluonship.vision.images.errors import ImageError
from gluonship.vision.images.limits import Limits
from gluonship.vision.images.preprocessing import Preprocessing
from gluonship.vision.images.resizing import Placement

__all__ = ["ImageError", "Limits", "Placement", "Preprocessing", "decode", "encode_png"]
