"""The small rules of the server, one by one: negotiation, settings, signatures, log lines."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from gluonship import bundles

sys.path.insert(0, str(bundles.find("inference")))
from gluonship_inference import log_lines, payloads, requirements, settings, user_functions
from gluonship_inference.errors import ServingError, in_words, one_line


@pytest.mark.parametrize(
    ("accept", "served"),
    [
        ("", True),
        ("*/*", True),
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("text/html, application/*;q=0.1", True),
        ("text/csv", False),
        ("application/json;q=0", False),
        ("application/json;q=0, */*", False),  # the most specific range decides
        ("*/*;q=0.0, application/json", True),
        ("application/jsonlines", False),
    ],
)
def test_accept(accept: str, served: bool) -> None:
    if served:
        payloads.check_negotiation("image/png", accept)
    else:
        with pytest.raises(ServingError) as refused:
            payloads.check_negotiation("image/png", accept)
        assert refused.value.status == 406


def test_settings_come_from_aws_s_variables() -> None:
    found = settings.from_environment(
        {
            "SAGEMAKER_BASE_DIR": "/somewhere",
            "SAGEMAKER_BIND_TO_PORT": "9000",
            "SAGEMAKER_MODEL_SERVER_WORKERS": "3",
            "SAGEMAKER_MODEL_SERVER_TIMEOUT": "7",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": "50",
        },
        "gluonship",
    )
    assert str(found.model_dir) == "/somewhere/model"
    assert (found.port, found.workers, found.request_timeout, found.max_body) == (9000, 3, 7, 50 * 2**20)
    default = settings.from_environment({}, "gluonship")
    assert (default.host, default.port, str(default.model_dir)) == ("127.0.0.1", 8080, "/opt/ml/model")
    assert (default.request_timeout, default.max_body) == (60, 25 * 2**20)
    assert default.workers == settings.available_cores()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SAGEMAKER_BIND_TO_PORT", "0"),
        ("SAGEMAKER_BIND_TO_PORT", "80.5"),
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "nan"),
        ("SAGEMAKER_MODEL_SERVER_WORKERS", "-1"),
        ("GLUONSHIP_MAX_BODY_BYTES", "inf"),
        ("SAGEMAKER_MULTI_MODEL", "true"),
    ],
)
def test_wrong_settings_are_named(name: str, value: str) -> None:
    with pytest.raises(settings.SettingsError, match=name):
        settings.from_environment({name: value}, "gluonship")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", False),
        ("# nothing\n\n", False),
        ('a==1 ; python_version < "3.9"  # because\n', False),
        ("a==1; python_version<'3.9'\nb", True),
        ('a==1 ; python_version < "3.12"', True),
        ('a==1 ; python_version < "3.9" or python_version > "3.10"', True),
        ('a==1 ; python_version >= "3.9"', True),
        ("--index-url https://example.org/simple", True),
        ("-r other.txt", True),
    ],
)
def test_requirements_that_want_nothing_of_this_python(text: str, wanted: bool) -> None:
    assert requirements.wants_anything(text, (3, 11)) == wanted


def test_our_own_requirements_are_for_aws_s_container() -> None:
    text = (bundles.find("inference") / "requirements.txt").read_text()
    assert requirements.wants_anything(text, (3, 8))
    assert not requirements.wants_anything(text, (3, 11))


def old_model(model_dir: str) -> None: ...
def new_model(model_dir: str, context: Any) -> None: ...
def model_with_default(model_dir: str, preferred_batch_size: int = 1) -> None: ...
def new_with_default(model_dir: str, context: Any = None) -> None: ...
def old_input_of_module(data: bytes, content_type: str, model: Any) -> None: ...
def new_input(data: bytes, content_type: str, whatever: Any) -> None: ...
def any_input(*arguments: Any) -> None: ...


@pytest.mark.parametrize(
    ("function", "count", "wants"),
    [
        (old_model, 1, False),
        (new_model, 1, True),
        (model_with_default, 1, False),
        (new_with_default, 1, True),
        (old_input_of_module, 2, False),
        (new_input, 2, True),
        (any_input, 2, False),
    ],
)
def test_which_functions_want_the_context(function: Any, count: int, wants: bool) -> None:
    assert user_functions.wants_context(function, count) == wants


def test_the_context_is_the_one_of_the_moment() -> None:
    script = ModuleType("script")
    script.model_fn = lambda model_dir: ("old", model_dir)  # type: ignore[attr-defined]
    script.predict_fn = lambda data, model, context: (data, model, context)  # type: ignore[attr-defined]
    contexts = iter(["first", "second"])
    user_functions.adapt(script, lambda: next(contexts))
    assert script.model_fn("m") == ("old", "m")
    assert [script.predict_fn(1, 2), script.predict_fn(3, 4)] == [(1, 2, "first"), (3, 4, "second")]


def test_log_lines_are_one_line_and_quoted_where_needed() -> None:
    line = log_lines.format_line(0.25, "ERROR", "lost", {"pid": 7, "why": 'a "b"\nc', "seconds": 1.23456})
    assert line == '1970-01-01T00:00:00.250Z ERROR lost pid=7 why="a \\"b\\"\\nc" seconds=1.23\n'


def test_mxnet_s_messages_are_cut_to_what_they_say() -> None:
    message = (
        "Traceback (most recent call last):\n  [bt] (3) /x/libmxnet.so(MXInvoke) [0x7f]\n"
        '  File "../src/operator/nn/convolution.cc", line 152\n'
        "MXNetError: Check failed: dshape[1] == 3 (4 vs. 3) : wrong channels\n"
    )
    assert one_line(message) == "MXNetError: Check failed: dshape[1] == 3 (4 vs. 3) : wrong channels"
    assert in_words(ValueError("first\nsecond")) == "ValueError: first"
    assert in_words(KeyError()) == "KeyError"
