r"""Regular expressions that a template brings along.

Python's engine may take time without end for one such as `(a+)+$`, and lets no other thread run meanwhile: so
each is asked in a process of its own, which has a second of processor time and little memory.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys

from gluonship.local.cloudformation.template.errors import TemplateError

_LONGEST = 4096
_PROCESSOR_SECONDS = 1
_MEMORY_BYTES = 256 * 2**20
_PATIENCE_SECONDS = 60.0  # of the clock on the wall, for a machine that has other things to do
_PROGRAM = """
import json, re, resource, sys
seconds, memory, pattern, values = json.load(sys.stdin)
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
try:
    compiled = re.compile(pattern)
except (re.error, OverflowError, RecursionError) as error:
    print(json.dumps(str(error)))
else:
    print(json.dumps(all(compiled.fullmatch(value) for value in values)))
"""


@functools.lru_cache(maxsize=256)  # an update asks again what the create asked
def all_match(pattern: str, values: tuple[str, ...]) -> bool:
    """Whether each value, as a whole, fits the pattern.

    Raises TemplateError for a pattern that is none, or that cannot be decided with so little.
    """
    shown = repr(pattern if len(pattern) < 100 else f"{pattern[:100]}...")
    if len(pattern) > _LONGEST:
        raise TemplateError(f"Template format error: AllowedPattern {shown} has over {_LONGEST} characters")
    question = json.dumps([_PROCESSOR_SECONDS, _MEMORY_BYTES, pattern, values]).encode()
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            input=question,
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        done = None
    if done is None or done.returncode != 0:
        raise TemplateError(
            f"Template format error: AllowedPattern {shown} was not decided in {_PROCESSOR_SECONDS} s and "
            f"{_MEMORY_BYTES // 2**20} MiB: repetitions within repetitions take time without end"
        )
    answer = json.loads(done.stdout)
    if isinstance(answer, str):
        raise TemplateError(f"Template format error: AllowedPattern {shown}: {answer}")
    return bool(answer)
