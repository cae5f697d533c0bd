"""Names of buckets. Source: the S3 User Guide, "General purpose bucket naming rules"."""

from __future__ import annotations

import re

_IP_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def check(name: str) -> str:
    """`name`; raises ValueError saying which of S3's rules it breaks."""
    broken = _broken(name)
    if broken:
        raise ValueError(f"'{name}' is not a name that S3 takes for a bucket: {broken}.")
    return name


def _broken(name: str) -> str:
    if not 3 <= len(name) <= 63:
        return f"it has {len(name)} characters, and must have 3 to 63"
    strange = "".join(dict.fromkeys(re.sub(r"[a-z0-9.-]", "", name)))
    if strange:
        return f"it may have lowercase letters, digits, periods and hyphens, not '{strange}'"
    if not (name[0].isalnum() and name[-1].isalnum()):
        return "it must begin and end with a letter or a digit"
    if ".." in name:
        return "it must not have two periods in a row"
    if _IP_ADDRESS.fullmatch(name):
        return "it must not look like an IP address"
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return f"names that begin with '{prefix}' are reserved"
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return f"names that end with '{suffix}' are reserved"
    return ""
