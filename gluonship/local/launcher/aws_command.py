"""The AWS CLI of this machine: versions before July 2023 know no AWS_ENDPOINT_URL, and would ask AWS itself.

https://aws.amazon.com/blogs/developer/new-improved-flexibility-when-configuring-endpoint-urls-with-the-aws-sdks-and-tools/
"""

from __future__ import annotations

import re
import shutil
import subprocess

# The first of each major version that reads AWS_ENDPOINT_URL.
_FIRST = {1: (1, 29, 0), 2: (2, 13, 0)}
_VERSION = re.compile(r"aws-cli/(\d+)\.(\d+)\.(\d+)")
_ANSWER_SECONDS = 20.0


def objection(path: str | None = None) -> str | None:
    """Why the `aws` on the PATH (`path`; the process's when None) cannot be used, and what to do; None where
    it can, and where there is none."""
    command = shutil.which("aws", path=path)
    if command is None:
        return None
    try:
        ended = subprocess.run(
            [command, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None  # it does not run, so it asks nobody
    found = _VERSION.search(ended.stdout + ended.stderr)
    if found is None:
        return None
    version = (int(found[1]), int(found[2]), int(found[3]))
    first = _FIRST.get(version[0])
    if first is None or version >= first:
        return None
    return (
        f"{command} is version {_dotted(version)}, which knows no AWS_ENDPOINT_URL: it asks AWS and not this "
        f"cloud, and ends with a certificate error. Update it to {_dotted(first)} or newer, or give it the "
        "address: alias aws='aws --endpoint-url \"$AWS_ENDPOINT_URL\"'"
    )


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
