"""The container of these tests: stdlib only, HTTP/1.1 with kept connections, one thread a connection.

The body of a request says what to do with it: `die`, `sleep SECONDS`, `status CODE TEXT`, `answer BYTES`;
anything else is answered with what came.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SILENT = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if SILENT.is_set():
            time.sleep(60)
        self.reply(200, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        word, _, rest = body[:200].decode("latin-1").partition(" ")
        if word == "die":
            print("asked to die", flush=True)
            os._exit(3)
        if word == "silence":
            SILENT.set()
        if word == "sleep":
            time.sleep(float(rest))
        if word == "status":
            code, _, text = rest.partition(" ")
            self.reply(int(code), text.encode())
            return
        if word == "answer":
            self.reply(200, b"a" * int(rest))
            return
        answer = {
            "tag": os.environ.get("TAG", ""),
            "pid": os.getpid(),
            "size": len(body),
            "peer": self.client_address[1],
            "headers": {k.lower(): v for k, v in self.headers.items()},
        }
        self.reply(200, json.dumps(answer).encode(), self.headers.get("X-Amzn-SageMaker-Custom-Attributes"))

    def reply(self, code: int, body: bytes, custom: str | None = None) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if custom:
            self.send_header("X-Amzn-SageMaker-Custom-Attributes", custom)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    behaviour = sys.argv[1]
    print(f"starting, {behaviour}", flush=True)
    if behaviour == "broken":
        print("ModuleNotFoundError: No module named 'nothing'", flush=True)
        sys.exit(1)
    if behaviour == "needs-model":
        base = os.environ.get("SAGEMAKER_BASE_DIR") or "/opt/ml"
        with open(base + "/model/model.txt", encoding="utf-8") as file:
            os.environ["TAG"] = file.read()
    if behaviour == "mute":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    Server(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
