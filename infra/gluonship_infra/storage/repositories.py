"""The repositories of container images."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from constructs import Construct


def image_repository(
    scope: Construct, id: str, name: str, key: kms.IKey, untagged_days: int, removal_policy: RemovalPolicy
) -> ecr.Repository:
    """A repository whose tags never move and whose images are scanned when pushed.

    Images that lost their tag go after `untagged_days`; tagged ones stay, as a model package names them.
    """
    return ecr.Repository(
        scope,
        id,
        repository_name=name,
        image_tag_mutability=ecr.TagMutability.IMMUTABLE,
        image_scan_on_push=True,
        encryption=ecr.RepositoryEncryption.KMS,
        encryption_key=key,
        lifecycle_rules=[
            ecr.LifecycleRule(
                description="Images without a tag",
                tag_status=ecr.TagStatus.UNTAGGED,
                max_image_age=Duration.days(untagged_days),
            )
        ],
        removal_policy=removal_policy,
    )
