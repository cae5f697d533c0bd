"""Records of models, endpoint configurations and endpoints by name, with the words AWS has for them."""

from __future__ import annotations

import threading
from typing import Any, Generic, Protocol, TypeVar

from gluonship.local.contracts import UNSUPPORTED, AwsError, Scope


class Record(Protocol):
    @property
    def scope(self) -> Scope: ...
    @property
    def name(self) -> str: ...


R = TypeVar("R", bound=Record)


def refused(what: str, instead: str) -> AwsError:
    """A request that AWS would take and this cloud cannot honour: said at the call, never pretended."""
    return AwsError(UNSUPPORTED, f"{what} is not supported by the local cloud. {instead}")


def invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


class Records(Generic[R]):
    """Thread-safe. Names are unique in an account and region without regard to case, as on AWS."""

    def __init__(self, title: str, arn_type: str) -> None:
        self._title = title  # as AWS's messages call it: "endpoint configuration"
        self._arn_type = arn_type  # "endpoint-config"
        self._lock = threading.Lock()
        self._records: dict[tuple[Scope, str], R] = {}

    def arn(self, scope: Scope, name: str) -> str:
        return scope.arn("sagemaker", f"{self._arn_type}/{name}")

    def add(self, record: R) -> None:
        with self._lock:
            if (record.scope, record.name.lower()) in self._records:
                raise invalid(
                    f'Cannot create already existing {self._title} "{self.arn(record.scope, record.name)}".'
                )
            self._records[record.scope, record.name.lower()] = record

    def find(self, scope: Scope, name: str) -> R:
        """Raises AwsError. A name matches only as it was written at its creation."""
        with self._lock:
            record = self._records.get((scope, name.lower()))
        if record is None or record.name != name:
            raise invalid(f'Could not find {self._title} "{self.arn(scope, name)}".')
        return record

    def remove(self, scope: Scope, name: str) -> R:
        record = self.find(scope, name)
        with self._lock:
            self._records.pop((scope, name.lower()), None)
        return record

    def of(self, scope: Scope) -> list[R]:
        with self._lock:
            return [record for (owner, _), record in self._records.items() if owner == scope]


def answered_page(member: str, summaries: list[dict[str, Any]], token: str | None) -> dict[str, Any]:
    return {member: summaries, **({"NextToken": token} if token else {})}
