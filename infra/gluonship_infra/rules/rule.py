"""What a rule is: a name, what it asks and why, the page that says so, and a pure check of one template."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gluonship_infra.rules.templates import Template


@dataclass(frozen=True)
class Finding:
    """One place of one template that does not keep a rule."""

    resource: str  # the logical id
    location: (
        str  # the path from the resource on: "Properties/ResourceConfig", or a state's name in a definition
    )
    message: str  # what was found there, as a clause
    state: str = ""  # of a state machine, where one is at fault


@dataclass(frozen=True)
class Rule:
    """One rule of the pack. It is acknowledged on a construct as `GluonShip::NAME`, with a reason; on a state
    machine as `GluonShip::NAME[STATE]`, so that an exception for one state says nothing about the others."""

    name: str
    what: str  # what a template has to do, as a sentence
    why: str
    fix: str
    source: str  # the AWS page behind it
    check: Callable[[Template], Iterator[Finding]]
