"""The SageMaker SDK's MXNet estimator with a user's own scripts, which know nothing of GluonShip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sagemaker.deserializers import JSONDeserializer
from sagemaker.mxnet import MXNet, MXNetModel
from sagemaker.serializers import CSVSerializer, JSONSerializer

import gluonship.local

SCRIPTS = Path(__file__).parent / "user_scripts"


@pytest.fixture(scope="module")
def connection(cloud: Any) -> Any:
    return gluonship.local.connect(home=cloud.home, start=False, whole_process=False)


@pytest.fixture(scope="module")
def training_data(connection: Any, training_pictures: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("idx")
    training_pictures.write_idx(folder)
    return str(connection.sagemaker.upload_data(str(folder), key_prefix="fashion-mnist"))


def estimator(connection: Any, entry_point: str, **options: Any) -> MXNet:
    return MXNet(
        entry_point=entry_point,
        source_dir=str(SCRIPTS),
        role=connection.role,
        instance_count=1,
        instance_type="ml.c5.xlarge",
        framework_version="1.9.0",
        py_version="py38",
        sagemaker_session=connection.sagemaker,
        **options,
    )


@pytest.fixture(scope="module")
def trained(connection: Any, training_data: str) -> MXNet:
    job = estimator(
        connection,
        "transform_fn.py",
        hyperparameters={"epochs": 3, "learning-rate": 0.002},
        metric_definitions=[{"Name": "train:accuracy", "Regex": r"train-accuracy=([0-9.]+)"}],
    )
    job.fit({"train": training_data}, wait=False)
    return completed(connection, job)


def completed(connection: Any, job: MXNet) -> MXNet:
    """Waits as the SDK does, but asks every second instead of every 30."""
    client = connection.boto.client("sagemaker")
    name = job.latest_training_job.name
    waiter = client.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 200})
    described = client.describe_training_job(TrainingJobName=name)
    assert described["TrainingJobStatus"] == "Completed", described.get("FailureReason")
    return job


def in_service(connection: Any, name: str) -> None:
    client = connection.boto.client("sagemaker")
    waiter = client.get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 200})


def accuracy(predicted: Any, pictures: Any) -> float:
    return sum(int(a) == int(b) for a, b in zip(predicted, pictures.labels, strict=True)) / len(
        pictures.labels
    )


def test_fit_streams_the_log_and_reports_metrics(
    connection: Any, training_data: str, capfd: pytest.CaptureFixture[str]
) -> None:
    job = estimator(
        connection,
        "transform_fn.py",
        hyperparameters={"epochs": 2},
        metric_definitions=[{"Name": "train:accuracy", "Regex": r"train-accuracy=([0-9.]+)"}],
    )
    job.fit({"train": training_data}, logs="All")
    shown = capfd.readouterr().out
    assert "epoch 1 train-accuracy=" in shown
    assert "Completed - Training job completed" in shown

    described = job.latest_training_job.describe()
    assert described["TrainingJobStatus"] == "Completed"
    (metric,) = [m for m in described["FinalMetricDataList"] if m["MetricName"] == "train:accuracy"]
    assert metric["Value"] == pytest.approx(
        float(shown.split("epoch 1 train-accuracy=")[1].split()[0]), abs=1e-4
    )
    assert metric["Value"] > 0.6


def test_transform_fn_serves_and_the_endpoint_goes(
    connection: Any, trained: MXNet, held_out_pictures: Any
) -> None:
    predictor = trained.deploy(1, "ml.c5.large", serializer=JSONSerializer(), deserializer=JSONDeserializer())
    name = predictor.endpoint_name
    predicted = predictor.predict(held_out_pictures.images.reshape(-1, 784).tolist())
    assert accuracy(predicted, held_out_pictures) > 0.6

    predictor.delete_model()
    predictor.delete_endpoint()
    client = connection.boto.client("sagemaker")
    waiter = client.get_waiter("endpoint_deleted")
    waiter.wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert client.list_endpoints(NameContains=name)["Endpoints"] == []


def test_register_finds_the_training_job_and_approves_the_model(connection: Any, trained: MXNet) -> None:
    package = trained.register(
        content_types=["application/json"],
        response_types=["application/json"],
        inference_instances=["ml.c5.large"],
        transform_instances=["ml.m5.large"],
        model_package_group_name="fashion",
        approval_status="Approved",
        image_uri=trained_image(trained),
    )
    client = connection.boto.client("sagemaker")
    described = client.describe_model_package(ModelPackageName=package.model_package_arn)
    assert (described["ModelPackageGroupName"], described["ModelPackageVersion"]) == ("fashion", 1)
    assert described["ModelApprovalStatus"] == "Approved"
    job = trained.latest_training_job.describe()
    card = json.loads(described["ModelCard"]["ModelCardContent"])
    details = card["training_details"]["training_job_details"]
    assert details["training_arn"] == job["TrainingJobArn"]
    metrics = {each["name"]: each["value"] for each in details["training_metrics"]}
    assert metrics == {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}


def test_three_functions_serve(connection: Any, trained: MXNet, held_out_pictures: Any) -> None:
    model = MXNetModel(
        model_data=trained.model_data,
        role=connection.role,
        entry_point="three_functions.py",
        source_dir=str(SCRIPTS),
        framework_version="1.9.0",
        py_version="py38",
        sagemaker_session=connection.sagemaker,
    )
    predictor = model.deploy(
        1, "ml.c5.large", serializer=CSVSerializer(), deserializer=JSONDeserializer(), wait=False
    )
    try:
        in_service(connection, predictor.endpoint_name)
        rows = held_out_pictures.images.reshape(-1, 784).tolist()
        assert accuracy(predictor.predict(rows)["labels"], held_out_pictures) > 0.6
        with pytest.raises(Exception, match="Received server error") as caught:
            predictor.predict(rows, initial_args={"ContentType": "text/plain"})
        assert "ModelError" in str(caught.value)
    finally:
        predictor.delete_endpoint()


def test_the_containers_defaults_serve_a_module_style_model(
    connection: Any, training_data: str, held_out_pictures: Any
) -> None:
    job = estimator(connection, "module_style.py", hyperparameters={"epochs": 3})
    job.fit({"train": training_data}, wait=False)
    completed(connection, job)
    client = connection.boto.client("sagemaker")
    image = trained_image(job)
    client.create_model(
        ModelName="module-style",
        ExecutionRoleArn=connection.role,
        PrimaryContainer={"Image": image, "ModelDataUrl": job.model_data},
    )
    client.create_endpoint_config(
        EndpointConfigName="module-style",
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": "module-style",
                "InstanceType": "ml.c5.large",
                "InitialInstanceCount": 1,
            }
        ],
    )
    client.create_endpoint(EndpointName="module-style", EndpointConfigName="module-style")
    in_service(connection, "module-style")
    try:
        runtime = connection.boto.client("sagemaker-runtime")
        predicted = []
        for index in range(len(held_out_pictures.labels)):
            row = (held_out_pictures.images[index].reshape(1, 784) / 255).tolist()
            answer = runtime.invoke_endpoint(
                EndpointName="module-style", ContentType="application/json", Body=json.dumps(row)
            )
            scores = json.loads(answer["Body"].read())
            predicted.append(max(range(10), key=scores[0].__getitem__))
        assert accuracy(predicted, held_out_pictures) > 0.6
    finally:
        client.delete_endpoint(EndpointName="module-style")


def trained_image(job: MXNet) -> str:
    return str(job.training_image_uri()).replace("mxnet-training", "mxnet-inference")
