"""CONTRACT, bad input, as far as it concerns images: a value, one sentence, or a finding."""

import os
import struct
import zipfile

import numpy as np
import pytest
import tifffile
from tests.acquire.image_files import ome_tiff, plain_tiff, png_bytes, ramp

from fatescope.acquire import check_image, check_pixels, find_images, gauged, read_image
from fatescope.base import FileFormatError, Image


def as_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")


def zero_sized(path):
    """Write a TIFF whose width is 0: no program should, some do."""
    entries = [(256, 4, 1, 0), (257, 4, 1, 5), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 200), (277, 3, 1, 1), (278, 4, 1, 5), (279, 4, 1, 0)]
    body = b"".join(struct.pack("<HHII", *e) for e in entries)
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(300))


UNREADABLE = {
    # how the file comes about, what the sentence says
    "empty": (lambda p: p.write_bytes(b""), r"a\.tif: is empty \(0 bytes\)"),
    "text": (lambda p: p.write_text("area,label\n1,2\n"), r"not an image .*'area,lab'"),
    "zip": (as_zip, r"is a ZIP archive, whatever its name says"),
    "hdf5": (
        lambda p: p.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99)),
        r"is damaged or incomplete",
    ),
    "zeros": (lambda p: p.write_bytes(bytes(99)), r"not an image"),
    "only the magic": (lambda p: p.write_bytes(b"II*\0"), r"not a complete TIFF"),
    "pointing outside": (lambda p: p.write_bytes(b"II*\0\xff\xff\xff\x7f"), r"holds no complete"),
    "zero-sized axis": (zero_sized, r"a\.tif: .*(no pixels|complete)"),
    "folder": (lambda p: p.mkdir(), r"a\.tif: is a folder"),
    "missing": (lambda p: None, r"a\.tif: cannot be read: there is no such file"),
    "link to itself": (lambda p: p.symlink_to(p), r"a\.tif: cannot be read: its links point"),
    "broken link": (lambda p: p.symlink_to("nowhere"), r"there is no such file"),
    "pipe": (os.mkfifo, r"is a device or pipe"),
}


@pytest.mark.parametrize("case", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_one_sentence_about_the_file(tmp_path, case):
    make, message = case
    make(tmp_path / "a.tif")
    with pytest.raises(FileFormatError, match=message) as caught:
        read_image(tmp_path / "a.tif").read()
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_file_is_read_by_its_content_not_its_name(tmp_path):
    (tmp_path / "a.tif").write_bytes(png_bytes(ramp(4, 5, dtype="uint8")))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").read(), ramp(4, 5))


def test_a_name_with_a_newline_stays_on_one_line(tmp_path):
    with pytest.raises(FileFormatError, match=r"a\\nb\.tif: ") as caught:
        read_image(tmp_path / "a\nb.tif")
    assert "\n" not in str(caught.value)


def test_a_file_without_permission_is_named(tmp_path):
    path = plain_tiff(tmp_path / "a.tif", ramp(4, 5))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(FileFormatError, match="permission is denied"):
        read_image(path)


def test_one_pixel_is_a_image(tmp_path):
    image = read_image(plain_tiff(tmp_path / "a.tif", np.full((1, 1), 7, np.uint16)))
    assert image.read().tolist() == [[7]]


def test_five_dimensions_are_kept(tmp_path):
    image = read_image(ome_tiff(tmp_path / "a.tif", ramp(2, 2, 2, 4, 5), "TCZYX"))
    assert image.shape == (2, 2, 2, 4, 5)


def test_six_dimensions_are_refused_with_the_flag(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ramp(2, 2, 2, 2, 4, 5), metadata={"axes": "QTCZYX"})
    with pytest.raises(FileFormatError, match=r"2 x 2 x 2 x 2 x 4 x 5.*--axes"):
        read_image(path)


EIGHT = np.arange(100, dtype=np.uint8).reshape(10, 10)
BRIGHT = np.where(EIGHT > 80, 255, EIGHT).astype(np.uint8)
TWELVE = np.where(EIGHT > 80, 4095, EIGHT.astype(np.uint16) * 10).astype(np.uint16)
BROKEN = EIGHT.astype(np.float32)
BROKEN[0, :3] = np.nan, np.inf, -np.inf
PLANES = {
    # pixels, rules found
    "ordinary": (EIGHT, []),
    "all black": (np.zeros((9, 9), np.uint16), ["empty"]),
    "black, float": (np.zeros((9, 9), np.float32), ["empty"]),
    "constant": (np.full((9, 9), 37, np.uint8), ["constant"]),
    "all at the end": (np.full((9, 9), 255, np.uint8), ["constant", "saturated"]),
    "8 bit saturated": (BRIGHT, ["saturated"]),
    "12 bit in 16": (TWELVE, ["saturated"]),
    "one bright pixel": (np.where(EIGHT == 99, 255, EIGHT).astype(np.uint8), []),
    "NaN and infinity": (BROKEN, ["not-finite"]),
    "only NaN": (np.full((9, 9), np.nan), ["not-finite"]),
    "boolean": (EIGHT > 50, []),
    "boolean, all off": (EIGHT > 200, ["empty"]),
    "signed": (EIGHT.astype(np.int16) - 50, []),
    "64 bit": (EIGHT.astype(np.int64) * 10**12, []),
    "0 and 1": ((EIGHT > 50).astype(np.uint8), []),
    "a single pixel": (np.full((1, 1), 9, np.uint8), ["constant"]),
}


def judged(pixels):
    """Return what is said of a plane after it was read, in the frame 3 of a movie."""
    movie = gauged(Image(pixels=np.stack([pixels] * 4), axes="TYX", name="a.tif"))
    movie.read(T=3)
    return check_pixels(movie)


@pytest.mark.parametrize("case", PLANES.values(), ids=PLANES.keys())
def test_pixels_are_judged(case):
    pixels, rules = case
    found = judged(pixels)
    assert sorted(f.rule for f in found) == sorted(rules)
    assert all(f.frame == 3 and f.file == "a.tif" and f.reason.endswith(".") for f in found)


def test_only_nan_is_an_error_and_counts_are_given():
    assert judged(np.full((2, 2), np.nan))[0].severity == "error"
    finding = judged(BROKEN)[0]
    assert (finding.value, finding.severity) == (3.0, "warning")


def test_saturation_is_measured_as_a_share():
    finding = judged(BRIGHT)[0]
    assert (finding.value, finding.limit) == (0.19, 0.01)


def test_odd_axes_are_a_finding():
    image = Image(pixels=np.zeros((2000, 4, 5), np.uint8), axes="ZYX", name="a.tif")
    assert "odd-axes" in [f.rule for f in check_image(image)]
    image = Image(pixels=np.zeros((4, 2000, 50), np.uint8), axes="ZYX", name="a.tif")
    assert "odd-axes" not in [f.rule for f in check_image(image)]


def test_a_spacing_given_by_the_user_silences_the_missing_scale():
    from fatescope.base import Spacing

    image = Image(
        pixels=EIGHT, axes="YX", spacing=Spacing.of(source="user", Y=0.2, X=0.2), name="a"
    )
    assert check_image(image) == []
    assert [f.rule for f in check_image(Image(pixels=EIGHT, axes="YX"))] == ["no-scale"]


def test_one_bad_file_among_many_is_listed_and_fails_alone(tmp_path):
    for i in range(3):
        plain_tiff(tmp_path / f"{i}.tif", ramp(4, 5))
    (tmp_path / "1.tif").write_bytes(b"")
    (tmp_path / "3.tif").symlink_to(tmp_path / "gone.tif")
    outcomes = []
    for file in find_images([tmp_path, tmp_path / "missing.tif"]):
        try:
            read_image(file).read()
            outcomes.append((file.key, "read"))
        except FileFormatError as error:
            outcomes.append((file.key, str(error).split(": ", 1)[1][:8]))
    assert outcomes == [
        ("0", "read"),
        ("1", "is empty"),
        ("2", "read"),
        ("3", "cannot b"),
        ("missing", "cannot b"),
    ]
