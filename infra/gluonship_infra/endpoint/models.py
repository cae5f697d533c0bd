"""What a variant serves: an image, a model artifact and its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_cdk import aws_s3 as s3

from gluonship_infra.endpoint.images import PinnedImage
from gluonship_infra.endpoint.refusals import InvalidProps


@dataclass(frozen=True)
class ModelData:
    """A model.tar.gz in S3. The bucket's own key decrypts it; name that of a bucket known by ARN by
    `s3.Bucket.from_bucket_attributes(encryption_key=...)`."""

    bucket: s3.IBucket
    key: str

    def __post_init__(self) -> None:
        if self.key.startswith("/") or not self.key.endswith(".tar.gz"):
            raise InvalidProps(
                f"The model data's key is {self.key!r}; give the object's key in its bucket, as in "
                "models/shop/model.tar.gz: SageMaker unpacks a .tar.gz."
            )

    @property
    def url(self) -> str:
        return f"s3://{self.bucket.bucket_name}/{self.key}"


@dataclass(frozen=True)
class ServedModel:
    """Image, artifact and environment of a model. `network_isolation` None: isolated, but where serverless
    inference has no isolation."""

    image: PinnedImage
    data: ModelData | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    network_isolation: bool | None = None
