"""One invocation, from its bytes to its bytes: the same in our server and in AWS's container."""

from __future__ import annotations

from gluonship.vision import images
from gluonship_inference import payloads
from gluonship_inference.classifier import Classifier
from gluonship_inference.errors import ServingError


def invoke(classifier: Classifier, content_type: str, accept: str, body: bytes) -> bytes:
    """JSON, as `payloads` says. Raises ServingError."""
    payloads.check_negotiation(content_type, accept)
    sent = payloads.images(content_type, body)
    predicted = []
    for number, data in enumerate(sent.files):
        try:
            predicted.append(classifier.classify(data).to_json())
        except images.ImageError as error:
            where = f"instances[{number}]: " if sent.several else ""
            raise ServingError(400, error.code, where + error.message) from None
    return payloads.predictions(predicted, sent.several)
