"""AWS's MXNet handler stack in an engine process: the Python half of AWS's MXNet inference container.

There, multi-model-server (Java) starts Python workers that run `sagemaker_mxnet_serving_container`'s
HandlerService; here our engine process runs the same class. It finds the user's script by SAGEMAKER_PROGRAM
in model/code; what the script leaves out, AWS's defaults do.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import mxnet as mx
from sagemaker_inference import content_types, decoder, environment
from sagemaker_mxnet_serving_container.handler_service import HandlerService

from gluonship_inference import npy, user_functions
from gluonship_inference.errors import LoadError, ServingError, in_words, one_line
from gluonship_inference.handlers import JSON, Request, Response
from gluonship_inference.invocation_context import InvocationContext
from gluonship_inference.payloads import media_type
from gluonship_inference.settings import Settings

_OUR_FOLDER = str(Path(__file__).resolve().parents[1])


def create(settings: Settings) -> SagemakerMxnetHandler:
    return SagemakerMxnetHandler(settings.model_dir)


class SagemakerMxnetHandler:
    """A `handlers.Handler`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._service = HandlerService()
        self._context = InvocationContext(str(folder), {})

    def load(self) -> dict[str, Any]:
        if not self._folder.is_dir() or not any(self._folder.iterdir()):
            raise LoadError(
                "ModelMissing", f"{self._folder} is empty: a model.tar.gz must be extracted there"
            )
        # AWS's decoder unpickles what a client sends as application/x-npy.
        decoder._decoder_map[content_types.NPY] = npy.decode
        name = environment.Environment().module_name
        _prepare_import(self._folder)
        script = _import_script(name, self._folder)
        if script is not None:
            user_functions.adapt(script, lambda: self._context)
        try:
            self._service.initialize(self._context)
        except Exception as error:  # noqa: BLE001 - whatever a user's model_fn raises
            if script is not None:  # he needs to see where in it
                print(traceback.format_exc(), flush=True)
            raise LoadError("ModelNotLoaded", f"the model cannot be loaded: {in_words(error)}") from None
        return {
            "script": getattr(script, "__file__", None) or "none (AWS's default handlers)",
            "mxnet": mx.__version__,
        }

    def handle(self, request: Request) -> Response:
        _check_text(request)
        self._context = InvocationContext(str(self._folder), _properties(request))
        results: list[Any] = self._service.handle([{"body": request.body}], self._context)
        result = results[0] if results else b""
        if self._context.status >= 400:
            text, _, trace = str(result).partition("\nTraceback (most recent call last)")
            if trace:
                print("Traceback (most recent call last)" + trace, flush=True)
            raise _refusal(self._context.status, text)
        headers = dict(self._context.response_headers)
        content_type = headers.pop("content-type", JSON)
        return Response(self._context.status, content_type, headers, _to_bytes(result))


def _check_text(request: Request) -> None:
    """AWS's handlers decode these types before any script sees them. Raises ServingError 415."""
    if media_type(request.content_type) not in content_types.UTF8_TYPES:
        return
    try:
        request.body.decode("utf-8")
    except UnicodeDecodeError:
        raise ServingError(
            415,
            "UnsupportedMediaType",
            f"Content-Type {request.content_type} says that the body is text in UTF-8, and it is not: "
            "send the Content-Type of what it is",
        ) from None


def _refusal(status: int, text: str) -> ServingError:
    """The error of a script that words it as this server does, such as an artifact's own; else its text."""
    try:
        error = json.loads(text)["error"]
        return ServingError(status, str(error["code"]), one_line(str(error["message"])))
    except (ValueError, KeyError, TypeError, RecursionError):
        return ServingError(status, "ModelError", one_line(text))


def _prepare_import(folder: Path) -> None:
    """The import path of multi-model-server's workers: the script's folder first, and nothing of ours.

    An artifact of our own brings its own gluonship_inference in code/: it must get that one, and not the
    server's, which may be another version.
    """
    code = str(folder / "code")
    sys.path[:] = [code, str(folder)] + [path for path in sys.path if path not in (_OUR_FOLDER, code, "")]
    submitted = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    if os.path.isdir(submitted) and submitted not in sys.path:
        sys.path.insert(1, submitted)
    for name in [
        name for name in sys.modules if name.partition(".")[0] in ("gluonship", "gluonship_inference")
    ]:
        del sys.modules[name]
    importlib.invalidate_caches()


def _import_script(name: str, folder: Path) -> Any:
    """The user's script, or None where there is none and none was asked for. Raises LoadError."""
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None:
        if os.environ.get("SAGEMAKER_PROGRAM"):
            raise LoadError(
                "ScriptMissing",
                f"SAGEMAKER_PROGRAM={name}.py is not in {folder / 'code'}: put it into model.tar.gz",
            )
        # HandlerService wants a module to look into; an empty one leaves everything to AWS's defaults.
        spec = importlib.machinery.ModuleSpec(name, None)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        return None
    try:
        return importlib.import_module(name)
    except BaseException as error:  # noqa: BLE001 - a script may also call sys.exit()
        print(traceback.format_exc(), flush=True)
        cure = "; add the package to code/requirements.txt" if isinstance(error, ImportError) else ""
        raise LoadError(
            "ScriptFailed", f"{found.origin} cannot be imported: {in_words(error)}{cure}"
        ) from None


def _properties(request: Request) -> dict[str, str]:
    """The headers as AWS's Transformer looks for them: these two by their usual spelling, or not at all."""
    properties = {
        name: value
        for name, value in request.headers.items()
        if name.lower() not in ("content-type", "accept")
    }
    if request.content_type:
        properties["Content-Type"] = request.content_type
    if request.accept:
        properties["Accept"] = request.accept
    return properties


def _to_bytes(result: Any) -> bytes:
    """As multi-model-server does: bytes and text as they are, anything else as JSON."""
    if isinstance(result, (bytes, bytearray)):
        return bytes(result)
    if isinstance(result, str):
        return result.encode()
    try:
        return json.dumps(result, indent=2).encode()
    except (TypeError, ValueError) as error:
        raise ServingError(
            500,
            "ModelError",
            f"output_fn or transform_fn returned {type(result).__name__}, not JSON: {in_words(error)}",
        ) from None
