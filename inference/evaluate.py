"""A processing job's entry point: a candidate and the model in service, measured on labelled images.

In a bundle it is `__main__.py`: `python3 evaluation.zip [--NAME VALUE] ...`.
"""

from __future__ import annotations

import sys

from gluonship_inference.evaluation_job import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
