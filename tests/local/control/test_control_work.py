"""An operation of SageMaker that starts work is executed or refused in words, never recorded as done."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from local_clouds import LocalCloud

from gluonship.local.control.registry import Registry, service_model
from gluonship.local.coverage import Coverage, classify
from gluonship.local.sagemaker import work

OPERATIONS = service_model("sagemaker").operation_names


def by_coverage(kind: Coverage) -> set[str]:
    return {name for name, each in classify()["sagemaker"].items() if each is kind}


def refusal(call: Any, **members: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        call(**members)
    about = caught.value.response["ResponseMetadata"]
    assert (about["HTTPStatusCode"], about["RetryAttempts"]) == (400, 0)
    assert caught.value.response["Error"]["Code"] == "UnsupportedOperation"
    return caught.value


def test_of_every_operation_somebody_has_said_whether_it_starts_work() -> None:
    """A new botocore may bring operations that neither look nor end. Each is executed, or gets a line in
    work.INSTEAD (it starts work), or is added to work.RECORDS (it writes something down)."""
    executed = by_coverage(Coverage.EXECUTED)
    assert work.unclassified(OPERATIONS, executed) == []
    tables = (executed, set(work.INSTEAD), work.RECORDS)
    assert len(set.union(*map(set, tables))) == sum(map(len, tables)), "one is in two tables"
    assert (set(work.INSTEAD) | work.RECORDS) <= set(OPERATIONS)


def test_what_is_only_recorded_starts_no_work() -> None:
    recorded = {name for name in by_coverage(Coverage.RECORDED) if work.may_start_work(name)}
    assert recorded <= work.RECORDS
    assert {"CreateExperiment", "CreateModelCard", "CreatePipeline", "CreateNotebookInstance"} <= recorded


def test_every_operation_that_starts_work_is_refused_in_words(cloud: LocalCloud) -> None:
    """Over the wire, whatever is asked: what to do instead is said before anything else is looked at."""
    client = cloud.client("sagemaker", config=Config(parameter_validation=False))
    for operation, instead in work.INSTEAD.items():
        error = refusal(getattr(client, xform_name(operation)))
        message = error.response["Error"]["Message"]
        assert message.startswith(f"{operation} of sagemaker is not available in the local cloud"), operation
        assert instead in message, operation
    assert len(work.INSTEAD) > 50


@pytest.mark.parametrize(
    ("service", "operation", "members"),
    [
        ("sagemaker-a2i-runtime", "start_human_loop", {"HumanLoopName": "h", "FlowDefinitionArn": "f"}),
        (
            "sagemaker-featurestore-runtime",
            "put_record",
            {"FeatureGroupName": "g", "Record": [{"FeatureName": "f", "ValueAsString": "v"}]},
        ),
        ("sagemaker-geospatial", "start_earth_observation_job", {"Name": "j"}),
    ],
)
def test_sagemakers_other_services_pretend_nothing_either(
    cloud: LocalCloud, service: str, operation: str, members: dict[str, Any]
) -> None:
    client = cloud.client(service, config=Config(parameter_validation=False))
    refusal(getattr(client, operation), **members)


def test_an_operation_that_nobody_has_classified_is_refused() -> None:
    refused = work.refusals(["CreateDreamJob", "DescribeDreamJob", "StopDreamJob", "CreateTrial"], set())
    assert refused.keys() - work.INSTEAD.keys() == {"CreateDreamJob"}
    with pytest.raises(ValueError, match="sagemaker has no operation CreateDreamJob"):
        Registry("sagemaker", {}, refused={"CreateDreamJob": ""})


def test_of_what_is_refused_nothing_is_kept(cloud: LocalCloud) -> None:
    """With requests that AWS takes, also where the log says so."""
    client = cloud.client("sagemaker")
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
    name = "pretended"
    refusal(
        client.create_transform_job,
        TransformJobName=name,
        ModelName="none",
        TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://none/in"}}},
        TransformOutput={"S3OutputPath": "s3://none/out"},
        TransformResources=resources,
    )
    refusal(
        client.create_compilation_job,
        CompilationJobName=name,
        RoleArn=cloud.role,
        OutputConfig={"S3OutputLocation": "s3://none/out", "TargetDevice": "jetson_nano"},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    definition = '{"Version": "2020-12-01", "Steps": []}'
    made = client.create_pipeline(
        PipelineName=name, PipelineDefinition=definition, ClientRequestToken="t" * 32, RoleArn=cloud.role
    )
    refusal(client.start_pipeline_execution, PipelineName=name, ClientRequestToken="u" * 32)
    assert client.describe_pipeline(PipelineName=name)["PipelineArn"] == made["PipelineArn"]
    assert client.list_transform_jobs()["TransformJobSummaries"] == []
    assert client.list_compilation_jobs()["CompilationJobSummaries"] == []
    assert client.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"] == []
    log = (cloud.home / "cloud.log").read_text()
    assert "refused: CreateTransformJob of sagemaker" in log
