"""The URIs of AWS's Deep Learning Containers for MXNet, whose line ends at 1.9.0 for Python 3.8.

Source: the image table of the SageMaker SDK (`sagemaker/image_uri_config/mxnet.json`, version 1.9.0).
"""

from __future__ import annotations

from typing import Literal

Purpose = Literal["training", "inference"]

VERSION = "1.9.0"
_ACCOUNT = "763104351884"
_ACCOUNTS_OF_THEIR_OWN = {
    "af-south-1": "626614931356",
    "ap-east-1": "871362719292",
    "ap-northeast-3": "364406365360",
    "ap-south-2": "772153158452",
    "ap-southeast-3": "907027046896",
    "ap-southeast-4": "457447274322",
    "ca-west-1": "204538143572",
    "cn-north-1": "727897471807",
    "cn-northwest-1": "727897471807",
    "eu-central-2": "380420809688",
    "eu-south-1": "692866216735",
    "eu-south-2": "503227376785",
    "il-central-1": "780543022126",
    "me-central-1": "914824155844",
    "me-south-1": "217643126080",
    "us-gov-east-1": "446045086412",
    "us-gov-west-1": "442386744353",
    "us-iso-east-1": "886529160074",
    "us-isob-east-1": "094389454867",
}
_SHARED = frozenset({
    "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
    "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
    "us-east-1", "us-east-2", "us-west-1", "us-west-2",
})  # fmt: skip
REGIONS = _SHARED | frozenset(_ACCOUNTS_OF_THEIR_OWN)
_DOMAINS = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
}
_GPU_FAMILIES = ("g", "p")  # of instance types; trn and inf have no MXNet image


def mxnet_image(purpose: Purpose, region: str, instance_type: str = "ml.m5.xlarge") -> str:
    """The image for `purpose` in `region`, with CUDA where the instance type has a GPU.

    Raises ValueError for a region without one.
    """
    if region not in REGIONS:
        raise ValueError(
            f"AWS has no MXNet {VERSION} {purpose} container in '{region}'. "
            f"Take one of {', '.join(sorted(REGIONS))}, or give an image of your own with --image."
        )
    account = _ACCOUNTS_OF_THEIR_OWN.get(region, _ACCOUNT)
    domain = next((name for start, name in _DOMAINS.items() if region.startswith(start)), "amazonaws.com")
    processor = "gpu-py38" if has_gpu(instance_type) else "cpu-py38"
    return f"{account}.dkr.ecr.{region}.{domain}/mxnet-{purpose}:{VERSION}-{processor}"


def has_gpu(instance_type: str) -> bool:
    family = instance_type.removeprefix("ml.").split(".")[0]
    return family.startswith(_GPU_FAMILIES)
