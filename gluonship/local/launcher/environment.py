"""The environment variables with which boto3, the AWS CLI and the SageMaker SDK use the local cloud only."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from gluonship.local.door.keys import Key
from gluonship.local.launcher.home import DEFAULT_REGION, CloudInfo

SDK_CONFIG = "sagemaker-sdk.yaml"  # in the home: it turns the SDK's telemetry off
# In the home: a certificate whose key nobody has. A client that dials a host of AWS after all (some fix their
# addresses) ends at the TLS handshake, before it sends anything.
NO_AWS_CERTIFICATE = "no-aws.pem"

# Everything that would lead a client, its credentials or its endpoint elsewhere.
_CLEARED = (
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_DEFAULT_PROFILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)


def environment(info: CloudInfo, key: Key, current: Mapping[str, str]) -> dict[str, str | None]:
    """What to set, and (None) what to unset, in a process that has the variables `current`.

    Region and access key (`key`, the home's) are the local cloud's own, so that no profile or role of the
    user's is ever used, and no host of AWS is trusted.
    """
    variables: dict[str, str | None] = dict.fromkeys(_CLEARED)
    # A service's own endpoint would win over AWS_ENDPOINT_URL.
    variables.update({name: None for name in current if name.startswith("AWS_ENDPOINT_URL_")})
    variables.update(
        {
            **key.variables(),
            "AWS_REGION": DEFAULT_REGION,
            "AWS_DEFAULT_REGION": DEFAULT_REGION,
            "AWS_ENDPOINT_URL": info.url,
            "AWS_ENDPOINT_URL_S3_CONTROL": info.s3_control_url,
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": info.runtime_url,
            "AWS_CA_BUNDLE": str(info.home / NO_AWS_CERTIFICATE),
            # No "api.127.0.0.1", which a resolver may look for in the user's own domain.
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_PAGER": "",  # the AWS CLI 2 opens one otherwise, also in scripts
            "SAGEMAKER_USER_CONFIG_OVERRIDE": str(info.home / SDK_CONFIG),
            "GLUONSHIP_HOME": str(info.home),
            "NO_PROXY": _no_proxy(current.get("NO_PROXY", current.get("no_proxy", ""))),
            "no_proxy": _no_proxy(current.get("no_proxy", current.get("NO_PROXY", ""))),
        }
    )
    return dict(sorted(variables.items()))


def shell_lines(variables: Mapping[str, str | None]) -> str:
    """`variables` as lines for sh, bash and zsh, each value quoted whole."""
    lines = [
        f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}"
        for name, value in variables.items()
    ]
    return "\n".join(lines) + "\n"


def applied(variables: Mapping[str, str | None], current: Mapping[str, str]) -> dict[str, str]:
    """`current` after `variables`: a whole environment for a subprocess."""
    merged = {**current, **{name: value for name, value in variables.items() if value is not None}}
    return {name: value for name, value in merged.items() if variables.get(name, value) is not None}


def _no_proxy(present: str) -> str:
    hosts = [host for host in present.split(",") if host]
    return ",".join(hosts + [host for host in ("127.0.0.1", "localhost") if host not in hosts])
