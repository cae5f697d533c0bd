"""The launcher's side of the cloud's own interface (control.admin), by the token of its home."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

from gluonship.local.launcher.home import CloudInfo, Home, LauncherError

_TIMEOUT_SECONDS = 30.0


def ask(
    info: CloudInfo,
    action: str,
    document: dict[str, Any] | None = None,
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> dict[str, Any]:
    """GET health or contents, or POST of interrupt {"job": NAME}, clock {"seconds": N}, reset or shutdown {}.

    Raises LauncherError with the cloud's own words, or where it does not answer.
    """
    method = "GET" if document is None else "POST"
    connection = http.client.HTTPConnection("127.0.0.1", info.control_port, timeout=timeout_seconds)
    try:
        token = Home(Path(info.home)).token_file.read_text("utf-8")
        body = None if document is None else json.dumps(document)
        connection.request(method, f"/_gluonship/{action}", body, {"X-Gluonship-Token": token})
        answer = connection.getresponse()
        content: dict[str, Any] = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise LauncherError(f"the local cloud on port {info.control_port} did not answer: {error}") from error
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise LauncherError(str(content.get("error", content)))
    return content
