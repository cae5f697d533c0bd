from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from vision_pictures import encoded, scene


@pytest.fixture
def image_folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes an image folder of `count` small pictures for each class."""

    def make(classes: tuple[str, ...] = ("cat", "dog"), count: int = 3, name: str = "train") -> Path:
        folder = tmp_path / name
        for label, class_name in enumerate(classes):
            (folder / class_name).mkdir(parents=True)
            for number in range(count):
                data = encoded(scene(24, 32, seed=100 * label + number), "PNG")
                (folder / class_name / f"{number}.png").write_bytes(data)
        return folder

    return make
