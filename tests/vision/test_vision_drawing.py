"""Figures are drawn to files; what is drawn is checked by colours and sizes, not by pixels of fonts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from vision_pictures import Pixels, scene

from gluonship.vision.drawing import confusion_matrix, contact_sheet
from gluonship.vision.images import decode

GREEN, RED = (0x2E, 0x8B, 0x57), (0xC8, 0x33, 0x2B)


def painted(pixels: Pixels, colour: tuple[int, int, int]) -> int:
    return int((np.abs(pixels.astype(int) - colour).max(axis=2) <= 2).sum())


def sheet(path: Path, wrong: int, count: int = 8, columns: int = 8) -> Pixels:
    truth = ["Ankle boot"] * count
    answers = ["Sneaker" if i < wrong else "Ankle boot" for i in range(count)]
    images = [np.full((28 + i % 3 * 20, 28, 3), 120, np.uint8) for i in range(count)]
    contact_sheet(path, images, truth, answers, [0.5] * count, "title", columns=columns)
    return decode(path.read_bytes())


def test_right_is_green_and_wrong_is_red(tmp_path: Path) -> None:
    none, half, every = (sheet(tmp_path / f"{wrong}.png", wrong) for wrong in (0, 4, 8))
    assert painted(none, RED) == 0
    assert painted(every, GREEN) == 0
    assert painted(half, RED) == pytest.approx(painted(every, RED) / 2, rel=0.1)
    assert painted(half, GREEN) == pytest.approx(painted(none, GREEN) / 2, rel=0.1)
    assert painted(none, GREEN) > 8 * 400


def test_tiny_pictures_are_enlarged_without_blur(tmp_path: Path) -> None:
    board = np.zeros((4, 4, 3), np.uint8)
    board[::2, ::2] = board[1::2, 1::2] = 255
    contact_sheet(tmp_path / "x.png", [board], ["a"], ["a"], [1.0], "t")
    drawn = decode((tmp_path / "x.png").read_bytes())
    assert painted(drawn, (0, 0, 0)) > 5000  # half of a large square, all of it black, none of it grey


@pytest.mark.parametrize(("count", "columns"), [(1, 8), (3, 8), (8, 8), (9, 8), (17, 5), (2, 1)])
def test_any_number_of_pictures(tmp_path: Path, count: int, columns: int) -> None:
    drawn = sheet(tmp_path / "x.png", 1, count, columns)
    assert drawn.shape[1] <= columns * 150 + 40 or drawn.shape[1] == 500


def test_mixed_sizes_and_long_or_strange_names(tmp_path: Path) -> None:
    images = [scene(100, 300), scene(300, 100), scene(5, 5), scene(500, 500)]
    names = ["a class of an exceedingly long name", "$\\nonsense$ 100%", "", "naïve ☕"]
    contact_sheet(tmp_path / "x.png", images, names, names[::-1], [0, 1, 0.5, 0.123], "50% of $\\foo$")
    assert decode((tmp_path / "x.png").read_bytes()).shape[0] > 100


def test_the_true_class_has_its_probability_where_it_is_given(tmp_path: Path) -> None:
    picture = [np.full((28, 28, 3), 120, np.uint8)]
    drawn = {}
    for name, answer, of_true in (
        ("none", "b", None),
        ("0", "b", [0.0]),
        ("40", "b", [0.4]),
        ("right", "a", [0.4]),
    ):
        path = contact_sheet(tmp_path / f"{name}.png", picture, ["a"], [answer], [0.9], "t", of_true=of_true)
        drawn[name] = path.read_bytes()
    assert len(set(drawn.values())) == 4
    right = contact_sheet(tmp_path / "plain.png", picture, ["a"], ["a"], [0.9], "t")
    assert right.read_bytes() == drawn["right"]  # one figure is enough there
    with pytest.raises(ValueError, match="as many images"):
        contact_sheet(tmp_path / "x.png", picture, ["a"], ["b"], [0.9], "t", of_true=[0.1, 0.2])


def test_wrong_lengths_are_refused(tmp_path: Path) -> None:
    for arguments in (([], [], [], []), ([scene(4, 4)], ["a", "b"], ["a"], [1.0])):
        with pytest.raises(ValueError, match="as many images"):
            contact_sheet(tmp_path / "x.png", *arguments, "t")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", [2, 10, 31, 200])
def test_a_confusion_matrix_is_drawn(tmp_path: Path, count: int) -> None:
    matrix = np.diag(np.full(count, 50)) + np.eye(count, k=1, dtype=int) * 3
    path = confusion_matrix(tmp_path / "new" / "x.png", matrix, [f"class {i}" for i in range(count)])
    assert path == tmp_path / "new" / "x.png"
    drawn = decode(path.read_bytes())
    assert 300 < min(drawn.shape[:2]) <= max(drawn.shape[:2]) < 2000
    with pytest.raises(ValueError, match="matrix"):
        confusion_matrix(tmp_path / "y.png", matrix, ["a"])


def test_drawing_needs_no_display_and_leaves_pyplot_alone(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np\n"
        "from gluonship.vision.drawing import contact_sheet\n"
        "from pathlib import Path\n"
        "contact_sheet(Path(sys.argv[1]), [np.zeros((4, 4, 3), np.uint8)], ['a'], ['a'], [1.0], 't')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "x.png")]
    subprocess.run(command, check=True, timeout=60, env={"MPLBACKEND": "tkagg", "HOME": str(tmp_path)})
