"""What the SageMaker SDK asks, each call with values that mean nothing, with the trap around it.

`python sweep_sagemaker_sdk.py connect HOME` connects first; with `environment`, the process's variables are
those of `gluonship local env`. The report: how many calls were made, and what those said that dialled
elsewhere.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import no_way_out

ROLE = "arn:aws:iam::123456789012:role/x"
# These wait for what never comes.
WAITING = ("wait_for", "logs_for", "endpoint_in_service")
CALL_SECONDS = 20


def calls() -> Iterator[tuple[str, Callable[[], object]]]:
    import sagemaker
    from sagemaker import jumpstart
    from sagemaker.feature_store import feature_utils
    from sagemaker.jumpstart import notebook_utils
    from sagemaker.workflow.pipeline_context import PipelineSession

    yield "get_execution_role", sagemaker.get_execution_role
    yield "Session().account_id", lambda: sagemaker.Session().account_id()
    yield "Session().get_caller_identity_arn", lambda: sagemaker.Session().get_caller_identity_arn()
    yield "Session().default_bucket", lambda: sagemaker.Session().default_bucket()
    yield "PipelineSession().account_id", lambda: PipelineSession().account_id()
    yield "list_jumpstart_models", notebook_utils.list_jumpstart_models
    yield "jumpstart.utils", lambda: jumpstart.utils.get_jumpstart_gated_content_bucket("us-east-1")
    yield "feature_store", lambda: feature_utils.get_session_from_role(region="us-east-1")
    session = sagemaker.Session()
    for name, method in inspect.getmembers(session, inspect.ismethod):
        if not name.startswith("_") and not any(each in name for each in WAITING):
            yield f"Session.{name}", lambda method=method: method(**meaningless(method))


def meaningless(method: Callable[..., object]) -> dict[str, Any]:
    """A value for each parameter that must be given."""
    values: dict[str, Any] = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if name == "wait":
            values[name] = False
        elif "role" in name and parameter.default is inspect.Parameter.empty:
            values[name] = ROLE
        elif (
            parameter.default is inspect.Parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ):
            values[name] = "x"
    return values


def sweep(trap: no_way_out.Trap) -> dict[str, Any]:
    said: dict[str, str] = {}
    answers: dict[str, str] = {}
    signal.signal(signal.SIGALRM, _too_long)
    for name, call in calls():
        dialled = len(trap.dialled)
        signal.alarm(CALL_SECONDS)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                answers[name] = str(call())
        except Exception as error:  # noqa: BLE001 - nearly all of them are about values that mean nothing
            answers[name] = f"{type(error).__name__}: {error}"
        finally:
            signal.alarm(0)
        if len(trap.dialled) > dialled:
            said[name] = answers[name]
    return {"calls": len(answers), "elsewhere": said, "role": answers["get_execution_role"]}


def _too_long(*_: object) -> None:
    raise TimeoutError("it waits")


if __name__ == "__main__":
    trap = no_way_out.Trap()
    trap.install()
    if sys.argv[1] == "connect":
        from gluonship.local import connect

        connect(sys.argv[2], start=False)
    no_way_out.report(trap, **sweep(trap))
