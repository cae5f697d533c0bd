"""What is done to a picture before the network sees it: one definition for training, serving and devices."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Mapping

import numpy as np

from gluonship.vision.images import resizing
from gluonship.vision.images.resizing import Placement

if TYPE_CHECKING:
    import numpy.typing as npt

_MAX_SIDE = 8192


@dataclass(frozen=True)
class Preprocessing:
    """Resize, then normalise.

    `height`, `width`: of the network's input, in pixels. `resize`: 'stretch', 'letterbox' (whole picture,
    `fill` around it) or 'crop' (shorter side to size / `crop_ratio`, then the centre). `interpolation`:
    OpenCV's 'nearest', 'bilinear', 'bicubic', 'area' or 'lanczos'. `mean`, `std`: RGB on the scale 0..1 (the
    defaults are ImageNet's, as in GluonCV). `fill`: RGB on 0..255 (the default is the mean, so it becomes 0).
    """

    height: int
    width: int
    resize: str = "stretch"
    interpolation: str = "bilinear"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    fill: tuple[int, int, int] = (124, 116, 104)
    crop_ratio: float = 0.875
    _tables: list[npt.NDArray[np.float32]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for key in ("height", "width"):
            value = getattr(self, key)
            if not _is_int(value) or not 1 <= value <= _MAX_SIDE:
                raise _wrong(key, value, f"an integer from 1 to {_MAX_SIDE}")
        if self.resize not in resizing.RESIZES:
            raise _wrong("resize", self.resize, "one of " + ", ".join(resizing.RESIZES))
        if self.interpolation not in resizing.INTERPOLATIONS:
            raise _wrong("interpolation", self.interpolation, "one of " + ", ".join(resizing.INTERPOLATIONS))
        for key in ("mean", "std", "fill"):
            object.__setattr__(self, key, _triple(key, getattr(self, key)))
        if min(self.std) <= 0:
            raise _wrong("std", self.std, "three numbers above 0")
        if not all(_is_int(value) and 0 <= value <= 255 for value in self.fill):
            raise _wrong("fill", self.fill, "three integers from 0 to 255")
        if not _is_number(self.crop_ratio) or not 0 < self.crop_ratio <= 1:
            raise _wrong("crop_ratio", self.crop_ratio, "a number above 0 and at most 1")
        tables = [
            ((np.arange(256) / 255.0 - mean) / std).astype(np.float32)
            for mean, std in zip(self.mean, self.std)
        ]
        object.__setattr__(self, "_tables", tables)

    def placed(self, image: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], Placement]:
        """`resized(image)`, and where the original lies on it: what brings boxes back."""
        _check_image(image)
        if self.resize == "letterbox":
            return resizing.letterbox(image, self.height, self.width, self.interpolation, self.fill)
        if self.resize == "crop":
            return resizing.crop(image, self.height, self.width, self.interpolation, self.crop_ratio)
        scale_y, scale_x = self.height / image.shape[0], self.width / image.shape[1]
        stretched = resizing.stretch(image, self.height, self.width, self.interpolation)
        return stretched, Placement(scale_x, scale_y, 0.0, 0.0)

    def resized(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """uint8 (H, W, 3) RGB to uint8 (height, width, 3)."""
        return self.placed(image)[0]

    def normalised(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """uint8 (H, W, 3) to float32 (3, H, W), or (N, H, W, 3) to (N, 3, H, W): (value / 255 - mean) / std.

        Each value is looked up in a table of 256 float32 numbers, so the same pixel gives the same bits alone
        or in a batch of any size, on any machine.
        """
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.shape[-1] != 3:
            raise ValueError(f"expected uint8 (H, W, 3) or (N, H, W, 3), got {images.dtype} {images.shape}")
        import cv2  # as in resizing: only where pixels are worked on

        batch = images if images.ndim == 4 else images[None]
        count, height, width, _ = batch.shape
        result = np.empty((count, 3, height, width), dtype=np.float32)
        tables = self._tables
        for image, planes in zip(batch, result):
            for samples, table, plane in zip(cv2.split(image), tables, planes):
                cv2.LUT(samples, table, dst=plane)
        return result if images.ndim == 4 else result[0]

    def tensor(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """uint8 (H, W, 3) RGB to float32 (3, height, width): `normalised(resized(image))`."""
        return self.normalised(self.resized(image))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` gives an equal Preprocessing back."""
        return {
            "height": self.height,
            "width": self.width,
            "resize": self.resize,
            "interpolation": self.interpolation,
            "mean": list(self.mean),
            "std": list(self.std),
            "fill": list(self.fill),
            "crop_ratio": self.crop_ratio,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Preprocessing:
        """Raises ValueError that names the missing, unknown or wrong key: a step that is not understood must
        not be left out silently."""
        if not isinstance(values, Mapping):
            raise ValueError(f"preprocessing: expected an object, got {values!r}")
        known = {key for key in cls.__dataclass_fields__ if not key.startswith("_")}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"preprocessing: unknown key {unknown[0]!r}")
        for key in ("height", "width"):
            if key not in values:
                raise ValueError(f"preprocessing: key {key!r} is missing")
        return cls(**values)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _triple(key: str, value: object) -> tuple[Any, ...]:
    if isinstance(value, (list, tuple)) and len(value) == 3 and all(_is_number(item) for item in value):
        return tuple(value) if key == "fill" else tuple(float(item) for item in value)
    raise _wrong(key, value, "three finite numbers (red, green, blue)")


def _wrong(key: str, value: object, expected: str) -> ValueError:
    return ValueError(f"preprocessing: {key} must be {expected}, got {value!r}")


def _check_image(image: npt.NDArray[np.uint8]) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"expected a picture, uint8 (H, W, 3), got {image.dtype} {image.shape}")
