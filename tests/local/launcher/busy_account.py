"""An account in which everything is under way, and what of it is left: for the tests of a reset."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_clouds import LocalCloud

# A container that never stops to write: lines, metrics, a model, and buckets of its own.
CHATTER = """
import boto3, itertools, os, pathlib
s3 = boto3.client("s3")
for number in itertools.count():
    print(f"loss={number};", flush=True)
    pathlib.Path("/opt/ml/model/last").write_text(str(number))
    s3.create_bucket(Bucket=f"of-the-job-{os.getpid()}-{number}")
"""
SERVER = """
import http.server, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self): self.reply(b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(300 if body == b"slowly" else 0)
        self.reply(b"answer")
    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
address = ("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"]))
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""
QUICK = "import pathlib; pathlib.Path('/opt/ml/model/weights').write_text('7')"

FIRST, SECOND = "us-east-1", "eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/nobody-checks-me"
_WAITING = json.dumps(
    {
        "StartAt": "Say",
        "States": {
            "Say": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:ssm:putParameter",
                "Parameters": {"Name": "from-the-machine", "Value": "1", "Type": "String", "Overwrite": True},
                "ResultPath": None,
                "Next": "Wait",
            },
            "Wait": {"Type": "Wait", "Seconds": 30, "Next": "Say"},
        },
    }
)
_TEMPLATE = json.dumps(
    {
        "Resources": {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "of-the-stack"}},
            "Model": {
                "Type": "AWS::SageMaker::Model",
                "Properties": {"ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": "example/server"}},
            },
        }
    }
)
_NEVER_UP = json.dumps(
    {
        "Resources": {
            "Model": {
                "Type": "AWS::SageMaker::Model",
                "Properties": {"ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": "example/chatter"}},
            },
            "Config": {
                "Type": "AWS::SageMaker::EndpointConfig",
                "Properties": {
                    "ProductionVariants": [
                        {
                            "VariantName": "one",
                            "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
                            "InstanceType": "ml.m5.large",
                            "InitialInstanceCount": 1,
                            "InitialVariantWeight": 1,
                        }
                    ]
                },
            },
            "Endpoint": {
                "Type": "AWS::SageMaker::Endpoint",
                "Properties": {"EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}},
            },
        }
    }
)


def images(folder: Path) -> str:
    """images.toml with example/chatter, example/quick and example/server."""
    entries = []
    for name, script in (("chatter", CHATTER), ("quick", QUICK), ("server", SERVER)):
        file = folder / f"{name}.py"
        file.write_text(script)
        command = json.dumps([sys.executable, str(file)])
        entries.append(f'[[image]]\npattern = "example/{name}"\ncommand = {command}\n')
    return "\n".join(entries)


def train(cloud: LocalCloud, name: str, image: str, **members: Any) -> None:
    cloud.client("sagemaker").create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9]+);"}],
        },
        OutputDataConfig={"S3OutputPath": "s3://first/out"},
        ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
        **members,
    )


def serve(cloud: LocalCloud, name: str) -> None:
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_model(
        ModelName=name, PrimaryContainer={"Image": "example/server"}, ExecutionRoleArn=ROLE
    )
    variant = {
        "VariantName": "one",
        "ModelName": name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)


def fill(cloud: LocalCloud) -> None:
    """Something in every service that `left` looks at, and work under way in all that work."""
    client = cloud.client
    client("s3").create_bucket(Bucket="first")
    client("s3").put_object(Bucket="first", Key="some/thing", Body=b"12345")
    queue = client("sqs").create_queue(QueueName="listener")["QueueUrl"]
    arn = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    topic = client("sns").create_topic(Name="told")["TopicArn"]
    for region in (FIRST, SECOND):
        client("ssm", region).put_parameter(Name="kept", Value="here", Type="String")
    client("iam").create_user(UserName="somebody")
    client("secretsmanager").create_secret(Name="hidden", SecretString="x")
    client("ecr").create_repository(repositoryName="images")
    client("kms").create_key()
    client("dynamodb", SECOND).create_table(
        TableName="rows",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client("cloudwatch").put_metric_alarm(
        AlarmName="bell",
        MetricName="loss",
        Namespace="mine",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    events = client("events")
    events.put_rule(Name="all", EventPattern=json.dumps({"source": [{"prefix": ""}]}))
    events.put_rule(Name="every-minute", ScheduleExpression="rate(1 minute)")
    for rule in ("all", "every-minute"):
        events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn["Attributes"]["QueueArn"]}])
    client("scheduler").create_schedule(
        Name="often",
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn["Attributes"]["QueueArn"], "RoleArn": ROLE, "Input": "scheduled"},
    )
    states = client("stepfunctions")
    states.create_activity(name="by-hand")
    machine = states.create_state_machine(name="waiting", definition=_WAITING, roleArn=ROLE)
    states.start_execution(stateMachineArn=machine["stateMachineArn"])
    client("cloudformation").create_stack(StackName="made", TemplateBody=_TEMPLATE, NotificationARNs=[topic])
    client("cloudformation").create_stack(StackName="under-way", TemplateBody=_NEVER_UP)
    client("sagemaker").create_model_package_group(ModelPackageGroupName="registered")
    train(
        cloud,
        "chatter",
        "example/chatter",
        Tags=[{"Key": "a", "Value": "b"}],
    )
    client("sagemaker").create_processing_job(
        ProcessingJobName="chatter",
        RoleArn=ROLE,
        AppSpecification={"ImageUri": "example/chatter"},
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}
        },
    )
    serve(cloud, "endpoint")
    client("sagemaker").get_waiter("endpoint_in_service").wait(
        EndpointName="endpoint", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def _looks(client: Callable[..., Any]) -> dict[str, Callable[[], Any]]:
    sagemaker, states = client("sagemaker"), client("stepfunctions")
    return {
        "buckets": lambda: client("s3").list_buckets()["Buckets"],
        "queues": lambda: client("sqs").list_queues().get("QueueUrls"),
        "topics": lambda: client("sns").list_topics()["Topics"],
        "parameters": lambda: client("ssm").describe_parameters()["Parameters"],
        "parameters elsewhere": lambda: client("ssm", SECOND).describe_parameters()["Parameters"],
        "users": lambda: client("iam").list_users()["Users"],
        "secrets": lambda: client("secretsmanager").list_secrets()["SecretList"],
        "repositories": lambda: client("ecr").describe_repositories()["repositories"],
        "keys": lambda: client("kms").list_keys()["Keys"],
        "tables": lambda: client("dynamodb", SECOND).list_tables()["TableNames"],
        "alarms": lambda: client("cloudwatch").describe_alarms()["MetricAlarms"],
        "metrics": lambda: [
            each
            for each in client("cloudwatch").list_metrics()["Metrics"]
            if each["Namespace"] != "AWS/S3"  # the sizes of the buckets that there are
        ],
        "log groups": lambda: client("logs").describe_log_groups()["logGroups"],
        "rules": lambda: client("events").list_rules()["Rules"],
        "schedules": lambda: client("scheduler").list_schedules()["Schedules"],
        "machines": lambda: states.list_state_machines()["stateMachines"],
        "activities": lambda: states.list_activities()["activities"],
        "stacks": lambda: client("cloudformation").list_stacks()["StackSummaries"],
        "training jobs": lambda: sagemaker.list_training_jobs()["TrainingJobSummaries"],
        "processing jobs": lambda: sagemaker.list_processing_jobs()["ProcessingJobSummaries"],
        "models": lambda: sagemaker.list_models()["Models"],
        "endpoint configs": lambda: sagemaker.list_endpoint_configs()["EndpointConfigs"],
        "endpoints": lambda: sagemaker.list_endpoints()["Endpoints"],
        "package groups": lambda: sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"],
    }


def left(cloud: LocalCloud) -> set[str]:
    """The kinds of which there is something."""
    return {kind for kind, look in _looks(cloud.client).items() if look()}


def wait_for_all(cloud: LocalCloud) -> None:
    """Until every kind is there: the job's first metric and log line take their time."""
    end = time.monotonic() + 60
    while missing := set(_looks(cloud.client)) - left(cloud):
        assert time.monotonic() < end, missing
        time.sleep(0.2)
