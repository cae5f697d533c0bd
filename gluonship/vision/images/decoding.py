"""From the bytes of a file to pixels, safely."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from gluonship.vision.images.errors import ImageError
from gluonship.vision.images.headers import read_header
from gluonship.vision.images.limits import Limits
from gluonship.vision.images.orientation import orientation, upright
from gluonship.vision.images.png_rows import has_all_rows

if TYPE_CHECKING:
    import numpy.typing as npt

# Opening by the plugin, not by Image.open: no other format can be reached whatever the bytes are, and
# Pillow's process-wide bomb warnings (which `Limits` replaces) stay out of it.
_OPENERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
}
_DEFAULT_LIMITS = Limits()
_PNG_DEPTH = 24  # offset of the bit depth
_WHITE = (255, 255, 255)


def decode(data: bytes, limits: Limits = _DEFAULT_LIMITS) -> npt.NDArray[np.uint8]:
    """The picture in a JPEG, PNG or WebP file, as uint8 (H, W, 3) RGB, upright.

    The format is known by content. EXIF orientation is applied; transparency is put on white; grey and
    palette pictures become RGB; 16-bit samples keep their high byte; CMYK and YCCK become RGB by Adobe's
    (inverted) convention. Colour profiles are not applied, as in GluonCV. Of an animation, the first frame
    is taken: what a viewer without animation shows. Bytes after the picture are ignored.

    Raises ImageError; the limits are checked before anything is decoded, and a truncated file is an error,
    never a half-grey picture. (Changed bytes inside a JPEG's data can go unnoticed: it has no checksum.)
    """
    if not isinstance(data, bytes):
        data = bytes(data)
    if not data:
        raise ImageError("EmptyImage", "there are no bytes; send a JPEG, PNG or WebP image")
    if len(data) > limits.max_bytes:
        raise ImageError(
            "ImageTooLarge",
            f"{len(data):,} bytes are more than the {limits.max_bytes:,} allowed",
        )
    header = read_header(data)
    if header.width * header.height > limits.max_pixels:
        raise ImageError(
            "ImageTooLarge",
            f"{header.width} x {header.height} pixels are more than the {limits.max_pixels:,} allowed; "
            "scale the picture down",
        )
    image, exif = _load(data, header.format, (header.width, header.height))
    turned = orientation(exif) if exif else 1
    pixels = _rgb(image)
    return upright(pixels, turned) if turned > 1 else pixels


def _load(data: bytes, name: str, size: tuple[int, int]) -> tuple[ImageFile.ImageFile, bytes]:
    if name == "WEBP" and not getattr(WebPImagePlugin, "SUPPORTED", True):
        raise ImageError("UnsupportedImage", "this Pillow was built without WebP; send a JPEG or PNG image")
    # The flag is Pillow's, for the process: with it on, a truncated file would become a half-grey picture.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        image = _OPENERS[name](io.BytesIO(data))
        if image.size != size:
            raise ImageError("InvalidImage", f"the {name} file declares two different sizes")
        image.load()
        if name == "PNG" and not has_all_rows(data):
            raise ImageError("InvalidImage", "the PNG file is truncated: it lacks rows of the picture")
    except ImageError:
        raise
    except MemoryError:
        raise ImageError(
            "ImageTooLarge", "{} x {} pixels do not fit into memory; scale the picture down".format(*size)
        ) from None
    except Exception as error:
        reason = str(error).split("\n", 1)[0] or type(error).__name__
        raise ImageError("InvalidImage", f"the {name} file is truncated or corrupt: {reason}") from error
    key = image.info.get("transparency")
    if name == "PNG" and data[_PNG_DEPTH] == 16 and isinstance(key, tuple):
        # Pillow cuts the samples to eight bits, but not the transparent colour.
        image.info["transparency"] = tuple(sample >> 8 for sample in key)
    exif = image.info.get("exif", b"")
    return image, exif if isinstance(exif, bytes) else b""


def _rgb(image: ImageFile.ImageFile) -> npt.NDArray[np.uint8]:
    if image.mode == "RGB" and "transparency" not in image.info:
        return np.array(image)
    if image.mode.startswith("I"):
        return _sixteen_bit_grey(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layers = image.convert("RGBA")
        paper = Image.new("RGB", layers.size, _WHITE)
        paper.paste(layers, mask=layers.getchannel("A"))
        return np.array(paper)
    return np.array(image.convert("RGB"))


def _sixteen_bit_grey(image: ImageFile.ImageFile) -> npt.NDArray[np.uint8]:
    """Pillow keeps 16-bit grey PNGs whole (and clips when converting), but of 16-bit RGB only the high byte:
    the high byte it is for both."""
    samples: npt.NDArray[Any] = np.asarray(image)
    grey = (samples.astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[samples == transparent] = 255
    return np.repeat(grey[:, :, None], 3, axis=2)
