"""AWS's own patterns: some of them take time without end for a value that does not fit."""

from __future__ import annotations

import re

import pytest

from gluonship.local.evaluation.aws_patterns import _longest, fits

AMBIGUOUS = r"^([A-Za-z0-9]+[A-Za-z0-9-.]*)*[A-Za-z0-9-]*[A-Za-z0-9]$"


@pytest.mark.parametrize("length", [3, 12, 13, 3000])
def test_a_value_of_any_length_is_decided(length: int) -> None:
    pattern = re.compile(AMBIGUOUS)
    assert fits(pattern, "a" * length, whole=True)
    assert not fits(pattern, "a" * length + "!", whole=True)
    assert fits(re.compile(r"(a+)+"), "!" * length + "a", whole=False)
    assert not fits(re.compile(r"(a+)+"), "!" * length + "a", whole=True)


def test_a_pattern_keeps_its_flags() -> None:
    assert not fits(re.compile(r"(\w+)+", re.ASCII), "a" * 20 + "é", whole=True)
    assert fits(re.compile(r"(\w+)+"), "a" * 20 + "é", whole=True)


@pytest.mark.parametrize(
    ("pattern", "whole", "longest"),
    [
        (r"^https://([.\-_a-zA-Z0-9]+/?){3,1016}$", True, 12),
        (r"((a*)b)*", True, 12),
        (r"((a+|b)c){2}", True, 12),
        (r"(a(b*)c)?d+", True, 4096),
        (r"[a-z]*", True, float("inf")),
        (r"[a-z]*", False, 4096),
        (r"^[a-z]*", False, float("inf")),
        (r"^(.+)@(.+)$", False, 4096),
        (r".+/.+", False, 200),
        (r"\(a+\)", True, float("inf")),
        (r"\(a+\)+", True, 4096),
        (r"([*+]|[^)(]|[]{2}])*", True, float("inf")),
        (r"a{3}(b)", True, float("inf")),
    ],
)
def test_repeats_within_repeats_are_seen(pattern: str, whole: bool, longest: float) -> None:
    assert _longest(pattern, whole) == longest
