#!/usr/bin/env python3
"""The CDK app: reads the configuration, adds its stacks, checks them by the rules.

    cdk synth -c environment=prod -c config=my.toml

`environment` is also taken from GLUONSHIP_ENVIRONMENT; the file is gluonship.toml beside this one by default.
Exits 2 for a configuration that cannot be used, 1 for a template that breaks a rule.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import aws_cdk as cdk
from gluonship_infra import rules
from gluonship_infra.configuration import ConfigurationError, load
from gluonship_infra.stacks import add_stacks


def main() -> int:
    """Synthesises the app into the folder that the CDK command names."""
    app = cdk.App(analytics_reporting=False)
    path = Path(app.node.try_get_context("config") or Path(__file__).with_name("gluonship.toml"))
    environment = app.node.try_get_context("environment") or os.environ.get("GLUONSHIP_ENVIRONMENT") or None
    try:
        configuration = load(path, environment)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    add_stacks(app, configuration)
    return 0 if rules.synthesise(app) else 1


if __name__ == "__main__":
    sys.exit(main())
