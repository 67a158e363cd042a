"""OME-Zarr in and out; the oracles are zarr itself and the models of the specification."""

from __future__ import annotations

import json
import shutil
import tracemalloc

import numpy as np
import pytest
import zarr
from tests.acquire.image_files import ramp

from fatescope.acquire import (
    find_images,
    label_tiles,
    read_image,
    read_labels,
    write_labels,
)
from fatescope.acquire.images import labels as labels_module
from fatescope.acquire.images import zarr_labels
from fatescope.base import FileFormatError, InputError, RunError, Spacing
from fatescope.storage import hash_path

SPACING = Spacing.of(source="user", T=1.5, Z=2.25, Y=0.1625, X=0.3)


def put(path, labels, axes, *, dtype="uint16", spacing=SPACING, blocks=None):
    given = labels if blocks is None else blocks
    write_labels(path, given, shape=labels.shape, axes=axes, dtype=dtype, spacing=spacing)
    return path


def ome_zarr(path, pixels, axes, scale, *, version, units=None, channels=(), extra=None):
    """Write what another program would, from the text of the specification."""
    v3 = version == "0.5"
    group = zarr.create_group(path, zarr_format=3 if v3 else 2)
    kinds = {"t": "time", "c": "channel"}
    units = units or {}
    described = [
        {"name": a, "type": kinds.get(a, "space"), **({"unit": units[a]} if a in units else {})}
        for a in axes
    ]
    transform = [{"type": "scale", "scale": scale}]
    multiscale = {
        "axes": described,
        "datasets": [{"path": "s0", "coordinateTransformations": transform}],
        **({} if v3 else {"version": version}),
        **(extra or {}),
    }
    attributes = {"multiscales": [multiscale]}
    if channels:
        attributes["omero"] = {"channels": [{"label": c} for c in channels]}
    group.attrs.update({"ome": {"version": version, **attributes}} if v3 else attributes)
    chunks = tuple(min(n, 8) for n in pixels.shape)
    group.create_array("s0", data=pixels, chunks=chunks)
    return path


UNITS = {"t": "second", "z": "micrometer", "y": "nanometer", "x": "nanometer"}


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_an_image_of_another_program_is_read_with_axes_scale_and_channels(tmp_path, version):
    pixels = ramp(2, 2, 3, 20, 30)
    path = ome_zarr(
        tmp_path / "a.zarr",
        pixels,
        "tczyx",
        [90.0, 1.0, 2.0, 200.0, 250.0],
        version=version,
        units=UNITS,
        channels=["H2B", "membrane"],
    )
    image = read_image(path)
    assert (image.axes, image.shape, image.dtype) == ("TCZYX", pixels.shape, pixels.dtype)
    assert image.channels == ("H2B", "membrane")
    assert image.spacing.um("ZYX") == (2.0, 0.2, 0.25)
    assert image.spacing.interval_min == 1.5
    assert image.spacing.steps["X"].source == "file"
    np.testing.assert_array_equal(image.read(), pixels)
    part = image.read(T=1, C=0, Z=2, Y=slice(5, 19), X=slice(7, 30))
    np.testing.assert_array_equal(part, pixels[1, 0, 2, 5:19, 7:30])


def test_scales_multiply_and_a_step_without_a_unit_is_unknown(tmp_path):
    both = {"coordinateTransformations": [{"type": "scale", "scale": [60.0, 0.5, 0.5]}]}
    path = ome_zarr(
        tmp_path / "a.zarr", ramp(3, 9, 9), "tyx", [1.0, 0.5, 0.5], version="0.4", extra=both,
        units={"y": "micrometer", "x": "micrometer"},
    )  # fmt: skip
    assert read_image(path).spacing.um("YX") == (0.25, 0.25)
    assert read_image(path).spacing.interval_min is None


def test_a_path_that_is_a_number_is_the_name_of_a_folder(tmp_path):
    """So ez_zarr writes it; the specification wants text."""
    path = ome_zarr(tmp_path / "a.zarr", ramp(4, 5), "yx", [1.0, 1.0], version="0.4")
    (path / "s0").rename(path / "0")
    attributes = json.loads((path / ".zattrs").read_text())
    attributes["multiscales"][0]["datasets"][0]["path"] = 0
    (path / ".zattrs").write_text(json.dumps(attributes))
    np.testing.assert_array_equal(read_image(path).read(), ramp(4, 5))


def test_other_orders_of_axes_are_sorted(tmp_path):
    pixels = ramp(5, 6, 7)
    path = ome_zarr(tmp_path / "a.zarr", pixels, "xyz", [1.0] * 3, version="0.4")
    image = read_image(path)
    assert image.axes == "ZYX"
    np.testing.assert_array_equal(image.read(), pixels.transpose(2, 1, 0))


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_plain_array_needs_its_axes(tmp_path, zarr_format):
    pixels = ramp(4, 20, 30)
    zarr.create_array(tmp_path / "a.zarr", data=pixels, chunks=(2, 7, 9), zarr_format=zarr_format)
    with pytest.raises(FileFormatError, match=r"a\.zarr: .*--axes TYX or --axes ZYX"):
        read_image(tmp_path / "a.zarr")
    image = read_image(tmp_path / "a.zarr", axes="ZYX")
    assert image.axes == "ZYX"
    np.testing.assert_array_equal(image.read(), pixels)
    zarr.create_array(tmp_path / "b.zarr", data=pixels[0], zarr_format=zarr_format)
    assert read_image(tmp_path / "b.zarr").axes == "YX"


def test_names_of_dimensions_are_axes(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", data=ramp(4, 9, 8), dimension_names=["t", "y", "x"])
    assert read_image(tmp_path / "a.zarr").axes == "TYX"


def test_only_the_chunks_asked_for_are_read(tmp_path):
    path = ome_zarr(tmp_path / "a.zarr", ramp(20, 30), "yx", [1.0, 1.0], version="0.5")
    for chunk in (path / "s0" / "c" / "2").iterdir():
        chunk.write_bytes(b"damaged")
    image = read_image(path)
    assert image.read(Y=slice(0, 16)).shape == (16, 30)
    with pytest.raises(FileFormatError, match=r"a\.zarr: chunk 2/0 is damaged .*Copy the folder"):
        image.read(Y=slice(16, 20))


def test_an_image_larger_than_memory_is_read_in_parts(tmp_path):
    zarr.create_array(
        tmp_path / "a.zarr", shape=(100_000, 100_000), chunks=(512, 512), dtype="uint16"
    )
    tracemalloc.start()
    image = read_image(tmp_path / "a.zarr")
    assert image.read(Y=slice(90_000, 90_600), X=slice(0, 3000)).sum() == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6


def damaged(path, how):
    if how == "no metadata":
        (path / "zarr.json").unlink()
    elif how == "no text":
        (path / "zarr.json").write_bytes(b"{\x00")
    elif how == "no array":
        shutil.rmtree(path / "s0")
    else:
        record = json.loads((path / "zarr.json").read_text())
        ome = record["attributes"]["ome"]
        if how == "no image":
            del ome["multiscales"]
        elif how == "no axes":
            del ome["multiscales"][0]["axes"]
        elif how == "axes missing":
            ome["multiscales"][0]["axes"].pop()
            ome["multiscales"][0]["datasets"][0]["coordinateTransformations"] = []
        elif how == "outside":
            ome["multiscales"][0]["datasets"][0]["path"] = "../b.zarr/s0"
        elif how == "several":
            ome["multiscales"] *= 2
        elif how == "plate":
            record["attributes"]["ome"] = {"plate": {}}
        (path / "zarr.json").write_text(json.dumps(record))


DAMAGE = {
    "no metadata": r"lacks its Zarr metadata",
    "no text": r"its zarr\.json is damaged",
    "no array": r"the array 's0' that its metadata name cannot be opened",
    "no image": r"is a Zarr group without the image metadata of OME-Zarr",
    "no axes": r"is a Zarr group without the image metadata of OME-Zarr",
    "axes missing": r"describes 1 axes and stores an array of shape",
    "outside": r"its pixels lie outside it",
    "several": r"holds 2 images",
    "plate": r"is a plate or well",
}


@pytest.mark.parametrize(("how", "sentence"), DAMAGE.items(), ids=DAMAGE.keys())
def test_a_damaged_image_is_one_sentence(tmp_path, how, sentence):
    path = ome_zarr(tmp_path / "a.zarr", ramp(20, 30), "yx", [1.0, 1.0], version="0.5")
    damaged(path, how)
    with pytest.raises(FileFormatError, match=rf"a\.zarr: {sentence}") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


def test_values_that_are_no_intensities_are_refused(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", data=np.zeros((4, 4), complex))
    with pytest.raises(FileFormatError, match="complex128, which are not intensities"):
        read_image(tmp_path / "a.zarr")


def test_a_zarr_folder_is_one_image_and_is_not_searched(tmp_path):
    for name in ("b.ome.zarr", "inside/c.zarr", "inside/named"):
        ome_zarr(tmp_path / "in" / name, ramp(9, 9), "yx", [1.0, 1.0], version="0.5")
    (tmp_path / "in" / "empty.zarr").mkdir()
    assert [f.key for f in find_images([tmp_path / "in"])] == [
        *("b", "empty", "inside/c", "inside/named")
    ]
    assert [f.key for f in find_images([tmp_path / "in" / "b.ome.zarr"])] == ["b"]


def test_one_series_of_bioformats2raw_is_read_and_several_are_named(tmp_path):
    root = tmp_path / "a.zarr"
    group = zarr.create_group(root, zarr_format=2)
    group.attrs["bioformats2raw.layout"] = 3
    ome_zarr(root / "0", ramp(9, 9), "yx", [1.0, 1.0], version="0.4")
    assert read_image(root).shape == (9, 9)
    ome_zarr(root / "1", ramp(9, 9), "yx", [1.0, 1.0], version="0.4")
    with pytest.raises(FileFormatError, match=r"several images .*a\.zarr/0"):
        read_image(root)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32"])
@pytest.mark.parametrize(
    ("axes", "shape"),
    [("YX", (70, 90)), ("ZYX", (3, 70, 90)), ("TZYX", (2, 3, 65, 64)), ("TYX", (1, 1, 1))],
)
def test_labels_come_back_with_axes_spacing_and_type(tmp_path, axes, shape, dtype):
    labels = ramp(*shape, dtype=dtype)
    image = read_labels(put(tmp_path / "a.ome.zarr", labels, axes, dtype=dtype))
    assert (image.axes, image.shape, image.dtype) == (axes, shape, dtype)
    np.testing.assert_array_equal(image.read(), labels)
    assert image.spacing.um(axes) == SPACING.um(axes)
    assert image.spacing.interval_min == (1.5 if "T" in axes else None)


def test_labels_follow_the_specification_and_zarr_reads_the_pyramid(tmp_path):
    v05 = pytest.importorskip("ome_zarr_models.v05")
    labels = ramp(2, 2500, 1300)
    path = put(tmp_path / "a.ome.zarr", labels, "TYX")
    group = zarr.open_group(path, mode="r")
    model = v05.ImageLabel.from_zarr(group)
    multiscale = model.attributes.ome.multiscales[0]
    assert [(a.name, a.type, a.unit) for a in multiscale.axes] == [
        ("t", "time", "minute"),
        ("y", "space", "micrometer"),
        ("x", "space", "micrometer"),
    ]
    scales = [d.coordinateTransformations[0].scale for d in multiscale.datasets]
    assert scales == [[1.5, 0.1625 * k, 0.3 * k] for k in (1, 2, 4)]
    for level in range(3):
        step = 2**level
        np.testing.assert_array_equal(group[str(level)][:], labels[:, ::step, ::step])


def test_an_unknown_spacing_stays_unknown(tmp_path):
    path = put(tmp_path / "a.zarr", np.ones((3, 4, 5), np.uint8), "TYX", spacing=Spacing())
    assert read_labels(path).spacing.steps == {}


def test_bytes_depend_on_the_arguments_alone(tmp_path, monkeypatch):
    labels = ramp(3, 1500, 90)
    first = hash_path(put(tmp_path / "a.zarr", labels, "TYX"))
    blocks = (labels[index] for index in label_tiles(labels.shape))
    assert hash_path(put(tmp_path / "b.zarr", labels, "TYX", blocks=blocks)) == first
    monkeypatch.setattr(labels_module, "_STRIPED_PIXELS", 1000)  # tiles instead of bands
    tiles = (labels[index] for index in label_tiles(labels.shape))
    assert hash_path(put(tmp_path / "c.zarr", labels, "TYX", blocks=tiles)) == first


def test_a_large_plane_is_written_in_bounded_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(zarr_labels, "CHUNK", 512)
    shape = (9000, 9000)  # 324 MB as uint32
    blocks = (
        np.full([s.stop - s.start for s in index], i, np.uint32)
        for i, index in enumerate(label_tiles(shape))
    )
    tracemalloc.start()
    write_labels(
        tmp_path / "a.zarr", blocks, shape=shape, axes="YX", dtype="uint32", spacing=SPACING
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6
    assert read_labels(tmp_path / "a.zarr").read(Y=8999, X=8999) == 18 * 18 - 1


def test_labels_that_do_not_fit_leave_the_older_folder(tmp_path):
    path = put(tmp_path / "a.zarr", ramp(5, 6), "YX")
    before = hash_path(path)
    with pytest.raises(InputError, match="do not fit into uint8"):
        put(path, ramp(50, 60) + 10, "YX", dtype="uint8")
    assert hash_path(path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]
    put(path, ramp(5, 7), "YX")
    assert read_labels(path).shape == (5, 7)
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RunError, match=r"a\.zarr: cannot be written"):
        put(tmp_path / "file" / "a.zarr", ramp(5, 6), "YX")
