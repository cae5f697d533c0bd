"""What is not AWS's, under /_gluonship/: the cloud's health, its contents, its end and its clock, a reset of
the account, and spot interruptions.

Every request carries the token of the home's `token` file, which only the user can read.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gluonship.local.contracts import AwsError, Scope
from gluonship.local.control.errors import HttpResponse

PREFIX = "/_gluonship/"
TOKEN_HEADER = "X-Gluonship-Token"  # noqa: S105 - the header's name

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Admin:
    """The actions, and the token that they ask for."""

    token: str
    health: Callable[[], Mapping[str, Any]]
    contents: Callable[[], Mapping[str, Any]]  # what would be lost with the account
    reset: Callable[[], None]  # the account is empty afterwards
    shutdown: Callable[[], None]
    interrupt: Callable[[Scope, str], None]  # a training job by its name; raises AwsError
    advance: Callable[[float], None]  # the clock, by seconds

    def answer(self, environ: Mapping[str, Any], scope: Scope) -> HttpResponse:
        """GET health, contents; POST shutdown, reset, interrupt {"job": NAME}, clock {"seconds": N}."""
        if not hmac.compare_digest(environ.get("HTTP_X_GLUONSHIP_TOKEN", "").encode(), self.token.encode()):
            return _json(
                403, {"error": f"{TOKEN_HEADER} is missing or wrong: the home's file `token` holds it"}
            )
        action = (environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(PREFIX))
        try:
            return _json(200, self._act(action, environ, scope))
        except AwsError as error:
            return _json(error.status, {"error": error.message, "code": error.code})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _json(400, {"error": f"not a request of {action[1]}: {error}"})

    def _act(self, action: tuple[str, str], environ: Mapping[str, Any], scope: Scope) -> Mapping[str, Any]:
        if action == ("GET", "health"):
            return self.health()
        if action == ("GET", "contents"):
            return self.contents()
        if action == ("POST", "shutdown"):
            self.shutdown()
        elif action == ("POST", "reset"):
            self.reset()
        elif action == ("POST", "interrupt"):
            self._interrupt(scope, str(_document(environ)["job"]))
        elif action == ("POST", "clock"):
            seconds = float(_document(environ)["seconds"])
            if not seconds > 0:
                raise ValueError("seconds must be above 0: time never goes back")
            self.advance(seconds)
        else:
            raise AwsError("NotFound", f"no such admin action: {' '.join(action)}", 404)
        return {}

    def _interrupt(self, scope: Scope, job: str) -> None:
        try:
            self.interrupt(scope, job)
        except AwsError as error:
            raise AwsError(error.code, f"{job}: {error.message}", error.status) from error


def _document(environ: Mapping[str, Any]) -> Any:
    return json.loads(environ["wsgi.input"].read())


def _json(status: int, document: Mapping[str, Any]) -> HttpResponse:
    body = json.dumps(document).encode()
    return HttpResponse(
        status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))], body
    )
