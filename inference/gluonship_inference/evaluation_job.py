"""The evaluation as a SageMaker processing job: folders in, a report out, and a reason where there is none.

Inputs are what CreateProcessingJob puts under /opt/ml/processing; SageMaker shows what is written to
/opt/ml/output/message as ExitMessage (the processing container's contract:
https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Sequence

from gluonship.vision import artifacts, datasets
from gluonship.vision.atomic_files import replacing
from gluonship_inference import classifier, evaluation, evaluation_pictures, evaluation_report
from gluonship_inference.errors import LoadError, in_words
from gluonship_inference.evaluation import EvaluationError

_SHOWN_CHARACTERS = 1024
_ARCHIVE = "model.tar.gz"


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 where the report is written; else 1, with a sentence on stderr and in `message`."""
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    options = _parser(base / "processing").parse_args(arguments)
    try:
        run(options)
    except (EvaluationError, LoadError, artifacts.ArtifactError, datasets.DatasetError) as error:
        _report(getattr(error, "message", str(error)), base / "output" / "message")
        return 1
    except Exception as error:  # noqa: BLE001 - the job's end: whatever it is becomes its reason
        traceback.print_exc()
        _report(in_words(error), base / "output" / "message")
        return 1
    return 0


def run(options: argparse.Namespace) -> None:
    """Raises EvaluationError, LoadError, ArtifactError or DatasetError."""
    with tempfile.TemporaryDirectory(prefix="gluonship-evaluation-") as scratch:
        candidate = _load(options.model, Path(scratch) / "candidate", "candidate")
        dataset = evaluation.limited(datasets.open_dataset(options.test), options.limit)
        if not dataset.samples:
            raise EvaluationError(f"there are no test images in {options.test}")
        evaluation.check_classes(dataset, candidate)
        there = options.in_service.is_file() or any(options.in_service.glob("*"))
        other, reason = (
            _in_service(options.in_service, Path(scratch) / "in-service", candidate)
            if there
            else (None, "there is no model in service")
        )
        _say(f"Evaluating {len(dataset.samples):,} images of {len(dataset.classes)} classes")
        models = [candidate] if other is None else [candidate, other]
        reports = evaluation.evaluate(models, dataset, options.batch_size, _say)
        outcome = evaluation_report.Outcome(
            candidate=reports[0],
            in_service=reports[1] if other else None,
            reason=reason,
            incomparable=there and other is None,
            dataset_digest=dataset.digest,
            candidate_model=candidate,
        )
    _write(options.output, "evaluation.json", evaluation_report.to_json(outcome))
    evaluation_pictures.draw(options.output, outcome.candidate, dataset, _say)
    gate = evaluation_report.gate(outcome)
    _write(options.output, "gate.json", gate)  # last: who finds it finds all
    _say("Accuracy of the candidate: {:.4f}".format(gate["accuracy"]))
    _say(
        "Accuracy of the model in service: {}".format(
            "{:.4f}".format(gate["in_service_accuracy"]) if outcome.in_service else "none, " + reason
        )
    )


def _parser(base: Path) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Evaluates a classifier on labelled images.")
    parser.add_argument("--test", type=Path, default=base / "test", help="the labelled images")
    parser.add_argument(
        "--model", type=Path, default=base / "model", help="the candidate's folder or archive"
    )
    parser.add_argument(
        "--in-service", type=Path, default=base / "in-service", help="as --model; absent or empty: none"
    )
    parser.add_argument("--output", type=Path, default=base / "evaluation", help="where the report goes")
    parser.add_argument("--batch-size", type=_positive, default=64)
    parser.add_argument("--limit", type=_positive, default=None, help="at most so many of the images")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _in_service(
    place: Path, scratch: Path, candidate: classifier.Classifier
) -> tuple[classifier.Classifier | None, str]:
    """The model in service, or None and why it cannot be compared."""
    try:
        model = _load(place, scratch, "model in service")
    except (LoadError, artifacts.ArtifactError, EvaluationError) as error:
        reason = "it cannot be evaluated: {}".format(getattr(error, "message", error))
    else:
        difference = evaluation.comparable(candidate, model)
        if not difference:
            return model, ""
        reason = difference
    _say(f"The model in service is not compared: {reason}")
    return None, reason


def _load(place: Path, scratch: Path, what: str) -> classifier.Classifier:
    """The classifier in an archive, in a folder that holds one, or in an unpacked artifact's folder."""
    archive = place / _ARCHIVE if place.is_dir() else place
    if (place / artifacts.MANIFEST).is_file():
        return classifier.load(place)
    if not archive.is_file():
        raise EvaluationError(f"there is no {_ARCHIVE} of the {what} in {place}")
    artifacts.extract(archive, scratch)
    return classifier.load(scratch)


def _write(folder: Path, name: str, values: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / name) as unfinished:
        unfinished.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _say(line: str) -> None:
    print(line, flush=True)


def _report(message: str, path: Path) -> None:
    print("error: " + message, file=sys.stderr, flush=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(message[:_SHOWN_CHARACTERS], encoding="utf-8")
    except OSError as error:
        print(f"error: the reason could not be written to {path}: {error}", file=sys.stderr)
