"""What of the SageMaker SDK starts work that does not run here: refused where it would start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sagemaker.debugger import ProfilerRule, Rule, rule_configs
from sagemaker.mxnet import MXNet, MXNetModel
from sagemaker.processing import ScriptProcessor
from sagemaker.transformer import Transformer
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.steps import ProcessingStep

import gluonship.local

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-training:1.9.0-cpu-py38-ubuntu20.04-sagemaker"


@pytest.fixture(scope="module")
def connection(cloud: Any) -> Any:
    return gluonship.local.connect(home=cloud.home, start=False, whole_process=False)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("script") / "work.py"
    path.write_text("print('nothing runs me here')\n")
    return path


def estimator(connection: Any, script: Path, **options: Any) -> MXNet:
    return MXNet(
        str(script),
        role=connection.role,
        instance_count=1,
        instance_type="ml.c5.xlarge",
        framework_version="1.9.0",
        py_version="py38",
        sagemaker_session=connection.sagemaker,
        **options,
    )


def refused(call: Any, operation: str, instead: str) -> None:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    assert error["Code"] == "UnsupportedOperation"
    assert caught.value.operation_name == operation
    assert instead in error["Message"]


def test_a_pipeline_is_defined_and_not_started(connection: Any, script: Path) -> None:
    session = PipelineSession(
        boto_session=connection.boto, default_bucket=connection.sagemaker.default_bucket()
    )
    processor = ScriptProcessor(
        role=connection.role,
        image_uri=IMAGE,
        command=["python3"],
        instance_type="ml.m5.xlarge",
        instance_count=1,
        sagemaker_session=session,
    )
    step = ProcessingStep("Prepare", step_args=processor.run(code=str(script)))
    pipeline = Pipeline("defined-only", steps=[step], sagemaker_session=session)
    assert ":pipeline/defined-only" in pipeline.upsert(role_arn=connection.role)["PipelineArn"]
    refused(pipeline.start, "StartPipelineExecution", "as a state machine of Step Functions")
    assert pipeline.describe()["PipelineStatus"] == "Active"
    assert pipeline.list_executions()["PipelineExecutionSummaries"] == []


def test_tuning_is_refused(connection: Any, script: Path) -> None:
    tuner = HyperparameterTuner(
        estimator(connection, script),
        objective_metric_name="accuracy",
        metric_definitions=[{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}],
        hyperparameter_ranges={"lr": ContinuousParameter(0.1, 0.9)},
        max_jobs=2,
    )
    refused(lambda: tuner.fit(wait=False), "CreateHyperParameterTuningJob", "Start a training job for each")
    found = connection.boto.client("sagemaker").list_hyper_parameter_tuning_jobs()
    assert found["HyperParameterTuningJobSummaries"] == []


def test_batch_transform_is_refused(connection: Any) -> None:
    client = connection.boto.client("sagemaker")
    container = {"Image": IMAGE, "ModelDataUrl": "s3://no-bucket/model.tar.gz"}
    client.create_model(ModelName="unused", ExecutionRoleArn=connection.role, PrimaryContainer=container)
    transformer = Transformer("unused", 1, "ml.m5.large", sagemaker_session=connection.sagemaker)
    refused(
        lambda: transformer.transform("s3://no-bucket/in", wait=False),
        "CreateTransformJob",
        "Run the prediction as a processing job",
    )


def test_compilation_is_refused(connection: Any, script: Path) -> None:
    model = MXNetModel(
        model_data="s3://no-bucket/model.tar.gz",
        role=connection.role,
        entry_point=str(script),
        framework_version="1.8.0",
        py_version="py37",
        sagemaker_session=connection.sagemaker,
    )
    refused(
        lambda: model.compile(
            target_instance_family="ml_c5",
            input_shape={"data": [1, 3, 224, 224]},
            output_path="s3://no-bucket/compiled",
            role=connection.role,
            job_name="compiled-never",
            framework="mxnet",
            framework_version="1.8",
        ),
        "CreateCompilationJob",
        "Serve the model as it was trained",
    )


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule.sagemaker(rule_configs.loss_not_decreasing()), "does not run Debugger's rules"),
        (ProfilerRule.sagemaker(rule_configs.ProfilerReport()), "does not run the profiler's rules"),
    ],
)
def test_a_rule_that_nothing_evaluates_is_refused(
    connection: Any, script: Path, rule: Any, words: str
) -> None:
    ruled = estimator(connection, script, rules=[rule], base_job_name="ruled")
    refused(lambda: ruled.fit(wait=False), "CreateTrainingJob", words)
    found = connection.boto.client("sagemaker").list_training_jobs(NameContains="ruled")
    assert found["TrainingJobSummaries"] == []
