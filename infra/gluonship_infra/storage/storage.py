"""The storage of one project: usable alone, with a key of the user's own."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from gluonship_infra.storage.buckets import logs_bucket, working_bucket
from gluonship_infra.storage.repositories import image_repository

_LOGS_BY_POLICY = "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy"


class Storage(Construct):
    """Buckets for data, models and access logs, and the repositories `NAME-training` and `NAME-inference`.

    Buckets are encrypted, versioned, closed to the public and to plain HTTP. An object put into `data` is
    told to EventBridge. Nothing is emptied on removal: what holds something cannot be deleted.

    `name` is the prefix of what needs a name of its own (lower case, as ECR and KMS aliases take it). Times
    are in days. With `key` given, no key is made.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        noncurrent_days: int = 30,
        checkpoint_days: int = 30,
        log_days: int = 365,
        infrequent_days: int | None = None,
        untagged_image_days: int = 14,
        key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, id)
        # Whatever the app's flags: else access logs come by an access-control list, which the buckets forbid.
        self.node.set_context(_LOGS_BY_POLICY, True)
        self.key: kms.IKey = key or kms.Key(
            self,
            "Key",
            alias=f"alias/{name}",
            description=f"Data, models, images and notices of {name}",
            enable_key_rotation=True,
            pending_window=Duration.days(7),
            removal_policy=removal_policy,
        )
        self.logs: s3.Bucket = logs_bucket(self, "Logs", days=log_days, removal_policy=removal_policy)
        self.data: s3.Bucket = working_bucket(
            self,
            "Data",
            key=self.key,
            logs=self.logs,
            noncurrent_days=noncurrent_days,
            infrequent_days=infrequent_days,
            removal_policy=removal_policy,
            tells_events=True,
        )
        self.models: s3.Bucket = working_bucket(
            self,
            "Models",
            key=self.key,
            logs=self.logs,
            noncurrent_days=noncurrent_days,
            infrequent_days=infrequent_days,
            removal_policy=removal_policy,
            expiring_prefixes={"checkpoints/": checkpoint_days},
        )
        self.training_repository: ecr.Repository = image_repository(
            self, "TrainingImages", f"{name}-training", self.key, untagged_image_days, removal_policy
        )
        self.inference_repository: ecr.Repository = image_repository(
            self, "InferenceImages", f"{name}-inference", self.key, untagged_image_days, removal_policy
        )
