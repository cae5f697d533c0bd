"""RecordIO both ways with MXNet itself: what it writes is read here, what is written here it reads."""

from __future__ import annotations

import pickle
import random
import struct
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from vision_pictures import encoded, scene

from gluonship.vision.datasets import DatasetError, check, open_dataset, write_recordio
from gluonship.vision.datasets.recordio import MAX_LENGTH, RecordFile, write_record
from gluonship.vision.images import decode

MAGIC = struct.pack("<I", 0xCED7230A)
CLASSES = ["cat", "dog", "emu"]


def payloads() -> list[bytes]:
    """Lengths of every alignment, and the magic in every position: aligned, not, at the ends, doubled."""
    generator = random.Random(3)
    some = [generator.randbytes(length) for length in range(12)]
    for before in range(9):
        for after in (0, 1, 4, 5):
            some.append(bytes(before) + MAGIC + bytes(after))
    some += [MAGIC, MAGIC * 3, b"abcd" + MAGIC * 2 + b"x" + MAGIC, generator.randbytes(100_000)]
    return some


def test_mxnet_reads_what_is_written(tmp_path: Path) -> None:
    with (tmp_path / "x.rec").open("wb") as file:
        for payload in payloads():
            write_record(file, payload)
    reader = mx.recordio.MXRecordIO(str(tmp_path / "x.rec"), "r")
    assert [reader.read() for _ in payloads()] == payloads()
    assert reader.read() is None


def test_what_mxnet_writes_is_read_and_equal_to_what_is_written(tmp_path: Path) -> None:
    writer = mx.recordio.MXRecordIO(str(tmp_path / "mx.rec"), "w")
    with (tmp_path / "own.rec").open("wb") as file:
        for payload in payloads():
            writer.write(payload)
            write_record(file, payload)
    writer.close()
    assert (tmp_path / "own.rec").read_bytes() == (tmp_path / "mx.rec").read_bytes()
    records = RecordFile(tmp_path / "mx.rec")
    assert [records.read(offset) for offset in records.offsets()] == payloads()
    for offset, payload in zip(records.offsets(), payloads(), strict=True):
        assert [records.head(offset, n) for n in (0, 4, 28)] == [payload[:0], payload[:4], payload[:28]]
    again = pickle.loads(pickle.dumps(records))  # noqa: S301  (our own object: data loaders send it to workers)
    assert again.read(again.offsets()[-1]) == payloads()[-1]


def test_a_record_of_half_a_gigabyte_is_refused(tmp_path: Path) -> None:
    class Long(bytes):
        def __len__(self) -> int:
            return MAX_LENGTH + 1

    with (tmp_path / "x.rec").open("wb") as file, pytest.raises(DatasetError, match="longer than RecordIO"):
        write_record(file, Long())


@pytest.fixture
def pictures() -> list[tuple[bytes, int]]:
    return [(encoded(scene(28, 28, seed), "PNG"), seed % 3) for seed in range(9)]


def test_mxnets_indexed_reader_and_iterator_read_a_data_set(
    tmp_path: Path, pictures: list[tuple[bytes, int]]
) -> None:
    target = write_recordio(tmp_path, "train", pictures, CLASSES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["classes.txt", "train.idx", "train.rec"]
    reader = mx.recordio.MXIndexedRecordIO(str(tmp_path / "train.idx"), str(target), "r")
    for number in (8, 0, 3):
        header, data = mx.recordio.unpack(reader.read_idx(number))
        assert (data, header.label, header.flag, header.id) == (*pictures[number], 0, number)
    iterator = mx.io.ImageRecordIter(
        path_imgrec=str(target), path_imgidx=str(tmp_path / "train.idx"), data_shape=(3, 28, 28), batch_size=9
    )
    batch = next(iterator)
    assert batch.label[0].asnumpy().tolist() == [label for _, label in pictures]
    expected = np.stack([decode(data).transpose(2, 0, 1) for data, _ in pictures])
    assert np.array_equal(batch.data[0].asnumpy(), expected)


@pytest.mark.parametrize("label", ["number", "list"])
def test_a_data_set_of_mxnets_is_read(tmp_path: Path, pictures: list[tuple[bytes, int]], label: str) -> None:
    writer = mx.recordio.MXIndexedRecordIO(str(tmp_path / "val.idx"), str(tmp_path / "val.rec"), "w")
    for number, (data, value) in enumerate(pictures):
        header = mx.recordio.IRHeader(0, value if label == "number" else [value], number, 0)
        writer.write_idx(number * 10, mx.recordio.pack(header, data))
    writer.close()
    (tmp_path / "classes.txt").write_text("\n".join(CLASSES))
    for has_index in (True, False):
        dataset = open_dataset(tmp_path)
        assert dataset.classes == CLASSES
        assert [(sample.read(), sample.label) for sample in dataset.samples] == pictures
        assert dataset.samples[1].key == ("val.rec[10]" if has_index else "val.rec[1]")
        check(dataset)
        (tmp_path / "val.idx").unlink(missing_ok=True)


def test_several_files_are_one_data_set_in_the_order_of_names(
    tmp_path: Path, pictures: list[tuple[bytes, int]]
) -> None:
    write_recordio(tmp_path, "b", pictures[5:], CLASSES)
    write_recordio(tmp_path, "a", pictures[:5], CLASSES)
    assert [(sample.read(), sample.label) for sample in open_dataset(tmp_path).samples] == pictures


# --- what is wrong ------------------------------------------------------------------------------------------


def test_without_class_names_the_cure_is_said(tmp_path: Path, pictures: list[tuple[bytes, int]]) -> None:
    write_recordio(tmp_path, "train", pictures, CLASSES)
    (tmp_path / "classes.txt").unlink()
    with pytest.raises(DatasetError, match=r"put a classes\.txt beside it"):
        open_dataset(tmp_path)
    assert open_dataset(tmp_path, classes=CLASSES).counts == [3, 3, 3]


def test_records_and_class_folders_together_are_refused(
    tmp_path: Path, pictures: list[tuple[bytes, int]]
) -> None:
    write_recordio(tmp_path, "train", pictures, CLASSES)
    (tmp_path / "cat").mkdir()
    with pytest.raises(DatasetError, match="keep one of the two"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (3, "the label 3: the 3 classes count from 0"),
        (-1, "the label -1"),
        (0.5, "a class index is a whole number"),
        (float("nan"), "a class index is a whole number"),
        (float("inf"), "a class index is a whole number"),
        ([1.0, 2.0], "2 labels: classification takes one"),
    ],
)
def test_a_wrong_label_is_named(tmp_path: Path, label: object, words: str) -> None:
    with (tmp_path / "x.rec").open("wb") as file:
        for value in (0, label):
            header = mx.recordio.IRHeader(0, value, 0, 0)
            write_record(file, mx.recordio.pack(header, encoded(scene(8, 8), "PNG")))
    with pytest.raises(DatasetError, match=rf"x\.rec\[1\] has .*{words}"):
        open_dataset(tmp_path, classes=CLASSES)


def test_writing_checks_labels_classes_and_that_there_is_something(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="sample 1 has label 3: there are 3 classes"):
        write_recordio(tmp_path, "x", [(b"", 0), (b"", 3)], CLASSES)
    with pytest.raises(DatasetError, match="at least two classes"):
        write_recordio(tmp_path, "x", [(b"", 0)], ["cat"])
    with pytest.raises(DatasetError, match="no samples"):
        write_recordio(tmp_path, "x", [], CLASSES)
    assert list(tmp_path.iterdir()) == []


def test_an_index_of_another_file_is_named(tmp_path: Path, pictures: list[tuple[bytes, int]]) -> None:
    write_recordio(tmp_path, "x", pictures, CLASSES)
    for line in ("0\t4", "0\t99999999", "nonsense", "0\t-5"):
        (tmp_path / "x.idx").write_text(f"0\t0\n{line}\n")
        with pytest.raises(DatasetError, match=r"x\.idx, line 2: .* points to no record of x\.rec: delete"):
            open_dataset(tmp_path)
    (tmp_path / "x.idx").write_bytes(b"\xff\x00")
    with pytest.raises(DatasetError, match=r"x\.idx cannot be read"):
        open_dataset(tmp_path)


def test_an_index_that_is_cut_off_is_named(tmp_path: Path, pictures: list[tuple[bytes, int]]) -> None:
    write_recordio(tmp_path, "x", pictures, CLASSES)
    lines = (tmp_path / "x.idx").read_text().splitlines(keepends=True)
    (tmp_path / "x.idx").write_text("".join(lines[:-2]))
    with pytest.raises(
        DatasetError, match=rf"x\.idx lists {len(lines) - 2} of the {len(lines)} records of x\.rec: delete"
    ):
        open_dataset(tmp_path)


def test_a_damaged_file_is_named(tmp_path: Path, pictures: list[tuple[bytes, int]]) -> None:
    target = write_recordio(tmp_path, "x", pictures, CLASSES)
    (tmp_path / "x.idx").unlink()
    whole = target.read_bytes()
    for cut in (1, 7, 9, 100, len(whole) - 4):
        target.write_bytes(whole[:cut])
        with pytest.raises(DatasetError, match=r"x\.rec is cut off at byte"):
            open_dataset(tmp_path)
    target.write_bytes(b"This is no RecordIO file at all.")
    with pytest.raises(DatasetError, match=r"x\.rec has no record at byte 0"):
        open_dataset(tmp_path)
    with target.open("wb") as file:
        write_record(file, b"short")
    with pytest.raises(DatasetError, match="no image record"):
        open_dataset(tmp_path)


def test_an_empty_file_has_no_images(tmp_path: Path) -> None:
    (tmp_path / "x.rec").write_bytes(b"")
    with pytest.raises(DatasetError, match="no images"):
        check(open_dataset(tmp_path, classes=CLASSES))


def test_random_damage_gives_data_or_a_clear_error(tmp_path: Path, pictures: list[tuple[bytes, int]]) -> None:
    whole = write_recordio(tmp_path, "x", pictures, CLASSES).read_bytes()
    generator = random.Random(11)
    target = tmp_path / "x.rec"
    errors = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(40):
            data[generator.randrange(len(data))] = generator.randrange(256)
        target.write_bytes(bytes(data))
        try:
            for sample in open_dataset(tmp_path).samples:
                assert sample.label in (0, 1, 2)
                assert len(sample.read()) < len(whole)
        except DatasetError:
            errors += 1
    assert 10 < errors < 300
