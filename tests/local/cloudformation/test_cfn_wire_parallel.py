"""Many stacks at once, and many who want the same one. Over the wire."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cfn_account import account
from cfn_wire import QuietRegion, Stacks, parameter, request, resource
from local_clouds import LocalCloud


@pytest.fixture(scope="module")
def cloud(cloud: LocalCloud) -> LocalCloud:
    return QuietRegion(cloud.info)


def twenty(number: int) -> dict[str, Any]:
    """Five chains of four resources of different kinds."""
    made: dict[str, Any] = {}
    for chain in range(5):
        made[f"Queue{chain}"] = resource("SQS::Queue", VisibilityTimeout=number)
        made[f"Topic{chain}"] = resource(
            "SNS::Topic", DisplayName={"Fn::GetAtt": [f"Queue{chain}", "QueueName"]}
        )
        made[f"Group{chain}"] = resource("Logs::LogGroup", [f"Topic{chain}"], RetentionInDays=7)
        made[f"Name{chain}"] = resource("SSM::Parameter", Type="String", Value={"Ref": f"Group{chain}"})
    return made


def test_eight_stacks_of_twenty_resources_at_once(cloud: LocalCloud) -> None:
    stacks, before = Stacks(cloud), account(cloud)
    names = [f"side-by-side-{number}" for number in range(8)]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: stacks.create(name, twenty(int(name[-1]) + 1), wait=False), names))
        assert set(pool.map(stacks.wait, names)) == {"CREATE_COMPLETE"}
        ids = list(pool.map(stacks.ids, names))
        assert [len(each) for each in ids] == [20] * 8
        assert len({physical for each in ids for physical in each.values()}) == 160
        after = account(cloud)
        for kind in ("list_queues", "list_topics", "describe_log_groups", "describe_parameters"):
            assert len(after[kind]) - len(before[kind]) == 40, kind

        assert set(pool.map(lambda name: stacks.update(name, twenty(30)), names)) == {"UPDATE_COMPLETE"}
        assert set(pool.map(stacks.delete, names)) == {"DELETE_COMPLETE"}
    assert account(cloud) == before


def test_of_many_deploys_of_one_stack_each_is_made_or_refused_in_words(cloud: LocalCloud) -> None:
    """No two run at once, none is lost, and the stack is what the last one that was taken says."""
    stacks = Stacks(cloud)

    def resources(number: int) -> dict[str, Any]:
        return {f"P{at}": parameter(str(number)) for at in range(10)}

    created = at_once(lambda n: stacks.api.create_stack(StackName="wanted", **request(resources(n), {})))
    assert Counter(created) == {"": 1, "AlreadyExistsException: Stack [wanted] already exists": 5}
    assert stacks.wait("wanted") == "CREATE_COMPLETE"

    updated = at_once(lambda n: stacks.api.update_stack(StackName="wanted", **request(resources(n + 10), {})))
    refused = [said for said in updated if said]
    assert len(refused) < len(updated)
    assert all("_IN_PROGRESS state and can not be updated" in said for said in refused), refused
    assert stacks.wait("wanted") == "UPDATE_COMPLETE"
    trail = stacks.trail("wanted")
    assert (
        trail.count("- UPDATE_IN_PROGRESS") == trail.count("- UPDATE_COMPLETE") == len(updated) - len(refused)
    )
    values = {
        cloud.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
        for name in stacks.ids("wanted").values()
    }
    assert len(values) == 1
    assert stacks.delete("wanted") == "DELETE_COMPLETE"


def at_once(call: Callable[[int], Any], clients: int = 6) -> list[str]:
    """What each is refused with; "" where it is taken."""
    barrier = threading.Barrier(clients)

    def one(number: int) -> str:
        barrier.wait()
        try:
            call(number)
        except ClientError as error:
            return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
        return ""

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(one, range(clients)))
