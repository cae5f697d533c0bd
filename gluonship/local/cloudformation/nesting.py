"""How far stacks may nest: a template that names itself would nest without end.

AWS ends such a create by its quota on the operations of a stack and all within it.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gluonship.local.cloudformation.template.errors import TemplateError

DEEPEST = 10
_MOST = 200


@dataclass
class Nesting:
    """Where a plan is among the nested stacks of one root."""

    templates: tuple[str, ...] = ()  # the texts on the way down
    found: list[str] = field(default_factory=list)  # the URLs of all nested stacks so far; shared

    def within(self, url: str, text: str) -> Nesting:
        """One stack further down. Raises TemplateError where that would never end, or is too much."""
        self.found.append(url)
        if text in self.templates:
            raise TemplateError(f"TemplateURL {url}: this template nests itself, without end")
        if len(self.templates) >= DEEPEST:
            raise TemplateError(f"TemplateURL {url}: stacks are nested over {DEEPEST} deep")
        if len(self.found) > _MOST:
            raise TemplateError(f"TemplateURL {url}: over {_MOST} nested stacks under one")
        return Nesting((*self.templates, text), self.found)
