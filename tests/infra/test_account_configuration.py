from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from gluonship_infra.configuration import Configuration, ConfigurationError, load
from gluonship_infra.configuration_shape import keys_at
from gluonship_infra.endpoint import AlarmThresholds
from gluonship_infra.pipeline import PipelineSettings

KIT = Path(__file__).parents[2] / "infra" / "gluonship.toml"


def refusal(path: Path, text: str, environment: str | None = None) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load(path, environment)
    return str(refused.value)


def test_the_kits_file_says_the_defaults(tmp_path: Path) -> None:
    bare = tmp_path / "bare.toml"
    bare.write_text("[environments.dev]\n", encoding="utf-8")
    said, default = load(KIT, "dev"), load(bare)
    ours = default.model_copy(update={"storage": said.storage})  # the one table that dev overrides
    assert said == ours
    assert said.storage.removal == "destroy"
    assert dict(default.pipeline.hyperparameters) == {}
    assert isinstance(said.pipeline, PipelineSettings)
    assert isinstance(said.endpoint.alarms, AlarmThresholds)


def test_every_key_is_in_the_kits_file() -> None:
    text = KIT.read_text(encoding="utf-8")
    tables = [[], *([name] for name in ("account", "storage", "network", "images", "notices", "pipeline"))]
    tables += [["endpoint"], ["endpoint", "scaling"], ["endpoint", "alarms"]]
    for table in tables:
        for key in keys_at(Configuration, table):
            assert f"{key} = " in text or f"{'.'.join([*table, key])}]" in text or key == "environment", key


def test_an_environment_overrides_single_keys() -> None:
    dev, prod = load(KIT), load(KIT, "prod")
    assert (dev.environment, prod.environment) == ("dev", "prod")
    assert (dev.pipeline.deployment, prod.pipeline.deployment) == ("all-at-once", "canary")
    assert prod.endpoint.scaling.max_capacity == 8
    assert prod.endpoint.scaling.invocations_per_instance == dev.endpoint.scaling.invocations_per_instance
    assert (dev.prefix, prod.endpoint_name) == ("gluonship-dev", "gluonship-prod")


def test_the_local_environment_is_another_one_with_quicker_values() -> None:
    local, dev = load(KIT, "local"), load(KIT, "dev")
    assert local.prefix == "gluonship-local"
    assert local.endpoint.short_watch
    same = dev.endpoint.model_copy(update={"short_watch": True})
    assert local.endpoint == same
    quick = {"environment": "dev", "pipeline": dev.pipeline, "endpoint": dev.endpoint}
    assert local.model_copy(update=quick) == dev
    changed = {each.name for each in fields(dev.pipeline)}
    changed = {name for name in changed if getattr(local.pipeline, name) != getattr(dev.pipeline, name)}
    waits = {"poll_seconds", "deployment_wait_seconds", "termination_wait_seconds"}
    assert changed == {"epochs", "accuracy_threshold", "hyperparameters", *waits}
    waiting = local.pipeline.deployment_wait_seconds + local.pipeline.termination_wait_seconds
    assert waiting <= 5


def test_an_override_replaces_a_list(tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text('[environments.dev]\nstacks = ["storage"]\n', encoding="utf-8")
    assert load(path).stacks == ("storage",)


def test_false_turns_an_optional_key_off(tmp_path: Path) -> None:
    path = tmp_path / "off.toml"
    text = "[pipeline]\ntrigger_prefix = false\n[endpoint.alarms]\ndisk_percent = false\n[environments.dev]\n"
    path.write_text(text, encoding="utf-8")
    assert load(path).pipeline.trigger_prefix is None
    assert load(path).endpoint.alarms.disk_percent is None
    said = refusal(path, "[pipeline]\nepochs = false\n[environments.dev]\n")
    assert "pipeline.epochs: is false; allowed is a whole number" in said


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(KIT).project = "Other"  # type: ignore[misc]  # what is tested


NETWORK = """
[network]
vpc_id = "vpc-12345678"
availability_zones = ["eu-west-1a"]
subnet_ids = ["subnet-12345678"]
security_group_ids = ["sg-12345678"]
"""


@pytest.mark.parametrize(
    "more",
    [
        "reaches_pypi = true",
        "[images]\ninference = '1.4.0'",
        "[images]\ninference = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/kit:1.4.0'",
    ],
)
def test_a_closed_network_needs_an_image_that_installs_nothing(tmp_path: Path, more: str) -> None:
    path = tmp_path / "closed.toml"
    said = refusal(path, f"{NETWORK}[environments.dev]\n")
    assert "network.reaches_pypi: is false, and AWS's inference container installs OpenCV" in said
    assert len(said.splitlines()) == 2
    path.write_text(f"{NETWORK}{more}\n[environments.dev]\n", encoding="utf-8")
    assert load(path).network is not None


def test_a_network_is_in_the_account_s_region_and_has_16_subnets_at_most(tmp_path: Path) -> None:
    path, open_ = tmp_path / "net.toml", f"{NETWORK}reaches_pypi = true\n[environments.dev]\n"
    said = refusal(path, f"{open_}[account]\nregion = 'us-east-1'\n")
    assert "network.availability_zones: has eu-west-1a, which is not in account.region, us-east-1" in said
    subnets = ", ".join(f'"subnet-{number:08x}"' for number in range(17))
    said = refusal(path, open_.replace('"subnet-12345678"', subnets))
    assert "network.subnet_ids: is" in said
    assert "at most 16 items" in said


@pytest.mark.parametrize("key", ["rolls_back = false", "short_watch = true"])
def test_a_short_watch_is_said(tmp_path: Path, key: str) -> None:
    path = tmp_path / "short.toml"
    waits = "[pipeline]\ndeployment_wait_seconds = 0\ntermination_wait_seconds = 0\n"
    path.write_text(f"{waits}[endpoint]\n{key}\n[environments.dev]\n", encoding="utf-8")
    assert load(path).pipeline.deployment_wait_seconds == 0


def test_an_image_of_one_s_own_may_be_for_arm(tmp_path: Path) -> None:
    path = tmp_path / "arm.toml"
    text = "[pipeline]\nserving_instance_type = 'ml.c7g.large'\n[images]\ninference = '1.4.0'\n"
    path.write_text(f"{text}[environments.dev]\n", encoding="utf-8")
    assert load(path).pipeline.serving_instance_type == "ml.c7g.large"


def test_a_contradiction_is_named_where_the_environment_makes_it(tmp_path: Path) -> None:
    text = "[environments.dev]\n[environments.prod.pipeline]\nserving_instance_count = 9\n"
    said = refusal(tmp_path / "prod.toml", text, "dev")
    assert "environments.prod.pipeline.serving_instance_count: is 9, which scaling would change" in said


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('projct = "X"', "projct: is no key here; did you mean 'project'? allowed are default_environ"),
        ("environment = 'dev'", "environment: is no key here; allowed are default_environment"),
        ("project = 'a_b'", "project: is 'a_b'; allowed is letters, digits and single hyphens"),
        ("stacks = ['storage', 'pipelin']", "stacks.1: is 'pipelin'; did you mean 'pipeline'? allowed is 's"),
        ("stacks = ['pipeline']", "stacks: lacks 'storage'"),
        ("stacks = ['storage', 'storage']", "stacks: names a stack twice"),
        ("stacks = 'storage'", "stacks: is 'storage'; allowed is a list"),
        ("storage = 3", "storage: is 3; allowed is a table"),
        ("[storage]\nremoval = 'Retain'", "storage.removal: is 'Retain'; did you mean 'retain'? a"),
        ("[storage]\nnoncurrent_days = 0", "storage.noncurrent_days: is 0; allowed is greater than or equal"),
        ("[storage]\nlog_days = '30'", "storage.log_days: is '30'; allowed is a whole number"),
        ("[storage]\nlog_days = 30.5", "storage.log_days: is 30.5; allowed is a whole number"),
        ("[storage]\nlog_days = true", "storage.log_days: is true; allowed is a whole number"),
        ("[account]\nid = 123456789012", "account.id: is 123456789012; allowed is a text"),
        ("[account]\nid = '12'", "account.id: is '12'; allowed is an account's 12 digits, in quotes"),
        ("[account]\nregion = 'moon'", "account.region: is 'moon'; allowed is a region such as"),
        ("[images]\ntraining = 'latest'", "images.training: 'repository:latest' is whatever was pushed last"),
        ("[images]\ninference = 'a/b'", "images.inference: 'a/b' is no image in ECR, where SageM"),
        ("[notices]\nemail = 'me'", "notices.email: is 'me'; allowed is an address"),
        ("[network]\nvpc_id = 'vpc-12345678'", "network.subnet_ids: is missing"),
        ("[tags]\n'aws:x' = 'y'", "tags.aws:x"),
        ("[pipeline]\nepoch = 3", "pipeline.epoch: is no key here; did you mean 'epochs'? allowed are data"),
        ("[pipeline]\nepochs = 0", "pipeline.epochs: is 0; allowed is a whole number from 1 to 100000"),
        ("[pipeline]\nspot = 1", "pipeline.spot: is 1; allowed is true or false"),
        ("[pipeline]\ndeployment = 'canari'", "pipeline.deployment: is 'canari'; did you mean 'canary'?"),
        ("[pipeline]\naccuracy_threshold = 'high'", "pipeline.accuracy_threshold: is 'high'; allowed is a n"),
        ("[pipeline.hyperparameters]\nbatchsize = 3", "pipeline.hyperparameters.batchsize: is not a hyper"),
        ("[pipeline]\ndeployment = 'linear'\nserving_instance_count = 2\ndeployment_percent = 9\n"
         "[endpoint.scaling]\nmin_capacity = 2",
         "pipeline.deployment_percent: is 9; allowed is 10 to 50 where deployment is linear"),
        ("[pipeline]\ndeployment = 'linear'\nserving_instance_count = 2",
         "endpoint.scaling.min_capacity: is 1, which leaves one instance, and deployment 'linear' needs 2"),
        ("[pipeline]\ndeployment = 'canary'\nserving_instance_count = 2\n"
         "[endpoint.scaling]\nmin_capacity = 2\n"
         "schedules = [{name = 'x', schedule = 'rate(1 day)', max_capacity = 1}]",
         "endpoint.scaling.schedules.0.max_capacity: is 1, which leaves one instance"),
        ("[pipeline]\nserving_instance_count = 5",
         "pipeline.serving_instance_count: is 5, which scaling would change; allowed is 1 to 4"),
        ("[endpoint.scaling]\nmin_capacity = 2", "pipeline.serving_instance_count: is 1, which scaling"),
        ("[pipeline]\ndeployment_wait_seconds = 60\ntermination_wait_seconds = 59",
         "pipeline.deployment_wait_seconds: is 60: with termination_wait_seconds, an update is watched for"),
        ("[endpoint.alarms]\nperiod_seconds = 600\n", "is watched for 600 s, and an alarm takes 1200 s"),
        ("[endpoint.alarms]\nerrors_5xx_percent = false\nerrors_5xx_count = false\n"
         "model_latency_p99_milliseconds = false\noverhead_latency_p99_milliseconds = false",
         "endpoint.rolls_back: is true, and [endpoint.alarms] has no alarm on errors or latency left"),
        ("[pipeline]\nserving_instance_type = 'ml.c7g.large'",
         "pipeline.serving_instance_type: is 'ml.c7g.large', whose processor is ARM, and AWS's infere"),
        ("[images]\ntraining = 'ghcr.io/kit/kit:1.4.0'",
         "images.training: 'ghcr.io/kit/kit:1.4.0' is no image in ECR, where SageMaker pulls from"),
        ("[images]\ntraining = 'main'", "images.training: 'repository:main' is whatever was pushed last"),
        ("[pipeline.hyperparameters]\nseed = [1]", "pipeline.hyperparameters.seed: is [1]; allowed is a te"),
        ("[endpoint]\nname = '-x'", "endpoint.name: is '-x'; allowed is 1 to 63 letters, digits and hyphens"),
        ("[endpoint.scaling]\nmin_capacity = 9", "endpoint.scaling: Scaling: min_capacity 9 is more than"),
        ("[endpoint.alarms]\nerrors_5xx_percent = 200", "endpoint.alarms: errors_5xx_percent is 200"),
        ("[[endpoint.scaling.schedules]]\nname = 'x'", "endpoint.scaling.schedules.0.schedule: is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, line: str, words: str) -> None:
    said = refusal(tmp_path / "wrong.toml", f"{line}\n[environments.dev]\n")
    assert words in said
    problems = 3 if line.startswith("[network]") else 1
    assert len(said.splitlines()) == problems + 1


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = (
        "stacks = ['storage', 'x']\n[pipeline]\nepochs = 0\nnetwork = 7\nepoch = 1\n"
        "minimum_gain = 2\n[storage]\nlog_days = 0\n"
        "[environments.dev]\n[environments.prod.storage]\nremoval = 'x'\n[environments.Prod]\n"
    )
    lines = refusal(tmp_path / "wrong.toml", text).splitlines()
    assert lines[0].endswith("has 9 problems:")
    keys = {line.split(":")[0].strip() for line in lines[1:]}
    assert keys == {
        "default_environment",
        "stacks.1",
        "pipeline.epochs",
        "pipeline.minimum_gain",
        "pipeline.network",
        "pipeline.epoch",
        "storage.log_days",
        "environments.prod.storage.removal",
        "environments.Prod",
    }


def test_a_mistake_in_another_environment_is_named_there(tmp_path: Path) -> None:
    text = "[environments.dev]\n[environments.prod.endpoint.scaling]\nmax_capcity = 9\n"
    said = refusal(tmp_path / "prod.toml", text, "dev")
    assert (
        "environments.prod.endpoint.scaling.max_capcity: is no key here; did you mean 'max_capacity'?" in said
    )


@pytest.mark.parametrize(
    ("text", "asked", "words"),
    [
        ("[environments.dev]\n[environments.prod]\n", "prdo", "has no 'prdo', which was asked for; did"),
        ("[environments.dev]\n[environments.prod]\n", None, "default_environment: is missing"),
        ("default_environment = 3\n[environments.dev]\n", None, "default_environment: is 3; there are dev"),
        ("project = 'A'\n", None, "environments: allowed is a table for each environment"),
        ("environments = 3\n", None, "environments: allowed is a table for each environment"),
        ("[environments]\ndev = 3\n", None, "environments.dev: is 3; allowed is a table of overrides"),
        ("project = \n", None, "is not TOML: Invalid value (at line 1"),
    ],
)  # fmt: skip
def test_the_choice_of_an_environment_is_explained(
    tmp_path: Path, text: str, asked: str | None, words: str
) -> None:
    assert words in refusal(tmp_path / "choice.toml", text, asked)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing\.toml' does not exist\."):
        load(tmp_path / "missing.toml")
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        load(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        load(tmp_path / "binary.toml")
