"""What the local cloud's CloudFormation engine takes: `python benchmarks/cloudformation_engine.py`.

60 real resources of ten kinds, some of which need each other, are created, deployed again unchanged, deleted
and created once more, by boto3 over HTTP; and the same resources are made and removed by boto3 calls, one
after another. The two take turns, each turn on a fresh cloud, so that neither profits from what the other has
loaded: the first create pays for that, the second does not. Targets: the first create at most 5 s, an
unchanged deployment at most 0.5 s, at the median. Exits with 1 when one is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import boto3
import botocore
import matplotlib
import moto
from botocore.exceptions import ClientError

from gluonship.local import launcher
from gluonship.local.connection import Connection

matplotlib.use("Agg")
from matplotlib import pyplot as plt

RESULTS = Path(__file__).parent / "results"
TARGETS = {"create": 5.0, "unchanged": 0.5}  # seconds
STEPS = ("create", "unchanged", "delete", AGAIN := "create again")
GROUPS = 6
STACK = "benchmark"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "states.amazonaws.com"}}
    ],
}
MACHINE = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Pass", "End": True}}})
Times = dict[str, float]  # seconds of each step


def template(groups: int) -> str:
    """Ten resources a group: a bucket with its policy, a queue, a topic, a log group, a parameter, a role, a
    machine of the role, a rule for the queue, an alarm for the topic."""
    resources: dict[str, Any] = {}
    for at in range(groups):

        def add(name: str, kind: str, at: int = at, **properties: Any) -> None:
            resources[f"{name}{at}"] = {"Type": f"AWS::{kind}", "Properties": properties}

        def arn(name: str, at: int = at) -> dict[str, Any]:
            return {"Fn::GetAtt": [f"{name}{at}", "Arn"]}

        add("Bucket", "S3::Bucket", VersioningConfiguration={"Status": "Enabled"})
        add(
            "Policy",
            "S3::BucketPolicy",
            Bucket={"Ref": f"Bucket{at}"},
            PolicyDocument=tls_only(arn("Bucket")),
        )
        add("Queue", "SQS::Queue", VisibilityTimeout=60)
        add("Topic", "SNS::Topic", DisplayName="benchmark")
        add("Group", "Logs::LogGroup", RetentionInDays=7)
        add("Name", "SSM::Parameter", Type="String", Value={"Ref": f"Bucket{at}"})
        add("Role", "IAM::Role", AssumeRolePolicyDocument=TRUST)
        add("Machine", "StepFunctions::StateMachine", RoleArn=arn("Role"), DefinitionString=MACHINE)
        add(
            "Rule",
            "Events::Rule",
            ScheduleExpression="rate(1 day)",
            State="DISABLED",
            Targets=[{"Id": "queue", "Arn": arn("Queue")}],
        )
        add("Alarm", "CloudWatch::Alarm", AlarmActions=[{"Ref": f"Topic{at}"}], **ALARM)
    return json.dumps({"Resources": resources})


ALARM = {
    "MetricName": "Invocation5XXErrors",
    "Namespace": "AWS/SageMaker",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanThreshold",
}


def tls_only(bucket_arn: Any) -> dict[str, Any]:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": bucket_arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    # The benchmark itself speaks HTTP: the policy is there, and denies nothing that the benchmark does.
    return {"Version": "2012-10-17", "Statement": [{**statement, "Action": "s3:PutObjectAcl"}]}


def timed(times: Times, step: str, work: Callable[[], None]) -> None:
    started = time.perf_counter()
    work()
    times[step] = time.perf_counter() - started


def by_engine(cloud: Connection, groups: int) -> Times:
    """One stack, by CreateStack, a change set without changes, and DeleteStack."""
    api: Any = cloud.boto.client("cloudformation", region_name="us-east-1")
    body, times = template(groups), Times()

    def create() -> None:
        stack = api.create_stack(StackName=STACK, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
        settled(api, stack["StackId"], "CREATE_COMPLETE")

    def unchanged() -> None:
        try:
            api.update_stack(StackName=STACK, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
            return
        raise RuntimeError("the unchanged template was taken for an update")

    def delete() -> None:
        stack_id = api.describe_stacks(StackName=STACK)["Stacks"][0]["StackId"]
        api.delete_stack(StackName=STACK)
        settled(api, stack_id, "DELETE_COMPLETE")

    timed(times, "create", create)
    timed(times, "unchanged", unchanged)
    timed(times, "delete", delete)
    timed(times, AGAIN, create)
    return times


def settled(api: Any, stack_id: str, wanted: str) -> None:
    while (stack := api.describe_stacks(StackName=stack_id)["Stacks"][0])["StackStatus"] != wanted:
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            raise RuntimeError(f"{stack['StackStatus']}: {stack.get('StackStatusReason')}")
        time.sleep(0.01)


def by_calls(cloud: Connection, groups: int) -> Times:
    """The same resources by their services' own calls."""
    clients: dict[str, Any] = {}

    def call(service: str, operation: str, **members: Any) -> dict[str, Any]:
        if service not in clients:
            clients[service] = cloud.boto.client(service, region_name="us-east-1")
        answer: dict[str, Any] = getattr(clients[service], operation)(**members)
        return answer

    made: list[dict[str, str]] = []
    times = Times()

    def create() -> None:
        made[:] = [make(call, at) for at in range(groups)]

    def delete() -> None:
        for each in made:
            unmake(call, each)

    timed(times, "create", create)
    timed(times, "delete", delete)
    timed(times, AGAIN, create)
    return times


def make(call: Callable[..., dict[str, Any]], at: int) -> dict[str, str]:
    """One group; what `unmake` needs of it."""
    name = f"{STACK}-{at}"
    call("s3", "create_bucket", Bucket=name)
    versioning = {"Status": "Enabled"}
    call("s3", "put_bucket_versioning", Bucket=name, VersioningConfiguration=versioning)
    policy = json.dumps(tls_only(f"arn:aws:s3:::{name}"))
    call("s3", "put_bucket_policy", Bucket=name, Policy=policy)
    queue = call("sqs", "create_queue", QueueName=name, Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    attributes = call("sqs", "get_queue_attributes", QueueUrl=queue, AttributeNames=["QueueArn"])[
        "Attributes"
    ]
    topic = call("sns", "create_topic", Name=name, Attributes={"DisplayName": "benchmark"})["TopicArn"]
    call("logs", "create_log_group", logGroupName=name)
    call("logs", "put_retention_policy", logGroupName=name, retentionInDays=7)
    call("ssm", "put_parameter", Name=name, Type="String", Value=name)
    role = call("iam", "create_role", RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"][
        "Arn"
    ]
    machine = call("stepfunctions", "create_state_machine", name=name, definition=MACHINE, roleArn=role)
    call("events", "put_rule", Name=name, ScheduleExpression="rate(1 day)", State="DISABLED")
    call("events", "put_targets", Rule=name, Targets=[{"Id": "queue", "Arn": attributes["QueueArn"]}])
    call("cloudwatch", "put_metric_alarm", AlarmName=name, AlarmActions=[topic], **ALARM)
    return {"name": name, "queue": queue, "topic": topic, "machine": machine["stateMachineArn"]}


def unmake(call: Callable[..., dict[str, Any]], made: Mapping[str, str]) -> None:
    name = made["name"]
    call("cloudwatch", "delete_alarms", AlarmNames=[name])
    call("events", "remove_targets", Rule=name, Ids=["queue"])
    call("events", "delete_rule", Name=name)
    call("stepfunctions", "delete_state_machine", stateMachineArn=made["machine"])
    call("iam", "delete_role", RoleName=name)
    call("ssm", "delete_parameter", Name=name)
    call("logs", "delete_log_group", logGroupName=name)
    call("sns", "delete_topic", TopicArn=made["topic"])
    call("sqs", "delete_queue", QueueUrl=made["queue"])
    call("s3", "delete_bucket_policy", Bucket=name)
    call("s3", "delete_bucket", Bucket=name)


WAYS: Mapping[str, Callable[[Connection, int], Times]] = {
    "CloudFormation": by_engine,
    "boto3 calls, one after another": by_calls,
}


def measure(rounds: int, groups: int) -> dict[str, list[Times]]:
    """Each way in each round, on a cloud of its own; which goes first changes."""
    taken: dict[str, list[Times]] = {way: [] for way in WAYS}
    for number in range(rounds):
        ways = list(WAYS) if number % 2 == 0 else list(WAYS)[::-1]
        for way in ways:
            with tempfile.TemporaryDirectory() as home:
                try:
                    taken[way].append(WAYS[way](Connection(launcher.up(home, 0)), groups))
                finally:
                    launcher.down(home)
    return taken


def summary(taken: Mapping[str, Sequence[Times]]) -> dict[str, dict[str, dict[str, float]]]:
    """Seconds by way and step: median, least, most."""
    return {
        way: {
            step: {
                "median_s": round(median(times[step] for times in all_times), 3),
                "least_s": round(min(times[step] for times in all_times), 3),
                "most_s": round(max(times[step] for times in all_times), 3),
            }
            for step in all_times[0]
        }
        for way, all_times in taken.items()
    }


def machine() -> dict[str, Any]:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "boto3": boto3.__version__,
        "botocore": botocore.__version__,
        "moto": moto.__version__,
        "niceness": os.nice(0),
        "load_average_before": [round(value, 2) for value in os.getloadavg()],
    }


def plot(taken: Mapping[str, Sequence[Times]], resources: int, target: Path) -> None:
    figure, axes = plt.subplots(1, len(STEPS), figsize=(13, 3.8), constrained_layout=True)
    for axis, step in zip(axes, STEPS, strict=True):
        for at, (way, all_times) in enumerate(taken.items()):
            values = [times[step] for times in all_times if step in times]
            if values:
                axis.bar(at, median(values), color=f"C{at}", alpha=0.6, label=way)
                axis.text(at, 0, f"{median(values):.2f} s", ha="center", va="bottom")
                axis.plot([at] * len(values), values, "k.", markersize=5)
        if step in TARGETS:
            axis.axhline(TARGETS[step], color="crimson", linewidth=0.9, label="target")
        axis.set(title=step, xticks=[], ylabel="seconds", ylim=(0, None))
        axis.grid(alpha=0.3, axis="y")
    figure.suptitle(f"{resources} resources on a fresh local cloud, {len(next(iter(taken.values())))} rounds")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    figure.savefig(target, dpi=110)
    plt.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="of each way")
    parser.add_argument("--groups", type=int, default=GROUPS, help="of ten resources")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the JSON and the plot")
    arguments = parser.parse_args()
    description = machine()
    taken = measure(arguments.rounds, arguments.groups)
    ways = summary(taken)
    engine, calls = (ways[way] for way in WAYS)
    reached = all(engine[step]["median_s"] <= seconds for step, seconds in TARGETS.items())
    ratios = {step: round(engine[step]["median_s"] / calls[step]["median_s"], 2) for step in calls}
    result = {
        "benchmark": "a stack of real resources, and the same resources by boto3 calls one after another",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": description,
        "resources": 10 * arguments.groups,
        "rounds": arguments.rounds,
        "targets_s": TARGETS,
        "reached": reached,
        "engine_to_calls": ratios,
        "ways": ways,
    }
    arguments.results.mkdir(parents=True, exist_ok=True)
    target = arguments.results / "cloudformation_engine.json"
    target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    plot(taken, 10 * arguments.groups, target.with_suffix(".png"))
    for step in STEPS:
        ratio = f", {ratios[step]} of the calls' {calls[step]['median_s']} s" if step in ratios else ""
        print(f"{step}: {engine[step]['median_s']} s{ratio}")
    said = ", ".join(f"{step} at most {seconds} s" for step, seconds in TARGETS.items())
    print(f"{'reached' if reached else 'MISSED'}: {said}; see {target}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
