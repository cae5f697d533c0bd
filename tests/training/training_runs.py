"""Small real data sets and real training processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
# As the toolkit does with a bundle: the script's folder is where its package is found.
sys.path.insert(0, str(ROOT / "training"))

CLASSES = ("disc", "rows", "columns")


def picture(label: int, seed: int, size: int = 20) -> np.ndarray:
    """uint8 (size, size, 3): a disc, rows or columns, of random place and colour, on noise."""
    random = np.random.RandomState(seed)
    image = random.randint(0, 60, (size, size, 3)).astype(np.uint8)
    rows, columns = np.mgrid[:size, :size]
    top, left = random.randint(6, size - 6, 2)
    shape = {
        0: (rows - top) ** 2 + (columns - left) ** 2 <= 36,
        1: (rows + top) % 6 < 3,
        2: (columns + left) % 6 < 3,
    }[label]
    image[shape] = random.randint(120, 256, 3)
    return image


def write_images(folder: Path, count: int, seed: int = 0) -> None:
    """An image folder of `count` JPEGs a class."""
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            image = Image.fromarray(picture(label, seed + index * len(CLASSES) + label))
            image.save(folder / name / f"{index:03d}.jpg", quality=92)


def script_environment(base: Path) -> dict[str, str]:
    """What a training script finds in its environment, for a job whose root is `base`."""
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("SM_")},
        "SAGEMAKER_BASE_DIR": str(base),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }


def arguments(hyperparameters: Mapping[str, object]) -> list[str]:
    """Hyperparameters as the toolkit passes them."""
    return [part for name, value in hyperparameters.items() for part in (f"--{name}", str(value))]


def command(hyperparameters: Mapping[str, object]) -> list[str]:
    return [sys.executable, str(ROOT / "training" / "train.py"), *arguments(hyperparameters)]


def train(
    base: Path, hyperparameters: Mapping[str, object], *libraries: Path
) -> subprocess.CompletedProcess[str]:
    """Runs train.py to its end, with folders of `libraries` before those installed."""
    variables = script_environment(base)
    return subprocess.run(
        command(hyperparameters),
        env={**variables, "PYTHONPATH": os.pathsep.join([*map(str, libraries), variables["PYTHONPATH"]])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def job_folder(base: Path, channels: Sequence[str] = ("train", "validation"), count: int = 24) -> Path:
    """A job's root with an image folder in each channel."""
    for number, channel in enumerate(channels):
        write_images(base / "input" / "data" / channel, count, seed=10_000 * number)
    return base
