"""The control plane: one WSGI application for all of AWS. It decides who answers a request."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

from gluonship.local import hosts
from gluonship.local.contracts import Scope
from gluonship.local.control import admin, invocations
from gluonship.local.control.errors import error_response
from gluonship.local.control.moto_gateway import MotoGateway, send
from gluonship.local.control.registry import Registry
from gluonship.local.control.requests import signature

_ACCOUNT_HEADER = "HTTP_X_MOTO_ACCOUNT_ID"  # moto's own way to act as another account; tests use it


class ControlPlane:
    """Hosts are checked; then admin, InvokeEndpoint, the executed operations, and moto for the rest."""

    def __init__(
        self,
        port: int,
        registry: Registry,
        moto: MotoGateway,
        admin_actions: admin.Admin,
        data_port: Callable[[], int],
    ) -> None:
        self._port = port
        self._registry = registry
        self._moto = moto
        self._admin = admin_actions
        self._data_port = data_port

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        refused = hosts.refusal(environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN"), self._port)
        if refused:
            return send(error_response("rest-json", "AccessDenied", refused, 403), start_response)
        signed = signature(environ)
        path = environ["PATH_INFO"]
        if path.startswith(admin.PREFIX):
            return send(self._admin.answer(environ, signed.scope), start_response)
        if invocations.is_invocation(path, signed.service):
            return send(invocations.forward(environ, self._data_port()), start_response)
        operation = self._registry.find(environ.get("HTTP_X_AMZ_TARGET", ""))
        if operation is None:
            return self._moto(environ, start_response)
        if signed.service != self._registry.service:
            message = "Missing Authentication Token"
            return send(
                error_response("json", "MissingAuthenticationTokenException", message, 400), start_response
            )
        body = environ["wsgi.input"].read()
        if self._registry.executes(operation):
            account_id = environ.get(_ACCOUNT_HEADER) or signed.scope.account_id
            scope = Scope(account_id, signed.region)
            return send(self._registry.execute(operation, scope, body), start_response)
        objection = self._registry.objection(operation, body)
        if objection is not None:
            return send(objection, start_response)
        environ["wsgi.input"] = io.BytesIO(body)
        return self._moto(environ, start_response)
