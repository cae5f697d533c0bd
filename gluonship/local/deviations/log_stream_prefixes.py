"""FilterLogEvents searches the streams whose names begin with logStreamNamePrefix. moto searches all of them.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

from moto.logs.responses import LogsResponse


def apply() -> None:
    LogsResponse.filter_log_events = _within_prefix(LogsResponse.filter_log_events)


def _within_prefix(search: Callable[[Any], str]) -> Callable[[Any], str]:
    @functools.wraps(search)
    def search_within_prefix(self: LogsResponse) -> str:
        prefix = self._get_param("logStreamNamePrefix")
        group = self.logs_backend.groups.get(self._get_param("logGroupName"))
        if not prefix or group is None:
            return search(self)
        names = [name for name in group.streams if name.startswith(prefix)]
        if not names:
            return json.dumps({"events": [], "searchedLogStreams": []})
        every, group.streams = group.streams, {name: group.streams[name] for name in names}
        try:
            return search(self)  # alone: the requests of one service follow each other
        finally:
            group.streams = every

    return search_within_prefix
