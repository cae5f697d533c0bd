"""Lambda refuses a function without a source of its code. moto makes it, and later questions about it fail.

https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCode.html
"""

from __future__ import annotations

from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend

_SOURCES = frozenset({"ZipFile", "S3Bucket", "ImageUri"})


def apply() -> None:
    create = LambdaBackend.create_function

    def create_with_code(self: LambdaBackend, spec: dict[str, Any]) -> Any:
        if not _SOURCES & set(spec.get("Code") or ()):
            raise InvalidParameterValueException("Please provide a source for function code.")
        return create(self, spec)

    LambdaBackend.create_function = create_with_code
