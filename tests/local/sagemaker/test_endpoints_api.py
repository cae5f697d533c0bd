"""Endpoints over fleets that come up when told: states, phases, descriptions, refusals."""

from __future__ import annotations

from typing import Any

import pytest
from endpoint_fakes import Account, variant
from job_fakes import START

from gluonship.local.contracts import AwsError

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/pets"


@pytest.fixture
def account() -> Account:
    account = Account()
    account.model("m", Environment={"A": "1"}, ModelDataUrl="s3://b/m.tar.gz")
    account.model("broken", image="bad")
    account.config("first", variant())
    return account


def create(account: Account, config: str = "first", **members: Any) -> None:
    account.call("CreateEndpoint", EndpointName="pets", EndpointConfigName=config, **members)


def update(account: Account, config: str, **members: Any) -> dict[str, Any]:
    account.call("UpdateEndpoint", EndpointName="pets", EndpointConfigName=config, **members)
    return account.settled()


def test_an_endpoint_comes_into_service(account: Account) -> None:
    account.fleets.gate.clear()
    create(account, Tags=[{"Key": "k", "Value": "v"}])
    during = account.describe()
    assert (during["EndpointStatus"], during["EndpointArn"]) == ("Creating", ARN)
    assert "ProductionVariants" not in during
    (coming,) = during["PendingDeploymentSummary"]["ProductionVariants"]
    assert (coming["VariantStatus"][0]["Status"], coming["DesiredInstanceCount"]) == ("Creating", 1)
    account.fleets.gate.set()
    assert account.settled() == {
        "EndpointName": "pets",
        "EndpointArn": ARN,
        "EndpointConfigName": "first",
        "EndpointStatus": "InService",
        "CreationTime": START,
        "LastModifiedTime": START,
        "ProductionVariants": [
            {
                "VariantName": "AllTraffic",
                "CurrentWeight": 1.0,
                "DesiredWeight": 1.0,
                "CurrentInstanceCount": 1,
                "DesiredInstanceCount": 1,
                "DeployedImages": [
                    {"SpecifiedImage": "img:1", "ResolvedImage": "img:1", "ResolutionTime": START}
                ],
            }
        ],
    }
    (plan,) = [fleet.plan for fleet in account.fleets.up]
    assert (plan.image, plan.model_data_uri, plan.environment) == ("img:1", "s3://b/m.tar.gz", {"A": "1"})
    assert (plan.log_group, plan.startup_timeout_seconds) == ("/aws/sagemaker/Endpoints/pets", 480.0)
    assert plan.memory_limit_bytes == 2**30
    (routes,) = account.router.history
    assert [(r.variant_name, r.weight, r.fleet.plan) for r in routes] == [("AllTraffic", 1.0, plan)]
    assert account.call("ListTags", ResourceArn=ARN)["Tags"] == [{"Key": "k", "Value": "v"}]


def test_every_status_is_published_in_order_with_its_description(account: Account) -> None:
    create(account)
    account.settled()
    account.config("second", variant("other"))
    update(account, "second")
    account.call("DeleteEndpoint", EndpointName="pets")
    account.until(lambda: len(account.events.changes) == 6)
    changes = account.events.changes
    statuses = [change.status for change in changes]
    assert statuses == ["Creating", "InService", "Updating", "InService", "Deleting", "Deleted"]
    assert {(change.kind, change.name, change.arn) for change in changes} == {("Endpoint", "pets", ARN)}
    assert [change.detail["EndpointStatus"] for change in changes[:5]] == statuses[:5]
    assert account.fleets.up == []
    assert account.router.history[-1] == []


def test_an_update_provisions_shifts_and_then_retires(account: Account) -> None:
    create(account)
    account.settled()
    account.config("second", variant("a", InitialVariantWeight=3.0), variant("b"))
    after = update(account, "second")
    assert after["EndpointConfigName"] == "second"
    assert [each["VariantName"] for each in after["ProductionVariants"]] == ["a", "b"]
    old, *new = account.fleets.fleets
    assert old.retired == 30.0
    assert account.fleets.up == new
    assert {(r.variant_name, r.weight) for r in account.router.history[-1]} == {("a", 3.0), ("b", 1.0)}


def test_a_failed_creation_leaves_nothing_up(account: Account) -> None:
    account.config("mixed", variant("good"), variant("bad", "broken"))
    create(account, "mixed")
    after = account.settled()
    assert after["EndpointStatus"] == "Failed"
    assert after["FailureReason"] == "variant bad did not pass the ping health check"
    assert account.fleets.up == []
    assert account.router.history == []


def test_a_failed_update_is_in_service_with_a_reason_until_the_next_one(account: Account) -> None:
    create(account)
    account.settled()
    account.config("second", variant(model="broken"))
    after = update(account, "second")
    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", "first")
    assert "ping health check" in after["FailureReason"]
    assert len(account.router.history) == 1
    account.config("third", variant())
    assert "FailureReason" not in update(account, "third")


def test_an_update_whose_requests_cannot_be_shifted_rolls_back(account: Account) -> None:
    create(account)
    account.settled()
    account.config("second", variant())
    account.router.broken = 1
    after = update(account, "second")
    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", "first")
    assert "the data plane is gone" in after["FailureReason"]
    old, new = account.fleets.fleets
    assert [route.fleet for route in account.router.history[-1]] == [old]
    assert new.retired is not None


def test_an_update_that_can_neither_go_on_nor_back(account: Account) -> None:
    create(account)
    account.settled()
    account.config("second", variant())
    account.router.broken = 2
    assert update(account, "second")["EndpointStatus"] == "UpdateRollbackFailed"
    assert account.fleets.up == account.fleets.fleets[:1]
    account.call("DeleteEndpoint", EndpointName="pets")
    account.until(lambda: account.call("ListEndpoints") == {"Endpoints": []})


def test_a_deletion_comes_to_its_end_without_the_data_plane(account: Account) -> None:
    create(account)
    account.settled()
    account.router.broken = 1
    account.call("DeleteEndpoint", EndpointName="pets")
    account.until(lambda: account.call("ListEndpoints") == {"Endpoints": []})
    assert account.fleets.up == []


def test_a_failed_creation_leaves_nothing_up_without_the_data_plane(account: Account) -> None:
    account.router.broken = 2
    create(account)
    assert account.settled()["EndpointStatus"] == "Failed"
    assert account.fleets.up == []


def test_an_endpoint_in_progress_takes_no_request(account: Account) -> None:
    account.fleets.gate.clear()
    create(account)
    for operation, members in (
        ("UpdateEndpoint", {"EndpointConfigName": "first"}),
        ("DeleteEndpoint", {}),
        ("UpdateEndpointWeightsAndCapacities", {"DesiredWeightsAndCapacities": []}),
    ):
        with pytest.raises(AwsError) as refusal:
            account.call(operation, EndpointName="pets", **members)
        assert refusal.value.message == f'Cannot update in-progress endpoint "{ARN}".'
    with pytest.raises(AwsError) as twice:
        create(account)
    assert twice.value.message == f'Cannot create already existing endpoint "{ARN}".'
    account.fleets.gate.set()
    account.settled()


def test_what_is_not_there_is_named_in_awss_words(account: Account) -> None:
    with pytest.raises(AwsError) as missing:
        account.describe()
    assert (missing.value.code, missing.value.message) == (
        "ValidationException",
        f'Could not find endpoint "{ARN}".',
    )
    with pytest.raises(AwsError, match=r"Could not find endpoint configuration .*endpoint-config/none"):
        create(account, "none")
    account.call("DeleteModel", ModelName="m")
    with pytest.raises(AwsError, match=r"Could not find model .*model/m"):
        create(account)


def test_a_configuration_in_use_may_go_but_then_no_update_is_taken(account: Account) -> None:
    create(account)
    account.settled()
    account.config("second", variant())
    account.call("DeleteEndpointConfig", EndpointConfigName="first")
    assert account.describe()["EndpointConfigName"] == "first"
    with pytest.raises(AwsError, match=r"Could not find endpoint configuration .*endpoint-config/first"):
        account.call("UpdateEndpoint", EndpointName="pets", EndpointConfigName="second")


def weights(account: Account, *desired: dict[str, Any]) -> dict[str, Any]:
    account.call(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName="pets",
        DesiredWeightsAndCapacities=list(desired),
    )
    return account.settled()


def test_retained_properties_survive_an_update(account: Account) -> None:
    create(account)
    account.settled()
    weights(account, {"VariantName": "AllTraffic", "DesiredWeight": 7.0, "DesiredInstanceCount": 2})
    account.config("second", variant())
    (kept,) = update(account, "second", RetainAllVariantProperties=True)["ProductionVariants"]
    assert (kept["CurrentWeight"], kept["CurrentInstanceCount"]) == (7.0, 2)
    account.config("third", variant())
    (half,) = update(
        account,
        "third",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredInstanceCount"}],
    )["ProductionVariants"]
    assert (half["CurrentWeight"], half["CurrentInstanceCount"]) == (7.0, 1)
    account.config("fourth", variant())
    (none,) = update(account, "fourth")["ProductionVariants"]
    assert (none["CurrentWeight"], none["CurrentInstanceCount"]) == (1.0, 1)


def test_new_weights_keep_the_fleets(account: Account) -> None:
    account.config("two", variant("a"), variant("b"))
    create(account, "two")
    account.settled()
    before = account.fleets.up
    weights(account, {"VariantName": "b", "DesiredWeight": 0.0})
    assert account.fleets.up == before
    assert [(r.variant_name, r.weight) for r in account.router.history[-1]] == [("a", 1.0), ("b", 0.0)]
    for wrong in ({"VariantName": "c"}, {"VariantName": "a", "DesiredInstanceCount": 0}):
        with pytest.raises(AwsError):
            weights(account, wrong)


def test_endpoints_are_listed_by_status_and_time(account: Account) -> None:
    create(account)
    account.settled()
    account.clock.advance(60)
    account.config("bad", variant(model="broken"))
    account.call("CreateEndpoint", EndpointName="later", EndpointConfigName="bad")
    account.settled("later")
    names = [each["EndpointName"] for each in account.call("ListEndpoints")["Endpoints"]]
    assert names == ["later", "pets"]
    (failed,) = account.call("ListEndpoints", StatusEquals="Failed")["Endpoints"]
    assert (failed["EndpointName"], failed["EndpointStatus"]) == ("later", "Failed")


def test_the_last_deployment_config_can_be_kept(account: Account) -> None:
    chosen = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
        }
    }
    create(account, DeploymentConfig=chosen)
    account.settled()
    account.config("second", variant())
    assert update(account, "second", RetainDeploymentConfig=True)["LastDeploymentConfig"] == chosen
    with pytest.raises(AwsError, match="not both"):
        update(account, "first", RetainDeploymentConfig=True, DeploymentConfig=chosen)
    assert "LastDeploymentConfig" not in update(account, "first")
