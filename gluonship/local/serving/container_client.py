"""The data plane's client side: requests to containers on this machine, over kept connections."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping

import aiohttp

from gluonship.local.serving.invocations import ContainerDown, ContainerLost, Response

# Shorter than the keep-alive of the usual servers (gunicorn: 2 s), so that a request is hardly ever sent
# on a connection that the container is just closing: a POST cannot safely be sent twice.
_KEEP_SECONDS = 1.5
_CONNECT_SECONDS = 5.0


class AiohttpContainerClient:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls) -> AsyncIterator[AiohttpContainerClient]:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_SECONDS, use_dns_cache=False)
        async with aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            trust_env=False,
            read_bufsize=2**18,
        ) as session:
            yield cls(session)

    async def post(
        self, port: int, path: str, headers: Mapping[str, str], body: bytes, timeout: float
    ) -> Response:
        limits = aiohttp.ClientTimeout(total=timeout, connect=min(timeout, _CONNECT_SECONDS))
        try:
            async with self._session.post(
                f"http://127.0.0.1:{port}{path}",
                data=body,
                headers=headers,
                timeout=limits,
                allow_redirects=False,
            ) as answer:
                return Response(answer.status, answer.headers, await answer.read())
        except aiohttp.ConnectionTimeoutError as error:
            raise ContainerDown(str(error)) from error
        except aiohttp.ClientConnectorError as error:
            raise ContainerDown(str(error)) from error
        except aiohttp.ClientError as error:
            raise ContainerLost(str(error)) from error
