"""What EventBridge, its Scheduler and SNS do here: rows for the page of coverage."""

from __future__ import annotations

from gluonship.local.coverage_rows import Row
from gluonship.local.events import object_changes, state_changes, targets


def rows() -> list[Row]:
    """Sources, rules' targets, schedules and subscriptions, in the order in which they read best."""
    return [*_sources(), *_targets(), *_schedules(), *_topics()]


def _sources() -> list[Row]:
    part = "sources of events"
    rows = [
        Row(part, "PutEvents", "executed", "Sources aws.* are refused, as on AWS."),
        Row(part, "Rules with rate(...) and cron(...)", "executed", "On the cloud's clock."),
        Row(
            part,
            "S3: Object Created, Object Deleted",
            "executed",
            f"By {', '.join(object_changes.CREATED.values())} and DeleteObject, of buckets with "
            "EventBridgeConfiguration.",
        ),
        Row(
            part,
            "S3: QueueConfiguration, TopicConfiguration",
            "executed",
            "With every documented member of a record. A LambdaFunctionConfiguration is recorded; the log "
            "names each event.",
        ),
        Row(part, f"S3: {', '.join(kind for kind, _ in object_changes.CHANGED.values())}", "executed"),
    ]
    rows += [
        Row(part, f"{source.source}: {source.detail_type}", "executed")
        for source in state_changes.SOURCES.values()
    ]
    return [
        *rows,
        Row(part, "Archives and replays", "executed", "A replay has ended when StartReplay answers."),
        Row(part, "Every other event of AWS's", "recorded", "A rule may ask for it; nothing here sends it."),
    ]


def _targets() -> list[Row]:
    part = "targets of rules"
    rows = [Row(part, each.title, "executed", each.note) for each in targets.TARGETS]
    return [
        *rows,
        Row(part, "Input, InputPath, InputTransformer", "executed"),
        Row(part, "RetryPolicy, DeadLetterConfig", "executed", "Pauses from 1 s, doubled, up to 600 s."),
        Row(part, "RoleArn", "recorded", "Asked for where AWS asks for it; not assumed."),
        Row(part, "Lambda, API destinations, ECS and all others", "refused", "By PutTargets, in words."),
    ]


def _schedules() -> list[Row]:
    part = "EventBridge Scheduler"
    return [
        Row(part, "rate(...), cron(...), at(...) in time zones", "executed", "On the cloud's clock."),
        Row(part, "StartDate, EndDate, State, ActionAfterCompletion", "executed"),
        Row(part, "FlexibleTimeWindow", "recorded", "The target is called when the window begins."),
        Row(part, "Targets: state machine, topic, queue, event bus", "executed"),
        Row(part, "Targets: arn:aws:scheduler:::aws-sdk:SERVICE:ACTION", "executed", "Any operation here."),
        Row(part, "RetryPolicy, DeadLetterConfig", "executed"),
        Row(part, "Lambda, ECS and all other targets", "refused", "By CreateSchedule, in words."),
    ]


def _topics() -> list[Row]:
    part = "subscriptions of SNS topics"
    return [
        Row(part, "sqs", "executed", "With RawMessageDelivery, FilterPolicy, RedrivePolicy."),
        Row(part, "http, https", "executed", "Without confirmation; signatures are not AWS's."),
        Row(
            part,
            "email, email-json, sms, application, firehose",
            "recorded",
            "The log says what was not sent.",
        ),
        Row(part, "lambda", "refused", "By Subscribe, in words."),
    ]
