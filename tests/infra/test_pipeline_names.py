"""Names of runs: SageMaker takes them, and no two runs share one."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest
from gluonship_infra.pipeline import names
from hypothesis import example, given, settings
from hypothesis import strategies as st
from state_machine_queries import evaluated

_TAKEN = re.compile(r"[a-z0-9](-*[a-z0-9])*")  # by SageMaker, and in ARNs as it is
START = "2026-01-31T12:00:00.123Z"
fittable = st.text(min_size=1, max_size=200).filter(lambda text: bool(re.search("[a-z0-9]", text.lower())))


@given(name=fittable, execution=st.text(min_size=1, max_size=80))
@settings(max_examples=100, deadline=None)
def test_sagemaker_takes_the_name_of_every_job(name: str, execution: str) -> None:
    run = names.run_name(names.stem(name), f"arn:aws:states:us-east-1:1:execution:m:{execution}", START)
    for suffix in ("", "-t9", "-e99", "-c9"):
        assert len(run + suffix) <= names.MAX_LENGTH
        assert _TAKEN.fullmatch(run + suffix)


@given(one=fittable, other=fittable)
@settings(max_examples=100, deadline=None)
def test_two_pipelines_share_no_stem(one: str, other: str) -> None:
    assert (names.stem(one) == names.stem(other)) == (one == other)


def test_two_runs_of_one_second_share_no_name() -> None:
    found = {names.run_name("kit", f"arn:...:execution:machine:{index}", START) for index in range(1000)}
    assert len(found) == 1000


@given(execution=st.text(min_size=1, max_size=80))
@settings(max_examples=25, deadline=None)
def test_the_machine_names_runs_as_we_do(execution: str) -> None:
    context = {"Execution": {"Id": execution, "StartTime": START}}
    found = evaluated(names.run_name_expression("kit-dev"), {"context": context})
    assert found == names.run_name("kit-dev", execution, START)


@given(other=fittable, suffix=st.sampled_from(["", "-t1", "-e9", "-e10", "-c1"]))
@example(other="a-dev-x", suffix="-t1")
@example(other="a-dev-abcdefghijklmn", suffix="-t1")
@example(other="a-dev-20", suffix="")
@settings(max_examples=100, deadline=None)
def test_a_policy_names_the_runs_of_one_pipeline_alone(other: str, suffix: str) -> None:
    assert fnmatchcase(names.run_name("a-dev", "x", START) + suffix, names.run_pattern("a-dev", suffix))
    name = names.run_name(names.stem(other), "x", START) + suffix
    for pattern in ("", "-t?", "-e?", "-e??", "-c?"):
        matches = fnmatchcase(name, names.run_pattern("a-dev", pattern))
        assert not matches or names.stem(other) == "a-dev"


def test_a_name_that_fits_stays_as_it_is() -> None:
    assert names.stem("gluonship-dev") == "gluonship-dev"
    assert names.run_name("gluonship-dev", "x", START).startswith("gluonship-dev-20260131120000-")


def test_a_name_without_letters_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a letter or a digit: '__' has none"):
        names.stem("__")
