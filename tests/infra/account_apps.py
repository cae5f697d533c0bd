"""The account's app, synthesised in this process, and a small summary of what it makes.

`python tests/infra/account_apps.py` renews the snapshot.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from gluonship_infra import rules
from gluonship_infra.configuration import load
from gluonship_infra.rules.policies import statements
from gluonship_infra.rules.templates import as_list
from gluonship_infra.stacks import add_stacks

INFRA = Path(__file__).parents[2] / "infra"
SNAPSHOT = Path(__file__).with_name("account_dev_snapshot.txt")
Templates = dict[str, dict[str, Any]]


def new_app(outdir: Path) -> cdk.App:
    """An app with the flags that the CDK command reads from cdk.json."""
    context = json.loads((INFRA / "cdk.json").read_text(encoding="utf-8"))["context"]
    return cdk.App(outdir=str(outdir), context=context, analytics_reporting=False)


def synthesise(outdir: Path, environment: str | None = None, config: Path | None = None) -> Templates:
    """The templates by stack; the rules hold."""
    app = new_app(outdir)
    add_stacks(app, load(config or INFRA / "gluonship.toml", environment))
    assert rules.synthesise(app), (outdir / "rules-report.csv").read_text(encoding="utf-8")
    return {
        path.name.removesuffix(".template.json"): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(outdir.glob("*.template.json"))
    }


def summary(templates: Templates) -> str:
    """What the stacks make, a line a resource, and what their roles may do."""
    return "\n".join(line for stack, template in templates.items() for line in _lines(stack, template)) + "\n"


def _lines(stack: str, template: Mapping[str, Any]) -> Iterator[str]:
    yield stack
    for id, resource in sorted(template["Resources"].items(), key=lambda item: (item[1]["Type"], item[0])):
        kept = resource.get("DeletionPolicy", "")
        yield f"  {resource['Type']} {re.sub('[0-9A-F]{8}$', '', id)} {kept}".rstrip()
    for resource in rules.Template.of(template).resources:
        allowed = {str(action) for _, one in statements(resource) for action in as_list(one.get("Action"))}
        if allowed:
            yield f"  {re.sub('[0-9A-F]{8}$', '', resource.id)} may {' '.join(sorted(allowed))}"
    yield f"  outputs {' '.join(sorted(id for id in template['Outputs'] if not id.startswith('Exports')))}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        SNAPSHOT.write_text(summary(synthesise(Path(folder), "dev")), encoding="utf-8")
    sys.stdout.write(f"wrote {SNAPSHOT}\n")
