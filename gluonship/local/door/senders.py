"""Which programs may speak to the cloud: what runs on this machine, and no web page.

A page that a browser shows can send requests to loopback, also under a name of its own that resolves to
127.0.0.1 (DNS rebinding). The first carries an Origin or a Sec-Fetch-Site of elsewhere, the second a Host of
elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# What a browser says of a request that no other site has caused: its user's, or the cloud's own page's.
_OWN_SITE = frozenset({"none", "same-origin"})


def refusal(host: str | None, origin: str | None, site: str | None, ports: Collection[int]) -> str | None:
    """Why a request with these headers (Host, Origin, Sec-Fetch-Site) is refused, or None when it is not.

    Allowed hosts are loopback's names with one of `ports`, and below localhost (BUCKET.s3.localhost) for S3.
    The only Origin is the cloud's own: another port is another program's page. Both planes ask here.
    """
    if not host or not _is_loopback(f"//{host}", ports):
        port = min(ports)
        return (
            f"the local cloud answers on 127.0.0.1:{port} and localhost:{port} only, not as {host!r}: "
            "set AWS_ENDPOINT_URL as `gluonship local env` prints it"
        )
    if origin is not None and not _is_loopback(origin, ports):  # "null", too, is a page's
        return f"the local cloud does not answer web pages (Origin: {origin})"
    if site is not None and site.strip().lower() not in _OWN_SITE:
        return f"the local cloud does not answer web pages (Sec-Fetch-Site: {site})"
    return None


def _is_loopback(url: str, ports: Collection[int]) -> bool:
    try:
        parts = urlsplit(url)
        name, given = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.username is not None or (given or 80) not in ports:
        return False
    return name in _LOOPBACK or name.endswith(".localhost")
