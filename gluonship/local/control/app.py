"""The control plane: one WSGI application for all of AWS. It decides who answers a request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from gluonship.local.contracts import UNSUPPORTED, Scope
from gluonship.local.control import admin, invocations
from gluonship.local.control.errors import HttpResponse, error_response
from gluonship.local.control.gate import EXECUTED, Gate
from gluonship.local.control.moto_gateway import MotoGateway, refused_message, send, taken
from gluonship.local.control.registry import Registry
from gluonship.local.control.requests import ACCOUNT_HEADER, Signature, signature

_log = logging.getLogger(__name__)


class ControlPlane:
    """Admin, InvokeEndpoint, the executed operations, and moto for the rest; for whom the `door` has let in,
    and for the cloud's own rooms."""

    def __init__(
        self,
        registries: Sequence[Registry],
        moto: MotoGateway,
        admin_actions: admin.Admin,
        data_port: Callable[[], int],
        gate: Gate | None = None,
    ) -> None:
        self.registries = registries  # others, once the account has been emptied
        self._moto = moto
        self._admin = admin_actions
        self._data_port = data_port
        self._gate = gate or Gate()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        signed = signature(environ)
        path = environ["PATH_INFO"]
        if path.startswith(admin.PREFIX):
            return send(self._admin.answer(environ, signed.scope), start_response)
        if invocations.is_invocation(path, signed.service):
            return send(invocations.forward(environ, self._data_port()), start_response)
        with self._gate.passing(environ) as entry:
            if entry not in EXECUTED:
                message = "The account was emptied (gluonship local reset) while this was under way"
                return send(error_response("rest-json", "ServiceUnavailable", message, 503), start_response)
            return self._execute(environ, start_response, signed)

    def _execute(self, environ: dict[str, Any], start_response: Any, signed: Signature) -> Iterable[bytes]:
        found = self._find(environ, signed)
        if found is None:
            return self._moto(environ, start_response)
        registry, operation, body = found
        if signed.service != registry.signing_name:
            message = "Missing Authentication Token"
            return send(
                error_response(registry.protocol, "MissingAuthenticationTokenException", message, 400),
                start_response,
            )
        if registry.executes(operation):
            account_id = environ.get(ACCOUNT_HEADER) or signed.scope.account_id
            scope = Scope(account_id, signed.region)
            answer = registry.execute(operation, scope, body)
            return self._moto(environ, start_response) if answer is None else send(answer, start_response)
        if operation in registry.refused:
            # At once: nobody should mend a request only to be told that it is for nothing.
            return send(_refusal(registry, operation), start_response)
        objection = registry.objection(operation, body)
        if objection is None and registry.whole:
            objection = _refusal(registry, operation)
        if objection is not None:
            return send(objection, start_response)
        return self._moto(environ, start_response)

    def _find(self, environ: dict[str, Any], signed: Signature) -> tuple[Registry, str, bytes] | None:
        """The registry of the request's service, the operation, and the body, which stays readable."""
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        for registry in self.registries:
            if registry.protocol == "query":
                if signed.service != registry.signing_name:
                    continue
                body = taken(environ) or environ.get("QUERY_STRING", "").encode()
                operation = registry.find_in_form(body)
            else:
                operation = registry.find(target) if target else None
                body = taken(environ) if operation else b""
            if operation is not None:
                return registry, operation, body
        return None


def _refusal(registry: Registry, operation: str) -> HttpResponse:
    _log.warning("refused: %s of %s", operation, registry.service)
    message = refused_message(registry.service, operation, instead=registry.refused.get(operation, ""))
    return error_response(registry.protocol, UNSUPPORTED, message, 400)
