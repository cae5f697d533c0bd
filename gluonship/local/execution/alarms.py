"""The states of CloudWatch's alarms: contracts.Alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from gluonship.local.contracts import AwsError, Clients, Scope


class CloudWatchAlarms:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def states(self, scope: Scope, names: Sequence[str]) -> Mapping[str, str]:
        if not names:
            return {}
        try:
            found = self._clients(scope, "cloudwatch").describe_alarms(
                AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"], MaxRecords=100
            )
        except (ClientError, BotoCoreError) as error:
            raise AwsError(
                "InternalFailure", f"CloudWatch's alarms could not be read: {error}", 500
            ) from error
        alarms = [*found.get("MetricAlarms", ()), *found.get("CompositeAlarms", ())]
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms}
