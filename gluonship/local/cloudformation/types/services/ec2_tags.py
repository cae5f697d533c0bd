"""EC2's tags: one pair of calls for everything that EC2 has."""

from __future__ import annotations

from gluonship.local.cloudformation.types.declaration import Change, Flow, Request, Step


def tags_on(identity: str) -> Step:
    """The tagging step of what has its id under this name."""

    def step(change: Change) -> Flow:
        resources = {"Resources": [change.known[identity]]}
        gone = [{"Key": key} for key in sorted(set(change.old or {}) - set(change.new))]
        wanted = [{"Key": key, "Value": value} for key, value in change.new.items()]
        if gone:
            yield Request("DeleteTags", {**resources, "Tags": gone})
        if wanted:
            yield Request("CreateTags", {**resources, "Tags": wanted})

    return step
