"""Networks by name, and the optimizer's state."""

from __future__ import annotations

from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from gluonship_training import networks
from gluonship_training.failures import JobError
from gluonship_training.steps import Steps, Totals
from gluonship_training.updates import Updates


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("cifar_resnet20", "Did you mean .*cifar_resnet20_v1"),
        ("gluonship_smal", "Did you mean gluonship_small"),
        ("ssd_512_resnet50_v1_voc", "is a detector; this script trains image classification"),
        ("resnet50_v1b_gn", "resnet50_v1b_gn cannot be exported: its GroupNorm"),
        ("resnet50_v1_int8", "is an int8 network"),
        ("xyzzy", "neither gluonship_small nor in GluonCV's model zoo.$"),
    ],
)
def test_a_name_that_is_no_classification_network(name: str, sentence: str) -> None:
    with pytest.raises(JobError, match=sentence):
        networks.check(name)


def test_every_zoo_name_is_classification_or_says_what_it_is() -> None:
    names = networks.classification_names()
    assert len(names) == len(set(names)) == 129
    for name in (
        "resnet18_v1b",
        "cifar_wideresnet16_10",
        "hrnet_w18_c",
        "dla34",
        "vgg16",
        "resnet18_v1b_0.89",
    ):
        assert name in names
    for name in ("hrnet_w48_s", "vgg16_ucf101", "i3d_resnet50_v1_custom", "yolo3_darknet53_coco"):
        assert name not in names
        assert networks.other_task(name)


@pytest.mark.parametrize("name", [networks.SMALL, "cifar_resnet20_v1", "mobilenetv3_small"])
def test_the_same_seed_gives_the_same_network(name: str) -> None:
    first, second, other = (_network(name, seed) for seed in (5, 5, 6))
    assert first.keys() == second.keys()
    assert all(first[key].tobytes() == second[key].tobytes() for key in first)
    assert any(first[key].tobytes() != other[key].tobytes() for key in first)


def test_a_size_that_the_network_cannot_take_is_said() -> None:
    network = networks.build("squeezenet1.1", 3)
    with pytest.raises(JobError, match="cannot take images of 32 x 32 pixels: set image-size"):
        networks.initialise(network, 32, mx.cpu(), 0)


def test_parameters_are_taken_from_a_file_of_either_form(tmp_path: Path) -> None:
    source = networks.build(networks.SMALL, 4)
    networks.initialise(source, 16, mx.cpu(), 1)
    source.hybridize()
    source(mx.nd.zeros((1, 3, 16, 16)))
    source.save_parameters(str(tmp_path / "saved.params"))
    source.export(str(tmp_path / "exported"))
    for file in ("saved.params", "exported-0000.params"):
        target = networks.build(networks.SMALL, 7)
        networks.initialise(target, 16, mx.cpu(), 2)
        fresh = networks.start_from(target, tmp_path / file)
        assert len(fresh) == 2  # the output layer's, of another number of classes
        taken, given = networks.parameters(target), networks.parameters(source)
        for name in given.keys() - set(fresh):
            assert (taken[name].data().asnumpy() == given[name].data().asnumpy()).all()


@pytest.mark.parametrize("content", [b"", b"not parameters", b"\x12\x01" + bytes(30)])
def test_a_file_that_holds_no_parameters_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.params").write_bytes(content)
    network = networks.build(networks.SMALL, 4)
    networks.initialise(network, 16, mx.cpu(), 1)
    with pytest.raises(JobError, match=r"initial-parameters: .*x\.params"):
        networks.start_from(network, tmp_path / "x.params")


@pytest.mark.parametrize("optimizer", ["sgd", "nag", "adam"])
def test_updates_go_on_from_saved_state_bit_for_bit(optimizer: str, tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    images = random.normal(size=(8, 8, 3, 16, 16)).astype(np.float32)
    labels = random.randint(0, 3, (8, 8)).astype(np.float32)

    def run(network: object, updates: Updates, start: int, stop: int) -> Totals:
        steps, totals = Steps(network, updates, 3, 0.1, 9, mx.cpu()), Totals()
        for step in range(start, stop):
            steps.run(step, images[step], labels[step], 0.01)
        steps.collect(totals, leave=0)
        return totals

    def fresh(seed: int, done: int) -> tuple[object, Updates]:
        network = networks.build(networks.SMALL, 3)
        networks.initialise(network, 16, mx.cpu(), seed)
        network.hybridize(static_alloc=True, static_shape=True)
        return network, Updates(network, optimizer, 8, 0.9, 1e-3, done)

    network, updates = fresh(1, 0)
    first = run(network, updates, 0, 4)
    assert first.images == 32
    assert first.mean_loss > 0
    mx.nd.save(str(tmp_path / "p"), {n: p.data() for n, p in networks.parameters(network).items()})
    mx.nd.save(str(tmp_path / "s"), updates.state())
    whole = run(network, updates, 4, 8)

    other, others = fresh(2, 4)
    networks.set_parameters(other, mx.nd.load(str(tmp_path / "p")))
    others.restore(mx.nd.load(str(tmp_path / "s")))
    assert run(other, others, 4, 8) == whole
    for name, parameter in networks.parameters(network).items():
        same = networks.parameters(other)[name].data().asnumpy()
        assert parameter.data().asnumpy().tobytes() == same.tobytes()


def test_state_of_another_network_is_refused() -> None:
    def updates(classes: int) -> Updates:
        network = networks.build(networks.SMALL, classes)
        networks.initialise(network, 16, mx.cpu(), 0)
        return Updates(network, "adam", 8, 0.9, 0.0)

    with pytest.raises(JobError, match="does not fit"):
        updates(3).restore(updates(4).state())


def test_a_loss_that_is_not_finite_ends_the_job() -> None:
    network = mx.gluon.nn.Dense(3, in_units=2)
    network.initialize()
    steps = Steps(network, Updates(network, "sgd", 4, 0.9, 0.0), 3, 0.0, 0, mx.cpu())
    for step in range(3):
        steps.run(step, np.full((4, 2), 1e20, dtype=np.float32), np.zeros(4, dtype=np.float32), rate=1e20)
    with pytest.raises(JobError, match="Lower learning-rate"):
        steps.collect(Totals(), leave=0)


def _network(name: str, seed: int) -> dict[str, np.ndarray]:
    network = networks.build(name, 3)
    networks.initialise(network, 32, mx.cpu(), seed)
    return {key: p.data().asnumpy() for key, p in networks.parameters(network).items()}
