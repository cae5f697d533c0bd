"""Amazon S3. The bucket is moto's and really holds objects; what would act on them later is only kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gluonship.local.cloudformation.contract import UNKNOWN
from gluonship.local.cloudformation.types.declaration import (
    Call,
    Change,
    Flow,
    Name,
    Read,
    Request,
    ResourceType,
)
from gluonship.local.cloudformation.types.services.s3_lifecycle import lifecycle_rule
from gluonship.local.cloudformation.types.steps import put

_BUCKET = {"Bucket": "{BucketName}"}


def _encryption(value: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
    return {
        "Rules": [
            {renamed.get(name, name): each for name, each in rule.items()}
            for rule in value["ServerSideEncryptionConfiguration"]
        ]
    }


def _logging(value: Mapping[str, Any]) -> dict[str, Any]:
    where = {"TargetBucket": value["DestinationBucketName"]} if "DestinationBucketName" in value else {}
    layout = (
        {"TargetObjectKeyFormat": value["TargetObjectKeyFormat"]} if "TargetObjectKeyFormat" in value else {}
    )
    return {"LoggingEnabled": {**where, "TargetPrefix": value.get("LogFilePrefix", ""), **layout}}


def _acl(value: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"-\1", value).lower()


def _cors(value: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {"Id": "ID", "MaxAge": "MaxAgeSeconds", "ExposedHeaders": "ExposeHeaders"}
    return {"CORSRules": [{renamed.get(k, k): v for k, v in rule.items()} for rule in value["CorsRules"]]}


def _notification(value: Mapping[str, Any]) -> dict[str, Any]:
    """Topics and queues; EventBridgeConfiguration is an empty structure in the API."""
    made: dict[str, Any] = {}
    for name, member, arn in (
        ("TopicConfigurations", "TopicConfigurations", ("Topic", "TopicArn")),
        ("QueueConfigurations", "QueueConfigurations", ("Queue", "QueueArn")),
    ):
        if value.get(name):
            made[member] = [_listener(each, *arn) for each in value[name]]
    events = value.get("EventBridgeConfiguration")
    if events is not None and events.get("EventBridgeEnabled", True):
        made["EventBridgeConfiguration"] = {}
    return made


def _listener(value: Mapping[str, Any], name: str, member: str) -> dict[str, Any]:
    made: dict[str, Any] = {member: value[name], "Events": [value["Event"]]}
    rules = value.get("Filter", {}).get("S3Key", {}).get("Rules")
    if rules:
        made["Filter"] = {"Key": {"FilterRules": [{"Name": r["Name"], "Value": r["Value"]} for r in rules]}}
    return made


def _website(value: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(value)
    if "IndexDocument" in made:
        made["IndexDocument"] = {"Suffix": made["IndexDocument"]}
    if "ErrorDocument" in made:
        made["ErrorDocument"] = {"Key": made["ErrorDocument"]}
    if "RoutingRules" in made:
        made["RoutingRules"] = [
            {("Condition" if k == "RoutingRuleCondition" else "Redirect"): v for k, v in rule.items()}
            for rule in made["RoutingRules"]
        ]
    return made


def _tags(change: Change) -> Flow:
    """All of a bucket's tags at once, the stack's among them."""
    wanted = change.new
    bucket = {"Bucket": change.known["BucketName"]}
    if wanted:
        tag_set = [{"Key": key, "Value": value} for key, value in wanted.items()]
        yield Request("PutBucketTagging", {**bucket, "Tagging": {"TagSet": tag_set}})
    else:
        yield Request("DeleteBucketTagging", bucket, gone_is_fine=True)


def _create(change: Change) -> Flow:
    """S3 wants to be told the region, unless it is us-east-1, which it does not take."""
    region = change.known["region"]
    where = {} if region in (UNKNOWN, "us-east-1") else {"LocationConstraint": region}
    configuration = {"CreateBucketConfiguration": where} if where else {}
    yield Request("CreateBucket", {"Bucket": change.new["BucketName"], **configuration})


BUCKET = ResourceType(
    "s3",
    create=_create,
    delete=Call("DeleteBucket", _BUCKET),
    read=Read("GetBucketLocation", _BUCKET),
    name=Name("BucketName", lower=True, max_length=63),
    ref="{BucketName}",
    must_be_new=True,
    attributes={
        "Arn": "arn:{partition}:s3:::{BucketName}",
        "DomainName": "{BucketName}.s3.amazonaws.com",
        "RegionalDomainName": "{BucketName}.s3.{region}.amazonaws.com",
        "DualStackDomainName": "{BucketName}.s3.dualstack.{region}.amazonaws.com",
        "WebsiteURL": "http://{BucketName}.s3-website-{region}.amazonaws.com",
    },
    takes=("BucketName",),
    parts={
        "BucketEncryption": put(
            "PutBucketEncryption",
            "ServerSideEncryptionConfiguration",
            _BUCKET,
            shape=_encryption,
            remove="DeleteBucketEncryption",
        ),
        "VersioningConfiguration": put(
            "PutBucketVersioning", "VersioningConfiguration", _BUCKET, reset={"Status": "Suspended"}
        ),
        "LifecycleConfiguration": put(
            "PutBucketLifecycleConfiguration",
            "LifecycleConfiguration",
            _BUCKET,
            shape=lambda value: {"Rules": [lifecycle_rule(each) for each in value["Rules"]]},
            remove="DeleteBucketLifecycle",
        ),
        "PublicAccessBlockConfiguration": put(
            "PutPublicAccessBlock",
            "PublicAccessBlockConfiguration",
            _BUCKET,
            remove="DeletePublicAccessBlock",
        ),
        "OwnershipControls": put(
            "PutBucketOwnershipControls", "OwnershipControls", _BUCKET, remove="DeleteBucketOwnershipControls"
        ),
        "AccessControl": put("PutBucketAcl", "ACL", _BUCKET, shape=_acl, reset="private"),
        "LoggingConfiguration": put(
            "PutBucketLogging", "BucketLoggingStatus", _BUCKET, shape=_logging, reset={}
        ),
        "NotificationConfiguration": put(
            "PutBucketNotificationConfiguration",
            "NotificationConfiguration",
            _BUCKET,
            shape=_notification,
            reset={},
        ),
        "CorsConfiguration": put(
            "PutBucketCors", "CORSConfiguration", _BUCKET, shape=_cors, remove="DeleteBucketCors"
        ),
        "AccelerateConfiguration": put(
            "PutBucketAccelerateConfiguration",
            "AccelerateConfiguration",
            _BUCKET,
            shape=lambda value: {"Status": value["AccelerationStatus"]},
            reset={"Status": "Suspended"},
        ),
        "WebsiteConfiguration": put(
            "PutBucketWebsite", "WebsiteConfiguration", _BUCKET, shape=_website, remove="DeleteBucketWebsite"
        ),
    },
    recorded={
        "BucketEncryption": "kept and shown; objects are not encrypted on this machine's disk",
        "LifecycleConfiguration": "kept and shown; objects neither expire nor move",
        "PublicAccessBlockConfiguration": "kept and shown; the cloud listens on this machine only",
        "OwnershipControls": "kept and shown; there is one owner",
        "AccelerateConfiguration": "kept and shown; there is nothing to accelerate",
        "WebsiteConfiguration": "kept and shown; no website is served",
        "IntelligentTieringConfigurations": "kept with the stack only; objects have one tier",
        "InventoryConfigurations": "kept with the stack only; no inventory is written",
        "MetricsConfigurations": "kept with the stack only; no request metrics are made",
        "AnalyticsConfigurations": "kept with the stack only; nothing is analysed",
    },
    refused={
        "NotificationConfiguration.LambdaConfigurations": "Lambda code does not run here",
        "ObjectLockConfiguration": "objects cannot be locked here",
        "ObjectLockEnabled": "objects cannot be locked here",
        "ReplicationConfiguration": "objects are not replicated here",
        "MetadataConfiguration": "there are no metadata tables here",
        "MetadataTableConfiguration": "there are no metadata tables here",
        "BucketNamePrefix": "names are not made from prefixes here; give BucketName",
        "BucketNamespace": "there are no account-regional bucket names here; give BucketName",
        "AbacStatus": "IAM is not enforced here",
    },
    tagging=_tags,
    snapshot={
        name: Read(f"GetBucket{operation}", _BUCKET)
        for name, operation in {
            "Versioning": "Versioning",
            "Encryption": "Encryption",
            "Lifecycle": "LifecycleConfiguration",
            "OwnershipControls": "OwnershipControls",
            "Acl": "Acl",
            "Logging": "Logging",
            "Notification": "NotificationConfiguration",
            "Cors": "Cors",
            "Accelerate": "AccelerateConfiguration",
            "Website": "Website",
            "Tags": "Tagging",
        }.items()
    }
    | {"PublicAccessBlock": Read("GetPublicAccessBlock", _BUCKET)},
    means_nothing=("Suspended",),  # versioning and acceleration can only be suspended once they were enabled
    note="a real bucket of the local cloud",
)

BUCKET_POLICY = ResourceType(
    "s3",
    create=Call("PutBucketPolicy"),
    must_be_new=True,
    update=(Call("PutBucketPolicy"),),
    delete=Call("DeleteBucketPolicy", {"Bucket": "{Bucket}"}),
    read=Read("GetBucketPolicy", {"Bucket": "{Bucket}"}),
    members={"PolicyDocument": "Policy"},
    ref="{Bucket}",
    note="enforced as moto does: allow and deny by action; of conditions, only aws:SecureTransport counts",
)

TYPES: Mapping[str, ResourceType] = {
    "AWS::S3::Bucket": BUCKET,
    "AWS::S3::BucketPolicy": BUCKET_POLICY,
}
