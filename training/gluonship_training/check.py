"""`train.py --check --name value ...`: says what is wrong with hyperparameters before a job is paid for."""

from __future__ import annotations

import sys
from typing import Sequence

from gluonship_training import hyperparameters
from gluonship_training.failures import JobError
from gluonship_training.hyperparameters import PARAMETERS, Hyperparameters

RIGHT, WRONG = 0, 2

# A forward pass on larger images costs more than it tells: what networks refuse is a size too small.
_LARGEST_TRIED = 512


def run(arguments: Sequence[str]) -> int:
    """Prints what a job would fail with, in its words, and returns 2; 0 where nothing is wrong.

    What only MXNet and GluonCV know (the zoo's names, the sizes that a network takes) is checked where they
    are installed; else a line on stdout says that it was not.
    """
    try:
        hyper = hyperparameters.read(arguments)
        if hyper.network != _default("network"):
            _check_network(hyper)
    except JobError as error:
        print(str(error), file=sys.stderr)
        return WRONG
    return RIGHT


def _check_network(hyper: Hyperparameters) -> None:
    try:
        import mxnet as mx

        from gluonship_training import networks

        networks.zoo_names()
    except (ImportError, OSError):  # OSError: one of MXNet's libraries is missing
        print(f"The network '{hyper.network}' is checked by the job: MXNet and GluonCV do not run here.")
        return
    networks.check(hyper.network)
    if hyper.image_size is not None and hyper.image_size <= _LARGEST_TRIED:
        networks.initialise(networks.build(hyper.network, 2), hyper.image_size, mx.cpu(), hyper.seed)


def _default(name: str) -> str:
    return str(next(parameter.default for parameter in PARAMETERS if parameter.name == name))
