"""A user who deploys and invokes endpoints of tiny servers by boto3, on a whole local cloud."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import time
import uuid
from typing import Any

from botocore.config import Config
from serving_fakes import SERVER

from gluonship.local.connection import Connection

ROLE = "arn:aws:iam::123456789012:role/nobody-checks-me"
FAST_WAIT = {"Delay": 1, "MaxAttempts": 60}


def images() -> str:
    """images.toml: each behaviour of tiny_server.py as an image `tiny/BEHAVIOUR`."""
    command = json.dumps([sys.executable, "-S", str(SERVER)])[:-1]
    lines = [
        f'[[image]]\npattern = "tiny/{behaviour}"\ncommand = {command}, "{behaviour}"]\n'
        for behaviour in ("broken", "needs-model")
    ]
    return "\n".join(lines)


class Deployer:
    """A user who deploys and invokes by boto3."""

    def __init__(self, cloud: Connection) -> None:
        client = cloud.boto.client
        self.home = cloud.home
        self.sagemaker, self.s3, self.logs = client("sagemaker"), client("s3"), client("logs")
        self.cloudwatch = client("cloudwatch")
        once = Config(retries={"total_max_attempts": 1}, max_pool_connections=16)
        self.runtime = client("sagemaker-runtime", config=once)
        self.bucket = f"models-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)

    def config(self, tag: str | None, image: str = "tiny/needs-model:1", count: int = 1) -> str:
        """A model whose answers carry `tag` (None: an archive without files), and a configuration."""
        name, packed = f"m-{uuid.uuid4().hex[:8]}", io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            if tag is not None:
                info = tarfile.TarInfo("model.txt")
                info.size = len(tag)
                tar.addfile(info, io.BytesIO(tag.encode()))
        key = f"{name}/output/model.tar.gz"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=packed.getvalue())
        container = {"Image": image, "ModelDataUrl": f"s3://{self.bucket}/{key}"}
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": count,
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        return name

    def create(self, endpoint: str, config: str) -> dict[str, Any]:
        self.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        return self.settled(endpoint)

    def update(self, endpoint: str, config: str, **members: Any) -> dict[str, Any]:
        self.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, **members)
        return self.settled(endpoint)

    def settled(self, endpoint: str) -> dict[str, Any]:
        end = time.monotonic() + 60
        while True:
            described: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=endpoint)
            if described["EndpointStatus"] not in ("Creating", "Updating", "RollingBack"):
                return described
            assert time.monotonic() < end, described
            time.sleep(0.1)

    def invoke(self, endpoint: str, body: bytes = b"x") -> dict[str, Any]:
        answer = self.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="text/plain")
        parsed: dict[str, Any] = json.loads(answer["Body"].read())
        return parsed

    def delete(self, endpoint: str) -> None:
        self.sagemaker.delete_endpoint(EndpointName=endpoint)
        self.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=endpoint, WaiterConfig=FAST_WAIT)
