"""The account's life as a user leads it: deployed, asked, promoted, deployed again, refused, destroyed."""

from __future__ import annotations

import functools
import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from account_commands import run, start
from account_state import State, account_state, changes
from local_clouds import LocalCloud
from processes import still_alive

from gluonship.demo import fashion_mnist
from gluonship.local import launcher
from gluonship.vision import datasets

pytestmark = pytest.mark.timeout(900)  # the first test waits for the whole life

ENDPOINT = "gluonship-local"
STACKS = ("GluonShip-local-Storage", "GluonShip-local-Pipeline", "GluonShip-local-Endpoint")


class Life:
    """Led once; each test looks at what was seen on the way."""

    def __init__(self, scratch: Path) -> None:
        self._scratch, self.home = scratch, scratch / "a cloud"
        self.deployed = self._command("deploy", "--images", "4000", "--json")
        self.client = functools.cache(LocalCloud(launcher.running(self.home)).client)
        self.outputs = self._outputs()
        self.first = self._seen()
        self.promotion = self._run(dataset="datasets/fashion-mnist", hyperparameters={"epochs": 4, "seed": 2})
        self.promoted = self._seen()
        self.again = self._command("deploy", "--json")
        self.after_again = self._seen()
        self._upload_badly_labelled()
        self.refusal = self._run(dataset="datasets/bad", hyperparameters={"epochs": 1})
        self.after_refusal = self._seen()
        self.destroyed = self._command("destroy")
        self.left = account_state(self.client)
        self.interrupted = self._interrupted_deploy()
        self.finally_destroyed = self._command("destroy")
        self.finally_left = account_state(self.client)

    def _command(self, *arguments: str) -> str:
        """What the command wrote to stdout."""
        code, out, err = run(self.home, *arguments)
        assert code == 0, err
        return out

    def _outputs(self) -> dict[str, str]:
        cloudformation, found = self.client("cloudformation"), {}
        for stack in STACKS:
            for output in cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]:
                found[output["OutputKey"]] = output["OutputValue"]
        return found

    def _seen(self) -> dict[str, Any]:
        """What the endpoint answers, and everything that is there."""
        asked = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=ENDPOINT,
            Body=fashion_mnist.load("held-out").jpegs()[0],
            ContentType="image/jpeg",
        )
        return {"answer": json.loads(asked["Body"].read()), "state": account_state(self.client)}

    def _run(self, **given: Any) -> dict[str, Any]:
        """An execution of the pipeline, ended."""
        stepfunctions = self.client("stepfunctions")
        execution = stepfunctions.start_execution(
            stateMachineArn=self.outputs["StateMachineArn"], input=json.dumps(given)
        )["executionArn"]
        while (described := stepfunctions.describe_execution(executionArn=execution))["status"] == "RUNNING":
            time.sleep(0.2)
        return dict(described)

    def _upload_badly_labelled(self) -> None:
        """A thousand images with each other's labels, and rightly labelled ones to test on."""
        for part, source, turned in (("train", "train", 1), ("test", "held-out", 0)):
            images, folder = fashion_mnist.load(source), self._scratch / part  # type: ignore[arg-type]
            labels = (images.labels[:1000] + turned) % len(fashion_mnist.CLASSES)
            pairs = zip(images.jpegs()[:1000], (int(label) for label in labels), strict=True)
            folder.mkdir()
            datasets.write_recordio(folder, part, pairs, fashion_mnist.CLASSES)
            for path in folder.iterdir():
                key = f"datasets/bad/{part}/{path.name}"
                self.client("s3").upload_file(str(path), self.outputs["DataBucket"], key)

    def _interrupted_deploy(self) -> tuple[int, str, list[psutil.Process]]:
        """A deploy that gets Ctrl-C when its run has begun: exit code, stderr, and which children live on."""
        deploy = start(self.home, "deploy", "--images", "1000")
        assert deploy.stderr
        said = ""
        for line in deploy.stderr:
            said += line
            if "Train" in line.split():
                break
        family = psutil.Process(deploy.pid).children(recursive=True)
        deploy.send_signal(signal.SIGINT)
        _, rest = deploy.communicate(timeout=60)
        return deploy.returncode, said + rest, still_alive(family, 5)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    scratch = tmp_path_factory.mktemp("account")
    try:
        yield Life(scratch)
    finally:
        launcher.down(scratch / "a cloud", grace_seconds=5)


def config(state: State) -> str:
    """The name of the config that the endpoint serves."""
    endpoint = state["endpoint"][ENDPOINT]
    assert endpoint["EndpointStatus"] == "InService"
    return str(endpoint["EndpointConfigName"])


def test_both_phases_and_a_run_between_them_make_an_endpoint_that_answers(life: Life) -> None:
    result = json.loads(life.deployed)
    assert set(STACKS) < set(life.first["state"]["stack"])
    assert result["run"]["accuracy"] >= 0.75
    assert config(life.first["state"]) == result["run"]["run"]
    assert life.first["answer"]["predictions"][0]["label"] in fashion_mnist.CLASSES
    assert f"endpoint/{ENDPOINT}/variant/AllTraffic" in life.first["state"]["scaling"]
    assert life.first["state"]["alarm"]
    assert {"bootstrap", "synth", "first phase", "run", "second phase", "all"} == set(result["seconds"])


def test_a_promoted_model_goes_on_serving_after_all_is_deployed_again(life: Life) -> None:
    assert life.promotion["status"] == "SUCCEEDED", life.promotion.get("cause")
    promoted = json.loads(life.promotion["output"])
    assert promoted["accuracy"] >= promoted["in_service_accuracy"] > 0
    assert config(life.promoted["state"]) == promoted["run"] != config(life.first["state"])
    assert json.loads(life.again)["run"] is None
    (noted,) = changes(life.promoted["state"], life.after_again["state"])
    assert re.fullmatch(r"bucket gluonship-local-storage-storagelogs\S+: objects", noted)  # of the access
    assert life.after_again["answer"] == life.promoted["answer"]


def test_a_refused_model_leaves_the_endpoint_as_it_was(life: Life) -> None:
    assert life.refusal["status"] == "FAILED"
    assert life.refusal["error"] == "QualityGate.Refused"
    assert "The endpoint serves as before." in life.refusal["cause"]
    for kind in ("endpoint", "endpoint config", "model", "scaling", "alarm"):
        assert life.after_refusal["state"][kind] == life.promoted["state"][kind]
    assert life.after_refusal["answer"] == life.promoted["answer"]


def test_destroy_leaves_the_bootstrap_and_what_nobody_can_delete(life: Life) -> None:
    for left in (life.left, life.finally_left):
        there = {kind: list(names) for kind, names in left.items() if names}
        assert there.pop("stack") == ["CDKToolkit"]
        assert there.pop("parameter") == ["/cdk-bootstrap/hnb659fds/version"]
        assert all(name.startswith("cdk-") for name in there.pop("role"))
        assert all(name.startswith("CdkBootstrap-") for name in there.pop("export"))
        assert all(name.startswith("/aws/sagemaker/") for name in there.pop("log group"))  # of the jobs
        assert there == {}


def test_an_interrupted_deploy_leaves_no_process_and_what_it_made_can_be_destroyed(life: Life) -> None:
    code, said, alive = life.interrupted
    assert (code, alive) == (130, []), said
    assert said.endswith("Interrupted.\n")
    assert "Traceback" not in said
