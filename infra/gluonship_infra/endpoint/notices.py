"""The SNS topic that alarms report to."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct


def alarm_topic(scope: Construct, id: str, key: kms.IKey) -> sns.Topic:
    """An encrypted topic, TLS only."""
    return sns.Topic(scope, id, master_key=key, enforce_ssl=True)


def let_alarms_publish(topic: sns.ITopic) -> None:
    """CloudWatch's alarms of this account may publish to the topic and use its key.

    A topic with a policy of its own has lost the default one, by which they could. What is known by its ARN
    alone stays as it is: its owner must allow sns:Publish on the topic, and kms:Decrypt and
    kms:GenerateDataKey* on its key, for cloudwatch.amazonaws.com.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    """
    stack = cdk.Stack.of(topic)
    alarms = stack.format_arn(
        service="cloudwatch",
        resource="alarm",
        resource_name="*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
    cloudwatch = iam.ServicePrincipal("cloudwatch.amazonaws.com")
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            sid="AllowPublishFromAlarms",
            principals=[cloudwatch],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={
                "ArnLike": {"aws:SourceArn": alarms},
                "StringEquals": {"aws:SourceAccount": stack.account},
            },
        )
    )
    if topic.master_key is not None:
        topic.master_key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[cloudwatch],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(topic.master_key).account}},
            )
        )
