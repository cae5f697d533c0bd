"""A create that fails leaves nothing, or tells what it leaves; over the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cfn_wire import Stacks
from local_clouds import LocalCloud
from types_driver import SCOPE, TypesDriver

from gluonship.local.cloudformation.contract import CreateFailed, Made, ProvisioningError
from gluonship.local.cloudformation.types import ResourceTypes

DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}
TRUST = {"Version": "2012-10-17", "Statement": []}
NOBODY_S_TOPIC = "arn:aws:sns:us-east-1:123456789012:missing"


@pytest.fixture
def driver(cloud: LocalCloud) -> TypesDriver:
    return TypesDriver(cloud)


def test_a_policy_on_a_role_that_is_missing_is_on_no_other_either(cloud: LocalCloud) -> None:
    iam = cloud.client("iam")
    iam.create_role(RoleName="there", AssumeRolePolicyDocument="{}")
    properties = {"PolicyName": "left", "PolicyDocument": DOCUMENT, "Roles": ["there", "missing"]}
    policy = {"Type": "AWS::IAM::Policy", "Properties": properties}
    stacks = Stacks(cloud)
    status = stacks.create("half-a-policy", {"A": policy}, Capabilities=["CAPABILITY_IAM"])
    assert status == "ROLLBACK_COMPLETE"
    assert iam.list_role_policies(RoleName="there")["PolicyNames"] == []


def test_a_policy_of_several_topics_is_on_all_or_none(driver: TypesDriver) -> None:
    topic = driver.create("AWS::SNS::Topic", {})
    before = driver.snapshot("AWS::SNS::Topic", topic)
    properties = {"Topics": [topic.physical_id, NOBODY_S_TOPIC], "PolicyDocument": DOCUMENT}
    with pytest.raises(ProvisioningError):
        driver.create("AWS::SNS::TopicPolicy", properties)
    assert driver.snapshot("AWS::SNS::Topic", topic) == before


def test_a_policy_of_several_queues_is_on_all_or_none(driver: TypesDriver) -> None:
    queue = driver.create("AWS::SQS::Queue", {})
    before = driver.snapshot("AWS::SQS::Queue", queue)
    properties = {"Queues": [queue.physical_id, f"{queue.physical_id}-missing"], "PolicyDocument": DOCUMENT}
    with pytest.raises(ProvisioningError):
        driver.create("AWS::SQS::QueuePolicy", properties)
    assert driver.snapshot("AWS::SQS::Queue", queue) == before


class Failing:
    """A client of which one operation has a defect."""

    def __init__(self, client: Any, operation: str) -> None:
        self._client = client
        self._operation = operation

    def __getattr__(self, name: str) -> Any:
        if name == self._operation:
            return self._fail
        return getattr(self._client, name)

    def _fail(self, **members: Any) -> None:
        raise RuntimeError("not foreseen")


def failing(driver: TypesDriver, operation: str) -> ResourceTypes:
    return ResourceTypes(lambda scope, service: Failing(driver.client(service), operation))


@pytest.mark.parametrize(
    ("type_name", "properties", "operation", "left"),
    [
        (
            "AWS::EC2::VPC",
            {"CidrBlock": "10.77.0.0/16"},
            "describe_network_acls",
            lambda client: client("ec2").describe_vpcs(
                Filters=[{"Name": "cidr-block-association.cidr-block", "Values": ["10.77.0.0/16"]}]
            )["Vpcs"],
        ),
        (
            "AWS::SSM::Parameter",
            {"Name": "unfinished", "Type": "String", "Value": "1"},
            "get_parameter",
            lambda client: client("ssm").describe_parameters(
                ParameterFilters=[{"Key": "Name", "Values": ["unfinished"]}]
            )["Parameters"],
        ),
    ],
)
def test_a_defect_after_the_create_call_tells_what_was_made(
    driver: TypesDriver,
    type_name: str,
    properties: dict[str, Any],
    operation: str,
    left: Callable[[Any], list[Any]],
) -> None:
    with pytest.raises(CreateFailed, match="RuntimeError: not foreseen") as failure:
        failing(driver, operation).create(driver.target(type_name), properties)
    made = failure.value.made
    assert isinstance(made, Made)
    assert left(driver.client)
    driver.types.delete(driver.target(type_name), made, properties)
    assert left(driver.client) == []


def test_a_defect_in_the_middle_is_taken_back(driver: TypesDriver) -> None:
    roles = [driver.create("AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST}) for _ in range(2)]
    group = driver.create("AWS::IAM::Group", {})
    names = [role.physical_id for role in roles]
    properties = {
        "PolicyName": "p",
        "PolicyDocument": DOCUMENT,
        "Roles": names,
        "Groups": [group.physical_id],
    }
    assert driver.types.review(SCOPE, "AWS::IAM::Policy", properties).refused == ()
    with pytest.raises(RuntimeError, match="not foreseen"):
        failing(driver, "put_group_policy").create(driver.target("AWS::IAM::Policy"), properties)
    assert [driver.snapshot("AWS::IAM::Role", role)["Inline"] for role in roles] == [[], []]
