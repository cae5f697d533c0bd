"""Everything readable that an account holds, as plain values: to be compared before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

Client = Callable[[str], Any]
State = dict[str, dict[str, Any]]  # kind -> name -> what can be read of it

# What says when something was changed last, or how often: an update that was taken back leaves that behind.
_OF_THE_MOMENT = {"ResponseMetadata", "LastModifiedTimestamp", "revisionId", "ARN", "DashboardName"}
_BUCKET_PARTS = (
    "get_bucket_policy",
    "get_bucket_versioning",
    "get_bucket_encryption",
    "get_bucket_tagging",
    "get_bucket_lifecycle_configuration",
    "get_bucket_logging",
    "get_bucket_notification_configuration",
    "get_public_access_block",
)


def account_state(client: Client) -> State:
    """Every kind that a test here deploys, from stacks to scaling policies; no jobs and no executions, which
    nobody can delete."""
    kinds: Mapping[str, Callable[[Client], Iterator[tuple[str, Any]]]] = {
        "stack": _stacks,
        "export": _exports,
        "bucket": _buckets,
        "role": _roles,
        "policy": _policies,
        "topic": _topics,
        "queue": _queues,
        "parameter": _parameters,
        "machine": _machines,
        "log group": _log_groups,
        "rule": _rules,
        "alarm": _alarms,
        "dashboard": _dashboards,
        "repository": _repositories,
        "key": _keys,
        "endpoint": _endpoints,
        "endpoint config": _endpoint_configs,
        "model": _models,
        "model package group": _package_groups,
        "scaling": _scaling,
    }
    return {kind: {name: _lasting(value) for name, value in read(client)} for kind, read in kinds.items()}


def changes(before: State, after: State) -> list[str]:
    """What differs, as `kind name` with the parts that do: `bucket data: objects`."""
    return [
        f"{kind} {name}: {', '.join(_parts(before[kind].get(name), after[kind].get(name)))}"
        for kind in before
        for name in sorted(before[kind].keys() | after[kind].keys())
        if before[kind].get(name) != after[kind].get(name)
    ]


def _parts(before: Any, after: Any) -> list[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    return [f"{before} is now {after}"]


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _lasting(each)
            for key, each in value.items()
            if key not in _OF_THE_MOMENT and not isinstance(each, datetime)
        }
    return [_lasting(each) for each in value] if isinstance(value, list) else value


def _pages(client: Any, operation: str, member: str, **given: Any) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**given):
        yield from page[member]


def _or_none(call: Callable[..., Any], **given: Any) -> Any:
    """What a bucket has of something; None where it has nothing."""
    try:
        return call(**given)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return None


def _stacks(client: Client) -> Iterator[tuple[str, Any]]:
    cloudformation = client("cloudformation")
    for stack in _pages(cloudformation, "describe_stacks", "Stacks"):
        name = stack["StackName"]
        resources = _pages(cloudformation, "list_stack_resources", "StackResourceSummaries", StackName=name)
        yield (
            name,
            {
                # How it came to its state is told by its status, what its state is by all the rest.
                **{key: stack.get(key) for key in ("StackId", "Outputs", "Parameters", "Tags")},
                "resources": {
                    each["LogicalResourceId"]: each.get("PhysicalResourceId") for each in resources
                },
                "template": cloudformation.get_template(StackName=name)["TemplateBody"],
            },
        )


def _exports(client: Client) -> Iterator[tuple[str, Any]]:
    for export in _pages(client("cloudformation"), "list_exports", "Exports"):
        yield export["Name"], export


def _buckets(client: Client) -> Iterator[tuple[str, Any]]:
    s3 = client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        if not name.startswith("cdk-"):  # the CDK command's own, which grows
            parts = {part: _or_none(getattr(s3, part), Bucket=name) for part in _BUCKET_PARTS}
            objects = s3.list_objects_v2(Bucket=name).get("Contents", [])
            yield name, {**parts, "objects": [(each["Key"], each["ETag"]) for each in objects]}


def _roles(client: Client) -> Iterator[tuple[str, Any]]:
    iam = client("iam")
    for role in _pages(iam, "list_roles", "Roles"):
        name = role["RoleName"]
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        yield (
            name,
            {
                **{key: role.get(key) for key in ("AssumeRolePolicyDocument", "Description", "Path")},
                "attached": iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"],
                "inline": {each: iam.get_role_policy(RoleName=name, PolicyName=each) for each in inline},
                "tags": iam.list_role_tags(RoleName=name)["Tags"],
            },
        )


def _policies(client: Client) -> Iterator[tuple[str, Any]]:
    iam = client("iam")
    for policy in _pages(iam, "list_policies", "Policies", Scope="Local"):
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        yield policy["Arn"], version["PolicyVersion"]["Document"]


def _topics(client: Client) -> Iterator[tuple[str, Any]]:
    sns = client("sns")
    for topic in _pages(sns, "list_topics", "Topics"):
        arn = topic["TopicArn"]
        subscriptions = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
        yield (
            arn,
            {
                "attributes": sns.get_topic_attributes(TopicArn=arn)["Attributes"],
                "subscriptions": subscriptions,
                "tags": sns.list_tags_for_resource(ResourceArn=arn)["Tags"],
            },
        )


def _queues(client: Client) -> Iterator[tuple[str, Any]]:
    sqs = client("sqs")
    for url in sqs.list_queues().get("QueueUrls", []):
        yield url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


def _parameters(client: Client) -> Iterator[tuple[str, Any]]:
    ssm = client("ssm")
    for parameter in _pages(ssm, "describe_parameters", "Parameters"):
        name = parameter["Name"]
        yield (
            name,
            {
                **{key: parameter.get(key) for key in ("Type", "Description", "Tier")},
                "value": ssm.get_parameter(Name=name)["Parameter"]["Value"],
                "tags": ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"],
            },
        )


def _machines(client: Client) -> Iterator[tuple[str, Any]]:
    stepfunctions = client("stepfunctions")
    for machine in _pages(stepfunctions, "list_state_machines", "stateMachines"):
        arn = machine["stateMachineArn"]
        described = stepfunctions.describe_state_machine(stateMachineArn=arn)
        tags = stepfunctions.list_tags_for_resource(resourceArn=arn)["tags"]
        yield machine["name"], {**described, "tags": tags}


def _log_groups(client: Client) -> Iterator[tuple[str, Any]]:
    for group in _pages(client("logs"), "describe_log_groups", "logGroups"):
        yield group["logGroupName"], {key: group.get(key) for key in ("retentionInDays", "kmsKeyId")}


def _rules(client: Client) -> Iterator[tuple[str, Any]]:
    events = client("events")
    for rule in events.list_rules()["Rules"]:
        yield rule["Name"], [rule, events.list_targets_by_rule(Rule=rule["Name"])["Targets"]]


def _alarms(client: Client) -> Iterator[tuple[str, Any]]:
    for alarm in client("cloudwatch").describe_alarms()["MetricAlarms"]:
        told = {key: value for key, value in alarm.items() if not key.startswith("State")}
        yield alarm["AlarmName"], told


def _dashboards(client: Client) -> Iterator[tuple[str, Any]]:
    cloudwatch = client("cloudwatch")
    for dashboard in cloudwatch.list_dashboards()["DashboardEntries"]:
        name = dashboard["DashboardName"]
        yield name, cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]


def _repositories(client: Client) -> Iterator[tuple[str, Any]]:
    for repository in _pages(client("ecr"), "describe_repositories", "repositories"):
        if not repository["repositoryName"].startswith("cdk-"):
            yield repository["repositoryName"], repository


def _keys(client: Client) -> Iterator[tuple[str, Any]]:
    kms = client("kms")
    for key in _pages(kms, "list_keys", "Keys"):
        described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
        if described["KeyState"] == "Enabled":  # a deleted one waits for its days to pass
            policy = kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"]
            yield key["KeyId"], [described, policy]


def _endpoints(client: Client) -> Iterator[tuple[str, Any]]:
    sagemaker = client("sagemaker")
    for endpoint in _pages(sagemaker, "list_endpoints", "Endpoints"):
        name = endpoint["EndpointName"]
        yield name, sagemaker.describe_endpoint(EndpointName=name)


def _endpoint_configs(client: Client) -> Iterator[tuple[str, Any]]:
    sagemaker = client("sagemaker")
    for config in _pages(sagemaker, "list_endpoint_configs", "EndpointConfigs"):
        name = config["EndpointConfigName"]
        yield name, sagemaker.describe_endpoint_config(EndpointConfigName=name)


def _models(client: Client) -> Iterator[tuple[str, Any]]:
    sagemaker = client("sagemaker")
    for model in _pages(sagemaker, "list_models", "Models"):
        yield model["ModelName"], sagemaker.describe_model(ModelName=model["ModelName"])


def _package_groups(client: Client) -> Iterator[tuple[str, Any]]:
    sagemaker = client("sagemaker")
    for group in _pages(sagemaker, "list_model_package_groups", "ModelPackageGroupSummaryList"):
        yield group["ModelPackageGroupName"], group


def _scaling(client: Client) -> Iterator[tuple[str, Any]]:
    scaling = client("application-autoscaling")
    for target in _pages(
        scaling, "describe_scalable_targets", "ScalableTargets", ServiceNamespace="sagemaker"
    ):
        yield target["ResourceId"], target
    for policy in _pages(
        scaling, "describe_scaling_policies", "ScalingPolicies", ServiceNamespace="sagemaker"
    ):
        yield policy["PolicyName"], policy
