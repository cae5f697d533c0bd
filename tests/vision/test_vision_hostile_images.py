"""Clear errors, fast and in little memory, for everything that is no picture or means harm."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from vision_pictures import encoded, png, png_chunk, scene

from gluonship.vision.images import ImageError, Limits, decode


def refusal(data: bytes, limits: Limits | None = None) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode(data, limits or Limits())
    error = caught.value
    assert error.message[-1] not in ". \n"
    assert "\n" not in error.message
    assert error.code in str(error)
    return error


def test_no_bytes() -> None:
    assert refusal(b"").code == "EmptyImage"


def test_thirty_megabytes_of_zeros_are_too_large() -> None:
    assert refusal(bytes(30 * 2**20)).code == "ImageTooLarge"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"this is a text, named picture.jpg by its owner", "text"),
        (bytes(1000), "zero bytes"),
        (b"GIF89a" + bytes(50), "a GIF"),
        (b"BM" + bytes(50), "a BMP"),
        (b"II*\x00" + bytes(50), "a TIFF"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\x00\x00\x00\x20ftypavif" + bytes(50), "AVIF"),
        (b"PK\x03\x04" + bytes(50), "ZIP"),
        (b"\x93NUMPY\x01\x00", "no known image format"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(30), "no known image format"),
        (b"\xff", "no known image format"),
    ],
)
def test_other_content_is_named(data: bytes, words: str) -> None:
    error = refusal(data)
    assert error.code == "UnsupportedImage"
    assert words in error.message
    assert "JPEG, PNG or WebP" in error.message


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM", "ICO", "EPS"])
def test_real_files_of_other_formats_are_refused(kind: str) -> None:
    assert refusal(encoded(scene(16, 16), kind)).code == "UnsupportedImage"


# --- bombs --------------------------------------------------------------------------------------------------


def jpeg_declaring(width: int, height: int) -> bytes:
    data = bytearray(encoded(scene(16, 16), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def webp_declaring(width: int, height: int) -> bytes:
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + b"\x02\x00\x00\x00" + canvas
    return b"RIFF" + struct.pack("<I", len(body)) + body


BOMBS = {
    "png": png(30_000, 30_000, 8, 2, bytes(90_001) * 20),
    "whole-png": encoded(Image.new("1", (30_000, 30_000)), "PNG"),
    "jpeg": jpeg_declaring(65_000, 65_000),
    "webp": webp_declaring(16_000, 16_000),
    "huge-webp": webp_declaring(2**24, 2**24),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_at_once(name: str) -> None:
    started = time.process_time()
    error = refusal(BOMBS[name])
    assert time.process_time() - started < 0.1
    assert error.code == "ImageTooLarge"
    assert "50,000,000" in error.message


def test_bombs_cost_no_memory(tmp_path: Path) -> None:
    """In a process of its own, whose peak is known."""
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from gluonship.vision.images import ImageError, decode\n"
        "files = [Path(name).read_bytes() for name in sys.argv[1:]]\n"
        "decode(files.pop())\n"  # an ordinary picture: everything is loaded now
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for data in files:\n"
        "    try: decode(data); sys.exit('decoded')\n"
        "    except ImageError: pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    names = []
    for name, data in [*BOMBS.items(), ("ordinary", encoded(scene(64, 64), "PNG"))]:
        (tmp_path / name).write_bytes(data)
        names.append(str(tmp_path / name))
    command = [sys.executable, "-c", code, *names]
    result = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert int(result.stdout) < 4 * 1024  # KiB


def test_the_limits_are_the_callers() -> None:
    data = encoded(scene(100, 100), "PNG")
    assert decode(data, Limits(max_pixels=10_000)).shape == (100, 100, 3)
    assert refusal(data, Limits(max_pixels=9_999)).code == "ImageTooLarge"
    assert decode(data, Limits(max_bytes=len(data))).shape == (100, 100, 3)
    assert refusal(data, Limits(max_bytes=len(data) - 1)).code == "ImageTooLarge"
    with pytest.raises(ValueError, match="positive"):
        Limits(max_pixels=0)


def test_above_pillows_own_limit_there_is_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in ("JPEG", "PNG"):
            assert decode(encoded(scene(40, 40), kind)).shape == (40, 40, 3)


def test_a_compressed_text_bomb_is_refused() -> None:
    bomb = png_chunk(b"zTXt", b"key\x00\x00" + zlib.compress(bytes(16 * 2**20), 9))
    data = png(1, 1, 8, 0, b"\x00\x00", bomb)
    assert len(data) < 2**20
    assert refusal(data).code == "InvalidImage"


def test_thousands_of_progressive_scans_are_refused() -> None:
    data = encoded(scene(64, 64), "JPEG", progressive=True)
    scan = data.index(b"\xff\xda")
    following = data.index(b"\xff\xda", scan + 2)
    hostile = data[:scan] + data[scan:following] * 5000 + data[following:]
    started = time.process_time()
    assert "scans" in refusal(hostile).message
    assert time.process_time() - started < 0.1


def test_endless_segments_are_refused() -> None:
    data = encoded(scene(16, 16), "JPEG")
    for filler in (b"\xff\xfe\x00\x02" * 1_000_000, b"\xff" * 4_000_000):
        started = time.process_time()
        assert refusal(data[:2] + filler + data[2:]).code == "InvalidImage"
        assert time.process_time() - started < 0.5


# --- damage -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"restart_marker_rows": 1}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_a_truncated_file_is_never_half_a_picture(kind: str, options: dict[str, int]) -> None:
    data = encoded(scene(160, 200), kind, **options)
    cuts = [*range(1, 64), *np.linspace(64, len(data) - 20, 60).astype(int)]
    whole = decode(data)
    for cut in cuts:
        if kind == "PNG" and cut >= len(data) - 20:  # only checksums are missing
            assert np.array_equal(decode(data[:cut]), whole)
            continue
        error = refusal(data[:cut])
        assert error.code in ("InvalidImage", "UnsupportedImage"), cut
        assert cut < 12 or error.code == "InvalidImage", cut


def test_a_png_whose_last_rows_are_missing_is_refused() -> None:
    whole = png(50, 50, 8, 0, bytes(51 * 50))
    assert decode(whole).shape == (50, 50, 3)
    assert refusal(png(50, 50, 8, 0, b"")).code == "InvalidImage"
    for rows in (1, 25, 49):
        assert "rows" in refusal(png(50, 50, 8, 0, bytes(51 * rows))).message


def test_damaged_bytes_give_a_picture_of_the_declared_size_or_an_error() -> None:
    """A property over thousands of damaged files: no other exception, no other shape, no warning."""
    generator = random.Random(7)
    outcomes = {"picture": 0, "error": 0}
    files = [
        encoded(scene(24, 32), "JPEG"),
        encoded(scene(24, 32), "JPEG", progressive=True),
        encoded(scene(24, 32), "PNG"),
        encoded(scene(24, 32), "WEBP"),
        encoded(scene(24, 32), "WEBP", lossless=True),
        encoded(Image.fromarray(scene(24, 32)).quantize(8), "PNG", transparency=1),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3000):
            data = bytearray(generator.choice(files))
            for _ in range(generator.randint(1, 8)):
                data[generator.randrange(len(data))] = generator.randrange(256)
            try:
                decoded = decode(bytes(data), Limits(max_pixels=100_000))
            except ImageError:
                outcomes["error"] += 1
            else:
                outcomes["picture"] += 1
                assert decoded.dtype == np.uint8
                assert decoded.ndim == 3
                assert decoded.shape[2] == 3
                assert decoded.size <= 300_000
    assert min(outcomes.values()) > 300


def test_a_jpeg_with_two_frame_headers_cannot_hide_its_size() -> None:
    data = encoded(scene(16, 16), "JPEG")
    frame = data.index(b"\xff\xc0")
    length = struct.unpack_from(">H", data, frame + 2)[0] + 2
    large = bytearray(data[frame : frame + length])
    large[5:9] = struct.pack(">HH", 60_000, 60_000)
    after = data[: frame + length] + bytes(large) + data[frame + length :]
    assert refusal(after).code == "InvalidImage"


@pytest.mark.parametrize("size", [(0, 5), (5, 0)])
def test_a_side_of_zero_is_refused(size: tuple[int, int]) -> None:
    assert refusal(png(*size, 8, 0, b"")).code == "InvalidImage"
    assert refusal(jpeg_declaring(*size)).code == "InvalidImage"
