"""The environment variables of a container: what it would have on AWS, and nothing of the user's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

# Of the machine: how to reach a network and a package index, and what its hardware needs.
_MACHINE = (
    "ALL_PROXY", "CUDA_VISIBLE_DEVICES", "CURL_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "LD_LIBRARY_PATH",
    "MKL_NUM_THREADS", "NO_PROXY", "OMP_NUM_THREADS", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE",
    "TMPDIR", "TZ", "all_proxy", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
_MACHINE_PREFIXES = ("PIP_", "UV_", "NVIDIA_")
# These would lead an installation elsewhere than into the container's own environment.
_ELSEWHERE = {
    "PIP_CONSTRAINT", "PIP_PREFIX", "PIP_PYTHON", "PIP_REQUIRE_VIRTUALENV", "PIP_ROOT", "PIP_TARGET",
    "PIP_USER", "UV_PROJECT", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "UV_SYSTEM_PYTHON",
}  # fmt: skip
# Of this cloud: where it is, its key, and that no host of AWS is to be trusted.
_CLOUD = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE",
    "AWS_DISABLE_HOST_PREFIX_INJECTION",
)  # fmt: skip
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NOTHING = "/dev/null"


def machine(current: Mapping[str, str]) -> dict[str, str]:
    """What a container takes over from this machine."""
    taken = {
        name: value
        for name, value in current.items()
        if (name in _MACHINE or name.startswith(_MACHINE_PREFIXES)) and name not in _ELSEWHERE
    }
    # pip cannot see the user's home from a container: name its cache and its settings.
    home = Path(current.get("HOME") or _NOTHING)
    cache = Path(current.get("XDG_CACHE_HOME") or home / ".cache") / "pip"
    taken.setdefault("PIP_CACHE_DIR", str(cache))
    settings = [
        Path(current.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf",
        home / ".pip" / "pip.conf",
    ]
    for each in settings:
        if each.is_file():
            taken.setdefault("PIP_CONFIG_FILE", str(each))
    return taken


def cloud(current: Mapping[str, str]) -> dict[str, str]:
    """Where this cloud is, for AWS's clients in a container; nothing where `current` points elsewhere.

    A container never gets the user's profile, files or credentials, nor the machine's own.
    """
    variables = {
        "AWS_CONFIG_FILE": _NOTHING,
        "AWS_SHARED_CREDENTIALS_FILE": _NOTHING,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    endpoint = current.get("AWS_ENDPOINT_URL", "")
    if urlsplit(endpoint).hostname not in ("127.0.0.1", "localhost", "::1"):
        return variables
    names = [name for name in current if name.startswith("AWS_ENDPOINT_URL") or name in _CLOUD]
    variables.update({name: current[name] for name in names})
    variables["S3_ENDPOINT_URL"] = endpoint  # sagemaker-training's name for it
    return variables


def base(bin_folder: Path, home: Path, path: str) -> dict[str, str]:
    """What every container of AWS's has. `bin_folder` comes first on the PATH."""
    return {
        "PATH": os.pathsep.join([str(bin_folder), *_without_kit(path.split(os.pathsep)), _SYSTEM_PATH]),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "UTF-8",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }


def _without_kit(entries: Iterable[str]) -> list[str]:
    """The kit's own bin folder has a `pip` that would change the kit."""
    kit = {Path(sys.executable).parent, Path(sys.prefix) / "bin"}
    system = _SYSTEM_PATH.split(os.pathsep)
    return [each for each in entries if each and Path(each) not in kit and each not in system]
