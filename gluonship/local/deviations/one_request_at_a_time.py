"""AWS's services take many requests at once. moto's stores are plain dictionaries that one request walks
while another changes them: under load a listing fails with "dictionary changed size during iteration", or
names an object that is gone.

Here the requests of one service follow each other while moto works on them; reading a request's body and
sending its response stay parallel. A lock a service, not one for all: what a service answers never waits for
another one, but for what CloudWatch asks S3. What topics, rules and schedules deliver goes out on threads of
its own, when the lock is free again, so nobody waits for a lock that its own caller holds. Services that this
cloud answers itself (Step Functions, CloudFormation) have none.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from moto.core.responses import BaseResponse
from moto.s3.responses import S3Response

_SERIAL = (
    "application-autoscaling",
    "cloudwatch",
    "ec2",
    "ecr",
    "events",
    "iam",
    "kms",
    "logs",
    "s3",
    "sagemaker",
    "scheduler",
    "secretsmanager",
    "sns",
    "ssm",
    "sts",
)
# CloudWatch lists the sizes of S3's buckets. Nothing goes the other way round.
_ALSO_TAKES = {"cloudwatch": ("s3",)}

_locks = {service: threading.RLock() for service in _SERIAL}


def apply() -> None:
    BaseResponse.call_action = serial(BaseResponse.call_action)
    # S3 has its own way from the request to the action; both begin after the body is read.
    S3Response._bucket_response = serial(S3Response._bucket_response)
    S3Response._key_response = serial(S3Response._key_response)


def serial(method: Callable[..., Any]) -> Callable[..., Any]:
    """`method` of moto's responses, one call at a time for each service that has a lock."""

    @functools.wraps(method)
    def one_at_a_time(self: BaseResponse, *args: Any, **kwargs: Any) -> Any:
        service = self.service_name or ""
        with ExitStack() as held:
            for name in (service, *_ALSO_TAKES.get(service, ())):
                if name in _locks:
                    held.enter_context(_locks[name])
            return method(self, *args, **kwargs)

    return one_at_a_time
