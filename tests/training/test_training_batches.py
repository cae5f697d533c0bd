"""Batches: the same tensors as serving, and pure functions of (seed, epoch, batch)."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from gluonship_training import data, environment
from gluonship_training.augmentation import augment
from gluonship_training.batches import Samples, TrainingBatches, in_order, prefetched

from gluonship.vision.images import Preprocessing, decode

PREPROCESSING = Preprocessing(height=24, width=24, resize="letterbox", interpolation="bicubic")


def batches(
    count: int, batch_size: int, seed: int = 3, flip: bool = True, padding: int = 2
) -> TrainingBatches:
    random = np.random.RandomState(0)
    samples = Samples(
        random.randint(0, 256, (count, 24, 24, 3)).astype(np.uint8), np.arange(count, dtype=np.int32)
    )
    return TrainingBatches(samples, PREPROCESSING, batch_size, seed, flip, padding)


def test_a_training_tensor_equals_the_serving_tensor_bit_for_bit(images: Path) -> None:
    place = environment.read({"SAGEMAKER_BASE_DIR": str(images)})
    loaded = data.load(place, PREPROCESSING, None, 0.1, 0, lambda: None)
    plain = TrainingBatches(loaded.train, PREPROCESSING, 16, 0, flip=False, padding=0)
    files = sorted((images / "input" / "data" / "train").rglob("*.jpg"))
    served = Preprocessing.from_json(PREPROCESSING.to_json())
    compared = 0
    for number, (tensors, _) in enumerate(plain.epoch(0)):
        for tensor, index in zip(tensors, plain.indices(0)[number], strict=True):
            expected = served.tensor(decode(files[index].read_bytes()))
            assert tensor.dtype == expected.dtype == np.float32
            assert tensor.tobytes() == expected.tobytes()
            compared += 1
    assert compared == 64


def test_the_same_seed_epoch_and_batch_give_the_same_tensors() -> None:
    first, second = list(batches(50, 8).epoch(4)), list(batches(50, 8).epoch(4))
    assert len(first) == 6
    for (tensor, labels), (other, others) in zip(first, second, strict=True):
        assert tensor.tobytes() == other.tobytes()
        assert labels.tobytes() == others.tobytes()


def test_an_epoch_begun_in_its_middle_goes_on_as_the_whole_one() -> None:
    whole, rest = list(batches(50, 8).epoch(1)), list(batches(50, 8).epoch(1, start=4))
    assert [tensor.tobytes() for tensor, _ in rest] == [tensor.tobytes() for tensor, _ in whole[4:]]


def test_seed_and_epoch_change_order_and_augmentation() -> None:
    reference = next(batches(50, 8).epoch(0))[0].tobytes()
    assert next(batches(50, 8).epoch(1))[0].tobytes() != reference
    assert next(batches(50, 8, seed=4).epoch(0))[0].tobytes() != reference


def test_an_epoch_sees_every_image_at_most_once() -> None:
    indices = batches(50, 8).indices(0).ravel()
    assert len(set(indices.tolist())) == len(indices) == 48


def test_fewer_images_than_a_batch_are_repeated() -> None:
    tensors = list(batches(5, 8).epoch(0))
    assert len(tensors) == 1
    assert tensors[0][0].shape == (8, 3, 24, 24)
    assert set(tensors[0][1].tolist()) == {0, 1, 2, 3, 4}


def test_validation_sees_every_image_once_in_order() -> None:
    samples = batches(21, 8).samples
    parts = [tensor[:count] for tensor, count in in_order(samples, PREPROCESSING, 8)]
    assert np.concatenate(parts).tobytes() == PREPROCESSING.normalised(samples.images).tobytes()


def test_augmentation_mirrors_and_shifts_and_does_nothing_else() -> None:
    images = np.random.RandomState(1).randint(1, 256, (40, 9, 9, 3)).astype(np.uint8)
    changed = augment(images, np.random.RandomState(2), flip=True, padding=2)
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    seen = set()
    for index, image in enumerate(changed):
        cuts = {
            (top, left, mirrored): padded[index, top : top + 9, left : left + 9][:, :: -1 if mirrored else 1]
            for top in range(5)
            for left in range(5)
            for mirrored in (False, True)
        }
        matching = [place for place, cut in cuts.items() if (cut == image).all()]
        assert len(matching) == 1
        seen.add(matching[0])
    assert {mirrored for _, _, mirrored in seen} == {False, True}
    assert len(seen) > 20


def test_an_error_while_a_batch_is_made_reaches_the_loop_and_ends_the_thread() -> None:
    def make(key: int) -> int:
        if key == 3:
            raise OSError("the disk is gone")
        return key

    made = []
    with pytest.raises(OSError, match="the disk is gone"):
        made.extend(prefetched(make, range(100)))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batches")]


def test_leaving_a_loop_early_ends_the_thread() -> None:
    iterator = prefetched(lambda key: key, range(1000))
    assert next(iterator) == 0
    iterator.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batches")]


def test_the_split_holds_out_some_of_every_class() -> None:
    labels = np.array([0] * 50 + [1] * 4 + [2])
    kept, held_out = data.split(labels, 0.1, 7)
    assert sorted([*kept, *held_out]) == list(range(55))
    assert np.bincount(labels[held_out], minlength=3).tolist() == [5, 1, 0]
    assert (data.split(labels, 0.1, 7)[1] == held_out).all()
    assert (data.split(labels, 0.1, 8)[1] != held_out).any()
