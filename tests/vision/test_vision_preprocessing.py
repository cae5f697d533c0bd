"""One definition of what the network sees, for one picture and for a batch, in training and in serving."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
import pytest
from vision_pictures import Pixels, distance, encoded, scene

from gluonship.vision.datasets import cached_pixels, open_dataset
from gluonship.vision.images import Placement, Preprocessing, decode

IMAGENET = Preprocessing(224, 224, resize="crop", interpolation="bicubic")


@pytest.mark.parametrize("resize", ["stretch", "letterbox", "crop"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "area", "lanczos"])
@pytest.mark.parametrize("size", [(1, 1), (7, 90), (90, 7), (64, 48), (200, 333)])
def test_every_way_gives_the_size_and_keeps_a_flat_colour(
    resize: str, interpolation: str, size: tuple[int, int]
) -> None:
    preprocessing = Preprocessing(48, 64, resize=resize, interpolation=interpolation, fill=(10, 200, 30))
    flat = np.full((*size, 3), (10, 200, 30), np.uint8)
    resized = preprocessing.resized(flat)
    assert resized.shape == (48, 64, 3)
    assert resized.dtype == np.uint8
    assert (resized == (10, 200, 30)).all()


def test_the_training_tensor_is_the_serving_tensor_bit_for_bit(
    image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    """Training: files, the uint8 cache, batches. Serving: the bytes of one request at a time."""
    folder = image_folder(("a", "b", "c"), count=5)
    for number in range(4):  # JPEGs of several sizes beside the folder's PNGs
        data = encoded(scene(100 + 31 * number, 150, number), "JPEG")
        (folder / "a" / f"x{number}.jpg").write_bytes(data)
    dataset = open_dataset(folder)
    for resize in ("stretch", "letterbox", "crop"):
        preprocessing = Preprocessing(40, 56, resize=resize)
        pixels = cached_pixels(dataset, preprocessing, tmp_path / "cache")
        served = [preprocessing.tensor(decode(sample.read())) for sample in dataset.samples]
        for batch_size in (1, 2, 7, len(served)):
            for start in range(0, len(served), batch_size):
                batch = preprocessing.normalised(pixels[start : start + batch_size])
                for offset, tensor in enumerate(batch):
                    assert tensor.tobytes() == served[start + offset].tobytes()


def test_normalised_is_the_formula_rounded_once() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    tensor = IMAGENET.normalised(np.dstack([every, every, every]))
    assert tensor.shape == (3, 16, 16)
    assert tensor.dtype == np.float32
    assert tensor.flags.c_contiguous
    for channel in range(3):
        exact = (every / 255.0 - IMAGENET.mean[channel]) / IMAGENET.std[channel]
        assert np.array_equal(tensor[channel], exact.astype(np.float32))


def test_normalised_takes_views_and_leaves_its_input_alone() -> None:
    batch = np.stack([scene(20, 30, seed) for seed in range(4)])
    before = batch.copy()
    flipped = IMAGENET.normalised(batch[:, :, ::-1])
    assert np.array_equal(flipped, IMAGENET.normalised(batch)[..., ::-1])
    batch.setflags(write=False)
    assert np.array_equal(IMAGENET.normalised(batch[1:3])[0], IMAGENET.normalised(batch[1]))
    assert np.array_equal(batch, before)
    assert IMAGENET.normalised(batch[:0]).shape == (0, 3, 20, 30)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((4, 4)), np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4), np.uint8)],
)
def test_what_is_no_picture_is_refused(wrong: Any) -> None:
    for function in (IMAGENET.normalised, IMAGENET.resized):
        with pytest.raises(ValueError, match="expected"):
            function(wrong)


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    picture = scene(32, 32)
    for interpolation in ("bilinear", "lanczos"):
        assert np.array_equal(Preprocessing(32, 32, interpolation=interpolation).resized(picture), picture)


# --- placement ----------------------------------------------------------------------------------------------


def test_letterbox_keeps_proportions_and_fills_the_rest() -> None:
    preprocessing = Preprocessing(100, 100, resize="letterbox", fill=(1, 2, 3))
    wide, placement = preprocessing.placed(np.full((50, 200, 3), 255, np.uint8))
    assert placement == Placement(0.5, 0.5, 0.0, 37.0)
    assert (wide[:37] == (1, 2, 3)).all()
    assert (wide[37:62] == 255).all()
    assert (wide[62:] == (1, 2, 3)).all()
    tall, placement = preprocessing.placed(np.full((400, 100, 3), 255, np.uint8))
    assert (placement.left, placement.top) == (37.0, 0.0)
    assert (tall[:, 37:62] == 255).all()


@pytest.mark.parametrize("resize", ["stretch", "letterbox", "crop"])
def test_a_marked_point_is_found_again_through_the_placement(resize: str) -> None:
    rng = np.random.default_rng(5)
    preprocessing = Preprocessing(120, 160, resize=resize, interpolation="area", fill=(0, 0, 0))
    for _ in range(40):
        height, width = (int(side) for side in rng.integers(60, 600, 2))
        picture = np.zeros((height, width, 3), np.uint8)
        shorter = min(height, width)  # a crop shows only this much around the middle
        y = int(rng.integers(height // 2 - shorter // 6, height // 2 + shorter // 6))
        x = int(rng.integers(width // 2 - shorter // 6, width // 2 + shorter // 6))
        picture[y - 9 : y + 10, x - 9 : x + 10] = 255
        canvas, placement = preprocessing.placed(picture)
        weights = canvas[..., 0].astype(float)
        rows, columns = np.indices(weights.shape)
        centre_x = float((weights * (columns + 0.5)).sum() / weights.sum())
        centre_y = float((weights * (rows + 0.5)).sum() / weights.sum())
        back = placement.to_original(centre_x, centre_y)
        # to within three quarters of a pixel of the canvas, as sampling gives it
        assert back[0] == pytest.approx(x + 0.5, abs=max(0.75, 0.75 / placement.scale_x))
        assert back[1] == pytest.approx(y + 0.5, abs=max(0.75, 0.75 / placement.scale_y))


@pytest.mark.parametrize("size", [(300, 400), (401, 300), (256, 256), (100, 90), (224, 224), (37, 411)])
def test_crop_is_gluoncvs_imagenet_transform(size: tuple[int, int]) -> None:
    """mxnet.image.resize_short(256) and center_crop(224): what GluonCV evaluates its networks with."""
    picture = scene(*size)
    short = mx.image.resize_short(mx.nd.array(picture, dtype="uint8"), 256)
    expected: Pixels = mx.image.center_crop(short, (224, 224))[0].asnumpy()
    assert distance(IMAGENET.resized(picture), expected) < 0.1


def test_normalised_is_gluons_to_tensor_and_normalize() -> None:
    picture = scene(50, 60)
    transform = mx.gluon.data.vision.transforms
    tensor = transform.ToTensor()(mx.nd.array(picture, dtype="uint8"))
    expected = transform.Normalize(IMAGENET.mean, IMAGENET.std)(tensor).asnumpy()
    assert np.abs(IMAGENET.normalised(picture) - expected).max() < 1e-6


# --- as data ------------------------------------------------------------------------------------------------


def test_json_there_and_back() -> None:
    preprocessing = Preprocessing(
        32, 48, "letterbox", "area", (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), (1, 2, 3), crop_ratio=0.9
    )
    again = Preprocessing.from_json(json.loads(json.dumps(preprocessing.to_json())))
    assert again == preprocessing
    assert hash(again) == hash(preprocessing)
    picture = scene(20, 20)
    assert again.tensor(picture).tobytes() == preprocessing.tensor(picture).tobytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"height": 0}, "height"),
        ({"width": 10_000}, "width"),
        ({"height": 32.0}, "height"),
        ({"height": True}, "height"),
        ({"resize": "squash"}, "resize must be one of stretch, letterbox, crop"),
        ({"resize": ["stretch"]}, "resize"),
        ({"interpolation": "cubic"}, "interpolation"),
        ({"mean": [0.5, 0.5]}, "mean"),
        ({"mean": 0.5}, "mean"),
        ({"std": [0.5, 0.0, 0.5]}, "std"),
        ({"std": [0.5, float("nan"), 0.5]}, "std"),
        ({"fill": [0, 0, 256]}, "fill"),
        ({"fill": [0, 0, 0.5]}, "fill"),
        ({"crop_ratio": 1.5}, "crop_ratio"),
        ({"sharpen": True}, "unknown key 'sharpen'"),
    ],
)
def test_a_wrong_value_is_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Preprocessing.from_json({"height": 32, "width": 32, **change})


def test_a_missing_size_is_named() -> None:
    with pytest.raises(ValueError, match="'width' is missing"):
        Preprocessing.from_json({"height": 32})
    with pytest.raises(ValueError, match="object"):
        Preprocessing.from_json([])  # type: ignore[arg-type]
