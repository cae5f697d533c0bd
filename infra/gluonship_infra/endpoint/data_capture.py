"""Data capture: requests and answers of an endpoint, sampled into S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker

from gluonship_infra.endpoint.refusals import InvalidProps, matches, one_of, whole

_MODES = {"Input": ("Input",), "Output": ("Output",), "InputAndOutput": ("Input", "Output")}
_CONTENT_TYPE = r"[a-zA-Z0-9](-*[a-zA-Z0-9])*/[a-zA-Z0-9](-*[a-zA-Z0-9.])*"


@dataclass(frozen=True)
class DataCapture:
    """Where captured data goes and how much of it. `key` encrypts it: the endpoint's own when left out.

    Bodies of the content types listed are written as they are; everything else, images too, as base64.
    """

    bucket: s3.IBucket
    prefix: str = "capture"
    sampling_percent: int = 100
    mode: Literal["Input", "Output", "InputAndOutput"] = "InputAndOutput"
    key: kms.IKey | None = None
    json_content_types: Sequence[str] = ("application/json",)
    csv_content_types: Sequence[str] = ()

    def __post_init__(self) -> None:
        whole("sampling_percent", self.sampling_percent, 0, 100, "percent")
        one_of("DataCapture mode", self.mode, _MODES)
        s3_prefix("DataCapture prefix", self.prefix)
        for prop in ("json_content_types", "csv_content_types"):
            types = getattr(self, prop)
            if len(types) > 10:
                raise InvalidProps(f"{prop} has {len(types)} content types; AWS takes at most 10.")
            for each in types:
                matches(prop, each, _CONTENT_TYPE, "write a content type, as in application/json")

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket.bucket_name}/{self.prefix}"


def s3_prefix(prop: str, prefix: str) -> None:
    """`prefix` is a folder in a bucket: what is written goes below it, and a role may write only there."""
    if not prefix or prefix.startswith("/") or prefix.endswith("/") or "*" in prefix or "://" in prefix:
        raise InvalidProps(
            f"{prop} is {prefix!r}; give a folder in the bucket, as in capture/shop: no slash at either end."
        )


def data_capture_config(
    capture: DataCapture, key: kms.IKey
) -> sagemaker.CfnEndpointConfig.DataCaptureConfigProperty:
    """The capture as CloudFormation has it; `key` where it names none."""
    config = sagemaker.CfnEndpointConfig
    json_types, csv_types = list(capture.json_content_types), list(capture.csv_content_types)
    return config.DataCaptureConfigProperty(
        enable_capture=True,
        destination_s3_uri=capture.uri,
        initial_sampling_percentage=capture.sampling_percent,
        kms_key_id=(capture.key or key).key_arn,
        capture_options=[config.CaptureOptionProperty(capture_mode=mode) for mode in _MODES[capture.mode]],
        capture_content_type_header=config.CaptureContentTypeHeaderProperty(
            json_content_types=json_types or None, csv_content_types=csv_types or None
        )
        if json_types or csv_types
        else None,
    )
