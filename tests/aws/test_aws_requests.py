"""What is asked of AWS, as data: names, images, the training request, errors in words."""

from __future__ import annotations

import importlib.util
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import botocore.loaders
import botocore.session
import pytest
from botocore import exceptions
from botocore.validate import ParamValidator

from gluonship import bundles
from gluonship.aws import buckets, errors, images, instance_types, names, training
from gluonship.aws.account import Account
from gluonship.aws.storage import S3Uri

PLAN = training.TrainingPlan(
    name="job-1",
    image="763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-training:1.9.0-cpu-py38",
    role="arn:aws:iam::123456789012:role/r",
    source="s3://bucket/source/sourcedir.tar.gz",
    channels={"train": "s3://bucket/train/", "validation": "s3://bucket/validation/"},
    output="s3://bucket/models",
    hyperparameters={"network": "resnet18_v1b", "learning-rate": 0.1, "flip": True},
    region="us-east-1",
)


# --- names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stem", ["gluonship-resnet18_v1b", "x" * 90, "-_-", "Mixed Case/and more", "", "été"]
)
def test_every_stem_gives_a_name_that_sagemaker_takes(stem: str) -> None:
    pattern = re.compile(_model("CreateTrainingJob").members["TrainingJobName"].metadata["pattern"])
    name = names.unique(stem)
    assert pattern.fullmatch(name)
    assert len(name) <= 63
    assert names.made_from(name, stem)
    assert names.unique(stem) != name


def test_a_unique_name_tells_its_stem_and_its_time() -> None:
    name = names.unique("fashion_mnist", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert re.fullmatch(r"fashion-mnist-20260102-030405-[0-9a-f]{4}", name)
    assert not names.made_from(name, "fashion")


def test_long_names_that_begin_alike_share_no_unique_names() -> None:
    one, other = ("classify-the-parts-of-the-production-line-" + place for place in ("in-kyoto", "in-osaka"))
    assert names.made_from(names.unique(one), one)
    assert not names.made_from(names.unique(one), other)


@pytest.mark.parametrize(("name", "suggestion"), [("my_job", "my-job"), ("-a-", "a"), ("a/b", "a-b")])
def test_a_wrong_name_is_refused_with_one_that_would_do(name: str, suggestion: str) -> None:
    with pytest.raises(ValueError, match=f"'{suggestion}' would do"):
        names.check(name, "training job")
    assert names.check(suggestion, "training job") == suggestion


def test_a_name_of_64_characters_is_refused() -> None:
    assert names.check("a" * 63, "endpoint")
    with pytest.raises(ValueError, match="64 characters"):
        names.check("a" * 64, "endpoint")


# --- images -----------------------------------------------------------------------------------------------


def test_images_are_those_of_the_sagemaker_sdks_table() -> None:
    sdk = importlib.util.find_spec("sagemaker")  # found, not imported: that takes seconds
    assert sdk
    assert sdk.origin
    table = json.loads((Path(sdk.origin).parent / "image_uri_config/mxnet.json").read_text())
    partitions = botocore.loaders.create_loader().load_data("endpoints")["partitions"]
    domains = {partition["partition"]: partition["dnsSuffix"] for partition in partitions}
    session = boto3.Session()
    for purpose in ("training", "inference"):
        version = table[purpose]["versions"]["1.9.0"]
        assert set(version["registries"]) == images.REGIONS
        for region, account in version["registries"].items():
            domain = domains[session.get_partition_for_region(region)]
            registry = f"{account}.dkr.ecr.{region}.{domain}/{version['repository']}"
            assert images.mxnet_image(purpose, region, "ml.m5.xlarge") == f"{registry}:1.9.0-cpu-py38"
            assert images.mxnet_image(purpose, region, "ml.p3.2xlarge") == f"{registry}:1.9.0-gpu-py38"


def test_a_region_without_the_container_is_named() -> None:
    with pytest.raises(ValueError, match=r"'mars-1'.*--image"):
        images.mxnet_image("training", "mars-1")


# --- the training request -----------------------------------------------------------------------------------


def _model(operation: str) -> Any:
    return botocore.session.Session().get_service_model("sagemaker").operation_model(operation).input_shape


@pytest.mark.parametrize("spot", [False, True])
def test_the_request_is_valid_by_botocores_model(spot: bool) -> None:
    plan = training.TrainingPlan(
        **{**vars(PLAN), "spot": spot, "checkpoints": "s3://b/c" if spot else None, "tags": {"a": "b"}}
    )
    report = ParamValidator().validate(training.request(plan), _model("CreateTrainingJob"))
    assert not report.has_errors(), report.generate_report()


def test_the_script_is_named_as_the_sagemaker_sdk_names_it() -> None:
    hyperparameters = training.request(PLAN)["HyperParameters"]
    assert {name: json.loads(value) for name, value in hyperparameters.items()} == {
        "network": "resnet18_v1b",
        "learning-rate": 0.1,
        "flip": True,
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": PLAN.source,
        "sagemaker_region": "us-east-1",
        "sagemaker_container_log_level": 30,
        "sagemaker_job_name": "job-1",
    }


def test_spot_waits_longer_than_it_runs_and_keeps_checkpoints() -> None:
    plan = training.TrainingPlan(**{**vars(PLAN), "spot": True, "checkpoints": "s3://b/c"})
    request = training.request(plan)
    limits = request["StoppingCondition"]
    assert limits["MaxWaitTimeInSeconds"] > limits["MaxRuntimeInSeconds"]
    assert request["CheckpointConfig"] == {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/checkpoints"}


def test_the_regexes_find_every_metric_in_a_line_of_the_training_script() -> None:
    """The line comes from the script's own module, in a process, as containers are no part of this one."""
    import subprocess
    import sys

    code = (
        "from gluonship_training.metrics import EpochMetrics, line\n"
        "print(line(EpochMetrics(3, 0.4123, 0.8512, 1.25e-05, 1.0, 2180.4)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=bundles.find("training"),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = {}
    for name, regex in training.METRIC_REGEXES.items():
        match = re.search(regex, done.stdout)
        assert match, f"{name}: {done.stdout}"
        found[name] = float(match[1])
    assert found == pytest.approx(
        {
            "train:loss": 0.4123,
            "train:accuracy": 0.8512,
            "validation:loss": 1.25e-05,
            "validation:accuracy": 1.0,
            "images_per_second": 2180.4,
        },
        abs=1e-5,
    )


# --- S3 URIs ----------------------------------------------------------------------------------------------


def test_an_s3_uri_is_read_and_joined() -> None:
    uri = S3Uri.parse("s3://bucket/some/prefix/")
    assert str(uri.joined("train")) == "s3://bucket/some/prefix/train"
    assert str(S3Uri.parse("s3://bucket").joined("train")) == "s3://bucket/train"


@pytest.mark.parametrize(
    "text", ["s3:/bucket", "s3://", "s3://UP/x", "http://bucket/x", "bucket/x", "s3://b/x?y"]
)
def test_what_is_no_s3_uri_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="s3://bucket/prefix"):
        S3Uri.parse(text)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Bad_Bucket", "not 'B_'"),
        ("ab", "2 characters"),
        ("a" * 64, "64 characters"),
        ("-abc", "begin and end"),
        ("abc.", "begin and end"),
        ("a..b", "two periods"),
        ("192.168.5.4", "IP address"),
        ("xn--abc", "'xn--' are reserved"),
        ("sthree-abc", "'sthree-' are reserved"),
        ("amzn-s3-demo-x", "reserved"),
        ("abc-s3alias", "'-s3alias' are reserved"),
        ("abc--ol-s3", "reserved"),
        ("abc.mrap", "reserved"),
        ("abc--x-s3", "reserved"),
        ("abc--table-s3", "reserved"),
        ("größe", "not 'öß'"),
    ],
)
def test_a_bucket_is_named_by_the_rules_of_s3(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        buckets.check(name)
    assert f"'{name}'" in str(caught.value)


@pytest.mark.parametrize("name", ["abc", "a" * 63, "1.2.3", "my-data.example.com", "gluonship-us-east-1-1"])
def test_a_right_name_of_a_bucket_is_taken(name: str) -> None:
    assert buckets.check(name) == name


# --- instance types ---------------------------------------------------------------------------------------


def test_a_wrong_instance_type_is_answered_with_the_nearest() -> None:
    session = boto3.Session("key", "secret", region_name="us-east-1")
    here, there = Account(session, "local"), Account(session, "aws")
    assert instance_types.check(here, "training", "ml.m5.xlarge") == "ml.m5.xlarge"
    assert instance_types.check(there, "inference", "ml.z99.large") == "ml.z99.large"  # newer than this boto3
    for account, name in ((here, "ml.z99.large"), (here, "ml.m5.xlarg"), (there, "ml.nonsense")):
        with pytest.raises(ValueError, match=r"\(and \d{2,3} others\)") as caught:
            instance_types.check(account, "training", name)
        assert len(str(caught.value)) < 200
    with pytest.raises(ValueError, match=r"Take one of ml\.m5\.xlarge"):
        instance_types.check(here, "training", "ml.m5.xlarg")


def test_a_long_list_of_awss_is_cut_to_the_nearest() -> None:
    names = ", ".join(f"ml.c{number}.large" for number in range(200))
    message = (
        f"Value 'ml.c7' at 'x' failed to satisfy constraint: Member must satisfy enum value set: [{names}]"
    )
    response = {"Error": {"Code": "ValidationException", "Message": message}}
    words = errors.explain(exceptions.ClientError(response, "CreateTrainingJob"))
    assert words
    assert "ml.c7.large" in words
    assert "(and 195 others)]" in words
    assert len(words) < 300
    pattern = "Value 'a' at 'x' failed to satisfy constraint: Member must satisfy the pattern: [a-z, 0-9]{3}"
    assert instance_types.shortened(pattern) == pattern


# --- errors -----------------------------------------------------------------------------------------------


def _refusal(code: str, message: str = "No.") -> exceptions.ClientError:
    return exceptions.ClientError({"Error": {"Code": code, "Message": message}}, "CreateTrainingJob")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (exceptions.NoCredentialsError(), "aws configure"),
        (exceptions.NoRegionError(), "--region"),
        (exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "gluonship local up"),
        (exceptions.ReadTimeoutError(endpoint_url="http://127.0.0.1:1"), "No answer came in time"),
        (exceptions.ProfileNotFound(profile="x"), "AWS_PROFILE"),
        (_refusal("AccessDeniedException", "Not authorized"), "IAM policy"),
        (_refusal("ResourceLimitExceeded"), "Service Quotas"),
        (_refusal("ExpiredToken"), "expired"),
        (_refusal("NoSuchBucket"), "aws s3 mb"),
        (
            _refusal("SomethingNew", "Never seen."),
            "CreateTrainingJob was refused: Never seen (SomethingNew).",
        ),
        (errors.OperationFailed("The job failed."), "The job failed."),
    ],
)
def test_an_error_is_a_sentence_that_says_what_to_do(error: Exception, words: str) -> None:
    sentence = errors.explain(error)
    assert sentence
    assert words in sentence


def test_an_error_of_another_kind_is_not_explained() -> None:
    assert errors.explain(KeyError("x")) is None


def test_a_real_refused_connection_is_explained_with_its_address() -> None:
    client = boto3.Session("k", "s", region_name="us-east-1").client(
        "sagemaker", endpoint_url="http://127.0.0.1:9"
    )
    with pytest.raises(exceptions.EndpointConnectionError) as caught:
        client.list_models()
    assert "http://127.0.0.1:9" in str(errors.explain(caught.value))


def test_what_does_not_exist_is_told_from_what_is_wrong() -> None:
    assert errors.is_missing(_refusal("ValidationException", 'Could not find endpoint "arn:...".'))
    assert not errors.is_missing(_refusal("ValidationException", "1 validation error detected"))


def test_the_kits_folders_are_found_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (bundles.find("training") / "train.py").is_file()
    assert (bundles.find("inference") / "serve.py").is_file()
