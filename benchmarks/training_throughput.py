"""How near training comes to what the network itself allows: `python benchmarks/training_throughput.py`.

cifar_resnet20_v1, batches of 64 at 32 x 32, on Fashion-MNIST with flips and padded crops. Against the kit's
loop stand the pure loop (forward, backward and update over and over on one synthetic batch that is there
already: the limit) and GluonCV's own loop (scripts/classification/cifar/train_cifar10.py, hybridized), with
and without DataLoader workers. They take turns, round by round, in changing order, so that a busy moment of
the machine hits all of them. Target: at least 0.95 of the pure loop. Exits with 1 when it is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "training"))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import gluoncv  # noqa: E402 - MXNet reads the number of threads when it is imported
import matplotlib  # noqa: E402
import mxnet as mx  # noqa: E402
import numpy as np  # noqa: E402
import psutil  # noqa: E402
from gluoncv.data import transforms as gluoncv_transforms  # noqa: E402
from gluonship_training import networks  # noqa: E402
from gluonship_training.batches import Samples, TrainingBatches  # noqa: E402
from gluonship_training.steps import Steps, Totals  # noqa: E402
from gluonship_training.updates import Updates  # noqa: E402
from mxnet.gluon.data.vision import transforms  # noqa: E402

from gluonship.demo import fashion_mnist  # noqa: E402
from gluonship.vision.images import Preprocessing  # noqa: E402

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

RESULTS = Path(__file__).parent / "results"
NETWORK, BATCH, SIZE, CLASSES = "cifar_resnet20_v1", 64, 32, 10
TARGET = 0.95
PURE, KIT = "pure loop", "the kit"
PREPROCESSING = Preprocessing(height=SIZE, width=SIZE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--steps", type=int, default=4, help="steps of each way in a round")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the JSON and the plot")
    arguments = parser.parse_args()
    pixels = fashion_mnist.load("train")
    images = np.stack([PREPROCESSING.resized(np.repeat(image[..., None], 3, 2)) for image in pixels.pixels])
    samples = Samples(images, pixels.labels.astype(np.int32))
    ways: dict[str, Callable[[int], None]] = {
        PURE: pure(),
        KIT: kit(samples),
        "GluonCV's loop": gluoncv_loop(samples, workers=0),
        "GluonCV's loop, 1 worker": gluoncv_loop(samples, workers=1),
    }
    load = os.getloadavg()
    seconds = measure(ways, arguments.rounds, arguments.steps)
    result = summary(seconds, arguments.steps, load)
    arguments.results.mkdir(parents=True, exist_ok=True)
    (arguments.results / "training_throughput.json").write_text(json.dumps(result, indent=2) + "\n")
    plot(result, arguments.results / "training_throughput.png")
    for name, way in result["ways"].items():
        print(
            f"{name:26} {way['images_per_second']:7.1f} images/s, {way['ratio_to_pure']:.3f} of the pure loop"
        )
    return 0 if result["reached"] else 1


def pure() -> Callable[[int], None]:
    """Forward, backward, update on one batch that lies in memory: what no training can exceed."""
    network = new_network(static=True)
    loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    loss.hybridize(static_alloc=True, static_shape=True)
    trainer = new_trainer(network)
    images = mx.nd.random.normal(shape=(BATCH, 3, SIZE, SIZE))
    labels = mx.nd.array(np.arange(BATCH) % CLASSES)

    def run(steps: int) -> None:
        for _ in range(steps):
            with mx.autograd.record():
                losses = loss(network(images), labels)
            losses.backward()
            trainer.step(BATCH)
        mx.nd.waitall()

    return run


def kit(samples: Samples) -> Callable[[int], None]:
    """The training entry point's own batches and steps."""
    network = new_network(static=True)
    updates = Updates(network, "sgd", BATCH, 0.9, 1e-4)
    work = Steps(network, updates, CLASSES, 0.0, 0, mx.cpu())
    batches = TrainingBatches(samples, PREPROCESSING, BATCH, 0, flip=True, padding=4)
    totals = Totals()

    def endless() -> Iterator[tuple[Any, Any]]:
        epoch = 0
        while True:
            yield from batches.epoch(epoch)
            epoch += 1

    source = endless()

    def run(steps: int) -> None:
        for step in range(steps):
            tensor, labels = next(source)
            work.run(step, tensor, labels, 0.05)
            work.collect(totals)
        work.collect(totals, leave=0)
        mx.nd.waitall()

    return run


def gluoncv_loop(samples: Samples, workers: int) -> Callable[[int], None]:
    """As GluonCV's train_cifar10.py does it, with --mode hybrid."""
    network = new_network(static=False)
    loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = new_trainer(network)
    transform = transforms.Compose(
        [
            gluoncv_transforms.RandomCrop(SIZE, pad=4),
            transforms.RandomFlipLeftRight(),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    dataset = mx.gluon.data.ArrayDataset(mx.nd.array(samples.images, dtype="uint8"), samples.labels)
    loader = mx.gluon.data.DataLoader(
        dataset.transform_first(transform), BATCH, shuffle=True, last_batch="discard", num_workers=workers
    )
    metric = mx.metric.Accuracy()

    def endless() -> Iterator[Any]:
        while True:
            yield from loader

    source = endless()

    def run(steps: int) -> None:
        total = 0.0
        for _ in range(steps):
            batch = next(source)
            images = mx.gluon.utils.split_and_load(batch[0], ctx_list=[mx.cpu()], batch_axis=0)
            labels = mx.gluon.utils.split_and_load(batch[1], ctx_list=[mx.cpu()], batch_axis=0)
            with mx.autograd.record():
                scores = [network(image) for image in images]
                losses = [loss(score, label) for score, label in zip(scores, labels, strict=True)]
            for one in losses:
                one.backward()
            trainer.step(BATCH)
            total += sum(one.sum().asscalar() for one in losses)
            metric.update(labels, scores)
            metric.get()
        mx.nd.waitall()

    return run


def new_network(static: bool) -> Any:
    network = networks.build(NETWORK, CLASSES)
    networks.initialise(network, SIZE, mx.cpu(), 0)
    network.hybridize(static_alloc=static, static_shape=static)
    return network


def new_trainer(network: Any) -> Any:
    return mx.gluon.Trainer(
        network.collect_params(), "sgd", {"learning_rate": 0.05, "momentum": 0.9, "wd": 1e-4}
    )


def measure(ways: dict[str, Callable[[int], None]], rounds: int, steps: int) -> dict[str, list[float]]:
    """Seconds of each way in each round."""
    for run in ways.values():
        run(3)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways)[:: 1 if number % 2 == 0 else -1]:
            began = time.perf_counter()
            ways[name](steps)
            seconds[name].append(time.perf_counter() - began)
    return seconds


def summary(seconds: dict[str, list[float]], steps: int, load: tuple[float, float, float]) -> dict[str, Any]:
    """What the results file holds; a ratio is the median of the rounds' ratios."""
    ways = {}
    for name, times in seconds.items():
        ratios = [limit / own for limit, own in zip(seconds[PURE], times, strict=True)]
        ways[name] = {
            "images_per_second": round(steps * BATCH / statistics.median(times), 1),
            "ratio_to_pure": round(statistics.median(ratios), 4),
            "ratios_by_round": [round(ratio, 4) for ratio in ratios],
        }
    return {
        "benchmark": f"training images/s, {NETWORK}, batch {BATCH}, {SIZE} x {SIZE}, flips and padded crops",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(load),
        "rounds": len(seconds[PURE]),
        "steps_each": steps,
        "target_ratio": TARGET,
        "reached": ways[KIT]["ratio_to_pure"] >= TARGET,
        "ways": ways,
    }


def machine(load: tuple[float, float, float]) -> dict[str, Any]:
    """Where this was measured."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _cpu_lines() if line.startswith("model name")), "unknown"
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "mxnet": mx.__version__,
        "gluoncv": gluoncv.__version__,
        "omp_num_threads": os.environ["OMP_NUM_THREADS"],
        "load_average_before": [round(value, 2) for value in load],
    }


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def plot(result: dict[str, Any], path: Path) -> None:
    """Ratios to the pure loop: each round a dot, the median a bar."""
    names = list(result["ways"])
    figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
    for position, name in enumerate(names):
        way = result["ways"][name]
        axes.barh(position, way["ratio_to_pure"], color="#2a6f97" if name == KIT else "#c9d6df")
        axes.plot(way["ratios_by_round"], [position] * result["rounds"], "k.", markersize=4, alpha=0.5)
        axes.text(0.02, position, f"{way['ratio_to_pure']:.2f}", va="center", fontweight="bold")
    axes.axvline(TARGET, color="#bc4749", linestyle="--", linewidth=1, label=f"target {TARGET}")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("images/s as a share of the pure forward + backward + update loop")
    axes.set_title(result["benchmark"], fontsize=9)
    axes.legend(loc="lower right", fontsize=8)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # A DataLoader's worker does not end by itself while its epoch is unfinished.
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(code)
