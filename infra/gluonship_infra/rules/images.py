"""The rule for container images: what runs tomorrow is what was tested today."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gluonship_infra.rules.requests import AtRunTime, Request, requests
from gluonship_infra.rules.rule import Finding, Rule
from gluonship_infra.rules.templates import Template, text

_ONE = {
    "CreateTrainingJob": "AlgorithmSpecification.TrainingImage",
    "CreateProcessingJob": "AppSpecification.ImageUri",
}
_SEVERAL = {
    "CreateModel": ("Containers", "Image"),
    "CreateModelPackage": ("InferenceSpecification.Containers", "Image"),
}
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
MOVING_TAGS = frozenset({"latest", "stable", "main", "master"})
"""Tags that by custom are put on one image after another."""
_TAG = re.compile(r":([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})$")


def unpinned(image: Any) -> str | None:
    """Why an image URI is not pinned, as a clause; None if it is, by digest or by an exact tag."""
    if isinstance(image, AtRunTime):
        return f"is chosen at run time ('{image}')"
    uri = text(image)
    if _DIGEST.search(uri):
        return None
    tag = _TAG.search(uri)
    if "@" in uri:
        return f"'{uri}' has a digest that is not sha256 and 64 hexadecimal digits"
    if tag is None:
        return f"'{uri}' has neither tag nor digest"
    if tag[1] in MOVING_TAGS:
        return f"'{uri}' is whatever was pushed last"
    return None


def _images(request: Request) -> Iterator[tuple[str, Any]]:
    if path := _ONE.get(request.operation):
        yield path, request.get(path)
    if request.operation == "CreateModel":
        yield "PrimaryContainer.Image", request.get("PrimaryContainer.Image")
    if request.operation in _SEVERAL:
        path, member = _SEVERAL[request.operation]
        containers = request.get(path)
        for index, container in enumerate(containers if isinstance(containers, list) else []):
            yield f"{path}.{index}.{member}", container.get(member)


def _pinned(template: Template) -> Iterator[Finding]:
    for request in requests(template):
        for path, image in _images(request):
            if image is not None and (reason := unpinned(image)):
                yield request.finding(path, reason)


RULES = (
    Rule(
        "PinnedImage",
        "Images are named by digest or by an exact tag.",
        "An image that changes under its name makes runs that nobody can repeat, and lets in the untested.",
        "Name a digest (@sha256:...), or, in a repository with immutable tags, an exact tag (not latest, "
        "stable, main or master).",
        "https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html",
        _pinned,
    ),
)
