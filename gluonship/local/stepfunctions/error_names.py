"""The names of services' errors in states: those of the classes that AWS's SDKs for Java have for them.

One rule for all services: the class bears the name of the exception's shape in the API's model, and what the
model does not name is the service's own exception. AWS SDK integrations use version 2 of the SDK (its code
generator's DefaultNamingStrategy.getExceptionName and CodegenNamingUtils.pascalCase), optimised ones version
1 (the same method of its generator, which leaves acronyms as they are). Both append a missing Exception.

AWS: "Learning to use AWS service SDK integrations in Step Functions", which tells to append that suffix.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from botocore.exceptions import ClientError

SDK_CLIENT = "SdkClientException"  # in both versions: no answer of the service's at all

# An answer to HEAD has no body to name an error; version 2 names it (S3's ExceptionTranslationInterceptor).
_MISSING: Mapping[str, tuple[str, str]] = {
    "HeadBucket": ("NoSuchBucket", "The specified bucket does not exist."),
    "HeadObject": ("NoSuchKey", "The specified key does not exist."),
}


def shape_and_message(error: ClientError) -> tuple[str, str]:
    """The exception's shape in the API's model, "" where that has none for it; and what the service said.

    boto3 has found the shape already: by its name, by the code that its model gives it, and for services that
    were of the query protocol by the name behind the code (AWS.SimpleQueueService.NonExistentQueue).
    """
    answer = error.response
    if answer.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404 and error.operation_name in _MISSING:
        return _MISSING[error.operation_name]
    shape = "" if type(error) is ClientError else type(error).__name__
    return shape, answer["Error"].get("Message", "")


def sdk_class(shape: str, service: str) -> str:
    """Version 2's class: DBNotFoundFault is DbNotFoundException. `service` is SDK's `error`."""
    return f"{service}Exception" if not shape else _pascal(_with_suffix(shape))


def optimized_class(shape: str, base: str) -> str:
    """Version 1's class: KMSDenied is KMSDeniedException. `base` is the service's own exception."""
    return base if not shape else _with_suffix(f"{shape[:1].upper()}{shape[1:]}")


def service_name(service_id: str) -> str:
    """Version 2's name of a service, by the serviceId of its model: CloudWatch Logs is CloudWatchLogs."""
    return _pascal(service_id).removeprefix("Amazon").removeprefix("Aws").removesuffix("Service")


def _with_suffix(shape: str) -> str:
    return shape if shape.endswith("Exception") else f"{shape.removesuffix('Fault')}Exception"


def _pascal(text: str) -> str:
    return "".join(word.capitalize() for word in _words(text))


def _words(text: str) -> list[str]:
    """A name at its word boundaries: KMSInvalidStateException is KMS, Invalid, State, Exception."""
    spaced = re.sub(r"[^A-Za-z0-9]+", " ", text)
    spaced = re.sub(r"([^a-z]{2,})v([0-9]+)", r"\1 v\2 ", spaced)
    spaced = re.sub(r"([^A-Z]{2,})V([0-9]+)", r"\1 V\2 ", spaced)
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z][a-zA-Z0-9])", " ", spaced)
    spaced = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", spaced)
    return re.sub(r"([0-9])([a-zA-Z])", r"\1 \2", spaced).split()
