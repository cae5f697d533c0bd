"""Hyperparameters: what is read, and what is said of what is wrong."""

from __future__ import annotations

import dataclasses

import pytest
from gluonship_training import hyperparameters
from gluonship_training.arguments import help_text
from gluonship_training.failures import JobError
from gluonship_training.hyperparameters import PARAMETERS, Hyperparameters


def test_every_declaration_is_a_field_with_a_help_text() -> None:
    assert [field.name for field in dataclasses.fields(Hyperparameters)] == [p.key for p in PARAMETERS]
    text = help_text(PARAMETERS)
    for parameter in PARAMETERS:
        assert f"--{parameter.name}: {parameter.kind.words}" in text
        assert len(parameter.help) > 20


def test_defaults_are_values_that_could_be_given() -> None:
    for parameter in PARAMETERS:
        if parameter.default is not None:
            shown = ",".join(map(str, parameter.default)) if isinstance(parameter.default, tuple) else None
            assert parameter.kind.read(shown or str(parameter.default)) == parameter.default


def test_values_as_the_toolkit_passes_them() -> None:
    hyper = hyperparameters.read(
        [
            *("--batch-size", "32.0", "--flip", "False", "--learning_rate", "5e-2", "--std=0.5,0.5,1"),
            *("--mean", "[0.1, 0.2, 0.3]", "--classes", "['cat', 'dog']", "--image-size", ""),
        ]
    )
    assert (hyper.batch_size, hyper.flip, hyper.learning_rate, hyper.image_size) == (32, False, 0.05, None)
    assert (hyper.mean, hyper.std, hyper.classes) == ((0.1, 0.2, 0.3), (0.5, 0.5, 1.0), ("cat", "dog"))


def test_the_rate_depends_on_the_optimizer_where_it_is_not_given() -> None:
    assert hyperparameters.read([]).learning_rate == 0.1
    assert hyperparameters.read(["--optimizer", "adam"]).learning_rate == 0.001


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--learing-rate", "1"],
            "learing-rate is not a hyperparameter of this script. Did you mean learning-rate",
        ),
        (["--batchsize", "1"], "Did you mean batch-size?"),
        (["--zzz", "1"], "`python train.py --help` lists them."),
        (["--epochs", "0"], "epochs must be a whole number from 1 to 100000, not '0'."),
        (["--epochs", "2.5"], "epochs must be a whole number"),
        (["--epochs", "many"], "epochs must be a whole number"),
        (["--epochs", "inf"], "epochs must be a whole number"),
        (["--learning-rate", "0"], "learning-rate must be a number above 0 up to 100, not '0'."),
        (["--learning-rate", "nan"], "learning-rate must be a number above 0"),
        (["--momentum", "-1"], "momentum must be a number from 0 to 0.9999, not '-1'."),
        (["--optimizer", "SGD"], "optimizer must be one of sgd, nag, adam, not 'SGD'."),
        (["--flip", "maybe"], "flip must be True or False, not 'maybe'."),
        (
            ["--std", "1,1,0"],
            "std must be three numbers (red,green,blue), each above 0 up to 100, not '1,1,0'.",
        ),
        (["--mean", "0.5"], "mean must be three numbers"),
        (["--epochs"], "epochs has no value."),
        (["--epochs", "--seed", "1"], "epochs has no value."),
        (["epochs", "1"], "'epochs' is not of the form --name value."),
        (["--seed", "1", "--seed", "2"], "seed is given twice."),
        (["--epochs", "2", "--warmup-epochs", "3"], "warmup-epochs (3) must not be more than epochs (2)."),
        (["--classes", "a,b,a"], "classes names a class twice: a, b, a."),
    ],
)
def test_what_is_wrong_is_named(arguments: list[str], sentence: str) -> None:
    with pytest.raises(JobError) as caught:
        hyperparameters.read(arguments)
    assert sentence in str(caught.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(JobError) as caught:
        hyperparameters.read(["--epochs", "0", "--momentun", "0.5", "--flip", "2"])
    for name in ("epochs must", "Did you mean momentum?", "flip must"):
        assert name in str(caught.value)
