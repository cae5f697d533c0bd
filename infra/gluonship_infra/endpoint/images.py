"""The image of a serving container, pinned: what runs tomorrow is what was tested today."""

from __future__ import annotations

import re
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr

from gluonship_infra.endpoint.refusals import InvalidProps
from gluonship_infra.rules.images import MOVING_TAGS

_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?"
    r"/(?P<repository>[a-z0-9][a-z0-9._/-]*)(?P<version>:[\w][\w.-]{0,127}|@sha256:[0-9a-f]{64})?"
)


@dataclass(frozen=True)
class PinnedImage:
    """An image in ECR by its digest or its exact tag, and the repository that a role must pull it from."""

    uri: str
    repository_arn: str

    @staticmethod
    def of_uri(uri: str) -> PinnedImage:
        """ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG or @sha256:DIGEST, written out."""
        if cdk.Token.is_unresolved(uri):
            raise InvalidProps(
                "The image's URI is known only at deployment; use PinnedImage.of_repository(repository, tag)."
            )
        parts = _URI.fullmatch(uri)
        if parts is None:
            raise InvalidProps(
                f"{uri!r} is no image in ECR, where SageMaker pulls from; write "
                "ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG (or @sha256:DIGEST)."
            )
        _pinned(uri, (parts["version"] or "").removeprefix(":"))
        registry = f"arn:{cdk.Aws.PARTITION}:ecr:{parts['region']}:{parts['account']}"
        return PinnedImage(uri, f"{registry}:repository/{parts['repository']}")

    @staticmethod
    def of_repository(repository: ecr.IRepository, tag_or_digest: str) -> PinnedImage:
        """The image of that tag, or of that sha256: digest, in a repository of the app."""
        _pinned("the image", tag_or_digest)
        return PinnedImage(
            repository.repository_uri_for_tag_or_digest(tag_or_digest), repository.repository_arn
        )

    @property
    def names_gpu(self) -> bool:
        """AWS's Deep Learning Containers say in their tags what they are built for."""
        return "-gpu" in self.uri


def _pinned(image: str, version: str) -> None:
    if not version or version in MOVING_TAGS:
        given = f"the tag {version!r}" if version else "no tag"
        raise InvalidProps(
            f"{image} has {given}, which can mean another image tomorrow; pin it by an exact tag or a digest."
        )
