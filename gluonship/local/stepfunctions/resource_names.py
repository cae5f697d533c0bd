"""The names and ARNs of state machines and executions.

AWS: the parameter "name" of CreateStateMachine and StartExecution.
"""

from __future__ import annotations

import re
from typing import Literal

from gluonship.local.contracts import AwsError

_FORBIDDEN = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ufffe\uffff]")
_LONGEST = 80
_ARN = re.compile(r"arn:[^:]+:states:[^:]+:\d{12}:(?P<kind>[a-zA-Z]+):(?P<name>[^:]+)(:(?P<rest>.+))?")

Kind = Literal["stateMachine", "execution", "express"]


def checked_name(name: str) -> str:
    """The name itself. Raises AwsError InvalidName."""
    if not 1 <= len(name) <= _LONGEST or _FORBIDDEN.search(name):
        raise AwsError("InvalidName", f"Invalid Name: '{name}'")
    return name


def checked_arn(arn: str, kind: Kind) -> re.Match[str]:
    """The ARN's parts: name, and rest after it. Raises AwsError InvalidArn."""
    found = _ARN.fullmatch(arn)
    if found is None:
        raise AwsError("InvalidArn", f"Invalid Arn: 'Invalid ARN prefix: {arn}'")
    if found["kind"] != kind:
        raise AwsError(
            "InvalidArn", f"Invalid Arn: 'Resource type not valid in this context: {found['kind'].lower()}'"
        )
    return found
