import struct
import zlib

import numpy as np
import PIL.Image
import pytest
from tests.acquire.image_files import png_bytes, ramp

from fatescope.acquire import check_image, read_image, read_labels
from fatescope.base import FileFormatError

GREY = ramp(16, 16, dtype="uint8")
CASES = {
    # bytes by Pillow, axes, what is read
    "8 bit": (png_bytes(GREY), "YX", GREY),
    "16 bit": (png_bytes(GREY.astype(np.uint16) * 257), "YX", GREY.astype(np.uint16) * 257),
    "1 bit": (png_bytes(GREY > 99), "YX", (GREY > 99) * np.uint8(255)),
    "grey with alpha": (png_bytes(GREY, "LA"), "YX", GREY),
    "RGB, equal": (png_bytes(GREY, "RGB"), "YX", GREY),
    "RGBA, equal": (png_bytes(GREY, "RGBA"), "YX", GREY),
    "palette of greys": (png_bytes(GREY, "P"), "YX", GREY),
    "palette with transparency": (png_bytes(GREY, "P", transparency=3), "YX", GREY),
    "grey with a transparent value": (png_bytes(GREY, transparency=3), "YX", GREY),
    "RGB": (
        png_bytes(np.stack([GREY, GREY.T, GREY], -1)),
        "CYX",
        np.stack([GREY, GREY.T, GREY]),
    ),
    "one pixel": (png_bytes(GREY[:1, 5:6]), "YX", GREY[:1, 5:6]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_png_of_every_kind(tmp_path, case):
    data, axes, wanted = case
    path = tmp_path / "a.png"
    path.write_bytes(data)
    image = read_image(path)
    assert (image.axes, image.shape, image.dtype) == (axes, wanted.shape, wanted.dtype)
    np.testing.assert_array_equal(image.read(), wanted)
    assert image.spacing.steps == {}


def test_a_coloured_palette_gives_channels(tmp_path):
    colours = np.stack([GREY, GREY[::-1], GREY.T], -1)
    pixels = PIL.Image.fromarray(colours).quantize(16)
    pixels.save(tmp_path / "a.png", bits=4)
    image = read_image(tmp_path / "a.png")
    assert image.channels == ("red", "green", "blue")
    wanted = np.asarray(pixels.convert("RGB")).transpose(2, 0, 1)
    np.testing.assert_array_equal(image.read(), wanted)


def test_pixels_are_decoded_only_when_asked_for(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(GREY)[:-30])  # the header is whole, the pixels are not
    image = read_image(path)
    assert image.shape == (16, 16)
    with pytest.raises(FileFormatError, match=r"a\.png: is not a complete PNG.*again"):
        image.read()


def test_a_cut_off_header_is_named(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(GREY)[:20])
    with pytest.raises(FileFormatError, match=r"a\.png: is cut off in its header"):
        read_image(path)


def test_jpeg_is_read_and_a_cut_one_is_named(tmp_path):
    smooth = np.add.outer(np.arange(32), np.arange(32)).astype(np.uint8) * 4
    PIL.Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    image = read_image(tmp_path / "a.jpg")
    assert (image.axes, image.shape) == ("YX", (32, 32))
    assert np.abs(image.read().astype(int) - smooth).max() < 8
    PIL.Image.fromarray(smooth).convert("RGB").save(tmp_path / "rgb.jpg", quality=95)
    assert read_image(tmp_path / "rgb.jpg").axes == "YX"
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:100])
    with pytest.raises(FileFormatError, match=r"cut\.jpg: .*JPEG"):
        read_image(tmp_path / "cut.jpg").read()


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("mode", ["P", "L"])
def test_labels_are_the_numbers_of_a_png_and_not_their_colours(tmp_path, bits, mode):
    labels = (GREY & (2**bits - 1)).astype(np.uint8)
    pixels = PIL.Image.fromarray(labels)
    if mode == "P":
        pixels = PIL.Image.fromarray(labels, "P")
        pixels.putpalette(np.random.default_rng(0).integers(0, 255, 768).astype(np.uint8).tobytes())
        pixels.save(tmp_path / "a.png", bits=bits, transparency=0)
    else:
        rows = np.unpackbits(labels[..., None], axis=2)[..., 8 - bits :].reshape(16, -1)
        packed = np.packbits(rows, axis=1)
        (tmp_path / "a.png").write_bytes(grey_png(packed, bits))
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png").read(), labels)


def grey_png(rows, bits):
    """Return a PNG of packed rows of grey."""

    def chunk(name, data):
        whole = name + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", 8 * rows.shape[1] // bits, len(rows), bits, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_transparency_that_varies_is_said_to_be_left_out(tmp_path):
    PIL.Image.fromarray(np.stack([GREY, 255 - GREY], -1), "LA").save(tmp_path / "a.png")
    assert "left-out" in {f.rule for f in check_image(read_image(tmp_path / "a.png"))}
    (tmp_path / "b.png").write_bytes(png_bytes(GREY, "LA"))
    assert "left-out" not in {f.rule for f in check_image(read_image(tmp_path / "b.png"))}
