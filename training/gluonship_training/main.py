"""From arguments to an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Sequence

from gluonship_training import check, environment, hyperparameters
from gluonship_training.arguments import help_text
from gluonship_training.environment import Environment
from gluonship_training.failures import JobError, Stopped, last_line, report
from gluonship_training.hyperparameters import Hyperparameters
from gluonship_training.interruption import Interruption

SUCCESS, UNEXPECTED, WRONG_INPUT = 0, 1, 2
STOPPED_WITH_NOTHING = 128 + 15  # as a shell reports an end by SIGTERM


def main(arguments: Sequence[str]) -> int:
    """Trains; the exit code is 0 where a model was written, also after SIGTERM.

    With --help, or with --check before the hyperparameters, it only says what they are, or what is wrong.
    """
    if "--help" in arguments:
        return _print_help()
    if arguments and arguments[0] == "--check":
        return check.run(arguments[1:])
    interruption = Interruption()
    interruption.install()
    failure_file = environment.failure_file(os.environ)
    try:
        hyper = hyperparameters.read(arguments)
        place = environment.read(os.environ)
        _set_threads(hyper, place)
        # MXNet reads the number of threads when it is imported.
        from gluonship_training import job

        job.run(hyper, place, interruption)
    except JobError as error:
        report(str(error), failure_file)
        return WRONG_INPUT
    except Stopped:
        report("SIGTERM came before the first step: there is no model to keep.", failure_file)
        return STOPPED_WITH_NOTHING
    except Exception as error:  # noqa: BLE001 - the job's end: whatever it is becomes the failure's reason
        traceback.print_exc()
        report(f"{type(error).__name__}: {last_line(error)}", failure_file)
        return UNEXPECTED
    finally:
        sys.stdout.flush()
    return SUCCESS


def _print_help() -> int:
    try:
        print(help_text(hyperparameters.PARAMETERS), flush=True)
    except BrokenPipeError:  # the reader, such as `head`, has enough; nor must the last flush say otherwise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return SUCCESS


def _set_threads(hyper: Hyperparameters, place: Environment) -> None:
    if hyper.num_threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(hyper.num_threads)
    os.environ.setdefault("OMP_NUM_THREADS", str(place.cpus))
