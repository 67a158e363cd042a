"""Formats that are not read: nothing is passed over in silence."""

import io

import numpy as np
import pytest
from tests.acquire.image_files import plain_tiff, ramp

from fatescope.acquire import find_images, read_image
from fatescope.base import FileFormatError

BINARY = bytes(range(128, 255))


def npy():
    stream = io.BytesIO()
    np.save(stream, ramp(4, 5))
    return stream.getvalue()


FOREIGN = {
    # name, content, what the sentence says
    "oir": ("a.oir", BINARY, "is an Olympus OIR file.*OME-TIFF"),
    "vsi": ("a.VSI", BINARY, "is an Olympus VSI file"),
    "nd2 by content": ("a.tif", b"\xda\xce\xbe\x0a" + BINARY, "is damaged or incomplete"),
    "svs": ("a.svs", BINARY, "is an Aperio slide"),
    "MetaImage": ("a.mha", b"ObjectType = Image\n", "is a MetaImage file.*OME-TIFF"),
    "two endings": ("a.nii.gz", b"\x1f\x8b" + BINARY, "is a NIfTI file"),
    "packed": ("a.TIF.gz", b"\x1f\x8b" + BINARY, "is a compressed TIFF.*Unpack"),
    "movie": ("a.mkv", b"\x1a\x45\xdf\xa3" + BINARY, "is a Matroska movie.*MP4"),
    "npy": ("a.npy", npy(), "is a NumPy array.*Save it as TIFF"),
}


@pytest.mark.parametrize("case", FOREIGN.values(), ids=FOREIGN)
def test_a_format_that_is_not_read_is_named_with_the_way_out(tmp_path, case):
    name, content, message = case
    (tmp_path / name).write_bytes(content)
    (file,) = find_images([tmp_path])
    assert file.key == "a"
    with pytest.raises(FileFormatError, match=message):
        read_image(file)


def test_a_slide_that_is_a_tiff_inside_is_read(tmp_path):
    plain_tiff(tmp_path / "a.svs", ramp(4, 5))
    (file,) = find_images([tmp_path])
    np.testing.assert_array_equal(read_image(file).read(), ramp(4, 5))


def test_bytes_that_are_no_text_are_not_quoted(tmp_path):
    (tmp_path / "a.data").write_bytes(BINARY)
    with pytest.raises(FileFormatError) as caught:
        read_image(tmp_path / "a.data")
    assert "begins" not in str(caught.value)
