"""The two kinds of bucket: one to work in, and one that access logs are delivered to."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

_UPLOAD_DAYS = 7  # parts of an upload that nobody finished are paid for, and shown nowhere
_TLS = 1.2


def working_bucket(
    scope: Construct,
    id: str,
    *,
    key: kms.IKey,
    logs: s3.IBucket,
    noncurrent_days: int,
    infrequent_days: int | None,
    removal_policy: RemovalPolicy,
    tells_events: bool = False,
    expiring_prefixes: Mapping[str, int] | None = None,
) -> s3.Bucket:
    """A versioned bucket under `key`, whose accesses are logged into `logs` under the prefix `ID/`.

    Objects move to infrequent access after `infrequent_days` (30 at least, as S3 asks; None: never), and
    those under the expiring prefixes go after so many days.
    """
    bucket = s3.Bucket(
        scope,
        id,
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,  # one request to KMS for many objects
        versioned=True,
        enforce_ssl=True,
        minimum_tls_version=_TLS,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        server_access_logs_bucket=logs,
        server_access_logs_prefix=f"{id.lower()}/",
        lifecycle_rules=_working_rules(noncurrent_days, infrequent_days, expiring_prefixes or {}),
        removal_policy=removal_policy,
    )
    if tells_events:
        _tell_events(bucket)
    return bucket


def logs_bucket(scope: Construct, id: str, *, days: int, removal_policy: RemovalPolicy) -> s3.Bucket:
    """The bucket that S3 delivers access logs to.

    Encrypted with S3's own key: S3 delivers no access logs into a bucket whose default encryption is KMS
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html).
    """
    return s3.Bucket(
        scope,
        id,
        encryption=s3.BucketEncryption.S3_MANAGED,
        versioned=True,
        enforce_ssl=True,
        minimum_tls_version=_TLS,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        lifecycle_rules=[
            s3.LifecycleRule(
                id="expire-logs",
                expiration=Duration.days(days),
                noncurrent_version_expiration=Duration.days(1),
                abort_incomplete_multipart_upload_after=Duration.days(_UPLOAD_DAYS),
            )
        ],
        removal_policy=removal_policy,
    )


def _working_rules(
    noncurrent_days: int, infrequent_days: int | None, expiring_prefixes: Mapping[str, int]
) -> list[s3.LifecycleRule]:
    rules = [
        s3.LifecycleRule(
            id="tidy",
            abort_incomplete_multipart_upload_after=Duration.days(_UPLOAD_DAYS),
            noncurrent_version_expiration=Duration.days(noncurrent_days),
        )
    ]
    if infrequent_days is not None:
        transition = s3.Transition(
            storage_class=s3.StorageClass.INFREQUENT_ACCESS, transition_after=Duration.days(infrequent_days)
        )
        rules.append(s3.LifecycleRule(id="infrequent-access", transitions=[transition]))
    for prefix, days in expiring_prefixes.items():
        name = prefix.strip("/").replace("/", "-")
        rules.append(s3.LifecycleRule(id=f"expire-{name}", prefix=prefix, expiration=Duration.days(days)))
    return rules


def _tell_events(bucket: s3.Bucket) -> None:
    """Sends the bucket's object events to EventBridge.

    By the L1 property: `Bucket.enable_event_bridge_notification` would bring a custom resource with a Lambda
    function, where CloudFormation has had the property since 2021
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-s3-bucket-eventbridgeconfiguration.html).
    """
    resource = bucket.node.default_child
    if not isinstance(resource, s3.CfnBucket):
        raise TypeError(f"'{bucket.node.path}' is no bucket of this app, so its notifications cannot be set")
    resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
        event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
    )
