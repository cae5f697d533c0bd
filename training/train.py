"""A training job's entry point: SageMaker's toolkit runs it with the hyperparameters as arguments."""

from __future__ import annotations

import sys

from gluonship_training.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
