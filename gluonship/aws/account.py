"""The one door to AWS: an account in a region, and its typed clients. The local cloud is one, too."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

from botocore.config import Config

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

Where = Literal["local", "aws"]

MAX_CONCURRENT_INVOCATIONS = 32


class Account:
    """What `session`'s credentials may do in its region. Clients are made when first used."""

    def __init__(self, session: boto3.Session, where: Where = "aws") -> None:
        self.session = session
        self.where: Where = where
        self.poll_seconds = 0.3 if where == "local" else 5.0  # between two looks at a resource's state

    @cached_property
    def region(self) -> str:
        from gluonship.aws.errors import OperationFailed

        if not self.session.region_name:
            raise OperationFailed("No AWS region is set. Give --region, or set AWS_REGION.")
        return self.session.region_name

    @cached_property
    def account_id(self) -> str:
        return self.session.client("sts").get_caller_identity()["Account"]

    @cached_property
    def sagemaker(self) -> SageMakerClient:
        return self.session.client("sagemaker")

    @cached_property
    def s3(self) -> S3Client:
        return self.session.client("s3")

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        return self.session.client("logs")

    @cached_property
    def runtime(self) -> SageMakerRuntimeClient:
        # InvokeEndpoint may take 60 s. A request that was refused is not sent again by itself: the caller
        # sees what the endpoint did.
        config = Config(
            max_pool_connections=MAX_CONCURRENT_INVOCATIONS,
            read_timeout=70,
            retries={"total_max_attempts": 1},
        )
        return self.session.client("sagemaker-runtime", config=config)
