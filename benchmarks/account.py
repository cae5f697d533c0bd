"""What it takes to deploy the account to the local cloud, and to use it: `python benchmarks/account.py`.

On a running, bootstrapped cloud, in rounds: the first phase by the CDK command, the pipeline on the demo's
images, the second phase (all stacks once more), the same again without a change, and all taken away. What the
command takes is split into synthesis, the engine's own share, and the command itself, which looks every few
seconds. Targets, at the median: both phases 60 s, without a change 15 s, the engine's share of these 5 s and
0.5 s, the pipeline 90 s. Exits with 1 when one is missed.

The limits that the ratios name: an engine that takes no time at all; a pipeline that takes no time beside its
jobs and the endpoint's start.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

# The CDK's Python starts `node` by its name, when it is imported.
os.environ.update({"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"})
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "infra"))

import botocore
import matplotlib
from gluonship_infra.configuration import load
from local_account import first_run, journey
from local_account.cdk import INFRA
from local_account.place import Place, opened

from gluonship.cli.terminal import Terminal
from gluonship.local import launcher

matplotlib.use("Agg")
from matplotlib import pyplot as plt

RESULTS = Path(__file__).parent / "results"
CONFIGURATION, ENVIRONMENT = INFRA / "gluonship.toml", "local"
IMAGES = 12_000  # the demo's
TARGETS = {  # seconds
    "deploy": 60.0,
    "deploy, engine": 5.0,
    "no change": 15.0,
    "no change, engine": 0.5,
    "pipeline": 90.0,
}
COMMAND = ("synthesis", "command", "engine")
PIPELINE = ("training", "evaluation", "endpoint", "between them")
Parts = dict[str, float]  # seconds by part


def by_command(place: Place, *stacks: str) -> tuple[float, float]:
    """`cdk deploy` of some stacks: seconds in all, and of them in synthesis, as the command says."""
    context = ["-c", f"config={CONFIGURATION}", "-c", f"environment={ENVIRONMENT}"]
    unattended = ["--require-approval", "never", "--progress", "events", "--no-notices", "--no-color"]
    variables = launcher.applied(launcher.environment(), os.environ)
    started = time.perf_counter()
    done = subprocess.run(
        [
            str(INFRA / "node_modules" / ".bin" / "cdk"),
            "deploy",
            *(stacks or ["--all"]),
            "--output",
            str(place.scratch / "assembly"),
            *context,
            *unattended,
        ],
        cwd=INFRA,
        env={**variables, "CDK_DISABLE_CLI_TELEMETRY": "true"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    seconds = time.perf_counter() - started
    said = re.search(r"Synthesis time: ([0-9.]+)s", done.stdout)
    if done.returncode or said is None:
        raise RuntimeError(f"cdk deploy ended with {done.returncode}:\n{done.stdout}")
    return seconds, float(said[1])


def split(total: float, synthesis: float, engine: float) -> Parts:
    return {"synthesis": synthesis, "command": total - synthesis - engine, "engine": engine}


def engine_seconds(place: Place, stack: str) -> float:
    """From the first to the last event of a stack that has been made, without those of its review."""
    events = place.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack)
    times = [
        event["Timestamp"]
        for page in events
        for event in page["StackEvents"]
        if event["ResourceStatus"] != "REVIEW_IN_PROGRESS"
    ]
    return float((max(times) - min(times)).total_seconds())


def unchanged_seconds(place: Place, stack: str) -> float:
    """A change set of what is there already, until the engine has said that nothing changes."""
    cloudformation, name = place.client("cloudformation"), "benchmark"
    parameters = cloudformation.describe_stacks(StackName=stack)["Stacks"][0].get("Parameters", [])
    started = time.perf_counter()
    cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=name,
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": each["ParameterKey"], "UsePreviousValue": True} for each in parameters],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    while True:
        found = cloudformation.describe_change_set(StackName=stack, ChangeSetName=name)
        if found["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            break
    seconds = time.perf_counter() - started
    if found["Status"] != "FAILED" or found.get("Changes"):
        raise RuntimeError(f"{stack} has changes: {found.get('StatusReason')}")
    cloudformation.delete_change_set(StackName=stack, ChangeSetName=name)
    return seconds


def pipeline_parts(place: Place, output: dict[str, Any]) -> tuple[Parts, float]:
    """Of a run that has ended: its parts, and its accuracy."""
    sagemaker, stepfunctions = place.client("sagemaker"), place.client("stepfunctions")
    name = output["run"]
    training = sagemaker.describe_training_job(TrainingJobName=f"{name}-t1")
    evaluation = sagemaker.describe_processing_job(ProcessingJobName=f"{name}-e1")
    endpoint = sagemaker.describe_endpoint(EndpointName=output["endpoint"])
    machine = place.stacks.outputs(place.stacks.pipeline)["StateMachineArn"]
    (execution,) = stepfunctions.list_executions(stateMachineArn=machine)["executions"]
    whole = (execution["stopDate"] - execution["startDate"]).total_seconds()
    parts = {
        "training": (training["TrainingEndTime"] - training["CreationTime"]).total_seconds(),
        "evaluation": (evaluation["ProcessingEndTime"] - evaluation["CreationTime"]).total_seconds(),
        "endpoint": (endpoint["LastModifiedTime"] - endpoint["CreationTime"]).total_seconds(),
    }
    return {**parts, "between them": whole - sum(parts.values())}, float(output["accuracy"])


def one_round(voice: Terminal, wanted: journey.Wanted) -> dict[str, Any]:
    with opened(load(CONFIGURATION, ENVIRONMENT), CONFIGURATION, voice.quiet) as place:
        stacks = place.stacks
        names = (stacks.storage, stacks.pipeline, stacks.endpoint)
        first = by_command(place, stacks.storage, stacks.pipeline)
        output = first_run.train(voice, place, wanted.images)
        second = by_command(place)
        engine = sum(engine_seconds(place, name) for name in names)
        again = by_command(place)
        unchanged = sum(unchanged_seconds(place, name) for name in names)
        pipeline, accuracy = pipeline_parts(place, dict(output))
        measured = {
            "deploy": split(first[0] + second[0], first[1] + second[1], engine),
            "no change": split(again[0], again[1], unchanged),
            "pipeline": pipeline,
            "accuracy": accuracy,
        }
    journey.destroy(voice, wanted)
    return measured


def summary(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Medians of each part and of each whole, in seconds, and the ratios to the limits."""
    works = {
        work: {
            **{part: round(median(each[work][part] for each in rounds), 3) for part in rounds[0][work]},
            "all": round(median(sum(each[work].values()) for each in rounds), 3),
        }
        for work in ("deploy", "no change", "pipeline")
    }
    reached = {
        "deploy": works["deploy"]["all"],
        "deploy, engine": works["deploy"]["engine"],
        "no change": works["no change"]["all"],
        "no change, engine": works["no change"]["engine"],
        "pipeline": works["pipeline"]["all"],
    }
    ratios = {
        "engine_of_deploy": median(
            each["deploy"]["engine"] / sum(each["deploy"].values()) for each in rounds
        ),
        "engine_of_no_change": median(
            each["no change"]["engine"] / sum(each["no change"].values()) for each in rounds
        ),
        "pipeline_to_its_jobs": median(
            sum(each["pipeline"].values())
            / (sum(each["pipeline"].values()) - each["pipeline"]["between them"])
            for each in rounds
        ),
    }
    return {
        "works": works,
        "ratios": {name: round(value, 4) for name, value in ratios.items()},
        "targets": {
            name: {"seconds": reached[name], "at_most": target, "reached": reached[name] <= target}
            for name, target in TARGETS.items()
        },
    }


def machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return {
        "cpu": next(models, platform.processor()),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "botocore": botocore.__version__,
        "niceness": os.nice(0),
        "load_average_before": [round(value, 2) for value in os.getloadavg()],
    }


def plot(works: dict[str, Parts], target: Path) -> None:
    figure, axis = plt.subplots(figsize=(10, 4.2), constrained_layout=True)
    legend: dict[str, Any] = {}
    for row, (work, parts) in enumerate(works.items()):
        left = 0.0
        for part in PIPELINE if work == "pipeline" else COMMAND:
            bar = axis.barh(row, parts[part], left=left, edgecolor="white", color=COLOURS[part])
            legend[part] = bar[0]
            left += parts[part]
        behind = max(left, TARGETS[work]) if TARGETS[work] - left < 0.15 * max(TARGETS.values()) else left
        axis.text(behind + 0.5, row, f"{left:.1f} s", va="center")
        axis.plot([TARGETS[work]] * 2, [row - 0.45, row + 0.45], color="black", linewidth=1.5)
    axis.set_yticks(range(len(works)), list(works))
    axis.invert_yaxis()
    axis.set(xlabel="seconds, medians; a line is the target", xlim=(0, None))
    axis.grid(alpha=0.3, axis="x")
    axis.legend(legend.values(), legend, loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)
    figure.suptitle("The account on the local cloud: deployed, deployed again, and its pipeline")
    figure.savefig(target, dpi=110)
    plt.close(figure)


COLOURS = {
    "synthesis": "#4477aa",
    "command": "#bbbbbb",
    "engine": "#ee6677",
    "training": "#228833",
    "evaluation": "#66ccee",
    "endpoint": "#ccbb44",
    "between them": "#aa3377",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=IMAGES, help="of the demo, to train on")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the JSON and the plot")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the cloud goes down, too
    description, voice = machine(), Terminal()
    wanted = journey.Wanted(CONFIGURATION, ENVIRONMENT, arguments.images)
    with tempfile.TemporaryDirectory(prefix="gluonship-benchmark-") as home:
        os.environ["GLUONSHIP_HOME"] = home
        launcher.up(port=0)
        try:
            with opened(load(CONFIGURATION, ENVIRONMENT), CONFIGURATION, voice.quiet) as place:
                place.bootstrap()
            rounds = [one_round(voice, wanted) for _ in range(arguments.rounds)]
        finally:
            launcher.down(grace_seconds=2)
    result = {
        "benchmark": "the account on the local cloud: deployed, deployed again without a change, used",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": description,
        "rounds": rounds,
        **summary(rounds),
    }
    arguments.results.mkdir(parents=True, exist_ok=True)
    target = arguments.results / "account.json"
    target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    plot(result["works"], target.with_suffix(".png"))
    for name, each in result["targets"].items():
        print(f"{name}: {each['seconds']:.2f} s, at most {each['at_most']} s")
    reached = all(each["reached"] for each in result["targets"].values())
    print(f"{'reached' if reached else 'MISSED'}; see {target}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
