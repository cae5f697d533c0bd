"""Checks of an endpoint: its state, its parts, and its answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from gluonship.aws import endpoints, invocation, storage
from gluonship.aws.errors import OperationFailed, explain
from gluonship.aws.log_lines import LogFollower, endpoint_group
from gluonship.aws.storage import S3Uri
from gluonship.cli.doctor import artifact, contract
from gluonship.cli.doctor.findings import Finding, failed, ok, warning
from gluonship.cli.doctor.samples import bad, picture
from gluonship.vision import artifacts

if TYPE_CHECKING:
    from gluonship.aws.account import Account


def examine(account: Account, name: str, scratch: Path, on_step: Callable[[str], None]) -> Iterator[Finding]:
    """Every finding about the endpoint `name`."""
    on_step(f"describing the endpoint '{name}'")
    endpoint = endpoints.describe(account, name)
    if endpoint is None:  # deleted a moment ago
        yield failed(
            "endpoint", f"there is none named '{name}' in {account.region}", "`gluonship deploy` makes one."
        )
        return
    status = endpoint["EndpointStatus"]
    if status != "InService":
        reason = endpoint.get("FailureReason", "")
        tail = "\n".join(_last_lines(account, name))
        words = f"it is {status}. {reason}" + (f"\nIts log ends:\n{tail}" if tail else "")
        cure = (
            "Wait until it is InService."
            if status.endswith("ing")
            else "Deploy a model that starts; see the log."
        )
        yield failed("endpoint", words, cure)
        return
    yield ok("endpoint", "InService")
    golden = None
    for finding, found in _parts(account, endpoint["EndpointConfigName"], scratch):
        yield finding
        golden = found or golden
    on_step("asking it")
    yield from _answers(account, name, golden)


def _parts(
    account: Account, config_name: str, scratch: Path
) -> Iterator[tuple[Finding, contract.Golden | None]]:
    """Findings about the config, its models and their artifacts; the golden sample of one of them."""
    sagemaker = account.sagemaker
    try:
        config = sagemaker.describe_endpoint_config(EndpointConfigName=config_name)
    except ClientError as error:
        yield (
            failed(
                "endpoint config", str(explain(error)), "Deploy again: without it no update can be undone."
            ),
            None,
        )
        return
    for variant in config["ProductionVariants"]:
        model_name = variant.get("ModelName", "")
        check = f"model of '{variant['VariantName']}'"
        try:
            model = sagemaker.describe_model(ModelName=model_name)
        except ClientError as error:
            yield failed(check, str(explain(error)), "Deploy again: a new instance could not start."), None
            continue
        uri = model.get("PrimaryContainer", {}).get("ModelDataUrl")
        if not uri:
            yield (
                warning(check, f"{model_name} has no model data", "Right where its image holds the model."),
                None,
            )
            continue
        yield _artifact(account, check, uri, scratch / model_name)


def _artifact(account: Account, check: str, uri: str, folder: Path) -> tuple[Finding, contract.Golden | None]:
    folder.mkdir()
    try:
        storage.download_file(account, S3Uri.parse(uri), folder / "model.tar.gz")
        artifacts.extract(folder / "model.tar.gz", folder / "model")
    except (OperationFailed, ValueError) as error:
        return failed(check, str(error), "Deploy again: a new instance could not start."), None
    examined, findings = artifact.look(folder / "model")
    broken = [finding for finding in findings if finding.verdict == "failed"]
    if broken:
        return failed(check, f"{uri}: {broken[0].detail}", broken[0].cure), None
    words = f"{examined.manifest.network}" if examined.manifest else "a model of another kit's"
    return ok(check, f"{words}, at {uri}"), examined.golden


def _answers(account: Account, name: str, golden: contract.Golden | None) -> Iterator[Finding]:
    sample = golden.sample if golden else picture()
    check = "InvokeEndpoint"
    times = []
    try:
        for _ in range(5):
            started = time.monotonic()
            body = invocation.send(account, name, sample.body, sample.content_type)
            times.append(time.monotonic() - started)
        good, words = contract.judge(body, golden)
        speed = f"in {sorted(times)[2] * 1000:.0f} ms (median of 5)"
        yield (
            ok(check, f"{sample.name}: {words}, {speed}")
            if good
            else failed(
                check, f"{sample.name}: {words}", "Training and serving differ: compare their versions."
            )
        )
    except invocation.InvocationFailed as error:
        cure = "See the endpoint's log." if golden else "Right where it takes no images; try its own input."
        yield failed(check, str(error), cure) if golden else warning(check, str(error), cure)
    yield _bad_inputs(account, name, strict=golden is not None)


def _bad_inputs(account: Account, name: str, strict: bool) -> Finding:
    check = "bad input"
    wrong = []
    samples = bad()
    for sample in samples:
        try:
            invocation.send(account, name, sample.body, sample.content_type)
            wrong.append(f"{sample.name} was answered")
        except invocation.InvocationFailed as error:
            if error.status is None or error.status >= 500 or not error.code:
                wrong.append(f"{sample.name}: {error}")
        except ClientError as error:
            wrong.append(f"{sample.name}: {explain(error)}")
    if not wrong:
        return ok(check, f"{len(samples)} kinds, each refused in words")
    cure = "The handler should answer bad input with 4xx and a sentence."
    return failed(check, "; ".join(wrong), cure) if strict else warning(check, "; ".join(wrong), cure)


def _last_lines(account: Account, name: str, count: int = 8) -> list[str]:
    return [line for _, line in LogFollower(account, endpoint_group(name)).last_lines(count)]
