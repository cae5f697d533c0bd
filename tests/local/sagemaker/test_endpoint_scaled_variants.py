"""Endpoints with variants that Application Auto Scaling knows: refused updates, and deletions."""

from __future__ import annotations

from typing import Any

import pytest
from endpoint_fakes import Account, variant

from gluonship.local.contracts import AwsError

WORDS = (
    'The variant(s) "{}" must be deregistered as scalable targets with AWS Application Auto Scaling before '
    "they can be removed or have their instance type updated."
)


@pytest.fixture
def account() -> Account:
    account = Account()
    account.model("m")
    account.model("other")
    account.config("first", variant("a"), variant("b"))
    account.call("CreateEndpoint", EndpointName="pets", EndpointConfigName="first")
    account.settled()
    account.targets.registered["pets"] = {"a", "b", "not-of-the-endpoint"}
    return account


def update(account: Account, *variants: dict[str, Any], **members: Any) -> dict[str, Any]:
    config = account.config(f"c{len(account.call('ListEndpointConfigs')['EndpointConfigs'])}", *variants)
    account.call("UpdateEndpoint", EndpointName="pets", EndpointConfigName=config, **members)
    return account.settled()


@pytest.mark.parametrize(
    ("variants", "lost"),
    [
        ((variant("a", InstanceType="ml.c5.xlarge"), variant("b")), "a"),
        ((variant("b"),), "a"),
        ((variant("a", InstanceType="ml.c5.xlarge"), variant("c")), "a, b"),
    ],
)
@pytest.mark.parametrize("keeping", [True, False])
def test_an_update_that_takes_away_what_is_scaled_is_refused(
    account: Account, variants: tuple[dict[str, Any], ...], lost: str, keeping: bool
) -> None:
    before = account.describe()
    with pytest.raises(AwsError) as caught:
        update(account, *variants, RetainAllVariantProperties=keeping)
    assert (caught.value.code, caught.value.message) == ("ValidationException", WORDS.format(lost))
    assert account.describe() == before


def test_a_variant_that_is_not_scaled_may_change_its_instances(account: Account) -> None:
    account.targets.registered["pets"] = {"a"}
    updated = update(account, variant("a"), variant("b", InstanceType="ml.c5.xlarge"))
    assert updated["EndpointStatus"] == "InService"
    assert [each["VariantName"] for each in update(account, variant("a"))["ProductionVariants"]] == ["a"]


def test_a_scaled_variant_may_have_another_model_weight_and_instance_count(account: Account) -> None:
    changed = variant("a", model="other", InitialInstanceCount=3, InitialVariantWeight=0.25)
    updated = update(account, changed, variant("b"), variant("new"))
    assert [each["VariantName"] for each in updated["ProductionVariants"]] == ["a", "b", "new"]
    assert updated["ProductionVariants"][0]["CurrentInstanceCount"] == 3


def test_a_deletion_deregisters_the_endpoint_s_variants_alone(account: Account) -> None:
    account.targets.registered["cats"] = {"a"}
    account.call("DeleteEndpoint", EndpointName="pets")
    account.until(lambda: account.call("ListEndpoints")["Endpoints"] == [])
    assert account.targets.registered == {"cats": {"a"}}


def test_a_deletion_that_is_not_taken_deregisters_nothing(account: Account) -> None:
    account.call("DeleteEndpoint", EndpointName="pets")
    account.targets.registered["pets"] = {"a"}
    with pytest.raises(AwsError):
        account.call("DeleteEndpoint", EndpointName="pets")
    assert account.targets.registered == {"pets": {"a"}}


def test_a_deletion_goes_on_where_auto_scaling_does_not_answer(account: Account) -> None:
    account.targets.broken = True
    with pytest.raises(AwsError, match="did not answer"):
        account.call("DeleteEndpoint", EndpointName="pets")
    account.until(lambda: account.call("ListEndpoints")["Endpoints"] == [])
