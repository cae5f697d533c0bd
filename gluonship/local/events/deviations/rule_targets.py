"""AWS checks a target when PutTargets names it: its ARN, its role, its input. moto takes any.

Here AWS's checks are made, and a target that AWS has and this cloud cannot call (a Lambda function, ...) is
refused, so that no rule silently does nothing.
"""

from __future__ import annotations

import functools
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.events.exceptions import ValidationException
from moto.events.models import EventsBackend

from gluonship.local.contracts import Scope
from gluonship.local.events import target_input, targets
from gluonship.local.events.arns import Arn

_MAX_TARGETS = 5


def apply() -> None:
    EventsBackend.put_targets = _checked(_PUT_TARGETS)


_PUT_TARGETS = EventsBackend.put_targets


def _checked(put_targets: Any) -> Any:
    @functools.wraps(put_targets)
    def check_and_put(
        self: EventsBackend, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]
    ) -> None:
        bus = self._get_event_bus(self._normalize_event_bus_arn(event_bus_arn))
        rule = bus.rules.get(name)
        managed = rule is not None and rule.managed_by is not None
        if rule is not None and not managed:
            scope = Scope(self.account_id, self.region_name)
            for target in targets:
                check(target, scope)
            identities = {each["Id"] for each in [*rule.targets, *targets]}
            if len(identities) > _MAX_TARGETS:
                message = f"The requested resource exceeds the maximum number allowed: {_MAX_TARGETS} targets"
                raise JsonRESTError("LimitExceededException", message)
        put_targets(self, name, event_bus_arn, targets)

    return check_and_put


def check(target: dict[str, Any], scope: Scope) -> None:
    """Raises ValidationException in AWS's words, NotImplementedError for what only AWS can call."""
    try:
        arn: Arn | None = Arn.parse(target.get("Arn") or "")
    except ValueError:
        arn = None
    if arn is None or not arn.located:
        raise ValidationException(
            f"Parameter {target.get('Arn')} is not valid. Reason: Provided Arn is not in correct format."
        )
    kind = targets.kind_of(arn)
    if kind is None:
        can = ", ".join(each.title for each in targets.TARGETS)
        raise NotImplementedError(f"target {arn.text}: this cloud delivers to: {can}")
    elsewhere = arn.scope != scope
    if (kind.needs_role or (kind is targets.BUS and elsewhere)) and not target.get("RoleArn"):
        raise ValidationException(f"RoleArn is required for target {arn.text}.")
    problem = target_input.problem(target)
    if problem:
        raise ValidationException(problem)
