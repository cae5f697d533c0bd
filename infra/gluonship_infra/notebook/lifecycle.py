"""The script that puts the kit into a notebook instance.

https://docs.aws.amazon.com/sagemaker/latest/dg/notebook-lifecycle-config.html
"""

from __future__ import annotations

from gluonship_infra.endpoint.refusals import InvalidProps, matches

_MOST_CHARACTERS = 16_384
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._, -]+\])?"
_WHEEL = r"https://[A-Za-z0-9.-]+(:\d+)?/[A-Za-z0-9._~%+/-]+\.whl(#sha256=[0-9a-f]{64})?"
_REQUIREMENT = rf"{_NAME}==\d[A-Za-z0-9.+!-]*|({_NAME} @ )?{_WHEEL}"
_RULE = (
    "write a pinned requirement, as in gluonship[client]==0.1.0, or a wheel's https:// address, as in "
    "gluonship[client] @ https://example.com/gluonship-0.1.0-py3-none-any.whl"
)
_SCRIPT = """\
#!/bin/bash
# Makes a kernel called GluonShip, once; it stays in ~/SageMaker over stops and starts.
set -eu
script=$(mktemp)
cat >"$script" <<'SCRIPT'
set -eu
source ~/anaconda3/etc/profile.d/conda.sh
if [ ! -x ~/SageMaker/gluonship/bin/python ]; then
  conda create --yes --quiet --prefix ~/SageMaker/gluonship python=3.11
fi
~/SageMaker/gluonship/bin/python -m pip install --quiet {index}ipykernel '{requirement}'
~/SageMaker/gluonship/bin/python -m ipykernel install --user --name gluonship --display-name GluonShip
SCRIPT
chmod 644 "$script"
# SageMaker gives a script five minutes; this one goes on behind it.
nohup sudo -u ec2-user -i bash "$script" >/var/log/install-gluonship.log 2>&1 &
"""


def install_script(requirement: str, index_url: str | None = None) -> str:
    """The start script that installs `requirement` with pip, from `index_url` when given.

    Raises InvalidProps for what is no pinned requirement: the script runs as root.
    """
    matches("kit", requirement, _REQUIREMENT, _RULE)
    index = ""
    if index_url is not None:
        rule = "write an https:// address without a password"
        matches("index_url", index_url, r"https://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~/-]*)?", rule)
        index = f"--index-url '{index_url}' "
    script = _SCRIPT.format(index=index, requirement=requirement)
    if len(script) > _MOST_CHARACTERS:
        raise InvalidProps(f"kit makes a script of {len(script)} characters; AWS takes {_MOST_CHARACTERS}.")
    return script
