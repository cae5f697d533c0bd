"""Each deviation from moto, by what AWS's clients see of it."""

from __future__ import annotations

import inspect
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import moto.s3.responses
import pytest
from botocore.exceptions import ClientError
from local_clouds import LocalCloud

from gluonship.local.control.registry import service_model
from gluonship.local.deviations import one_request_at_a_time, s3_subresources

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def test_policies_that_aws_manages_are_there(cloud: LocalCloud) -> None:
    iam = cloud.client("iam")
    iam.create_role(RoleName="trainer", AssumeRolePolicyDocument=TRUST)
    arn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    iam.attach_role_policy(RoleName="trainer", PolicyArn=arn)
    attached = iam.list_attached_role_policies(RoleName="trainer")["AttachedPolicies"]
    assert [each["PolicyArn"] for each in attached] == [arn]


def test_instance_types_are_the_models(cloud: LocalCloud) -> None:
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_notebook_instance(
        NotebookInstanceName="new", InstanceType="ml.g5.xlarge", RoleArn=cloud.role
    )
    assert sagemaker.describe_notebook_instance(NotebookInstanceName="new")["InstanceType"] == "ml.g5.xlarge"
    with pytest.raises(ClientError) as caught:
        sagemaker.create_notebook_instance(
            NotebookInstanceName="newer", InstanceType="ml.z9.huge", RoleArn=cloud.role
        )
    assert code(caught) == "ValidationException"
    assert (
        "Value 'ml.z9.huge' at 'instanceType' failed to satisfy" in caught.value.response["Error"]["Message"]
    )


def test_what_looks_alive_says_that_it_is_not(cloud: LocalCloud) -> None:
    sagemaker = cloud.client("sagemaker")
    name = {"NotebookInstanceName": "no-jupyter"}
    sagemaker.create_notebook_instance(**name, InstanceType="ml.t3.medium", RoleArn=cloud.role)
    shown = sagemaker.describe_notebook_instance(**name)
    assert shown["NotebookInstanceStatus"] == "InService"
    assert "no Jupyter runs behind this one" in shown["FailureReason"]
    sagemaker.stop_notebook_instance(**name)
    assert "FailureReason" not in sagemaker.describe_notebook_instance(**name)
    made = sagemaker.create_domain(
        DomainName="no-studio",
        AuthMode="IAM",
        DefaultUserSettings={"ExecutionRole": cloud.role},
        SubnetIds=["subnet-1"],
        VpcId="vpc-1",
    )
    domain = sagemaker.describe_domain(DomainId=made["DomainArn"].rpartition("/")[2])
    assert (domain["Status"], "no Studio" in domain["FailureReason"]) == ("InService", True)
    log = (cloud.home / "cloud.log").read_text()
    said = "is recorded here, without effect"
    assert f"CreateNotebookInstance no-jupyter {said}: no Jupyter runs behind it" in log
    assert f"CreateDomain no-studio {said}: no Studio runs behind it" in log


def test_the_log_says_that_nothing_scales(cloud: LocalCloud) -> None:
    scaling = cloud.client("application-autoscaling")
    table = {
        "ServiceNamespace": "dynamodb",
        "ResourceId": "table/still",
        "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
    }
    missing = {"ResourceId": "service/none/refused", "ScalableDimension": "ecs:service:DesiredCount"}
    with pytest.raises(ClientError):
        scaling.register_scalable_target(ServiceNamespace="ecs", **missing, MinCapacity=1, MaxCapacity=7)
    scaling.register_scalable_target(**table, MinCapacity=1, MaxCapacity=7)
    assert (
        len(
            scaling.describe_scalable_targets(ServiceNamespace="dynamodb", ResourceIds=["table/still"])[
                "ScalableTargets"
            ]
        )
        == 1
    )
    log = (cloud.home / "cloud.log").read_text()
    said = "is recorded here, without effect: nothing scales by itself"
    assert f"RegisterScalableTarget table/still {said}" in log
    assert "RegisterScalableTarget service/none/refused" not in log


def deny(condition: dict[str, object]) -> str:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", **condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize("value", ["false", False, ["false"]])
def test_a_bucket_that_wants_tls_takes_local_requests(cloud: LocalCloud, value: object) -> None:
    s3 = cloud.client("s3")
    bucket = f"tls-{str(value).lower().strip(chr(91) + chr(93) + chr(39))}-{type(value).__name__}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=deny({"Condition": {"Bool": {"aws:SecureTransport": value}}}))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_a_bucket_that_wants_a_new_tls_takes_local_requests(cloud: LocalCloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="tls-new")
    s3.put_bucket_policy(
        Bucket="tls-new", Policy=deny({"Condition": {"NumericLessThan": {"s3:TlsVersion": 1.2}}})
    )
    s3.put_object(Bucket="tls-new", Key="k", Body=b"x")


def test_a_bucket_logs_to_another_before_that_ones_policy_is_there(cloud: LocalCloud) -> None:
    s3 = cloud.client("s3")
    for name in ("logged", "logs-of-it"):
        s3.create_bucket(Bucket=name)
    wanted = {"LoggingEnabled": {"TargetBucket": "logs-of-it", "TargetPrefix": "logged/"}}
    s3.put_bucket_logging(Bucket="logged", BucketLoggingStatus=wanted)
    assert s3.get_bucket_logging(Bucket="logged")["LoggingEnabled"] == wanted["LoggingEnabled"]


def test_log_events_are_those_of_the_streams_with_the_prefix(cloud: LocalCloud) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="prefixes")
    for stream in ("one/a", "one/b", "two/a"):
        logs.create_log_stream(logGroupName="prefixes", logStreamName=stream)
        event = {"timestamp": int(time.time() * 1000), "message": stream}
        logs.put_log_events(logGroupName="prefixes", logStreamName=stream, logEvents=[event])

    def found(prefix: str) -> list[str]:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName="prefixes", logStreamNamePrefix=prefix, PaginationConfig={"PageSize": 1}
        )
        return sorted(event["message"] for page in pages for event in page["events"])

    assert found("one/") == ["one/a", "one/b"]
    assert found("three") == []
    assert len(logs.filter_log_events(logGroupName="prefixes")["events"]) == 3


def test_a_bucket_that_denies_everybody_still_does(cloud: LocalCloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="denied")
    s3.put_bucket_policy(Bucket="denied", Policy=deny({}))
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket="denied", Key="k", Body=b"x")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("resource", ["Endpoint", "Model", "ModelPackageGroup", "ModelCard"])
def test_a_search_for_what_moto_does_not_see_is_refused(cloud: LocalCloud, resource: str) -> None:
    with pytest.raises(ClientError) as caught:
        cloud.client("sagemaker").search(Resource=resource)
    assert code(caught) == "UnsupportedOperation"
    assert f"(Resource {resource}: its List operation answers)" in caught.value.response["Error"]["Message"]


def test_a_search_for_what_is_recorded_finds_it(cloud: LocalCloud) -> None:
    sagemaker = cloud.client("sagemaker")
    arn = sagemaker.create_experiment(ExperimentName="found")["ExperimentArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "k", "Value": "v"}])
    for filters in ([], [{"Name": "ExperimentName", "Value": "found"}], [{"Name": "Tags.k", "Value": "v"}]):
        expression = {"SearchExpression": {"Filters": filters}} if filters else {}
        results = sagemaker.search(Resource="Experiment", **expression)["Results"]
        assert "found" in [each["Experiment"]["ExperimentName"] for each in results]


def test_a_filter_without_a_value_is_refused_in_aws_way(cloud: LocalCloud) -> None:
    expression = {"Filters": [{"Name": "ExperimentName"}]}
    with pytest.raises(ClientError, match="The filter of ExperimentName needs a Value") as caught:
        cloud.client("sagemaker").search(Resource="Experiment", SearchExpression=expression)
    assert code(caught) == "ValidationException"


NAMED = {"Name": "ExperimentName", "Operator": "Equals", "Value": "unfound"}


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ({"Filters": [NAMED, NAMED], "Operator": "Or"}, "Operator Or"),
        ({"SubExpressions": [{"Filters": [NAMED]}]}, "SubExpressions"),
        ({"NestedFilters": [{"NestedPropertyName": "Source", "Filters": [NAMED]}]}, "NestedFilters"),
        ({"Filters": [{**NAMED, "Operator": "GreaterThan"}]}, "Operator GreaterThan (filter ExperimentName)"),
        ({"Filters": [{"Name": "Tags.k", "Operator": "Exists"}]}, "Operator Exists (filter Tags.k)"),
        ({"Filters": [{"Name": "Tags.k", "Value": "v"}, NAMED]}, "more than one filter, one of them of Tags"),
    ],
)
def test_a_search_that_moto_would_answer_wrongly_is_refused(
    cloud: LocalCloud, expression: dict[str, object], what: str
) -> None:
    with pytest.raises(ClientError) as caught:
        cloud.client("sagemaker").search(Resource="Experiment", SearchExpression=expression)
    assert code(caught) == "UnsupportedOperation"
    assert f"(Resource Experiment with {what})" in caught.value.response["Error"]["Message"]


def test_s3s_subresources_are_known_or_refused() -> None:
    """A new boto3 may bring subresources that moto would ignore; this names them."""
    model, source = service_model("s3"), inspect.getsource(moto.s3.responses)
    subresources = {
        model.operation_model(name).http["requestUri"].partition("?")[2].split("&")[0].split("=")[0]
        for name in model.operation_names
    } - {""}
    ignored = {name for name in subresources if f'"{name}"' not in source}
    assert ignored == s3_subresources.UNKNOWN_TO_MOTO


def test_one_services_requests_follow_each_other() -> None:
    """Also CloudWatch's, which look into S3; services that may call others over HTTP do not wait."""
    together: dict[str, int] = {}
    running: list[str] = []
    guard = threading.Lock()

    def action(response: SimpleNamespace) -> None:
        with guard:
            running.append(response.service_name)
            together[response.service_name] = max(
                together.get(response.service_name, 0), running.count(response.service_name)
            )
            if {"s3", "cloudwatch"} <= set(running):
                together["s3 beside cloudwatch"] = 1
        time.sleep(0.05)
        with guard:
            running.remove(response.service_name)

    method = one_request_at_a_time.serial(action)
    services = ["s3", "s3", "cloudwatch", "cloudwatch", "stepfunctions", "stepfunctions"] * 2
    with ThreadPoolExecutor(len(services)) as pool:
        list(pool.map(lambda name: method(SimpleNamespace(service_name=name)), services))
    assert together == {"s3": 1, "cloudwatch": 1, "stepfunctions": 4}
