"""Stills as cameras and printing programs leave them: the right pixels, or a sentence."""

import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile

from fatescope.acquire import check_image, read_image
from fatescope.base import FileFormatError

COLOUR = np.full((32, 48, 3), (200, 60, 30), np.uint8)
COLOUR[:10, :20] = (10, 220, 60)
EXIF = b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHIHH", 274, 3, 1, 6, 0) + bytes(4)
INKS = np.dstack([255 - COLOUR, np.zeros((32, 48), np.uint8)])


def jpeg(path, pixels, exif=b"", **how):
    content = bytes(imagecodecs.jpeg_encode(pixels, level=95, **how))
    block = b"Exif\0\0" + exif
    app = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block if exif else b""
    path.write_bytes(content[:2] + app + content[2:])
    return path


def png(path, pixels, exif=b""):
    content = bytes(imagecodecs.png_encode(pixels))
    chunk = struct.pack(">I", len(exif)) + b"eXIf" + exif
    chunk += struct.pack(">I", zlib.crc32(b"eXIf" + exif))
    path.write_bytes(content[:33] + (chunk if exif else b"") + content[33:])
    return path


def tiff(path, pixels, photometric="rgb", orientation=None):
    tags = [(274, "H", 1, orientation, True)] if orientation else []
    tifffile.imwrite(path, pixels, photometric=photometric, extratags=tags, metadata=None)
    return path


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
def test_a_still_that_asks_to_be_turned_is_read_as_stored_and_said(tmp_path, ending):
    if ending == "tif":
        plain, turned = (tiff(tmp_path / f"{n}.tif", COLOUR, orientation=n) for n in (1, 6))
    else:
        write = {"jpg": jpeg, "png": png}[ending]
        plain = write(tmp_path / f"1.{ending}", COLOUR)
        turned = write(tmp_path / f"6.{ending}", COLOUR, EXIF)
    image = read_image(turned)
    np.testing.assert_array_equal(image.read(), read_image(plain).read())
    assert [f.rule for f in check_image(read_image(plain))] == ["no-scale"]
    said = [f.reason for f in check_image(image) if f.rule == "left-out"]
    assert len(said) == 1
    assert "orientation 6" in said[0]


@pytest.mark.parametrize("kind", ["jpeg of inks", "separated", "ycbcr", "cielab"])
def test_samples_that_are_not_red_green_and_blue_are_refused_unless_asked_for(tmp_path, kind):
    if kind == "jpeg of inks":
        path = jpeg(tmp_path / "a.jpg", INKS, colorspace="CMYK", outcolorspace="CMYK")
    else:
        path = tiff(tmp_path / "a.tif", INKS if kind == "separated" else COLOUR, kind)
    with pytest.raises(FileFormatError, match=r"not red, green and blue\. Save it as RGB or grey"):
        read_image(path)
    axes = "CYX" if kind == "jpeg of inks" else "YXC"
    if kind == "jpeg of inks":
        assert read_image(path, axes=axes).shape[0] == 4


def test_a_tiff_that_packs_colours_by_jpeg_is_read_as_red_green_and_blue(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", COLOUR, photometric="rgb", compression="jpeg", metadata=None
    )
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert int(tif.pages.first.photometric) == 6
    np.testing.assert_allclose(
        read_image(tmp_path / "a.tif").read()[:, 25, 40], (200, 60, 30), atol=4
    )
