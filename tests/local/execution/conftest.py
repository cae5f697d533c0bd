"""Real parts for this room's tests: an S3, CloudWatch and Logs over HTTP, and containers."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from execution_parts import REGION, Clients, Containers

from gluonship import bundles
from gluonship.local.container_images import ImageTable
from gluonship.local.execution.runtime import ProcessRuntime

MOTO = """
import sys
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """moto as it is, in a process of its own: others patch it in this one, or limit this one's files."""
    with subprocess.Popen(
        [sys.executable, "-c", MOTO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.kill()


@pytest.fixture(scope="session")
def clients(endpoint: str) -> Clients:
    @functools.cache
    def client(service: str, region: str) -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(max_pool_connections=16),
        )

    return client


@pytest.fixture
def bucket(clients: Clients, request: pytest.FixtureRequest) -> str:
    name = "bucket-" + "".join(c for c in request.node.name.lower() if c.isalnum())[:50]
    clients("s3", REGION).create_bucket(Bucket=name)
    return name


@pytest.fixture
def images(tmp_path: Path) -> ImageTable:
    return ImageTable.load(tmp_path, bundles.find("inference").parent)


@pytest.fixture
def containers(tmp_path: Path, images: ImageTable) -> Iterator[Containers]:
    made = Containers(tmp_path, ProcessRuntime(tmp_path, images))
    yield made
    for container in made.started:
        container.kill()
