"""Names of what a run makes: SageMaker's rules, one name a run, and no run meets another.

STEM-YYYYMMDDHHMMSS-DIGEST: the stem is the pipeline's, the time is the execution's start, the digest is of
the execution's ARN, which is unique whatever its name is. Jobs of one run add `-t1`, `-e1`, `-c1`, ...

SageMaker takes 1 to 63 letters, digits and hyphens, and shows names in ARNs in lower case; so stems are.
Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
"""

from __future__ import annotations

import hashlib
import re

MAX_LENGTH = 63
_STAMP, _DIGEST, _SUFFIX = 14, 12, 4  # characters; a suffix is of the form -e99
STEM_LENGTH = MAX_LENGTH - (1 + _STAMP) - (1 + _DIGEST) - _SUFFIX


def stem(name: str) -> str:
    """What all names of a pipeline begin with. Where `name` has to change, a digest of it is added: pipelines
    whose names are alike must not share jobs.

    Raises ValueError for a name without a letter or digit.
    """
    fitted = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not fitted:
        raise ValueError(f"a pipeline's name needs a letter or a digit: {name!r} has none")
    if fitted == name and len(name) <= STEM_LENGTH:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{fitted[: STEM_LENGTH - 7].rstrip('-')}-{digest}"


def run_name(stem: str, execution_arn: str, start_time: str) -> str:
    """The name of a run; `start_time` as Step Functions gives it: 2026-01-31T12:00:00.000Z."""
    stamp = re.sub(r"[^0-9]", "", start_time)[:_STAMP]
    digest = hashlib.sha256(execution_arn.encode()).hexdigest()[:_DIGEST]
    return f"{stem}-{stamp}-{digest}"


def run_pattern(stem: str, suffix: str = "") -> str:
    """What all run names of `stem` match in a policy of IAM, where `?` is one character, and none of another
    stem: also not of one that `stem` begins, as the length is a run's."""
    return f"{stem}-20{'?' * (_STAMP - 2)}-{'?' * _DIGEST}{suffix}"


def run_name_expression(stem: str) -> str:
    """The same as `run_name`, in JSONata, inside a state machine."""
    execution = "$states.context.Execution"
    return (
        f"'{stem}-' & $substring($replace({execution}.StartTime, /[^0-9]/, ''), 0, {_STAMP}) & '-' & "
        f"$substring($hash({execution}.Id, 'SHA-256'), 0, {_DIGEST})"
    )
