"""SageMaker's serving contract, asked of a running container.

Source: "Use Your Own Inference Code with Hosting Services" in SageMaker's developer guide: GET /ping within
2 s, POST /invocations, SIGTERM before SIGKILL. That errors are JSON with a code and a sentence is this kit's.
"""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gluonship.cli.doctor.container import Answer, NoAnswer, ServingContainer
from gluonship.cli.doctor.findings import Finding, failed, ok, warning
from gluonship.cli.doctor.samples import Sample, bad
from gluonship.vision.artifacts import Manifest
from gluonship.vision.predictions import Classification, difference

STARTUP_SECONDS = 120.0
PING_SECONDS = 2.0  # SageMaker's own limit
DRAIN_SECONDS = 30.0


@dataclass(frozen=True)
class Golden:
    """The artifact's own sample, and what the model is to say of it."""

    sample: Sample
    prediction: Classification
    tolerance: float

    @classmethod
    def read(cls, folder: Path, manifest: Manifest) -> Golden | None:
        """Raises ArtifactError."""
        if manifest.golden is None:
            return None
        image, prediction = manifest.golden.read(folder)
        return cls(Sample("the golden image", image, "image/png"), prediction, manifest.golden.tolerance)


def replay(
    container: ServingContainer, name: str, sample: Sample, golden: Golden | None
) -> Iterator[Finding]:
    """Every finding about `container`, which is stopped at the end."""
    healthy, how = container.wait_until_healthy(STARTUP_SECONDS)
    if not healthy:
        tail = container.log_tail()
        yield failed(
            f"{name}: start",
            f"{how}. Its last words:\n{tail}",
            "See what the log says; then train or pack again.",
        )
        return
    yield ok(f"{name}: start", how)
    yield _ping(container, name)
    yield _prediction(container, name, sample, golden)
    yield _bad_inputs(container, name, has_own_words=golden is not None)
    yield _drain(container, name, sample)


def judge(body: bytes, golden: Golden | None) -> tuple[bool, str]:
    """Whether an answer is what the golden sample says, and what it is, in words."""
    try:
        prediction = Classification.from_json(json.loads(body))
    except ValueError as error:
        return golden is None, f"answered {len(body)} bytes, not a classification ({error})"
    words = f"'{prediction.top.label}' at {prediction.top.probability:.3f}"
    if golden is None:
        return True, words
    known = {score.index for score in prediction.scores}
    expected = Classification(
        tuple(score for score in golden.prediction.scores if score.index in known)
        or golden.prediction.scores[:1]
    )
    apart = difference(expected, prediction)
    if apart > golden.tolerance:
        return False, f"{words}; the golden prediction is {apart:.2g} away, more than {golden.tolerance:g}"
    return True, f"{words}, as the golden prediction says (to {apart:.1g})"


def refused_in_words(answer_body: bytes) -> bool:
    """Whether an error is JSON with a code and a sentence, and no traceback."""
    try:
        error = json.loads(answer_body)["error"]
        return bool(error["code"]) and bool(error["message"]) and b"Traceback" not in answer_body
    except (ValueError, KeyError, TypeError):
        return False


def _ping(container: ServingContainer, name: str) -> Finding:
    check = f"{name}: GET /ping"
    try:
        slowest = max(container.request("GET", "/ping", timeout=10.0).seconds for _ in range(5))
    except NoAnswer as error:
        return failed(check, str(error), "The server must answer while it predicts, too.")
    if slowest > PING_SECONDS:
        return failed(
            check, f"took {slowest:.1f} s", f"SageMaker waits {PING_SECONDS:.0f} s, then replaces it."
        )
    return ok(check, f"200 within {slowest * 1000:.0f} ms, five times")


def _prediction(container: ServingContainer, name: str, sample: Sample, golden: Golden | None) -> Finding:
    check = f"{name}: POST /invocations"
    try:
        answer = container.invoke(sample.body, sample.content_type)
    except NoAnswer as error:
        return failed(check, f"{sample.name}: {error}", f"Its log ends: {container.log_tail(3)}")
    if answer.status != 200:
        words = answer.body[:300].decode("utf-8", "replace")
        if golden is None:
            return warning(
                check,
                f"{sample.name}: {answer.status} {words}",
                "Right where it takes no images; try its own input.",
            )
        return failed(
            check, f"{sample.name}: {answer.status} {words}", f"Its log ends: {container.log_tail(3)}"
        )
    good, words = judge(answer.body, golden)
    if not good:
        return failed(
            check, f"{sample.name}: {words}", "Training and serving differ: compare their versions."
        )
    return ok(check, f"{sample.name}: {words}, in {answer.seconds * 1000:.0f} ms")


def _bad_inputs(container: ServingContainer, name: str, has_own_words: bool) -> Finding:
    """Each is refused, and the container lives on. An artifact of ours refuses as JSON, with 4xx."""
    check = f"{name}: bad input"
    wrong = []
    samples = bad()
    for sample in samples:
        try:
            answer = container.invoke(sample.body, sample.content_type)
        except NoAnswer as error:
            wrong.append(f"{sample.name}: {error}")
            continue
        if answer.status < 400:
            wrong.append(f"{sample.name}: answered {answer.status}")
        elif has_own_words and not (answer.status < 500 and refused_in_words(answer.body)):
            wrong.append(f"{sample.name}: {answer.status} {answer.body[:120].decode('utf-8', 'replace')}")
    if container.process.poll() is not None:
        wrong.append(f"the container ended with exit code {container.process.returncode}")
    if not wrong:
        return ok(check, f"{len(samples)} kinds, each refused{' in words' * has_own_words}; it serves on")
    if has_own_words:
        return failed(check, "; ".join(wrong), "The handler must answer bad input with 4xx and a sentence.")
    return warning(check, "; ".join(wrong), "A handler should refuse what it cannot read.")


def _drain(container: ServingContainer, name: str, sample: Sample) -> Finding:
    """A request that is under way at SIGTERM is answered, and the container ends by itself."""
    check = f"{name}: SIGTERM"
    answers: list[Answer | NoAnswer] = []

    def ask() -> None:
        try:
            answers.append(container.invoke(sample.body, sample.content_type))
        except NoAnswer as error:
            answers.append(error)

    requests = [threading.Thread(target=ask) for _ in range(4)]
    for request in requests:
        request.start()
    time.sleep(0.02)  # so that they are under way
    started = time.monotonic()
    container.process.send_signal(signal.SIGTERM)
    for request in requests:
        request.join()
    try:
        code = container.process.wait(DRAIN_SECONDS)
    except subprocess.TimeoutExpired:
        return failed(
            check, f"it still ran after {DRAIN_SECONDS:.0f} s", "It must end: SageMaker then kills it."
        )
    lost = [answer for answer in answers if isinstance(answer, NoAnswer)]
    took = f"ended after {time.monotonic() - started:.1f} s with exit code {code}"
    if lost:
        return failed(
            check,
            f"{len(lost)} of {len(requests)} requests under way were lost; {took}",
            "Answer them first.",
        )
    return ok(check, f"{len(requests)} requests under way were answered; {took}")
