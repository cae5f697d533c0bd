"""The page for cloud engineers says what is true: its example runs, its keys and commands exist."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from gluonship_infra.configuration import ConfigurationError, load

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "account-as-code.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [text for name, text in fences if name == language]


def test_the_example_of_an_own_app_synthesises_a_pipeline_without_a_finding(tmp_path: Path) -> None:
    (example,) = blocks("python")
    script = tmp_path / "app.py"
    script.write_text(example, "utf-8")
    environment = {**os.environ, "CDK_OUTDIR": str(tmp_path / "out")}
    ended = subprocess.run(
        [sys.executable, str(script)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    template = json.loads((tmp_path / "out" / "Vision.template.json").read_text("utf-8"))
    types = {each["Type"] for each in template["Resources"].values()}
    assert {"AWS::StepFunctions::StateMachine", "AWS::SageMaker::ModelPackageGroup"} <= types
    report = json.loads((tmp_path / "out" / "validation-report.json").read_text("utf-8"))
    assert {each["pluginName"]: each["conclusion"] for each in report["pluginReports"]}[
        "GluonShip"
    ] == "success"
    assert [each["pluginName"] for each in report["pluginReports"] if each["conclusion"] != "success"] == []


def test_the_problem_that_it_shows_is_the_one_that_is_said(tmp_path: Path) -> None:
    given = (ROOT / "infra" / "gluonship.toml").read_text("utf-8")
    wrong = tmp_path / "gluonship.toml"
    wrong.write_text(re.sub(r"^epochs = 8$", "epoch = 8", given, count=1, flags=re.MULTILINE), "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(wrong)
    shown = next(block for block in blocks("") if "pipeline.epoch" in block)
    assert shown.splitlines()[1].removesuffix("...") in str(caught.value)


@pytest.mark.parametrize("page", re.findall(r"\]\(([\w./-]+)\)", PAGE))
def test_its_links_lead_somewhere(page: str) -> None:
    assert (ROOT / "docs" / page).exists()
