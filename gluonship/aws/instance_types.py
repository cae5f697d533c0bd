"""Instance types, checked before a job or an endpoint is asked for: SageMaker lists hundreds of others."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from botocore.model import StringShape

    from gluonship.aws.account import Account
    from gluonship.aws.images import Purpose

_SHAPES = {"training": "TrainingInstanceType", "inference": "ProductionVariantInstanceType"}
_FORM = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")
_LIST = re.compile(r"Value '([^']*)'([^\[\]]*enum value set: )\[([^\[\]]*)\]")
_SHOWN = 5


def check(account: Account, purpose: Purpose, name: str) -> str:
    """`name`; raises ValueError with the nearest names where it is no instance type for `purpose`.

    On AWS, one of the right form is left to SageMaker, which may know more of them than this boto3.
    """
    shape = account.sagemaker.meta.service_model.shape_for(_SHAPES[purpose])
    known = cast("StringShape", shape).enum
    if name in known or (account.where == "aws" and _FORM.fullmatch(name)):
        return name
    raise ValueError(f"'{name}' is not an instance type for {purpose}. Take one of {nearest(name, known)}.")


def nearest(name: str, known: Sequence[str]) -> str:
    """The names of `known` that are nearest to `name`, and how many others there are."""
    shown = difflib.get_close_matches(name, known, n=_SHOWN, cutoff=0.0)
    others = len(known) - len(shown)
    return ", ".join(shown) + (f" (and {others} others)" if others else "")


def shortened(message: str) -> str:
    """A message of AWS's that lists all the values that a member takes, with the nearest of them only."""

    def short(found: re.Match[str]) -> str:
        known = [value.strip() for value in found[3].split(",")]
        if len(known) <= _SHOWN:
            return found[0]
        return f"Value '{found[1]}'{found[2]}[{nearest(found[1], known)}]"

    return _LIST.sub(short, message)
