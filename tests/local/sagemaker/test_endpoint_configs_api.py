"""Endpoint configurations: what is taken, echoed, listed and refused."""

from __future__ import annotations

from typing import Any

import pytest
from endpoint_fakes import Account, variant
from job_fakes import START

from gluonship.local.contracts import AwsError

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint-config/pets"

CAPTURE = {
    "EnableCapture": False,
    "InitialSamplingPercentage": 0,
    "DestinationS3Uri": "s3://b/capture",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}


@pytest.fixture
def account() -> Account:
    account = Account()
    account.model("m")
    return account


def test_a_configuration_is_described_with_its_defaults(account: Account) -> None:
    account.config("pets", variant(), KmsKeyId="key", DataCaptureConfig=CAPTURE)
    assert account.call("DescribeEndpointConfig", EndpointConfigName="pets") == {
        "EndpointConfigName": "pets",
        "EndpointConfigArn": ARN,
        "ProductionVariants": [{**variant(), "InitialVariantWeight": 1.0}],
        "KmsKeyId": "key",
        "DataCaptureConfig": CAPTURE,
        "EnableNetworkIsolation": False,
        "CreationTime": START,
    }
    assert account.call("ListEndpointConfigs") == {
        "EndpointConfigs": [{"EndpointConfigName": "pets", "EndpointConfigArn": ARN, "CreationTime": START}]
    }


def test_a_configuration_that_is_not_there_or_there_already(account: Account) -> None:
    with pytest.raises(AwsError) as missing:
        account.call("DeleteEndpointConfig", EndpointConfigName="pets")
    assert missing.value.message == f'Could not find endpoint configuration "{ARN}".'
    account.config("pets", variant())
    with pytest.raises(AwsError) as twice:
        account.config("pets", variant())
    assert twice.value.message == f'Cannot create already existing endpoint configuration "{ARN}".'


def test_its_models_must_be_there(account: Account) -> None:
    with pytest.raises(AwsError, match=r'Could not find model "arn:aws:sagemaker:eu-west-1:.*:model/other"'):
        account.config("pets", variant(model="other"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}, "ServerlessConfig"),
        ({"InstancePools": [{}]}, "InstancePools"),
        ({"ModelName": ""}, "inference components"),
        ({"InstanceType": "", "InitialInstanceCount": 0}, "needs InstanceType and InitialInstanceCount"),
        ({"RoutingConfig": {"RoutingStrategy": "PREFIX_AWARE"}}, "PREFIX_AWARE"),
    ],
)
def test_a_variant_that_cannot_run_here_is_refused(
    account: Account, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(AwsError, match=words):
        account.config("pets", variant(**changes))
    assert account.call("ListEndpointConfigs") == {"EndpointConfigs": []}


def test_instances_that_do_not_scale_are_said_so(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    scaling = {"Status": "DISABLED", "MinInstanceCount": 1, "MaxInstanceCount": 3}
    account.config("still", variant(ManagedInstanceScaling=scaling))
    assert caplog.messages == []
    account.config("pets", variant(ManagedInstanceScaling={**scaling, "Status": "ENABLED"}))
    (said,) = caplog.messages
    assert said.startswith(
        "CreateEndpointConfig pets: ManagedInstanceScaling is recorded here, without effect"
    )


@pytest.mark.parametrize(
    "members",
    [
        {"AsyncInferenceConfig": {"OutputConfig": {}}},
        {"ExplainerConfig": {"ClarifyExplainerConfig": {}}},
        {"ShadowProductionVariants": [variant("shadow")]},
        {"DataCaptureConfig": {"EnableCapture": True}},
    ],
)
def test_what_would_change_how_requests_are_answered_is_refused(
    account: Account, members: dict[str, Any]
) -> None:
    with pytest.raises(AwsError, match="is not supported by the local cloud") as refusal:
        account.config("pets", variant(), **members)
    assert next(iter(members)) in refusal.value.message


def test_variant_names_are_unique(account: Account) -> None:
    with pytest.raises(AwsError, match="a is there twice"):
        account.config("pets", variant("a"), variant("b"), variant("a"))
