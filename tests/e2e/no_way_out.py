"""A trap for whatever leaves loopback, to be installed in a process of its own: every other host leads to a
server that notes how far a client went with it."""

from __future__ import annotations

import contextlib
import datetime
import json
import socket
import ssl
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Trap:
    """`dialled` are the hosts of elsewhere that were looked up; `heard` the first lines of what was sent
    there, in plain text or after a TLS handshake; `refused` counts handshakes that the client ended."""

    def __init__(self) -> None:
        self.dialled: list[str] = []
        self.heard: list[str] = []
        self.refused = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._context = _server_context()
        self._look_up = socket.getaddrinfo
        self._served = threading.Condition()
        self._open = 0

    def install(self) -> None:
        threading.Thread(target=self._serve, daemon=True).start()
        socket.getaddrinfo = self._getaddrinfo  # type: ignore[assignment]

    def settled(self) -> None:
        """Waits until every connection that was made is judged."""
        with self._served:
            self._served.wait_for(lambda: self._open == 0, timeout=30)

    def _getaddrinfo(self, host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name in LOOPBACK or name.endswith(".localhost"):
            return self._look_up(host, port, *arguments, **options)
        self.dialled.append(name)
        with self._served:
            self._open += 1
        return self._look_up("127.0.0.1", self._listener.getsockname()[1], *arguments, **options)

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with contextlib.suppress(OSError):
                connection.settimeout(10)
                self._judge(connection)
            connection.close()
            with self._served:
                self._open -= 1
                self._served.notify_all()

    def _judge(self, connection: socket.socket) -> None:
        if connection.recv(1, socket.MSG_PEEK) != b"\x16":  # no TLS handshake
            self.heard.append(_first_line(connection.recv(500)))
            return
        try:
            with self._context.wrap_socket(connection, server_side=True) as secured:
                self.heard.append(_first_line(secured.recv(500)))
        except ssl.SSLError:
            self.refused += 1


def _first_line(data: bytes) -> str:
    return data.split(b"\r\n")[0].decode("latin-1")


def _server_context() -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "trap")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trap.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context.load_cert_chain(path)
    return context


def report(trap: Trap, **more: Any) -> None:
    """The last line of the process's output."""
    trap.settled()
    told = {"dialled": trap.dialled, "heard": trap.heard, "refused": trap.refused, **more}
    sys.__stdout__.write("\n" + json.dumps(told) + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]
