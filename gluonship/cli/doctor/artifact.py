"""Checks of an artifact: what is in it, and how it behaves in a serving container."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gluonship.cli.doctor import contract
from gluonship.cli.doctor.container import serving
from gluonship.cli.doctor.findings import Finding, failed, ok, warning
from gluonship.cli.doctor.samples import picture
from gluonship.vision import artifacts
from gluonship.vision.artifacts import ArtifactError, Manifest

OWN_HANDLER, AWS_HANDLER = "gluonship", "sagemaker-mxnet"
_HANDLER_NAMES = {OWN_HANDLER: "our server", AWS_HANDLER: "AWS's handlers"}


@dataclass(frozen=True)
class Examined:
    """What the static checks know of an artifact's folder."""

    folder: Path
    manifest: Manifest | None
    golden: contract.Golden | None


def examine(path: Path, scratch: Path, on_step: Callable[[str], None], shown: str = "") -> Iterator[Finding]:
    """Every finding about the artifact at `path` (a folder, or a tar), in the contract's order. `shown` is
    where it is from, in place of `path`."""
    base = scratch / "opt-ml"
    model = base / "model"
    on_step(f"reading '{shown or path}'")
    if path.is_dir():
        shutil.copytree(path, model, symlinks=True)
    else:
        try:
            files = artifacts.extract(path, model)
        except ArtifactError as error:
            yield failed(
                "archive", str(error), "Pack it with `tar -C FOLDER -czf model.tar.gz .`, plain files only."
            )
            return
        size = path.stat().st_size / 1e6
        yield ok("archive", f"{len(files)} plain files in {size:.1f} MB, none leading out of the folder")
    examined, findings = look(model)
    yield from findings
    if any(finding.verdict == "failed" for finding in findings):
        return  # a container would only say the same in more words
    handlers = [OWN_HANDLER] if examined.manifest else []
    if not examined.manifest or (model / "code/inference.py").is_file():
        handlers.append(AWS_HANDLER)
    for handler in handlers:
        name = _HANDLER_NAMES[handler]
        on_step(f"serving it with {name}")
        sample = examined.golden.sample if examined.golden else picture()
        with serving(base, handler, scratch / f"{handler}.log") as container:
            yield from contract.replay(container, name, sample, examined.golden)


def look(folder: Path) -> tuple[Examined, list[Finding]]:
    """The checks that need no process."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    violations = artifacts.neo_violations(names)
    findings = [
        failed(
            "file names", "; ".join(violations), "Rename or remove them: SageMaker Neo takes them for models."
        )
        if violations
        else ok("file names", "SageMaker Neo can tell the model from the rest")
    ]
    if artifacts.MANIFEST not in names:
        found = [name for name in names if name.endswith((".params", ".json"))]
        if not any(name.endswith(".params") for name in found):
            nested = f" The files are under '{names[0].split('/')[0]}/'." if names and "/" in names[0] else ""
            findings.append(
                failed(
                    "model",
                    f"there is no .params file among {len(names)} files.{nested}",
                    "Pack from inside it.",
                )
            )
        findings.append(
            warning(
                "manifest",
                f"there is no {artifacts.MANIFEST}: nothing says how images become its input",
                "`gluonship train` writes one; without it AWS's handlers and the model's own code serve it.",
            )
        )
        return Examined(folder, None, None), findings
    try:
        manifest = artifacts.verify(folder)
        golden = contract.Golden.read(folder, manifest)
    except ArtifactError as error:
        words = str(error).replace(f"{folder}/", "")  # a scratch folder's name says nothing to a person
        return Examined(folder, None, None), [*findings, failed("manifest", words, "Export the model again.")]
    findings.append(
        ok(
            "manifest",
            f"{manifest.network}, {len(manifest.classes)} classes, input {manifest.preprocessing.width} x "
            f"{manifest.preprocessing.height}; {len(manifest.files)} files have the SHA-256 that it says",
        )
    )
    findings.append(
        ok("golden sample", "an image with its expected prediction")
        if golden
        else warning(
            "golden sample",
            "there is none: skew between training and serving would not be seen",
            "`gluonship train` writes one.",
        )
    )
    findings.append(
        ok("handler", "code/inference.py, for AWS's own MXNet container")
        if (folder / "code/inference.py").is_file()
        else warning(
            "handler", "there is no code/inference.py", "AWS's own MXNet container needs it; train again."
        )
    )
    return Examined(folder, manifest, golden), findings
