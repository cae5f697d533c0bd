"""Amazon CloudWatch. Metrics are real here; alarms and dashboards are kept and shown."""

from __future__ import annotations

from collections.abc import Mapping

from gluonship.local.cloudformation.types.declaration import Call, Name, Read, ResourceType, Tagging

_NOBODY_WATCHES = "kept and shown; nothing evaluates it, so it stays as SetAlarmState leaves it"
_TAGGING = Tagging("TagResource", "UntagResource", {"ResourceARN": "{AlarmArn}"})
_VOLATILE = ("StateReason", "StateReasonData", "StateValue")
_NAMED = {"AlarmNames": ["{AlarmName}"]}
_NEW_PROPERTY = "alarms by this property cannot be kept here"

ALARM = ResourceType(
    "cloudwatch",
    create=Call("PutMetricAlarm"),
    update=(Call("PutMetricAlarm"),),
    delete=Call("DeleteAlarms", _NAMED),
    read=Read("DescribeAlarms", _NAMED, "MetricAlarms.0"),
    name=Name("AlarmName", max_length=255),
    ref="{AlarmName}",
    must_be_new=True,
    attributes={"Arn": "{AlarmArn}"},
    recorded={"ThresholdMetricId": "kept and shown"},
    refused={
        "ActionConfiguration": _NEW_PROPERTY,
        "EvaluationCriteria": _NEW_PROPERTY,
        "EvaluationInterval": _NEW_PROPERTY,
        "EvaluationWindow": _NEW_PROPERTY,
        "WarmUpConfiguration": _NEW_PROPERTY,
    },
    tagging=_TAGGING,
    snapshot={"Tags": Read("ListTagsForResource", {"ResourceARN": "{AlarmArn}"}, "Tags")},
    volatile=_VOLATILE,
    effect="recorded",
    note=f"AWS::CloudWatch::Alarm is {_NOBODY_WATCHES}",
)

COMPOSITE_ALARM = ResourceType(
    "cloudwatch",
    create=Call("PutCompositeAlarm"),
    update=(Call("PutCompositeAlarm"),),
    delete=Call("DeleteAlarms", _NAMED),
    read=Read("DescribeAlarms", {**_NAMED, "AlarmTypes": ["CompositeAlarm"]}, "CompositeAlarms.0"),
    name=Name("AlarmName", max_length=255),
    ref="{AlarmName}",
    must_be_new=True,
    attributes={"Arn": "{AlarmArn}"},
    refused={
        "ActionsSuppressor": "the actions of an alarm are not suppressed here",
        "ActionsSuppressorExtensionPeriod": "the actions of an alarm are not suppressed here",
        "ActionsSuppressorWaitPeriod": "the actions of an alarm are not suppressed here",
        "ActionConfiguration": _NEW_PROPERTY,
    },
    tagging=_TAGGING,
    snapshot={"Tags": Read("ListTagsForResource", {"ResourceARN": "{AlarmArn}"}, "Tags")},
    volatile=_VOLATILE,
    effect="recorded",
    note=f"AWS::CloudWatch::CompositeAlarm is {_NOBODY_WATCHES}",
)

DASHBOARD = ResourceType(
    "cloudwatch",
    create=Call("PutDashboard"),
    update=(Call("PutDashboard"),),
    delete=Call("DeleteDashboards", {"DashboardNames": ["{DashboardName}"]}),
    read=Read("GetDashboard", {"DashboardName": "{DashboardName}"}),
    name=Name("DashboardName", max_length=255),
    ref="{DashboardName}",
    must_be_new=True,
    recorded={"Tags": "kept with the stack only; the local cloud tags no dashboards"},
    effect="recorded",
    note="AWS::CloudWatch::Dashboard is kept and shown; the local cloud has no console to draw it",
)

TYPES: Mapping[str, ResourceType] = {
    "AWS::CloudWatch::Alarm": ALARM,
    "AWS::CloudWatch::CompositeAlarm": COMPOSITE_ALARM,
    "AWS::CloudWatch::Dashboard": DASHBOARD,
}
