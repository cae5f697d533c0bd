"""What the kit needs to know of SageMaker's instance types: where each may run, its processor, its disk."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Literal

from gluonship_infra import instance_type_names as names

Purpose = Literal["training", "processing", "serving"]

_SIZES: Mapping[Purpose, Mapping[str, str]] = {
    "training": names.TRAINING,
    "processing": names.PROCESSING,
    "serving": names.SERVING,
}
_ACCELERATORS = ("trn", "inf", "dl")  # Trainium, Inferentia and Gaudi, for which there is no MXNet 1.9
_GPU = re.compile(r"[gp]\d")
_ARM = re.compile(r"[cmr]\d+g[a-z]*|p6e-gb200")  # Graviton, and Grace beside the GPUs
# Families with NVMe disks of their own; of those without an accelerator, the names say it by a "d".
_LOCAL_DISK = re.compile(r"[cmr]\d+[a-z]*d[a-z]*|g4dn|g[5-9]e?|p3dn|p[4-9][a-z0-9-]*|trn\d+n?|dl1")
LEAST_LOCAL_DISK_GIGABYTES = 50
"""Of all instance types with a disk of their own (c5d.large's)."""


def of(purpose: Purpose) -> frozenset[str]:
    """The types that SageMaker takes for a purpose."""
    return frozenset(
        f"ml.{family}.{size}" for family, sizes in _SIZES[purpose].items() for size in sizes.split()
    )


def nearest(purpose: Purpose, given: str) -> list[str]:
    """Up to three types for the purpose whose names are near to `given`."""
    known = sorted(of(purpose))
    same = [one for one in known if one.rpartition(".")[0] == given.rpartition(".")[0]]
    return difflib.get_close_matches(given, same or known, n=3, cutoff=0)


def has_accelerator(instance_type: str) -> bool:
    """Whether it computes on Trainium, Inferentia or Gaudi."""
    return _family(instance_type).startswith(_ACCELERATORS)


def has_gpu(instance_type: str) -> bool:
    return bool(_GPU.match(_family(instance_type)))


def is_arm(instance_type: str) -> bool:
    """Whether its processor is ARM, which images for x86-64 do not run on."""
    return bool(_ARM.fullmatch(_family(instance_type)))


def has_local_disk(instance_type: str) -> bool:
    """Whether it stores on NVMe disks of its own: of a fixed size, encrypted by the hardware, and without a
    volume key, which SageMaker refuses for them.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html (VolumeKmsKeyId)
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-store-volumes.html
    """
    return bool(_LOCAL_DISK.fullmatch(_family(instance_type)))


def _family(instance_type: str) -> str:
    return instance_type.removeprefix("ml.").partition(".")[0]
