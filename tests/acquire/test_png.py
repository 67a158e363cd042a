import numpy as np
import PIL.Image
import pytest
from tests.acquire.image_files import png_bytes, ramp

from fatescope.acquire import read_image
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
