from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from gluonship.vision.predictions import Classification, ClassScore, classification, difference, softmax
from gluonship.vision.tasks import CLASSIFICATION, TASKS

LABELS = ["cat", "dog", "emu"]


def test_classes_come_by_falling_probability_and_ties_by_index() -> None:
    answer = classification(np.array([0.25, 0.5, 0.25], np.float32), LABELS)
    assert [score.label for score in answer.scores] == ["dog", "cat", "emu"]
    assert answer.top == ClassScore("dog", 1, 0.5)


def test_top_limits_the_classes() -> None:
    probabilities = np.array([0.2, 0.3, 0.5])
    assert len(classification(probabilities, LABELS, top=2).scores) == 2
    assert len(classification(probabilities, LABELS, top=None).scores) == 3
    assert len(classification(np.full(10, 0.1), list("abcdefghij")).scores) == 5


@pytest.mark.parametrize(
    ("probabilities", "words"),
    [
        (np.zeros(2), "for 3 classes"),
        (np.zeros((1, 3)), "shape"),
        (np.array([0.0, np.nan, 1.0]), "finite"),
        (np.array([0.0, -1.0, 1.0]), "probabilities"),
        (np.array([0.0, 0.5, 3.0]), "probabilities"),
    ],
)
def test_what_is_no_probability_vector_is_refused(probabilities: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        classification(probabilities, LABELS)


def test_top_must_be_positive() -> None:
    with pytest.raises(ValueError, match="top"):
        classification(np.zeros(3), LABELS, top=0)


def test_json_there_and_back() -> None:
    answer = classification(softmax(np.array([1.5, -2.0, 0.25])), LABELS)
    text = json.dumps(answer.to_json(), allow_nan=False)
    assert json.loads(text)["schema"] == CLASSIFICATION.schema == "gluonship.classification/1"
    assert Classification.from_json(json.loads(text)) == answer
    assert set(json.loads(text)["predictions"][0]) == {"label", "index", "probability"}


def test_unknown_keys_of_a_later_version_are_left_out() -> None:
    value = {**classification(np.array([0.9, 0.1]), LABELS[:2]).to_json(), "model": "x"}
    value["predictions"][0]["box"] = None
    assert Classification.from_json(value).top.label == "cat"


ROW = {"label": "cat", "index": 0, "probability": 0.5}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "object"),
        ({}, "schema"),
        ({"schema": "gluonship.classification/2", "predictions": [ROW]}, "schema"),
        ({"schema": CLASSIFICATION.schema}, "'predictions'"),
        ({"schema": CLASSIFICATION.schema, "predictions": []}, "'predictions'"),
        ({"schema": CLASSIFICATION.schema, "predictions": [3]}, r"predictions\[0\]"),
        ({"schema": CLASSIFICATION.schema, "predictions": [ROW, {**ROW, "label": 3}]}, r"\[1\].label"),
        ({"schema": CLASSIFICATION.schema, "predictions": [{**ROW, "index": -1}]}, r"\[0\].index"),
        ({"schema": CLASSIFICATION.schema, "predictions": [{**ROW, "probability": 2}]}, r"\[0\].probability"),
        ({"schema": CLASSIFICATION.schema, "predictions": [{**ROW, "probability": None}]}, "probability"),
    ],
)
def test_wrong_json_is_named(value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Classification.from_json(value)


def test_softmax_neither_overflows_nor_depends_on_an_offset() -> None:
    logits = np.array([[1.0, 2.0, 3.0], [1001.0, 1002.0, 1003.0], [-1e30, 0.0, -1e30]])
    result = softmax(logits)
    assert np.allclose(result.sum(axis=1), 1)
    assert np.allclose(result[0], result[1])
    assert result[2].tolist() == [0, 1, 0]


def test_difference_is_the_largest_and_infinite_for_other_classes() -> None:
    expected = classification(np.array([0.7, 0.2, 0.1]), LABELS, top=2)
    actual = classification(np.array([0.65, 0.24, 0.11]), LABELS, top=None)
    assert difference(expected, actual) == pytest.approx(0.05)
    assert difference(actual, expected) == float("inf")
    renamed = classification(np.array([0.7, 0.2, 0.1]), ["cat", "fox", "emu"], top=None)
    assert difference(expected, renamed) == float("inf")


def test_the_five_tasks_are_named_and_one_has_its_parts() -> None:
    assert list(TASKS) == ["classification", "detection", "segmentation", "instances", "pose"]
    assert [name for name, task in TASKS.items() if task.supported] == ["classification"]
    assert len({task.schema for task in TASKS.values()}) == 5
    assert all(task.takes and task.gives and task.measure for task in TASKS.values())
