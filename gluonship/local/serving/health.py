"""GET /ping, as SageMaker probes a serving container."""

from __future__ import annotations

import http.client
from dataclasses import dataclass

PROBE_SECONDS = 2.0  # a container must answer /ping within 2 s


@dataclass(frozen=True)
class HealthRules:
    """When a running instance leaves the routes, and when it is replaced. All in seconds.

    A server with one worker cannot answer /ping during a long prediction (up to 60 s), so an instance is
    taken out late and killed only when it has been silent for longer than any invocation may last.
    """

    interval: float = 5.0
    unready_after: float = 30.0
    replaced_after: float = 90.0
    first_backoff: float = 0.5  # before an instance that died is started again; doubles each time
    longest_backoff: float = 30.0


def ping(port: int, timeout: float = PROBE_SECONDS) -> bool:
    """True when the container on 127.0.0.1:`port` answers /ping with 200 within `timeout` seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
