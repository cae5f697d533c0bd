"""Single values of the configuration: what is allowed for each, in words."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from gluonship_infra.endpoint import PinnedImage
from gluonship_infra.rules.images import unpinned


def _is(pattern: str, words: str) -> AfterValidator:
    """A text that matches as a whole; `words` say what is allowed."""

    def matched(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"is '{value}'; allowed is {words}")
        return value

    return AfterValidator(matched)


def _pinned(value: str) -> str:
    """A tag of our own repository, or a whole URI of a pinned image in ECR."""
    if "/" in value:
        PinnedImage.of_uri(value)  # raises InvalidProps, which is a ValueError
    elif reason := unpinned(f"repository:{value}"):
        raise ValueError(f"{reason}; allowed is an exact tag, or a URI with an exact tag or a digest")
    return value


_ZONE = r"[a-z]{2}(-[a-z]+)+-\d"

AccountId = Annotated[str, _is(r"\d{12}", "an account's 12 digits, in quotes")]
Boundary = Annotated[str, _is(r"[\w+=,.@-]{1,128}", "the name of a managed policy, not its ARN")]
Days = Annotated[int, Field(ge=1, le=3650)]
Email = Annotated[str, _is(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an address such as ops@example.com")]
EndpointName = Annotated[
    str,
    _is(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "1 to 63 letters, digits and hyphens, none of these at an end"),
]
Environment = Annotated[
    str,
    _is(r"[a-z][a-z0-9]{0,9}", "1 to 10 small letters and digits, with a letter first, for the table's name"),
]
Image = Annotated[str, AfterValidator(_pinned)]
KeyArn = Annotated[str, _is(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+", "the ARN of a KMS key")]
Project = Annotated[
    str,
    _is(r"[A-Za-z](-?[A-Za-z0-9]){0,19}", "letters, digits and single hyphens, 20 at most, a letter first"),
]
Qualifier = Annotated[str, _is(r"[A-Za-z0-9]{1,10}", "1 to 10 letters and digits")]
Region = Annotated[str, _is(_ZONE, "a region such as eu-west-1")]
SecurityGroup = Annotated[str, _is(r"sg-[0-9a-f]{8,17}", "a security group's id, sg-...")]
Subnet = Annotated[str, _is(r"subnet-[0-9a-f]{8,17}", "a subnet's id, subnet-...")]
TagName = Annotated[str, _is(r"(?!aws:)[\w .:/=+@-]{1,128}", "1 to 128 letters, digits and _ . : / = + - @")]
TagValue = Annotated[str, _is(r"[\w .:/=+@-]{1,256}", "1 to 256 letters, digits, spaces and _ . : / = + - @")]
Vpc = Annotated[str, _is(r"vpc-[0-9a-f]{8,17}", "a VPC's id, vpc-...")]
Zone = Annotated[str, _is(_ZONE + "[a-z]", "an availability zone such as eu-west-1a")]
