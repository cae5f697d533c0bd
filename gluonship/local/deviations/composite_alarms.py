"""CloudWatch makes alarms of alarms by PutCompositeAlarm. moto takes their rule in PutMetricAlarm only, where
AWS has no such member.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from __future__ import annotations

from moto.cloudwatch.responses import CloudWatchResponse


def apply() -> None:
    CloudWatchResponse.put_composite_alarm = CloudWatchResponse.put_metric_alarm
