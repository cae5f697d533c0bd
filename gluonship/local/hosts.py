"""Who may speak to the cloud: only what runs on this machine, and no web page.

A page that a browser shows can send requests to loopback, also under a name of its own that resolves to
127.0.0.1 (DNS rebinding). The first carries an Origin of elsewhere, the second a Host of elsewhere.
"""

from __future__ import annotations

from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def refusal(host: str | None, origin: str | None, port: int) -> str | None:
    """Why a request with these headers is refused by a server on `port`, or None when it is not.

    Allowed hosts are loopback's names with this port, and below localhost (BUCKET.s3.localhost) for S3. Both
    planes ask here.
    """
    if not host or not _is_loopback(f"//{host}", port):
        return (
            f"the local cloud answers on 127.0.0.1:{port} and localhost:{port} only, not as {host!r}: "
            "set AWS_ENDPOINT_URL as `gluonship local env` prints it"
        )
    if origin and not _is_loopback(origin, None):  # "null", too, is a page's
        return f"the local cloud does not answer web pages (Origin: {origin})"
    return None


def _is_loopback(url: str, port: int | None) -> bool:
    try:
        parts = urlsplit(url)
        name, given = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.username is not None or (port is not None and (given or 80) != port):
        return False
    return name in _LOOPBACK or name.endswith(".localhost")
