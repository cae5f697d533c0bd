"""The kit's own code as CDK assets: the training script's and the evaluation's, the same bytes for the same
source."""

from __future__ import annotations

import tempfile
from pathlib import Path

from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from gluonship import bundles
from gluonship_infra.pipeline.parameters import SourceFile


def training_code(scope: Construct, id: str) -> assets.Asset:
    """A sourcedir.tar.gz, without the requirements that an isolated container could not install."""
    with tempfile.TemporaryDirectory(prefix="gluonship-asset-") as scratch:
        packed = bundles.pack_training(Path(scratch) / "sourcedir.tar.gz", isolated=True)
        return assets.Asset(scope, id, path=str(packed))


def evaluation_code(scope: Construct, id: str) -> assets.Asset:
    """A zip that Python runs as it is."""
    with tempfile.TemporaryDirectory(prefix="gluonship-asset-") as scratch:
        packed = bundles.pack_evaluation(Path(scratch) / "evaluation.zip")
        return assets.Asset(scope, id, path=str(packed))


def source_file(asset: assets.Asset) -> SourceFile:
    return SourceFile(asset.s3_bucket_name, asset.s3_object_key)
