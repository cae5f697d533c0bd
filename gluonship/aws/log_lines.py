"""The lines of a job's or an endpoint's containers, from CloudWatch Logs, as they come."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from gluonship.aws.errors import error_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_logs.type_defs import (
        DescribeLogStreamsRequestPaginateTypeDef,
        GetLogEventsRequestTypeDef,
        OutputLogEventTypeDef,
    )

    from gluonship.aws.account import Account

PAGE_EVENTS = 10_000  # the most that one GetLogEvents answers with
TRAINING_GROUP = "/aws/sagemaker/TrainingJobs"


def endpoint_group(endpoint: str) -> str:
    return f"/aws/sagemaker/Endpoints/{endpoint}"


class LogFollower:
    """Reads the streams of `group` that begin with `prefix`, each from its start, no line twice.

    A group or stream that does not exist yet has no lines yet. Lines are in order of time over all streams; a
    line that comes later than its time, as from a slow instance, is still in order within its stream.
    """

    def __init__(self, account: Account, group: str, prefix: str = "") -> None:
        self._logs = account.logs
        self._group = group
        self._prefix = prefix
        self._tokens: dict[str, str] = {}

    def new_lines(self) -> Iterator[tuple[str, str]]:
        """Every (stream, line) written since the last call."""
        merged = heapq.merge(*map(self._new_in, self._streams()), key=lambda each: each[0])
        yield from ((stream, line) for _, stream, line in merged)

    def last_lines(self, count: int) -> list[tuple[str, str]]:
        """The `count` lines written last, oldest first, as (stream, line). What is older is not read, neither
        now nor by `new_lines` after this."""
        found = [
            (event["timestamp"], stream, event["message"])
            for stream in self._streams()
            for event in self._last_in(stream, count)
        ]
        found.sort(key=lambda each: each[0])  # stable: in order within a stream
        return [(stream, line) for _, stream, line in found[len(found) - min(count, len(found)) :]]

    def _streams(self) -> list[str]:
        wanted: DescribeLogStreamsRequestPaginateTypeDef = {"logGroupName": self._group}
        if self._prefix:
            wanted["logStreamNamePrefix"] = self._prefix
        pages = self._logs.get_paginator("describe_log_streams").paginate(**wanted)
        try:
            return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return []
            raise

    def _new_in(self, stream: str) -> Iterator[tuple[int, str, str]]:
        while True:
            token = self._tokens.get(stream)
            wanted: GetLogEventsRequestTypeDef = {
                "logGroupName": self._group,
                "logStreamName": stream,
                "startFromHead": True,
                "limit": PAGE_EVENTS,
            }
            if token:
                wanted["nextToken"] = token
            answer = self._logs.get_log_events(**wanted)
            self._tokens[stream] = answer["nextForwardToken"]
            yield from ((event["timestamp"], stream, event["message"]) for event in answer["events"])
            # The same token again is a stream's end; an empty page alone is not.
            if answer["nextForwardToken"] == token:
                return

    def _last_in(self, stream: str, count: int) -> list[OutputLogEventTypeDef]:
        """The stream's last events, from its end backward page by page."""
        wanted: GetLogEventsRequestTypeDef = {
            "logGroupName": self._group,
            "logStreamName": stream,
            "startFromHead": False,
            "limit": min(max(count, 1), PAGE_EVENTS),
        }
        pages: list[list[OutputLogEventTypeDef]] = []
        token = ""
        while sum(map(len, pages)) < max(count, 1):
            answer = self._logs.get_log_events(**wanted)
            if answer["events"] and not pages:
                # An empty stream has no end to go on from: its first line is still to come.
                self._tokens[stream] = answer["nextForwardToken"]
            if answer["events"]:
                pages.append(answer["events"])
            if answer["nextBackwardToken"] == token:  # the stream's beginning
                break
            token = wanted["nextToken"] = answer["nextBackwardToken"]
        events = [event for page in reversed(pages) for event in page]
        return events[len(events) - min(count, len(events)) :]
