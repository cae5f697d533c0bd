"""Any configuration: a valid one synthesises and keeps the rules, an invalid one is refused by its key."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import account_apps
import pytest
from gluonship_infra import instance_types
from gluonship_infra.configuration import ConfigurationError, load
from gluonship_infra.pipeline.settings_checks import COMPILE_TARGETS
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

EXAMPLES = 12  # of each of the two tests
QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # a synthesis takes a second: too long to shrink by
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def table(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keys)


off = st.just(False)
days = st.integers(1, 3650)
seconds = st.integers(0, 3600)
gigabytes = st.integers(1, 16_384)
names = st.text("abc -_", min_size=1, max_size=9).map(lambda text: f"a{text}")
DIGEST = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/kit@sha256:{'a' * 64}"
ALL = ["storage", "pipeline", "endpoint"]


def types(purpose: instance_types.Purpose) -> list[str]:
    """That SageMaker has for the purpose, and the kit's code computes on."""
    known = sorted(one for one in instance_types.of(purpose) if not instance_types.has_accelerator(one))
    return [one for one in known if purpose == "training" or not instance_types.has_gpu(one)]


network = st.integers(1, 16).map(
    lambda subnets: {
        "vpc_id": "vpc-0123456789abcdef0",
        "availability_zones": [f"us-east-1{letter}" for letter in "abcdefghijklmnop"[:subnets]],
        "subnet_ids": [f"subnet-{index:08x}" for index in range(subnets)],
        "security_group_ids": ["sg-0123456789abcdef0"],
    }
)
pipeline = table(
    dataset=st.from_regex(r"\A[a-z0-9_.=-]{1,9}(/[a-z0-9_.=-]{1,9}){0,3}\Z"),
    trigger_prefix=off | st.sampled_from(["datasets/", "drops/new"]),
    schedule=off | st.sampled_from(["rate(7 days)", "cron(0 3 ? * MON *)"]),
    epochs=st.integers(1, 100_000),
    validation_fraction=off | st.floats(0.001, 0.9),
    hyperparameters=table(**{"batch-size": st.integers(1, 512), "optimizer": st.just("nag")}),
    training_instance_type=st.sampled_from(types("training")),
    training_attempts=st.integers(1, 9),
    evaluation_instance_type=st.sampled_from(types("processing")),
    evaluation_max_seconds=st.integers(60, 432_000),
    evaluation_batch_size=st.integers(1, 4096),
    evaluation_images=off | st.integers(1, 10**9),
    serving_instance_type=st.sampled_from(types("serving")),
    training_max_seconds=st.integers(60, 2_419_200),
    spot=st.booleans(),
    accuracy_threshold=st.floats(0, 1),
    minimum_gain=st.floats(-1, 1),
    allow_incomparable=st.booleans(),
    compile_targets=st.lists(st.sampled_from(sorted(COMPILE_TARGETS)), max_size=9, unique=True),
    rollback_alarms=st.lists(names, max_size=6, unique=True),  # four more are the endpoint's
)
tables = table(
    project=st.from_regex(r"\A[A-Za-z](-?[A-Za-z0-9]){0,19}\Z"),
    stacks=st.sampled_from([["storage"], ["storage", "pipeline"], ["endpoint", "storage"], ALL]),
    tags=st.dictionaries(
        st.from_regex(r"\A[a-z]{1,20}\Z"), st.text("ab 1.:/", min_size=1, max_size=9), max_size=2
    ),
    account=table(
        id=off | st.just("123456789012"),
        region=off | st.just("us-east-1"),
        bootstrap_qualifier=st.just("q1"),
    ),
    storage=table(
        removal=st.sampled_from(["retain", "destroy"]),
        noncurrent_days=days,
        checkpoint_days=days,
        log_days=days,
        infrequent_days=off | st.integers(30, 3650),
    ),
    network=network,
    images=table(training=off | st.just("1.4.0"), inference=off | st.just(DIGEST)),
    notices=table(email=st.just("ops@example.com")),
)  # fmt: skip
endpoint = table(
    name=st.from_regex(r"\A[a-zA-Z0-9](-?[a-zA-Z0-9]){0,62}\Z"),
    rolls_back=st.booleans(),
    alarms=table(
        errors_5xx_percent=off | st.floats(0, 100),
        no_traffic_minutes=off | st.integers(1, 1440),
        cpu_percent=off | st.floats(1, 100),
        period_seconds=st.integers(1, 60).map(lambda minutes: 60 * minutes),
    ),
)


@st.composite
def valid(draw: st.DrawFn) -> dict[str, Any]:
    """Any configuration: what depends on another key is drawn from all that goes with it."""
    drawn = draw(tables)
    ours, live = draw(pipeline), draw(endpoint)
    ours |= draw_deployment(draw)
    ours |= draw_waits(draw, ours)
    for job in ("training", "evaluation"):
        local = instance_types.has_local_disk(ours.get(f"{job}_instance_type", "ml.m5.xlarge"))
        ours[f"{job}_volume_gigabytes"] = draw(st.integers(1, 50) if local else gigabytes)
    low = draw(st.integers(1 if ours["deployment"] == "all-at-once" else 2, 1000))
    high = draw(st.integers(low, 1000))
    ours["serving_instance_count"] = draw(st.integers(low, high))
    live["scaling"] = {"min_capacity": low, "max_capacity": high, "scale_in": draw(st.booleans())}
    watched = ours["deployment_wait_seconds"] + ours["termination_wait_seconds"]
    fits = watched >= 2 * live.get("alarms", {}).get("period_seconds", 60)
    live["short_watch"] = draw(st.booleans()) if fits else True
    own_image = bool(drawn.get("images", {}).get("inference"))
    if "network" in drawn:
        drawn["network"]["reaches_pypi"] = draw(st.booleans()) if own_image else True
    if not own_image and instance_types.is_arm(ours.get("serving_instance_type", "")):
        drawn["images"] = drawn.get("images", {}) | {"inference": "1.4.0"}
    return drawn | {"pipeline": ours, "endpoint": live}


def draw_deployment(draw: st.DrawFn) -> dict[str, Any]:
    deployment = draw(st.sampled_from(["all-at-once", "canary", "linear"]))
    percent = draw(st.integers(10 if deployment == "linear" else 5, 50))
    return {"deployment": deployment, "deployment_percent": percent}


def draw_waits(draw: st.DrawFn, ours: Mapping[str, Any]) -> dict[str, Any]:
    """Less than 28,800 s in an update."""
    shifts = {"all-at-once": 1, "canary": 2, "linear": math.ceil(100 / ours["deployment_percent"])}
    count, last = shifts[ours["deployment"]], draw(seconds)
    each = draw(st.integers(0, min(3600, (28_799 - last) // count)))
    poll = draw(st.integers(1, 300))
    return {"deployment_wait_seconds": each, "termination_wait_seconds": last, "poll_seconds": poll}


# A dotted key and values that it does not take.
WRONG: dict[str, list[Any]] = {
    "project": ["", "-x", "a_b", "x" * 21, 7, ["a"]],
    "stacks": [[], ["pipeline"], ["storage", "storage"], "storage", 3],
    "tags.owner": [1, True, "", "\n", ["a"]],
    "account.id": [123456789012, "1", ""],
    "account.region": ["moon", 1],
    "storage.removal": ["keep", True, 1],
    "storage.log_days": [0, -1, 3651, 1.5, "30", True],
    "storage.infrequent_days": [29, True, "60"],
    "storage.key_arn": ["alias/x", 1],
    "network": [{"vpc_id": "vpc-12345678"}, 1, "vpc-12345678"],
    "images.training": ["latest", "stable", "r/kit", "r/kit@sha256:1", "ghcr.io/kit/kit:1.4.0", 1],
    "notices.email": ["me", 1],
    "pipeline.epochs": [0, 1.5, "3", True],
    "pipeline.network": [1, True],
    "pipeline.deployment": ["rolling", 1],
    "pipeline.accuracy_threshold": [1.1, -0.1, "x"],
    "pipeline.training_instance_type": ["ml.m6g.large", "ml.trn1.2xlarge", "ml.m5.enormous", 1],
    "pipeline.evaluation_instance_type": ["ml.m5d.large", "ml.g5.xlarge", "ml.inf2.xlarge", 1],
    "pipeline.serving_instance_type": ["m5.large", "ml.t3.medium", "ml.g4dn.xlarge", "ml.inf1.xlarge", 1],
    "pipeline.dataset": ["it's", "a*b", "(x)", "wow!", "a b", "/x"],
    "pipeline.trigger_prefix": ["drops*/", "it's/", True],
    "pipeline.schedule": ["daily", 1],
    "pipeline.compile_targets": [["toaster"], "ml_c5"],
    "pipeline.hyperparameters.epochz": [1],
    "endpoint.name": ["-x", "a_b", "x" * 64],
    "endpoint.scaling.min_capacity": [0, 5000, 1.5],
    "endpoint.alarms.errors_5xx_percent": [101, "x", -1],
    "endpoint.alarms.period_seconds": [7, 10, 30, 61],
    "colour": ["red"],
    "pipeline.epoch": [3],
    "endpoint.scaling.maximum": [3],
}
mistakes = st.sampled_from(sorted(WRONG)).flatmap(
    lambda key: st.tuples(st.just(key), st.sampled_from(WRONG[key]))
)


@QUICK
@given(overrides=valid())
def test_a_valid_configuration_keeps_the_rules(overrides: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "any.toml"
        config.write_text(toml({"environments": {"dev": overrides}}), encoding="utf-8")
        stacks = account_apps.synthesise(Path(folder) / "out", config=config)
    wanted = overrides.get("stacks", ALL)
    assert sorted(one.rsplit("-", 1)[1].lower() for one in stacks) == sorted(wanted)


@QUICK
@given(mistake=mistakes, inside=st.booleans())
def test_an_invalid_configuration_is_refused_by_its_key(mistake: tuple[str, Any], inside: bool) -> None:
    key, value = mistake
    wrong = nested(key.split("."), value)
    document = {"environments": {"dev": wrong}} if inside else {**wrong, "environments": {"dev": {}}}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "wrong.toml"
        config.write_text(toml(document), encoding="utf-8")
        with pytest.raises(ConfigurationError) as refused:
            load(config)
    said = str(refused.value)
    assert key.rsplit(".", 1)[-1] in said
    assert ("environments.dev." in said) == inside
    assert "Error" not in said


def nested(path: list[str], value: Any) -> dict[str, Any]:
    return {path[0]: nested(path[1:], value) if len(path) > 1 else value}


def toml(document: Mapping[str, Any]) -> str:
    """The document as TOML: tables by their headers, and JSON's scalars and lists, which are TOML's too."""
    return "\n".join(_lines(document, ())) + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    if path:
        yield f"[{'.'.join(json.dumps(part) for part in path)}]"
    for key, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{json.dumps(key)} = {json.dumps(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _lines(value, (*path, key))
