"""GetBucketNotificationConfiguration answers what was put. A filter's rules are named prefix and suffix, or
Prefix and Suffix; their values are URL-encoded where keys have special characters, and may be empty. What is
wrong with a configuration is an error of the caller's. moto forgets EventBridgeConfiguration, answers empty
lists, takes encoded values as they are, and fails within itself at capitals, empty values and what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.parsers.expat import ExpatError

from moto.core.responses import ActionResult, EmptyResult
from moto.s3.exceptions import InvalidArgumentError, InvalidNotificationARN, MalformedXML
from moto.s3.models import Notification
from moto.s3.responses import S3Response, xmltodict

from gluonship.local.events.arns import Arn
from gluonship.local.events.object_records import asks_for, passes

_KINDS = {"Topic": "sns", "Queue": "sqs", "CloudFunction": "lambda"}
_MEMBERS = (
    ("TopicConfigurations", "TopicArn", "topic"),
    ("QueueConfigurations", "QueueArn", "queue"),
    ("LambdaFunctionConfigurations", "LambdaFunctionArn", "cloud_function"),
)


def apply() -> None:
    S3Response._notification_config_from_body = _from_body
    S3Response.get_bucket_notification = _get
    Notification.matches = _matches


def _matches(self: Notification, event_name: Any, key_name: str) -> bool:
    name = str(getattr(event_name, "value", event_name))
    rules = [(rule["Name"], rule.get("Value") or "") for rule in _rules(self.filters)]
    return asks_for(self.events, name) and passes(rules, key_name)


def _from_body(self: S3Response) -> dict[str, Any]:
    try:
        read = xmltodict.parse(self.body, force_list=("Event", "FilterRule", *_configurations()))
        given = read["NotificationConfiguration"] or {}
        return _checked(given)
    except (ExpatError, KeyError, TypeError, AttributeError) as error:
        raise MalformedXML() from error


def _configurations() -> list[str]:
    return [f"{kind}Configuration" for kind in _KINDS]


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """As moto has it. Raises KeyError, TypeError and AttributeError where its form is not the API's."""
    made: dict[str, Any] = {}
    for kind, service in _KINDS.items():
        configurations = given.get(f"{kind}Configuration", [])
        for each in configurations:
            _check_arn(each[kind], service)
            if not all(each["Event"]):
                raise KeyError("Event")
            _check_rules(_rules(each.get("Filter")))
        if configurations:
            made[f"{kind}Configuration"] = configurations
    if "EventBridgeConfiguration" in given:
        made["EventBridgeConfiguration"] = {}
    return made


def _check_arn(text: str, service: str) -> None:
    try:
        arn = Arn.parse(text)
    except ValueError as error:
        raise InvalidNotificationARN() from error
    if arn.service != service:
        raise InvalidNotificationARN()


def _rules(given: Mapping[str, Any] | None) -> list[dict[str, str]]:
    key = (given or {}).get("S3Key") or {}
    rules: list[dict[str, str]] = key.get("FilterRule", [])
    return rules


def _check_rules(rules: list[dict[str, str]]) -> None:
    names = [rule["Name"].lower() for rule in rules]
    for name in names:
        if name not in ("prefix", "suffix"):
            raise _invalid_rule("filter rule name must be either prefix or suffix", name)
        if names.count(name) > 1:
            raise _invalid_rule(f"Cannot specify more than one {name} rule in a filter.", name)


def _invalid_rule(message: str, name: str) -> InvalidArgumentError:
    return InvalidArgumentError(message, "FilterRule.Name", name)


def _get(self: S3Response) -> Any:
    configuration = self.backend.get_bucket_notification_configuration(self.bucket_name)
    if not configuration:
        return self.serialized(EmptyResult())
    answer: dict[str, Any] = {}
    for member, arn, held in _MEMBERS:
        if found := [_shown(each, arn) for each in getattr(configuration, held)]:
            answer[member] = found
    if configuration.event_bridge is not None:
        answer["EventBridgeConfiguration"] = {}
    self.data["Action"] = "GetBucketNotificationConfiguration"
    return self.serialized(ActionResult(answer))


def _shown(notification: Notification, arn: str) -> dict[str, Any]:
    shown = {"Id": notification.id, arn: notification.arn, "Events": notification.events}
    rules = [
        {"Name": rule["Name"], "Value": rule.get("Value") or ""} for rule in _rules(notification.filters)
    ]
    return {**shown, "Filter": {"Key": {"FilterRules": rules}}} if notification.filters else shown
