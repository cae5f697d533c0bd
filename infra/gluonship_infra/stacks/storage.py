"""The stack that holds what must outlive all others."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms

from gluonship_infra.configuration import Configuration
from gluonship_infra.stacks.environment_stack import REMOVAL, EnvironmentStack
from gluonship_infra.storage import Storage


class StorageStack(EnvironmentStack):
    """Buckets, image repositories and the key."""

    def __init__(self, app: cdk.App, configuration: Configuration) -> None:
        super().__init__(
            app,
            configuration,
            "Storage",
            "Buckets for data, models and logs, image repositories, and their key",
        )
        table = configuration.storage
        self.storage = Storage(
            self,
            "Storage",
            name=configuration.prefix,
            removal_policy=REMOVAL[table.removal],
            noncurrent_days=table.noncurrent_days,
            checkpoint_days=table.checkpoint_days,
            log_days=table.log_days,
            infrequent_days=table.infrequent_days,
            untagged_image_days=table.untagged_image_days,
            key=kms.Key.from_key_arn(self, "Key", table.key_arn) if table.key_arn else None,
        )
        storage = self.storage
        self.output("DataBucket", storage.data.bucket_name, "Datasets: what the pipeline trains on")
        self.output("ModelsBucket", storage.models.bucket_name, "Models, checkpoints and evaluation reports")
        self.output("LogsBucket", storage.logs.bucket_name, "Access logs of the other buckets")
        self.output("KeyArn", storage.key.key_arn, "The key that encrypts data, models, images and notices")
        self.output(
            "TrainingRepositoryUri", storage.training_repository.repository_uri, "Push training images here"
        )
        self.output(
            "InferenceRepositoryUri",
            storage.inference_repository.repository_uri,
            "Push inference images here",
        )
