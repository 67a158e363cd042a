import errno
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.acquire.image_files import plain_tiff, png_bytes, ramp

from fatescope.acquire import label_tiles, read_labels, write_labels
from fatescope.acquire.images import labels as module
from fatescope.base import FileFormatError, InputError, RunError, Spacing

SPACING = Spacing.of(source="user", T=1.5, Z=2.25, Y=0.1625, X=0.3)


def put(path, labels, axes, *, dtype="uint16", spacing=SPACING, blocks=None):
    given = labels if blocks is None else blocks
    write_labels(path, given, shape=labels.shape, axes=axes, dtype=dtype, spacing=spacing)
    return path


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32"])
@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        ("YX", (70, 90)),
        ("ZYX", (3, 70, 90)),
        ("TYX", (4, 200, 30)),
        ("TZYX", (2, 3, 65, 64)),
        ("TYX", (1, 9, 9)),
        ("YX", (1, 1)),
        ("TZYX", (1, 1, 5, 6)),
    ],
)
def test_labels_come_back_with_axes_spacing_and_type(tmp_path, axes, shape, dtype):
    labels = ramp(*shape, dtype=dtype)
    image = read_labels(put(tmp_path / "a.tif", labels, axes, dtype=dtype))
    assert (image.axes, image.shape, image.dtype) == (axes, shape, dtype)
    np.testing.assert_array_equal(image.read(), labels)
    assert image.spacing.um(axes) == SPACING.um(axes)
    assert image.spacing.interval_min == (1.5 if "T" in axes else None)


@given(value=st.floats(1e-3, 90))
@settings(max_examples=30)
def test_any_pixel_size_comes_back(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("labels") / "a.tif"
    put(path, np.ones((2, 2), np.uint8), "YX", spacing=Spacing.of(source="user", Y=value, X=value))
    np.testing.assert_allclose(read_labels(path).spacing.um("YX"), value, rtol=1e-7)


def test_an_unknown_spacing_stays_unknown(tmp_path):
    labels = np.ones((3, 4, 5), np.uint8)
    image = read_labels(put(tmp_path / "a.tif", labels, "TYX", spacing=Spacing()))
    assert image.spacing.steps == {}
    partly = Spacing.of(source="user", T=2.0)
    image = read_labels(put(tmp_path / "a.tif", labels, "TYX", spacing=partly))
    assert image.spacing.steps.keys() == {"T"}


def test_another_reader_sees_the_same(tmp_path):
    labels = ramp(2, 3, 65, 64)
    put(tmp_path / "a.tif", labels, "TZYX")
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.is_imagej
        assert tif.series[0].axes == "TZYX"
        np.testing.assert_array_equal(tif.asarray(), labels)
        meta = tif.imagej_metadata
        assert (meta["slices"], meta["frames"], meta["spacing"]) == (3, 2, 2.25)
        assert (meta["finterval"], meta["unit"]) == (90.0, "micron")
        assert not tif.pages[0].is_tiled, "ImageJ opens no tiles"


def test_bytes_depend_on_the_arguments_alone(tmp_path):
    labels = ramp(3, 200, 90)
    first = put(tmp_path / "a.tif", labels, "TYX").read_bytes()
    blocks = (labels[index] for index in label_tiles(labels.shape))
    as_blocks = put(tmp_path / "b.tif", labels, "TYX", blocks=blocks)
    wider = put(tmp_path / "c" / "c.tif", labels.astype(np.int64), "TYX")
    assert first == as_blocks.read_bytes() == wider.read_bytes()
    assert b"20" + b"26:" not in first, "no date"


def test_a_large_plane_is_tiled_and_streamed_in_bounded_memory(tmp_path):
    shape = (9000, 9000)  # 324 MB as uint32

    def block(index):
        rows, columns = (np.arange(s.start, s.stop) for s in index)
        return (rows[:, None] // 512 * 100 + columns // 512).astype(np.uint32)

    tracemalloc.start()
    write_labels(
        tmp_path / "a.tif",
        (block(index) for index in label_tiles(shape)),
        shape=shape,
        axes="YX",
        dtype=np.uint32,
        spacing=SPACING,
    )
    image = read_labels(tmp_path / "a.tif")
    part = image.read(Y=slice(8700, 9000), X=slice(500, 530))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(part, block((slice(8700, 9000), slice(500, 530))))
    assert peak < 40e6
    assert image.spacing.um("YX") == SPACING.um("YX")


WRONG = {
    "a block missing": ((ramp(64, 3) for _ in range(1)), (100, 3), "got no more blocks"),
    "a block too many": ((ramp(64, 3) for _ in range(9)), (128, 3), "more blocks"),
    "another shape": (ramp(5, 6), (6, 5), r"shape \(5, 6\) were announced as \(6, 5\)"),
    "fractions": (ramp(5, 6, dtype="float32"), (5, 6), "whole numbers; got float32"),
    "too large": (ramp(50, 60) + 10, (50, 60), "do not fit into uint8"),
    "negative": (ramp(5, 6).astype(int) - 1, (5, 6), "do not fit into uint8"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG.keys())
def test_labels_that_do_not_fit_leave_no_file(tmp_path, case):
    blocks, shape, message = case
    with pytest.raises(InputError, match=message):
        write_labels(
            tmp_path / "a.tif", blocks, shape=shape, axes="YX", dtype="uint8", spacing=Spacing()
        )
    assert list(tmp_path.iterdir()) == []


def test_axes_and_types_that_labels_cannot_have_are_refused(tmp_path):
    with pytest.raises(InputError, match="axes out of TZYX"):
        put(tmp_path / "a.tif", ramp(2, 3, 4), "CYX")
    with pytest.raises(InputError, match="uint8, uint16 or uint32; got int32"):
        put(tmp_path / "a.tif", ramp(3, 4), "YX", dtype="int32")


def test_a_full_disk_leaves_the_older_file_and_one_sentence(tmp_path, monkeypatch):
    path = put(tmp_path / "a.tif", ramp(5, 6), "YX")
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tifffile.TiffWriter, "write", full)
    with pytest.raises(RunError, match=r"a\.tif: cannot be written: no space is left on the disk"):
        put(path, ramp(5, 7), "YX")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_the_system_says_when_the_disk_is_full(tmp_path, monkeypatch):
    from fatescope.storage import files

    part = tmp_path / f".x{files.PART_SUFFIX}"
    part.symlink_to("/dev/full")
    monkeypatch.setattr(files.secrets, "token_hex", lambda _: "x")
    with pytest.raises(RunError, match="no space is left"):
        put(tmp_path / "a.tif", ramp(500, 600), "YX")


def test_labels_of_other_programs_are_read(tmp_path):
    labels = ramp(20, 30)
    (tmp_path / "a.png").write_bytes(png_bytes(labels))
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png").read(), labels)
    plain_tiff(tmp_path / "a.tif", labels.astype(np.int32))
    np.testing.assert_array_equal(read_labels(tmp_path / "a.tif").read(), labels)


def test_images_that_are_no_labels_are_refused(tmp_path):
    plain_tiff(tmp_path / "a.tif", ramp(20, 30, dtype="float32"))
    with pytest.raises(FileFormatError, match=r"a\.tif: holds float32, and labels are whole"):
        read_labels(tmp_path / "a.tif")
    colours = np.stack([ramp(20, 30, dtype="uint8"), ramp(20, 30, dtype="uint8") + 1] * 2, -1)
    (tmp_path / "a.png").write_bytes(png_bytes(colours[..., :3]))
    with pytest.raises(FileFormatError, match="3 channels, and a label image has one"):
        read_labels(tmp_path / "a.png")


def test_blocks_cover_every_pixel_once(monkeypatch):
    monkeypatch.setattr(module, "_STRIPED_PIXELS", 1000)
    for shape in [(20, 30), (700, 1100), (2, 600, 513)]:
        seen = np.zeros(shape, int)
        for index in label_tiles(shape):
            seen[index] += 1
        assert (seen == 1).all()
