from __future__ import annotations

import json

import numpy as np
import pytest

from gluonship.vision.evaluation import confusion_table, evaluate

CLASSES = ["cat", "dog", "emu"]
LABELS = [0, 0, 0, 1, 1, 2]
PROBABILITIES = np.array(
    [
        [0.9, 0.1, 0.0],  # right, sure
        [0.4, 0.6, 0.0],  # wrong
        [0.5, 0.3, 0.2],  # right, unsure
        [0.9, 0.1, 0.0],  # wrong, sure
        [0.2, 0.8, 0.0],  # right
        [0.3, 0.4, 0.3],  # wrong
    ]
)


def test_accuracy_confusion_and_measures_by_hand() -> None:
    report = evaluate(LABELS, PROBABILITIES, CLASSES)
    assert report.accuracy == 0.5
    assert report.confusion.tolist() == [[2, 1, 0], [1, 1, 0], [0, 1, 0]]
    cat, dog, emu = report.per_class
    assert (cat.precision, cat.recall, cat.support) == (pytest.approx(2 / 3), pytest.approx(2 / 3), 3)
    assert (dog.precision, dog.recall) == (pytest.approx(1 / 3), 0.5)
    assert dog.f1 == pytest.approx(0.4)
    assert (emu.precision, emu.recall, emu.f1, emu.support) == (0, 0, 0, 1)


def test_the_worst_come_first() -> None:
    report = evaluate(LABELS, PROBABILITIES, CLASSES)
    assert report.worst(10) == [3, 1, 5, 2, 4, 0]
    assert report.worst(2) == [3, 1]
    assert report.worst(0) == []


def test_the_report_is_plain_json() -> None:
    value = json.loads(json.dumps(evaluate(LABELS, PROBABILITIES, CLASSES).to_json(), allow_nan=False))
    assert value["accuracy"] == 0.5
    assert value["images"] == 6
    assert value["per_class"][0]["label"] == "cat"


def test_agrees_with_counting_on_random_data() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        count, classes = int(rng.integers(1, 60)), int(rng.integers(2, 9))
        labels = rng.integers(0, classes, count)
        probabilities = rng.random((count, classes)).astype(np.float32)
        report = evaluate(labels, probabilities, [str(i) for i in range(classes)])
        answers = probabilities.argmax(axis=1)
        assert report.confusion.sum() == count
        for i in range(classes):
            found = int(((answers == i) & (labels == i)).sum())
            assert report.confusion[i, i] == found
            assert report.per_class[i].recall == pytest.approx(found / max(1, (labels == i).sum()))
            assert report.per_class[i].precision == pytest.approx(found / max(1, (answers == i).sum()))
        worst = report.worst(count)
        assert sorted(worst) == list(range(count))
        wrong = [bool(answers[i] != labels[i]) for i in worst]
        assert wrong == sorted(wrong, reverse=True)
        shown = [float(probabilities[i].max()) for i in worst]  # what a contact sheet says beside the answer
        mistakes = sum(wrong)
        assert shown[:mistakes] == sorted(shown[:mistakes], reverse=True)
        assert shown[mistakes:] == sorted(shown[mistakes:])


@pytest.mark.parametrize(
    ("labels", "probabilities", "words"),
    [
        ([], np.zeros((0, 3)), "N > 0"),
        ([0], np.zeros((1, 2)), "expected labels"),
        ([0, 1], np.zeros((1, 3)), "expected labels"),
        ([3], np.zeros((1, 3)), "labels must be from 0 to 2"),
        ([-1], np.zeros((1, 3)), "labels must be from 0 to 2"),
        ([0], np.full((1, 3), np.nan), "finite"),
    ],
)
def test_wrong_input_is_named(labels: list[int], probabilities: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        evaluate(labels, probabilities, CLASSES)


def test_the_table_shows_the_matrix() -> None:
    lines = confusion_table(evaluate(LABELS, PROBABILITIES, CLASSES)).splitlines()
    assert lines == [
        "        0   1   2  recall",
        "0 cat   2   1   .   66.7%",
        "1 dog   1   1   .   50.0%",
        "2 emu   .   1   .    0.0%",
    ]


@pytest.mark.parametrize("count", [2, 10, 14, 40, 1000])
@pytest.mark.parametrize("images", [50, 200_000])
def test_the_table_fits_the_width(count: int, images: int) -> None:
    rng = np.random.default_rng(1)
    names = [f"class of a long name, number {i}" for i in range(count)]
    rows = min(images, 2000)
    report = evaluate(rng.integers(0, count, rows), rng.random((rows, count)), names)
    for width in (60, 100):
        table = confusion_table(report, width)
        assert max(len(line) for line in table.splitlines()) <= width
        assert len(table.splitlines()) <= count + 21


def test_many_classes_show_their_most_frequent_confusions() -> None:
    labels = [0] * 5 + [1] * 3 + [2] * 9
    answers = [7] * 5 + [8] * 3 + [2] * 9
    report = evaluate(labels, np.eye(50)[answers], [f"name {i}" for i in range(50)])
    assert confusion_table(report).splitlines() == [
        "  images  true -> predicted",
        "       5  name 0 -> name 7",
        "       3  name 1 -> name 8",
    ]
    perfect = evaluate([1], np.eye(50)[[1]], [f"name {i}" for i in range(50)])
    assert confusion_table(perfect) == "no confusions"
