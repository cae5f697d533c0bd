"""JSONata as Step Functions evaluates it: `$states`, variables, and its own functions."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from gluonship_infra.pipeline.parameters import Parameters, SourceFile
from gluonship_infra.pipeline.settings import PipelineSettings
from jsonata import Jsonata

_AWS = "763104351884.dkr.ecr.us-east-1.amazonaws.com"


def evaluated(code: str, states: Any = None, **variables: Any) -> Any:
    """The value of an expression, with or without its {% %}."""
    if code.startswith("{%"):
        code = code.removeprefix("{%").removesuffix("%}")
    query = Jsonata(code)
    query.register_lambda("hash", lambda text, algorithm: hashlib.sha256(text.encode()).hexdigest())
    query.register_lambda("parse", json.loads)
    frame = query.create_frame()
    for name, value in {"states": states or {}, **variables}.items():
        frame.bind(name, value)
    return query.evaluate(None, frame)


def parameters(settings: PipelineSettings | None = None, **changes: Any) -> Parameters:
    values: dict[str, Any] = {
        "stem": "kit-dev",
        "region": "us-east-1",
        "data_bucket": "data",
        "models_bucket": "models",
        "key_arn": "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "training_image": f"{_AWS}/mxnet-training:1.9.0-gpu-py38-cu112-ubuntu20.04-sagemaker",
        "evaluation_image": f"{_AWS}/mxnet-training:1.9.0-cpu-py38-ubuntu20.04-sagemaker",
        "inference_image": f"{_AWS}/mxnet-inference:1.9.0-cpu-py38-ubuntu20.04-sagemaker",
        "training_role": "arn:aws:iam::123456789012:role/training",
        "evaluation_role": "arn:aws:iam::123456789012:role/evaluation",
        "serving_role": "arn:aws:iam::123456789012:role/serving",
        "compilation_role": "arn:aws:iam::123456789012:role/compilation",
        "training_source": SourceFile("assets", "aa11.gz"),
        "evaluation_source": SourceFile("assets", "bb22.zip"),
        "endpoint_name": "kit-dev",
        "model_package_group": "kit-dev",
        "topic": "arn:aws:sns:us-east-1:123456789012:notices",
        "settings": settings or PipelineSettings(),
    }
    return Parameters(**{**values, **changes})
