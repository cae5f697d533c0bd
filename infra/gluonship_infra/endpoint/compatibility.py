"""What SageMaker does not take together, refused before anything is deployed.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html (feature exclusions)
"""

from __future__ import annotations

from collections.abc import Sequence

from gluonship_infra.endpoint.deployment import Deployment
from gluonship_infra.endpoint.refusals import InvalidProps
from gluonship_infra.endpoint.variants import Variant

_MOST_VARIANTS = 10


def check_together(
    variants: Sequence[Variant],
    deployment: Deployment,
    *,
    has_vpc: bool,
    has_data_capture: bool,
    is_asynchronous: bool,
) -> None:
    """Raises InvalidProps, naming what to leave out."""
    _check_variants(variants)
    if any(variant.serverless for variant in variants):
        _check_serverless(variants, has_vpc, has_data_capture, is_asynchronous)
    if is_asynchronous and len(variants) > 1:
        raise InvalidProps(
            f"asynchronous goes with one variant, and there are {len(variants)}: InvokeEndpointAsync cannot "
            "name a variant. Declare an endpoint for each."
        )
    _check_deployment(variants, deployment)


def _check_variants(variants: Sequence[Variant]) -> None:
    if not 1 <= len(variants) <= _MOST_VARIANTS:
        raise InvalidProps(f"There are {len(variants)} variants; an endpoint has 1 to {_MOST_VARIANTS}.")
    names = [variant.name for variant in variants]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidProps(f"Two variants are called {twice[0]!r}; give each its own name.")
    if not any(variant.weight for variant in variants):
        raise InvalidProps("Every variant has weight 0, so none would serve; give one a weight.")


def _check_serverless(
    variants: Sequence[Variant], has_vpc: bool, has_data_capture: bool, is_asynchronous: bool
) -> None:
    if len(variants) > 1:
        raise InvalidProps("A serverless endpoint has one variant; leave the others out, or use instances.")
    for prop, given in (
        ("vpc", has_vpc),
        ("data_capture", has_data_capture),
        ("asynchronous", is_asynchronous),
    ):
        if given:
            raise InvalidProps(
                f"{prop} does not go with serverless inference; leave it out, or use instances."
            )


def _check_deployment(variants: Sequence[Variant], deployment: Deployment) -> None:
    serverless = any(variant.serverless for variant in variants)
    if deployment.strategy == "ROLLING":
        if serverless:
            raise InvalidProps("A rolling deployment is for instances; use all_at_once, canary or linear.")
        if len(variants) > 1:
            raise InvalidProps("A rolling deployment is for one variant; use all_at_once, canary or linear.")
    by_instances = deployment.step is not None and deployment.step.type == "INSTANCE_COUNT"
    if serverless and by_instances:
        raise InvalidProps("A serverless endpoint has no instances to count; use CapacitySize.percent.")
    for variant in variants:
        if variant.inferentia_1 and deployment.without_rollback_reason is None:
            raise InvalidProps(
                f"Variant {variant.name!r} is on {variant.instance_type}: SageMaker has no deployment "
                "guardrails for Inf1 and would shift all at once, watching nothing. Use another instance "
                "type, or Deployment.all_at_once(without_rollback_reason=...)."
            )
        if not variant.serverless:
            deployment.check_fleet(variant.name, variant.instance_count)
