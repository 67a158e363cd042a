"""Slices of volumes: the right frame and plane, one grid, lossless, divided by time."""

import csv
import hashlib

import numpy as np
import pytest
import scipy.io

from fatescope.acquire import read_image, read_labels, read_markers
from fatescope.base import Execution, InputError, RunError
from fatescope.prepare import (
    SliceSettings,
    labels_on_grid,
    parts_of_embryo,
    read_plane_name,
    read_samples,
)
from fatescope.systems.membranes.slices import prepare_slices

ALONE = Execution(workers=1)
TIMES = (3, 9, 15, 21, 27)


def embryo(time, shape=(20, 24, 7)):
    """A volume whose values say its time and plane, and labels on a finer grid along z."""
    rows, columns, planes = shape
    raw = np.zeros(shape, np.uint8)
    raw += np.arange(planes, dtype=np.uint8)
    raw[0, 0] = 100 + time
    labels = np.zeros((rows, columns, 2 * planes), np.uint16)
    labels[4:10, 4:20, 2:-2] = 1
    labels[11:16, 4:20, 2:-2] = 300
    return raw, labels


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "three d"
    for part in ("raw", "labels", "nuclei"):
        (folder / part).mkdir(parents=True)
    for time in TIMES:
        raw, labels = embryo(time)
        scipy.io.savemat(folder / "raw" / f"membt{time:03d}.mat", {"embryo": raw})
        scipy.io.savemat(folder / "labels" / f"T{time:03d}_membSeg.mat", {"membSeg": labels})
    rows = ["cell,time,z,x,y", "ABa,3,5.0,21.0,13.0", "ABp,9,1.0,2.0,4.0", "MS,4,1.0,1.0,1.0"]
    (folder / "nuclei" / "nuclei.csv").write_text("\n".join(rows) + "\n")
    return folder


def settings(**changes):
    return SliceSettings(embryo="e7", validation=0.2, test=0.2, guard_frames=2).replace(**changes)


def test_a_name_read_back_leads_to_its_frame_and_plane(folder, tmp_path):
    out = tmp_path / "out"
    summary = prepare_slices(folder, out=out, settings=settings(), execution=ALONE)
    assert summary.units_done == len(TIMES)
    samples = read_samples(out, splits=("train", "validation", "test", "unused"))
    assert len(samples) == len(TIMES) * 7
    for sample in samples:
        name, time, plane = read_plane_name(sample.image.stem)
        assert (name, time, plane) == (sample.embryo, sample.time, sample.plane)
        raw, labels = embryo(time)
        pixels = read_image(sample.image).read()
        assert np.array_equal(pixels, raw[:, :, plane])
        assert pixels[0, 0] == 100 + time
        # Plane 3 covers the label planes 6 and 7; its centre lies at the border, in the later one.
        assert np.array_equal(read_labels(sample.labels).read(), labels[:, :, 2 * plane + 1])


@pytest.mark.slow
def test_planes_of_a_real_volume_are_read_back(data_dir, tmp_path):
    source = data_dir / "membrane_3dmms"
    folder = tmp_path / "one"
    for part, name in (("raw", "membt024.mat"), ("labels", "T024_membSeg.mat")):
        (folder / part).mkdir(parents=True)
        (folder / part / name).symlink_to(source / part / name)
    prepare_slices(folder, out=tmp_path / "out", settings=settings(), execution=ALONE)
    raw = scipy.io.loadmat(source / "raw" / "membt024.mat")["embryo"]
    fine = scipy.io.loadmat(source / "labels" / "T024_membSeg.mat")["membSeg"]
    for plane in (0, 20, 69):
        name = f"e7_t024/e7_t024_z{plane:03d}.png"
        image = read_image(tmp_path / "out" / "images" / name).read()
        assert np.array_equal(image, raw[:, :, plane])
        labels = read_labels(tmp_path / "out" / "labels" / name).read()
        row, column = np.mgrid[:256, :356]
        at = [
            np.rint((r + 0.5) * s - 0.5).astype(int)
            for r, s in (
                (row, 205 / 256),
                (column, 285 / 356),
                (np.full_like(row, plane), 134 / 70),
            )
        ]
        assert np.mean(labels == fine[tuple(at)]) > 0.999  # halves round up, not to even
    walls = read_labels(tmp_path / "out" / "parts" / "e7_t024" / "e7_t024_z035.png").read() == 2
    image = read_image(tmp_path / "out" / "images" / "e7_t024" / "e7_t024_z035.png").read()
    assert image[walls].mean() > 3 * image[~walls].mean()


def test_sets_are_blocks_of_time_with_guards_between(folder, tmp_path):
    out = tmp_path / "out"
    prepare_slices(folder, out=out, settings=settings(), execution=ALONE)
    samples = read_samples(out, splits=("train", "validation", "test", "unused"))
    split = {s.time: s.split for s in samples}
    assert split == {3: "train", 9: "train", 15: "train", 21: "validation", 27: "test"}
    with (out / "samples.csv").open() as stream:
        first = next(csv.DictReader(stream))
    assert (first["unit"], first["embryo"], first["time"], first["plane"]) == ("e7", "e7", "3", "0")


def test_the_folder_says_what_it_holds_and_its_hashes_are_true(folder, tmp_path):
    out = tmp_path / "out"
    prepare_slices(folder, out=out, settings=settings(licence="CC0 1.0"), execution=ALONE)
    assert "CC0 1.0" in (out / "DATASHEET.md").read_text()
    lines = (out / "SHA256SUMS").read_text().splitlines()
    assert len(lines) == 3 * 7 * len(TIMES) + 3
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest


def test_nuclei_become_markers_on_the_grid_of_the_slices(folder, tmp_path):
    out = tmp_path / "out"
    prepare_slices(folder, out=out, settings=settings(), execution=ALONE)
    markers = read_markers(out / "markers.csv")
    assert markers["image"].tolist() == ["membt003", "membt009"]  # time 4 has no volume
    assert markers["name"].tolist() == ["ABa", "ABp"]
    assert [markers[c][0] for c in ("frame", "z", "y", "x")] == [0, 4, 5.5, 9.5]


def test_jpeg_labels_are_refused_with_the_reason(folder, tmp_path):
    for time in TIMES:
        (folder / "labels" / f"T{time:03d}.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(InputError, match=r"T003\.jpg: labels cannot be JPEG. It rounds"):
        prepare_slices(
            folder, out=tmp_path / "out", settings=settings(labels="labels/T{frame}.jpg")
        )


def test_a_volume_without_labels_is_named(folder, tmp_path):
    (folder / "labels" / "T009_membSeg.mat").unlink()
    with pytest.raises(InputError, match=r"membt009\.mat has no labels"):
        prepare_slices(folder, out=tmp_path / "out", settings=settings())
    with pytest.raises(InputError, match="holds no volume named other"):
        prepare_slices(folder, out=tmp_path / "out", settings=settings(images="other{frame}.tif"))


def test_a_damaged_volume_costs_a_finding_and_the_same_command_continues(folder, tmp_path):
    whole = (folder / "raw" / "membt009.mat").read_bytes()
    (folder / "raw" / "membt009.mat").write_bytes(whole[:300])
    out = tmp_path / "out"
    summary = prepare_slices(folder, out=out, settings=settings(), execution=ALONE)
    assert (summary.units_done, summary.units_failed, summary.exit_code) == (4, 1, 1)
    (folder / "raw" / "membt009.mat").write_bytes(whole)
    before = (out / "images" / "e7_t003" / "e7_t003_z000.png").stat().st_mtime_ns
    assert prepare_slices(folder, out=out, settings=settings(), execution=ALONE).exit_code == 0
    assert (out / "images" / "e7_t003" / "e7_t003_z000.png").stat().st_mtime_ns == before
    assert len(read_samples(out, splits=("train",))) == 3 * 7
    with pytest.raises(RunError):
        prepare_slices(folder, out=out, settings=settings(embryo="other"), execution=ALONE)


def test_a_voxel_has_the_label_in_which_its_centre_lies():
    fine = np.arange(1, 9)
    assert labels_on_grid(fine, (4,)).tolist() == [2, 4, 6, 8]
    assert labels_on_grid(fine, (8,)).tolist() == fine.tolist()
    with pytest.raises(InputError, match="do not fit"):
        labels_on_grid(fine, (4, 4))


def test_walls_lie_between_cells_and_around_them():
    labels = np.zeros((1, 1, 12), int)
    labels[0, 0, 3:5], labels[0, 0, 6:8] = 1, 2
    parts = parts_of_embryo(labels, (0.225, 0.225, 0.225))
    assert parts[0, 0].tolist() == [0, 2, 2, 1, 1, 2, 1, 1, 2, 2, 0, 0]
    assert not parts_of_embryo(labels * 0, (0.2, 0.2, 0.2)).any()


def test_rendered_volumes_are_added_to_the_training_set_where_they_lie(folder, tmp_path):
    for part in ("images", "truth/labels/membrane"):
        path = tmp_path / "rendered" / part / "embryo_000_t0002.tif"
        path.parent.mkdir(parents=True)
        path.touch()
    out = tmp_path / "out"
    asked = settings(rendered=str(tmp_path / "rendered"))
    prepare_slices(folder, out=out, settings=asked, execution=ALONE)
    (added,) = [s for s in read_samples(out, splits=("train",)) if s.plane is None]
    assert (added.unit, added.frame, added.kind) == ("rendered/embryo_000", 2, "rendered")
    assert added.image.samefile(tmp_path / "rendered" / "images" / "embryo_000_t0002.tif")
    assert "1 rendered volumes" in (out / "DATASHEET.md").read_text()
    (tmp_path / "rendered" / "truth" / "labels" / "membrane" / "embryo_000_t0002.tif").unlink()
    with pytest.raises(InputError, match="has no true cells"):
        prepare_slices(folder, out=tmp_path / "other", settings=asked, execution=ALONE)
    none = settings(rendered=str(tmp_path))
    with pytest.raises(InputError, match="holds no rendered volume"):
        prepare_slices(folder, out=tmp_path / "other", settings=none, execution=ALONE)


def test_the_preview_shows_what_jpeg_did_to_image_and_map(folder, tmp_path):
    out = tmp_path / "out"
    prepare_slices(folder, out=out, settings=settings(preview=True), execution=ALONE)
    drawn = np.moveaxis(np.asarray(read_image(out / "preview.png").read()), 0, -1)
    rows, columns = 20, 24
    assert drawn.shape == (2 * rows + 6, 2 * columns + 6, 3)
    old_map, new_map = drawn[:rows, columns + 6 :], drawn[rows + 6 :, columns + 6 :]
    between = (slice(10, 11), slice(6, 18))  # the wall of one pixel between the two cells
    assert (old_map[between] > 0).all(), "closed"
    assert set(np.unique(old_map)) == {0, 255}
    inside = new_map[12:15, 8:16].reshape(-1, 3)
    assert len(np.unique(inside, axis=0)) == 1, "a cell has one colour"
    assert not np.array_equal(new_map[6, 8], inside[0]), "another cell has another"
    assert "preview.png" in (out / "SHA256SUMS").read_text()
