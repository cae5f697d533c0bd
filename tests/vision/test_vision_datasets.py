"""Image folders, their rules and what is wrong with them; digest; the cache of pixels."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vision_pictures import encoded, scene

from gluonship.vision.datasets import (
    Dataset,
    DatasetError,
    Sample,
    cached_pixels,
    check,
    open_dataset,
    write_recordio,
)
from gluonship.vision.images import Limits, Preprocessing, decode

MakeFolder = Callable[..., Path]
SMALL = Preprocessing(16, 20, resize="letterbox")


def test_a_folder_per_class_in_the_order_of_names(image_folder: MakeFolder) -> None:
    folder = image_folder(("dog", "Zebra", "cat"), count=2)
    dataset = open_dataset(folder)
    assert dataset.classes == ["Zebra", "cat", "dog"]
    assert [sample.key for sample in dataset.samples][:3] == ["Zebra/0.png", "Zebra/1.png", "cat/0.png"]
    assert dataset.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert dataset.counts == [2, 2, 2]
    assert dataset.samples[0].read() == (folder / "Zebra/0.png").read_bytes()
    check(dataset)


@contextlib.contextmanager
def as_an_ordinary_user() -> Iterator[None]:
    """Root may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("closed", ["", "dog", "dog/more"])
def test_a_folder_that_cannot_be_read_is_named(image_folder: MakeFolder, closed: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)  # noqa: S103 - for another user to enter
        folder = shutil.copytree(image_folder(), Path(place) / "data")
        shutil.copytree(folder / "dog", folder / "dog/more")
        (folder / closed).chmod(0)
        try:
            with (
                as_an_ordinary_user(),
                pytest.raises(DatasetError, match=f"{folder / closed}.* cannot be read: Permission"),
            ):
                open_dataset(folder)
        finally:
            (folder / closed).chmod(0o755)


def test_classes_txt_or_the_caller_give_the_order(image_folder: MakeFolder) -> None:
    folder = image_folder(("cat", "dog"))
    (folder / "classes.txt").write_text("\ufeffdog\r\n\r\ncat\r\n", encoding="utf-8")
    assert open_dataset(folder).classes == ["dog", "cat"]
    assert open_dataset(folder).labels.tolist() == [1, 1, 1, 0, 0, 0]
    dataset = open_dataset(folder, classes=["emu", "cat", "dog"])
    assert dataset.counts == [0, 3, 3]
    assert dataset.ignored == ()


def test_pictures_may_lie_deeper(image_folder: MakeFolder) -> None:
    folder = image_folder()
    (folder / "cat" / "2024" / "may").mkdir(parents=True)
    shutil.move(str(folder / "cat/0.png"), str(folder / "cat/2024/may/x.PNG"))
    keys = [sample.key for sample in open_dataset(folder).samples]
    assert keys[:3] == ["cat/1.png", "cat/2.png", "cat/2024/may/x.PNG"]


def test_what_systems_leave_behind_is_skipped_and_other_files_are_listed(image_folder: MakeFolder) -> None:
    folder = image_folder()
    before = [sample.key for sample in open_dataset(folder).samples]
    for name in (".DS_Store", "cat/.hidden.png", "cat/Thumbs.db", ".git/x.png", "__MACOSX/cat/0.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    (folder / "lost+found").mkdir()
    (folder / "README.md").write_text("about")
    (folder / "cat" / "notes.txt").write_text("about cats")
    dataset = open_dataset(folder)
    assert [sample.key for sample in dataset.samples] == before
    assert list(dataset.ignored) == ["README.md", "cat/notes.txt"]


@pytest.mark.parametrize("name", ["x.gif", "x.BMP", "deep/x.tiff", "x.heic"])
def test_a_picture_of_another_format_is_named(image_folder: MakeFolder, name: str) -> None:
    folder = image_folder()
    (folder / "cat" / name).parent.mkdir(exist_ok=True)
    (folder / "cat" / name).write_bytes(b"x")
    with pytest.raises(DatasetError, match=rf"cat/{name} is no JPEG, PNG or WebP picture: convert it"):
        open_dataset(folder)


def test_links_to_files_and_class_folders_are_followed(image_folder: MakeFolder, tmp_path: Path) -> None:
    source = image_folder(("cat", "dog"), name="source")
    folder = tmp_path / "subset"
    (folder / "cat").mkdir(parents=True)
    (folder / "cat" / "0.png").symlink_to(source / "cat" / "0.png")
    (folder / "dog").symlink_to(source / "dog")
    assert [sample.key for sample in open_dataset(folder).samples] == [
        "cat/0.png", "dog/0.png", "dog/1.png", "dog/2.png"
    ]  # fmt: skip


def test_links_to_deeper_folders_and_into_nothing_are_refused(image_folder: MakeFolder) -> None:
    folder = image_folder()
    (folder / "cat" / "loop").symlink_to(folder)
    with pytest.raises(DatasetError, match="cat/loop links to a folder"):
        open_dataset(folder)
    (folder / "cat" / "loop").unlink()
    (folder / "cat" / "gone.png").symlink_to(folder / "nowhere.png")
    with pytest.raises(DatasetError, match=r"cat/gone\.png is a broken link"):
        open_dataset(folder)


# --- what is wrong with a data set --------------------------------------------------------------------------


def test_no_folder_no_folders(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        open_dataset(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="has no folders: a data set is a folder per class"):
        open_dataset(tmp_path)


def test_one_class(image_folder: MakeFolder) -> None:
    with pytest.raises(DatasetError, match=r"at least two classes, got \['cat'\]"):
        open_dataset(image_folder(("cat",)))


def test_class_names_that_differ_by_case_only(image_folder: MakeFolder) -> None:
    with pytest.raises(DatasetError, match="classes 'Cat' and 'cat' differ only by case"):
        open_dataset(image_folder(("cat", "Cat", "dog")))


def test_a_folder_that_is_no_class(image_folder: MakeFolder) -> None:
    with pytest.raises(DatasetError, match="dog is no class: there are cat, emu"):
        open_dataset(image_folder(("cat", "dog")), classes=["cat", "emu"])


def test_a_picture_beside_the_class_folders(image_folder: MakeFolder) -> None:
    folder = image_folder()
    shutil.copy(folder / "cat/0.png", folder / "stray.png")
    with pytest.raises(DatasetError, match=r"stray\.png lies outside the class folders"):
        open_dataset(folder)


@pytest.mark.parametrize("text", ["cat\n", "cat\ncat\n", ""])
def test_a_wrong_classes_txt_is_named(image_folder: MakeFolder, text: str) -> None:
    folder = image_folder()
    (folder / "classes.txt").write_text(text)
    with pytest.raises(DatasetError, match=r"classes\.txt: "):
        open_dataset(folder)
    (folder / "classes.txt").write_bytes(b"\xff\xfe\x00c")
    with pytest.raises(DatasetError, match=r"classes\.txt cannot be read"):
        open_dataset(folder)


def test_no_images(image_folder: MakeFolder) -> None:
    with pytest.raises(DatasetError, match="has no images"):
        check(open_dataset(image_folder(count=0)))


def test_a_class_without_images(image_folder: MakeFolder) -> None:
    folder = image_folder(("cat", "dog"))
    (folder / "emu").mkdir()
    dataset = open_dataset(folder)
    with pytest.raises(DatasetError, match="class 'emu' has no images"):
        check(dataset)
    check(dataset, every_class=False)


def test_unreadable_images_are_all_counted_and_the_first_ones_named(image_folder: MakeFolder) -> None:
    folder = image_folder(count=8)
    (folder / "cat/1.png").write_bytes(b"a text")
    (folder / "dog/0.png").write_bytes((folder / "dog/0.png").read_bytes()[:200])
    dataset = open_dataset(folder)
    seen: list[tuple[int, int]] = []
    with pytest.raises(DatasetError) as caught:
        check(dataset, progress=lambda done, total: seen.append((done, total)))
    lines = str(caught.value).splitlines()
    assert lines[0] == "2 of 16 images cannot be read: replace them, or take them out"
    assert lines[1].startswith("  cat/1.png: the content is text")
    assert lines[2].startswith("  dog/0.png: the PNG file is truncated")
    assert seen == [(number, 16) for number in range(1, 17)]
    check(dataset, decode_images=False)
    for number in range(8):
        (folder / f"cat/{number}.png").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"9 of 16(.|\n)*\.\.\. and 4 more"):
        check(dataset)


def test_the_limits_of_decoding_are_the_callers(image_folder: MakeFolder) -> None:
    with pytest.raises(DatasetError, match="32 x 24 pixels are more than the 100 allowed"):
        check(open_dataset(image_folder()), limits=Limits(max_pixels=100))


def test_a_file_that_vanishes_is_named(image_folder: MakeFolder) -> None:
    folder = image_folder()
    dataset = open_dataset(folder)
    (folder / "cat/0.png").unlink()
    with pytest.raises(DatasetError, match=r"cat/0\.png cannot be read: No such file"):
        check(dataset)


# --- digest -------------------------------------------------------------------------------------------------


def test_the_digest_is_of_pictures_labels_and_classes_only(image_folder: MakeFolder, tmp_path: Path) -> None:
    folder = image_folder(("cat", "dog"))
    dataset = open_dataset(folder)
    digest = dataset.digest
    assert len(digest) == 64
    (folder / "cat/0.png").rename(folder / "cat/zzz.png")
    (folder / "README").write_text("x")
    assert open_dataset(folder).digest == digest
    backwards = [(sample.read(), sample.label) for sample in reversed(open_dataset(folder).samples)]
    write_recordio(tmp_path / "rec", "train", backwards, dataset.classes)
    assert open_dataset(tmp_path / "rec").digest == digest


def test_the_digest_changes_with_the_data(image_folder: MakeFolder) -> None:
    folder = image_folder(("cat", "dog"))
    digests = [open_dataset(folder).digest]
    (folder / "cat/0.png").rename(folder / "dog/moved.png")
    digests.append(open_dataset(folder).digest)
    (folder / "dog/moved.png").write_bytes(encoded(scene(24, 32, 99), "PNG"))
    digests.append(open_dataset(folder).digest)
    shutil.copy(folder / "dog/1.png", folder / "dog/copy.png")
    digests.append(open_dataset(folder).digest)
    digests.append(open_dataset(folder, classes=["cat", "dog", "emu"]).digest)
    (folder / "classes.txt").write_text("dog\ncat\n")
    digests.append(open_dataset(folder).digest)
    assert len(set(digests)) == len(digests)


# --- the cache ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 4])
def test_the_cache_holds_what_serving_sees(image_folder: MakeFolder, tmp_path: Path, threads: int) -> None:
    dataset = open_dataset(image_folder(("a", "b"), count=90))
    seen: list[int] = []
    pixels = cached_pixels(
        dataset, SMALL, tmp_path / "cache", threads=threads, progress=lambda done, _: seen.append(done)
    )
    assert pixels.shape == (180, 16, 20, 3)
    assert pixels.dtype == np.uint8
    assert isinstance(pixels, np.memmap)
    assert not pixels.flags.writeable
    for row, sample in zip(pixels, dataset.samples, strict=True):
        assert np.array_equal(row, SMALL.resized(decode(sample.read())))
    assert seen == [64, 128, 180]


def test_the_cache_takes_its_space_before_it_is_filled(image_folder: MakeFolder, tmp_path: Path) -> None:
    """On a disk that becomes full, a write to a map without its space would kill the process."""
    taken: list[bool] = []

    def progress(done: int, count: int) -> None:
        status = next((tmp_path / "cache").iterdir()).stat()
        taken.append(status.st_blocks * 512 >= status.st_size)

    dataset = open_dataset(image_folder(("a", "b"), count=90))
    cached_pixels(dataset, Preprocessing(height=64, width=64), tmp_path / "cache", progress=progress)
    assert taken[0]


def test_the_cache_is_found_again_and_never_mistaken(image_folder: MakeFolder, tmp_path: Path) -> None:
    folder, cache = image_folder(), tmp_path / "cache"

    def files(**changes: Any) -> int:
        cached_pixels(open_dataset(folder), Preprocessing(**{"height": 16, "width": 20, **changes}), cache)
        return len(list(cache.iterdir()))

    assert files() == 1
    stamp = next(cache.iterdir()).stat().st_mtime_ns
    assert files(mean=(0, 0, 0)) == 1
    assert next(cache.iterdir()).stat().st_mtime_ns == stamp
    assert files(height=17) == 2
    assert files(resize="crop") == 3
    assert files(interpolation="area") == 4
    (folder / "cat/0.png").write_bytes(encoded(scene(10, 10), "PNG"))
    assert files() == 5


def test_an_unreadable_picture_leaves_no_cache(image_folder: MakeFolder, tmp_path: Path) -> None:
    folder = image_folder()
    (folder / "dog/1.png").write_bytes(b"a text")
    with pytest.raises(DatasetError, match=r"dog/1\.png cannot be read: the content is text.*; replace it"):
        cached_pixels(open_dataset(folder), SMALL, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
    with pytest.raises(DatasetError, match="no images"):
        cached_pixels(Dataset(["a", "b"], []), SMALL, tmp_path / "cache")


def test_a_damaged_cache_is_named(image_folder: MakeFolder, tmp_path: Path) -> None:
    dataset = open_dataset(image_folder())
    cached_pixels(dataset, SMALL, tmp_path / "cache")
    target = next((tmp_path / "cache").iterdir())
    np.save(str(target), np.zeros((2, 2), np.uint8))
    with pytest.raises(DatasetError, match="is damaged: delete it"):
        cached_pixels(dataset, SMALL, tmp_path / "cache")


def test_samples_are_plain_data() -> None:
    sample = Sample("a/b.png", 1, lambda: b"x")
    assert (sample.key, sample.label, sample.read()) == ("a/b.png", 1, b"x")
