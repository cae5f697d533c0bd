"""Every service of the AWS CLI 1 in one interpreter, one operation each, with the trap around it.

AWS_ENDPOINT_URL leads to a server that refuses everything at once: where requests go is what is asked, not
how the cloud answers. The report: by service how many requests came there, and what the command said where it
dialled elsewhere instead.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import no_way_out
from awscli.clidriver import CLIDriver, create_clidriver
from botocore import xform_name
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

COMMANDS = {"codedeploy": "deploy", "config": "configservice", "s3": "s3api"}  # the CLI's own names
OPERATIONS = {"emr": "ListClusters"}  # the CLI has hidden others


def operation_of(model: ServiceModel) -> OperationModel:
    """The operation that asks for the least: one that lists or describes, if there is one."""
    if model.service_name in OPERATIONS:
        return model.operation_model(OPERATIONS[model.service_name])
    operations = [model.operation_model(name) for name in model.operation_names]

    def effort(operation: OperationModel) -> tuple[int, bool, str]:
        needed = operation.input_shape.required_members if operation.input_shape else []
        return len(needed), not operation.name.startswith(("List", "Describe", "Get")), operation.name

    return min(operations, key=effort)


def sample(shape: Shape) -> Any:
    """A value that the shape's model takes, of its required members only."""
    if isinstance(shape, StructureShape):
        return {name: sample(shape.members[name]) for name in shape.required_members}
    if isinstance(shape, ListShape):
        return [sample(shape.member)]
    if isinstance(shape, MapShape):
        return {}
    if shape.metadata.get("enum"):
        return shape.metadata["enum"][0]
    least = shape.metadata.get("min", 1)
    by_type = {"boolean": True, "timestamp": "2026-01-01T00:00:00Z", "blob": "eA=="}
    if shape.type_name in ("integer", "long", "float", "double"):
        return max(int(least), 1)
    return by_type.get(shape.type_name, "x" * max(int(least), 3))


class Refusing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests = 0

    def answer(self) -> None:
        Refusing.requests += 1
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = answer

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def sweep(driver: CLIDriver, trap: no_way_out.Trap) -> dict[str, Any]:
    here: dict[str, int] = {}
    elsewhere: dict[str, str] = {}
    for name in driver.session.get_available_services():
        model = driver.session.get_service_model(name)
        operation = operation_of(model)
        command = [COMMANDS.get(name, name), xform_name(operation.name, "-")]
        members = sample(operation.input_shape) if operation.input_shape else {}
        if operation.has_streaming_output:
            for member, value in members.items():
                text = value if isinstance(value, str) else json.dumps(value)
                command.append(f"--{xform_name(member, '-')}={text}")
            command.append(os.devnull)
        elif members:
            command += ["--cli-input-json", json.dumps(members)]
        dialled, came, said = len(trap.dialled), Refusing.requests, io.StringIO()
        with (
            contextlib.redirect_stderr(said),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.suppress(SystemExit),
        ):
            driver.main(command)
        here[name] = Refusing.requests - came
        if len(trap.dialled) > dialled or not here[name]:
            elsewhere[name] = said.getvalue().strip()
    return {"here": here, "elsewhere": elsewhere}


if __name__ == "__main__":
    trap = no_way_out.Trap()
    trap.install()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for variable in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"):
        os.environ[variable] = f"http://127.0.0.1:{server.server_port}"
    no_way_out.report(trap, **sweep(create_clidriver(), trap))
