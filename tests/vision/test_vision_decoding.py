"""The right picture: every kind of file that is read, against Pillow's encoders and hand-made bytes."""

from __future__ import annotations

import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageFile
from vision_pictures import distance, encoded, png, png_chunk, scene

from gluonship.vision.images import decode, encode_png
from gluonship.vision.images.orientation import orientation


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True, "exact": True})])
def test_a_lossless_file_gives_its_pixels(kind: str, options: dict[str, bool]) -> None:
    picture = scene(37, 53)
    decoded = decode(encoded(picture, kind, **options))
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, picture)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("JPEG", {"quality": 95, "subsampling": 2}),
        ("JPEG", {"quality": 95, "restart_marker_rows": 1}),
        ("WEBP", {"quality": 95}),
    ],
)
def test_a_lossy_file_gives_nearly_its_pixels(kind: str, options: dict[str, int]) -> None:
    picture = scene(120, 160)
    assert distance(decode(encoded(picture, kind, **options)), picture) < 4


def test_bytearrays_and_memoryviews_are_bytes() -> None:
    data = encoded(scene(8, 9), "PNG")
    assert np.array_equal(decode(bytearray(data)), decode(data))  # type: ignore[arg-type]
    assert np.array_equal(decode(memoryview(data)), decode(data))  # type: ignore[arg-type]


def test_the_result_can_be_written_to() -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        decoded = decode(encoded(scene(16, 16), kind))
        decoded[0, 0] = 7
        assert decoded.flags.c_contiguous


def test_encode_png_is_the_inverse() -> None:
    picture = scene(11, 7)
    assert np.array_equal(decode(encode_png(picture)), picture)


# --- orientation --------------------------------------------------------------------------------------------

_TURNS = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),  # shown turned clockwise
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, 1),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("value", range(1, 9))
def test_exif_orientation_is_applied(kind: str, value: int) -> None:
    image = Image.fromarray(scene(24, 40))
    exif = Image.Exif()
    exif[0x0112] = value
    plain = decode(encoded(image, kind))
    turned = decode(encoded(image, kind, exif=exif))
    assert turned.flags.c_contiguous
    assert np.array_equal(turned, _TURNS[value](plain))


def test_big_endian_exif_is_read() -> None:
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    block = b"MM\x00*" + struct.pack(">IH", 8, 2) + struct.pack(">HHIHH", 0x010F, 2, 1, 0, 0) + entry
    assert orientation(block) == 6
    assert orientation(b"Exif\x00\x00" + block) == 6


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # Pillow's, when it looks for a resolution
@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"Exif\x00\x00",
        b"junk that is no TIFF header",
        b"II*\x00\xff\xff\xff\xff",
        b"II*\x00\x08\x00\x00\x00\xff\xff",
        b"II*\x00\x08\x00\x00\x00\x01\x00" + struct.pack("<HHIHH", 0x0112, 3, 1, 9, 0),
        b"II*\x00\x08\x00\x00\x00\x01\x00" + struct.pack("<HHIHH", 0x0112, 2, 1, 6, 0),
    ],
)
def test_broken_exif_leaves_the_picture_upright(block: bytes) -> None:
    assert orientation(block) == 1
    picture = scene(16, 24)
    plain = encoded(picture, "JPEG")
    app1 = b"\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\x00\x00" + block
    assert np.array_equal(decode(plain[:2] + app1 + plain[2:]), decode(plain))


# --- colour -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_grey_becomes_three_equal_channels(kind: str) -> None:
    grey = scene(20, 30)[..., 0]
    decoded = decode(encoded(Image.fromarray(grey), kind, quality=100))
    assert decoded.shape == (20, 30, 3)
    assert np.ptp(decoded, axis=2).max() == 0
    assert np.abs(decoded[..., 0].astype(int) - grey).max() <= 3


def test_a_bitmap_is_black_and_white() -> None:
    bits = np.indices((9, 13)).sum(axis=0) % 2 == 0
    assert np.array_equal(
        decode(encoded(Image.fromarray(bits), "PNG")), np.repeat(bits[..., None], 3, 2) * 255
    )


def test_a_palette_is_looked_up() -> None:
    image = Image.fromarray(scene(20, 30)).quantize(16)
    assert np.array_equal(decode(encoded(image, "PNG")), np.array(image.convert("RGB")))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_alpha_is_put_on_white(kind: str) -> None:
    alpha = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (20, 1))
    picture = np.dstack([scene(20, 32), alpha])
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    share = alpha[..., None] / 255.0
    expected = picture[..., :3] * share + 255 * (1 - share)
    decoded = decode(encoded(picture, kind, **options))
    assert np.abs(decoded - expected).max() <= 1
    assert (decoded[:, 0] == 255).all()


def test_grey_with_alpha_is_put_on_white() -> None:
    image = Image.fromarray(np.full((4, 4), 40, np.uint8)).convert("LA")
    image.putalpha(Image.fromarray(np.array([[0, 255, 0, 255]] * 4, np.uint8)))
    assert decode(encoded(image, "PNG"))[0, :, 0].tolist() == [255, 40, 255, 40]


@pytest.mark.parametrize("transparency", [3, bytes([255, 255, 255, 0])])
def test_a_transparent_palette_entry_is_white(transparency: int | bytes) -> None:
    image = Image.fromarray(np.array([[0, 3], [3, 1]], np.uint8), "P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90, 1, 2, 3])
    decoded = decode(encoded(image, "PNG", transparency=transparency))
    assert decoded.tolist() == [[[10, 20, 30], [255] * 3], [[255] * 3, [40, 50, 60]]]


def test_a_transparent_colour_is_white() -> None:
    picture = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    assert decode(encoded(picture, "PNG", transparency=(1, 2, 3))).tolist() == [[[255] * 3, [4, 5, 6]]]
    grey = Image.fromarray(np.array([[9, 8]], np.uint8))
    assert decode(encoded(grey, "PNG", transparency=9))[0, :, 0].tolist() == [255, 8]


def test_cmyk_follows_adobe_and_is_not_inverted() -> None:
    picture = scene(64, 64)
    cmyk = Image.fromarray(picture).convert("CMYK")
    data = encoded(cmyk, "JPEG", quality=98)
    assert b"Adobe" in data
    assert distance(decode(data), np.array(cmyk.convert("RGB"))) < 4
    assert distance(decode(data), picture) < 6


def test_ycck_is_turned_into_cmyk_first() -> None:
    """The four channels Y, Cb, Cr and K, in a file whose Adobe marker says transform 2."""
    picture = scene(64, 64)
    # libjpeg turns Y, Cb, Cr into R, G, B and calls 255 minus these C, M, Y; Adobe's files hold inverted ink,
    # so what is stored is the YCC of the negative, and K = 255 (no black). Pillow inverts what it writes:
    # hence the complement of all of it.
    negative = np.array(Image.fromarray(255 - picture).convert("YCbCr"))
    layers = np.dstack([255 - negative, np.zeros((64, 64), np.uint8)])
    data = bytearray(encoded(Image.fromarray(layers, "CMYK"), "JPEG", quality=98, subsampling=0))
    marker = data.index(b"Adobe")
    assert data[marker + 11] == 0
    data[marker + 11] = 2
    assert distance(decode(bytes(data)), picture) < 4


def test_sixteen_bits_keep_their_high_byte() -> None:
    values = np.array([[0, 255, 256, 0x7F80, 0xFFFF]], np.uint16)
    row = b"\x00" + values.astype(">u2").tobytes()
    assert decode(png(5, 1, 16, 0, row))[0, :, 0].tolist() == [0, 0, 1, 127, 255]
    rgb = np.array([[0x1234, 0xABCD, 0xFFFF], [0, 0x0100, 0x00FF]], np.uint16)
    row = b"\x00" + rgb.astype(">u2").tobytes()
    assert decode(png(2, 1, 16, 2, row)).tolist() == [[[0x12, 0xAB, 0xFF], [0, 1, 0]]]


def test_sixteen_bits_with_alpha_are_put_on_white() -> None:
    grey = np.array([[0x4000, 0], [0x4000, 0xFFFF]], ">u2")
    assert decode(png(2, 1, 16, 4, b"\x00" + grey.tobytes()))[0, :, 0].tolist() == [255, 0x40]
    rgba = np.array([[0x1000, 0x2000, 0x3000, 0], [0x1000, 0x2000, 0x3000, 0xFFFF]], ">u2")
    assert decode(png(2, 1, 16, 6, b"\x00" + rgba.tobytes())).tolist() == [[[255] * 3, [0x10, 0x20, 0x30]]]


def test_sixteen_bits_with_a_transparent_colour() -> None:
    grey = b"\x00" + np.array([0x1234, 0x5678], ">u2").tobytes()
    clear = png_chunk(b"tRNS", struct.pack(">H", 0x1234))
    assert decode(png(2, 1, 16, 0, grey, clear))[0, :, 0].tolist() == [255, 0x56]
    rgb = b"\x00" + np.array([0x1234, 0x1234, 0x1234, 0x5678, 0x5678, 0x5678], ">u2").tobytes()
    clear = png_chunk(b"tRNS", struct.pack(">HHH", 0x1234, 0x1234, 0x1234))
    assert decode(png(2, 1, 16, 2, rgb, clear)).tolist() == [[[255] * 3, [0x56] * 3]]


@pytest.mark.parametrize("depth", [2, 4])
def test_few_bits_of_grey_are_scaled(depth: int) -> None:
    top = 2**depth - 1
    row = b"\x00" + bytes([top << (8 - depth)])
    assert decode(png(2, 1, depth, 0, row))[0, :, 0].tolist() == [255, 0]


def test_interlaced_pictures_are_whole() -> None:
    """Adam7 by hand: Pillow does not write it."""
    rng = np.random.default_rng(3)
    for height, width in ((1, 1), (1, 9), (5, 3), (8, 8), (13, 17)):
        grey = rng.integers(0, 256, (height, width)).astype(np.uint8)
        passes = [grey[0::8, 0::8], grey[0::8, 4::8], grey[4::8, 0::4], grey[0::4, 2::4]]
        passes += [grey[2::4, 0::2], grey[0::2, 1::2], grey[1::2, :]]
        rows = b"".join(b"\x00" + row.tobytes() for part in passes if part.size for row in part)
        assert np.array_equal(decode(png(width, height, 8, 0, rows, interlaced=True))[..., 0], grey)
        if len(rows) > 2:
            with pytest.raises(ValueError, match="truncated"):
                decode(png(width, height, 8, 0, rows[:-1], interlaced=True))


# --- animations, polyglots ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    frames = [Image.fromarray(scene(16, 20, seed)) for seed in (1, 2, 3)]
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50, **options)
    assert np.array_equal(decode(data), np.array(frames[0]))


def test_bytes_after_the_picture_are_ignored() -> None:
    for kind in ("JPEG", "PNG"):
        data = encoded(scene(16, 16), kind)
        assert np.array_equal(decode(data + b"PK\x03\x04<script>alert(1)</script>" * 50), decode(data))


def test_a_process_wide_switch_cannot_let_half_pictures_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encoded(scene(64, 64), "JPEG")
    with pytest.raises(ValueError, match="truncated"):
        decode(data[: len(data) // 2])


def test_the_domain_imports_without_opencv_matplotlib_mxnet_and_boto3() -> None:
    code = (
        "import sys\n"
        "for name in ('cv2', 'matplotlib', 'mxnet', 'boto3'): sys.modules[name] = None\n"
        "import gluonship.vision.artifacts, gluonship.vision.datasets, gluonship.vision.evaluation\n"
        "import gluonship.vision.images, gluonship.vision.predictions, gluonship.vision.tasks\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
