"""Pictures decoded and resized once, for an epoch to read as fast as memory gives them."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gluonship.vision.atomic_files import replacing
from gluonship.vision.datasets.dataset import Dataset, DatasetError
from gluonship.vision.images import ImageError, Limits, Preprocessing, decode

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

_DEFAULT_LIMITS = Limits()
_AT_ONCE = 64


def cached_pixels(
    dataset: Dataset,
    preprocessing: Preprocessing,
    folder: Path,
    *,
    limits: Limits = _DEFAULT_LIMITS,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> npt.NDArray[np.uint8]:
    """(N, height, width, 3) uint8: each sample decoded and resized, in order; a read-only memory map.

    The .npy file in `folder` is named by the pictures and the resizing, so another run finds it and another
    data set never does; mean and std play no part. `progress` is called with (images done, images in all).
    Pillow and OpenCV release the interpreter's lock, so `threads` helps on pictures of some size.
    Raises DatasetError naming the picture that cannot be decoded.
    """
    count = len(dataset.samples)
    if not count:
        raise DatasetError("the data set has no images (JPEG, PNG or WebP files)")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"pixels-{_key(dataset, preprocessing)}.npy"
    shape = (count, preprocessing.height, preprocessing.width, 3)
    if not target.exists():
        with replacing(target) as unfinished:
            open_memmap: Any = np.lib.format.open_memmap
            pixels = open_memmap(str(unfinished), mode="w+", dtype=np.uint8, shape=shape)
            # The file is sparse: on a full disk, writing to the map would kill the process.
            with open(unfinished, "r+b") as file:
                os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
            _fill(pixels, dataset, preprocessing, limits, threads, progress)
            pixels.flush()
            del pixels
    elif progress is not None:
        progress(count, count)
    cached: npt.NDArray[np.uint8] = np.load(str(target), mmap_mode="r", allow_pickle=False)
    if cached.shape != shape or cached.dtype != np.uint8:
        raise DatasetError(f"{target} is damaged: delete it")
    return cached


def _fill(
    pixels: npt.NDArray[np.uint8],
    dataset: Dataset,
    preprocessing: Preprocessing,
    limits: Limits,
    threads: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    count = len(pixels)

    def fill(start: int) -> int:
        stop = min(start + _AT_ONCE, count)
        for index in range(start, stop):
            sample = dataset.samples[index]
            try:
                pixels[index] = preprocessing.resized(decode(sample.read(), limits))
            except ImageError as error:
                raise DatasetError(
                    f"{sample.key} cannot be read: {error.message}; replace it or take it out"
                ) from error
        return stop - start

    done = 0
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        futures = [pool.submit(fill, start) for start in range(0, count, _AT_ONCE)]
        try:
            for future in futures:
                done += future.result()
                if progress is not None:
                    progress(done, count)
        finally:
            for future in futures:
                future.cancel()


def _key(dataset: Dataset, preprocessing: Preprocessing) -> str:
    resizing = preprocessing.to_json()
    for key in ("mean", "std"):
        del resizing[key]
    digest = hashlib.sha256(json.dumps(resizing, sort_keys=True).encode("ascii"))
    # Unlike the data set's own digest, the order counts.
    for sample in dataset.samples:
        digest.update(hashlib.sha256(sample.read()).digest())
    return digest.hexdigest()[:32]
