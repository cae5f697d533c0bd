"""The variants of endpoints that Application Auto Scaling knows: contracts.ScalableTargets."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from gluonship.local.contracts import AwsError, Clients, Scope

_SERVICE = "application-autoscaling"


class AutoScalingTargets:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def variants(self, scope: Scope, endpoint_name: str) -> Collection[str]:
        prefix = _prefix(endpoint_name)
        return {target["ResourceId"].removeprefix(prefix) for target in self._targets(scope, endpoint_name)}

    def deregister(self, scope: Scope, endpoint_name: str) -> None:
        for target in list(self._targets(scope, endpoint_name)):
            names = ("ServiceNamespace", "ResourceId", "ScalableDimension")
            try:
                self._clients(scope, _SERVICE).deregister_scalable_target(
                    **{name: target[name] for name in names}
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ObjectNotFoundException":  # somebody else's was first
                    raise _failed(error) from error
            except BotoCoreError as error:
                raise _failed(error) from error

    def _targets(self, scope: Scope, endpoint_name: str) -> Iterator[dict[str, Any]]:
        prefix = _prefix(endpoint_name)
        pages = self._clients(scope, _SERVICE).get_paginator("describe_scalable_targets")
        try:
            for page in pages.paginate(ServiceNamespace="sagemaker"):
                yield from (each for each in page["ScalableTargets"] if each["ResourceId"].startswith(prefix))
        except (ClientError, BotoCoreError) as error:
            raise _failed(error) from error


def _prefix(endpoint_name: str) -> str:
    return f"endpoint/{endpoint_name}/variant/"


def _failed(error: Exception) -> AwsError:
    return AwsError("InternalFailure", f"Application Auto Scaling did not answer: {error}", 500)
