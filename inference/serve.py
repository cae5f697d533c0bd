"""Serves the model in SAGEMAKER_BASE_DIR/model (default /opt/ml/model) by SageMaker's container contract."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from gluonship_inference.server import serve
from gluonship_inference.settings import HANDLERS, SettingsError, from_environment


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "command", nargs="?", choices=["serve"], help="what SageMaker starts its containers with"
    )
    parser.add_argument(
        "--handler",
        choices=HANDLERS,
        default="gluonship",
        help="gluonship: an artifact of this kit; sagemaker-mxnet: AWS's handler stack and a script in code/",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on; in a container 0.0.0.0"
    )
    arguments = parser.parse_args()
    try:
        settings = from_environment(os.environ, arguments.handler, arguments.host)
    except SettingsError as error:
        print(f"serve.py: {error}", file=sys.stderr)
        return 2
    return asyncio.run(serve(settings))


if __name__ == "__main__":
    sys.exit(main())
