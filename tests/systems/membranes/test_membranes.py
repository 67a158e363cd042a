"""From volumes of membranes to cells, contacts and a report, whatever happens on the way."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import scipy.io
import tifffile
from scipy.ndimage import gaussian_filter
from tests.systems.membranes.cells.cells import SPACING, embryo

import fatescope as fs
from fatescope.acquire import read_image, read_labels, write_table
from fatescope.base import Execution, FileFormatError, RunError, SettingsError, Table
from fatescope.engine import FileScratch
from fatescope.systems.membranes.find import MEMBRANES, find_membranes, predict_membranes

ALONE = Execution(workers=1)
SCALE = {"spacing_um": "0.6,0.3,0.3", "surface_depth_um": 0.7, "outer_um": 0.0}
SETTINGS = fs.MembraneSettings.from_values(SCALE)
FIRST = [
    *("image", "label", "frame", "z", "y", "x", "bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1"),
    *("volume_px", "volume_um3", "mean_0"),
]


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def files_of(folder):
    """Return the bytes of every result but the record, which holds times and paths."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "run.json" and "ledger" not in p.name
    }


def save(path, pixels, axes="ZYX"):
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, metadata={"axes": axes}, ome=path.name.endswith("ome.tif"))
    return path


def markers_of(points, *, frame=0, **more):
    n, d = points.shape
    columns = {"frame": np.full(n, frame), "z": points[:, 0] if d == 3 else np.zeros(n)}
    columns |= {"y": points[:, -2], "x": points[:, -1]}
    return Table({**columns, **{k: np.array(v, dtype=object) for k, v in more.items()}})


@pytest.fixture(scope="module")
def volume():
    return embryo(3)


@pytest.mark.slow
def test_a_volume_becomes_cells_contacts_and_a_report(volume, tmp_path):
    pixels, _, points = volume
    save(tmp_path / "e.ome.tif", pixels)
    write_table(markers_of(points, name=[f"AB{i}" for i in range(7)]), tmp_path / "m.csv")
    settings = SETTINGS.replace(markers=str(tmp_path / "m.csv"))
    out = tmp_path / "out"
    summary = predict_membranes(tmp_path / "e.ome.tif", out=out, settings=settings, execution=ALONE)
    assert (summary.units_done, summary.objects, summary.exit_code) == (1, 7, 0)
    rows = rows_of(out / "objects.csv")
    assert list(rows[0])[: len(FIRST)] == FIRST
    assert [r["name"] for r in rows] == [f"AB{i}" for i in range(7)]
    labels = read_labels(out / "labels" / "e.tif").read()
    assert labels.shape == pixels.shape
    for row in rows:
        assert int(row["volume_px"]) == np.count_nonzero(labels == int(row["label"]))
        assert float(row["volume_um3"]) == pytest.approx(int(row["volume_px"]) * 0.6 * 0.3 * 0.3)
        assert 0.5 < float(row["sphericity"]) <= 1.05
        assert float(row["free_surface_um2"]) < float(row["surface_um2"])
    contacts = rows_of(out / "contacts.csv")
    assert list(contacts[0]) == ["image", "frame", "label_a", "label_b", "area_um2"]
    assert all(int(c["label_a"]) < int(c["label_b"]) for c in contacts)
    ends = [c[k] for c in contacts for k in ("label_a", "label_b")]
    assert [ends.count(r["label"]) for r in rows] == [int(r["n_neighbours"]) for r in rows]
    surface = sum(float(c["area_um2"]) for c in contacts if "3" in (c["label_a"], c["label_b"]))
    surface += float(rows[2]["free_surface_um2"])
    assert surface == pytest.approx(float(rows[2]["surface_um2"]))
    assert (out / "report.html").stat().st_size > 10_000


@pytest.mark.slow
def test_a_negative_is_said_to_be_one_and_membranes_are_not(volume, tmp_path):
    pixels = volume[0]
    for kind, image in (("bright", pixels), ("dark", pixels.max() - pixels)):
        save(tmp_path / "in" / f"{kind}.ome.tif", image)
    predict_membranes(tmp_path / "in", out=tmp_path / "o", settings=SETTINGS, execution=ALONE)
    found = rows_of(tmp_path / "o" / "findings.csv")
    (unlike,) = [f for f in found if f["rule"] == "unlike-training"]
    assert unlike["file"].endswith("dark.ome.tif")
    assert "Invert the image" in unlike["reason"]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_cells_that_go_on_beyond_the_volume_are_said_and_counted(volume, tmp_path, axis):
    pixels = volume[0]
    half = pixels[
        tuple(slice(n // 2) if a == axis else slice(None) for a, n in enumerate(pixels.shape))
    ]
    for name, image in (("whole", pixels), ("half", np.ascontiguousarray(half))):
        save(tmp_path / "in" / f"{name}.ome.tif", image)
    predict_membranes(tmp_path / "in", out=tmp_path / "o", settings=SETTINGS, execution=ALONE)
    (said,) = [f for f in rows_of(tmp_path / "o" / "findings.csv") if f["rule"] == "cut"]
    cells = [r for r in rows_of(tmp_path / "o" / "objects.csv") if r["image"] == "half"]
    cut = [r for r in cells if r["touches_border"] == "1"]
    assert said["file"].endswith("half.ome.tif")
    assert f"border of the volume: {len(cut)} of {len(cells)}." in said["reason"]
    assert cut
    counts = {r["image"]: r["n_at_border"] for r in rows_of(tmp_path / "o" / "images.csv")}
    assert counts == {"half": str(len(cut)), "whole": "0"}


@pytest.mark.parametrize("model", ["membrane", "classical"])
def test_lines_that_are_no_membranes_are_said(volume, tmp_path, model):
    y, x = np.mgrid[:200, :240]
    stripes = 120 + 90 * np.sin((x + 0.4 * y) / 3) + np.random.default_rng(1).normal(0, 6, x.shape)
    save(tmp_path / "in" / "stripes.tif", stripes.clip(0, 255).astype(np.uint8), axes="YX")
    save(tmp_path / "in" / "plane.tif", volume[0][20], axes="YX")
    settings = SETTINGS.replace(model=model, spacing_um="0.3")
    predict_membranes(tmp_path / "in", out=tmp_path / "o", settings=settings, execution=ALONE)
    (said,) = [
        f for f in rows_of(tmp_path / "o" / "findings.csv") if f["rule"] == "unlike-training"
    ]
    assert said["file"].endswith("stripes.tif")
    assert "images of 16 other kinds" in said["reason"]


def test_pieces_that_are_far_too_small_for_cells_are_said(volume, tmp_path):
    """A ball of wall of a twentieth of a cell's volume, within a cell."""
    pixels, _, points = volume
    save(tmp_path / "in" / "whole.ome.tif", pixels)
    voxels = np.stack(np.mgrid[tuple(slice(0, n) for n in pixels.shape)], axis=-1)
    away_um = np.linalg.norm((voxels - points[4]) * SPACING[3], axis=-1)
    ball = 110 * np.exp(-(((away_um - 2.2) / 0.35) ** 2))
    save(tmp_path / "in" / "broken.ome.tif", np.maximum(pixels, ball.astype(np.uint8)))
    predict_membranes(tmp_path / "in", out=tmp_path / "o", settings=SETTINGS, execution=ALONE)
    (said,) = [f for f in rows_of(tmp_path / "o" / "findings.csv") if f["rule"] == "doubtful"]
    assert said["file"].endswith("broken.ome.tif")
    assert "1 of 8 cells" in said["reason"]


def test_a_clean_negative_is_no_label_image(volume, tmp_path):
    """Its bright surroundings are long runs of one value, as labels have."""
    smooth = gaussian_filter(
        np.pad(volume[0].astype(np.float32), ((0, 0), (40, 40), (40, 40))), 1.5
    )
    bright = np.maximum(smooth / smooth.max() - 0.15, 0)
    grey = np.rint(200 * bright).astype(np.uint8)
    save(tmp_path / "dark.ome.tif", grey.max() - grey)
    predict_membranes(
        tmp_path / "dark.ome.tif", out=tmp_path / "o", settings=SETTINGS, execution=ALONE
    )
    rules = {f["rule"] for f in rows_of(tmp_path / "o" / "findings.csv")}
    assert "unlike-training" in rules
    assert "label-image" not in rules


@pytest.mark.slow
@pytest.mark.parametrize("gap", [24, -10])
def test_two_embryos_in_one_field_are_both_found_and_said(volume, tmp_path, gap):
    pixels = volume[0]
    if gap > 0:
        both = np.concatenate(
            [pixels, np.zeros((*pixels.shape[:2], gap), np.uint8), pixels], axis=2
        )
    else:  # the second touches the first
        z, y, x = pixels.shape
        both = np.zeros((z, y, 2 * x + gap), np.uint8)
        both[..., :x] = pixels
        both[..., x + gap :] = np.maximum(both[..., x + gap :], pixels)
    for name, image in (("one", pixels), ("two", both)):
        save(tmp_path / "in" / f"{name}.ome.tif", image)
    settings = SETTINGS.replace(model="classical")
    predict_membranes(tmp_path / "in", out=tmp_path / "o", settings=settings, execution=ALONE)
    counts = [r["image"] for r in rows_of(tmp_path / "o" / "objects.csv")]
    assert counts.count("two") == 2 * counts.count("one") == 14
    (said,) = [f for f in rows_of(tmp_path / "o" / "findings.csv") if f["rule"] == "neighbour"]
    assert said["file"].endswith("two.ome.tif")
    assert ("2 bodies lie apart" if gap > 0 else "two embryos may touch") in said["reason"]


@pytest.mark.slow
def test_in_memory_it_is_the_same_to_the_bit(volume, tmp_path):
    pixels, _, points = volume
    save(tmp_path / "e.ome.tif", pixels)
    found = fs.segment_membranes(
        pixels,
        axes="ZYX",
        settings=SETTINGS,
        spacing_um=(0.6, 0.3, 0.3),
        markers=markers_of(points),
    )
    write_table(markers_of(points), tmp_path / "m.csv")
    settings = SETTINGS.replace(markers=str(tmp_path / "m.csv"))
    predict_membranes(
        tmp_path / "e.ome.tif", out=tmp_path / "o", settings=settings, execution=ALONE
    )
    assert np.array_equal(found.labels, read_labels(tmp_path / "o" / "labels" / "e.tif").read())
    assert len(found.contacts) == len(rows_of(tmp_path / "o" / "contacts.csv"))


def test_a_movie_of_two_channels_starts_at_its_nuclei(volume, tmp_path):
    pixels, _, points = volume
    nuclei = np.zeros(pixels.shape)
    at = np.indices(pixels.shape)
    for point in points:
        distance = sum(((a - p) * s) ** 2 for a, p, s in zip(at, point, SPACING[3], strict=True))
        nuclei += 200 * np.exp(-distance / 2)
    frame = np.stack([nuclei.astype(np.uint8), pixels])
    movie = np.stack([frame, frame * 0])
    save(tmp_path / "m.ome.tif", movie, axes="TCZYX")
    # One nucleus lies close to the surface.
    settings = SETTINGS.replace(nuclei_channel="0", outer_um=-0.2)
    predict_membranes(
        tmp_path / "m.ome.tif", out=tmp_path / "o", settings=settings, execution=ALONE
    )
    rows = rows_of(tmp_path / "o" / "objects.csv")
    assert [r["frame"] for r in rows] == ["0"] * 7
    assert {"mean_0", "mean_1"} <= set(rows[0])
    found = rows_of(tmp_path / "o" / "findings.csv")
    assert [(f["rule"], f["frame"]) for f in found] == [("empty", "1")]


@pytest.mark.slow
def test_labels_of_a_large_movie_wait_on_disk_and_are_the_same(volume, tmp_path, monkeypatch):
    pixels = np.stack([volume[0], volume[0][:, ::-1]])
    save(tmp_path / "film.ome.tif", pixels, "TZYX")
    make, waiting = FileScratch.rows, []

    def rows(scratch, shape, dtype):
        waiting.append(shape)
        return make(scratch, shape, dtype)

    monkeypatch.setattr(FileScratch, "rows", rows)
    for name, large in (("held", 2**25), ("waited", 1000)):
        monkeypatch.setattr("fatescope.engine.predict._LARGE_PX", large)
        predict_membranes(
            tmp_path / "film.ome.tif", out=tmp_path / name, settings=SETTINGS, execution=ALONE
        )
    z, y, x = pixels.shape[1:]
    assert waiting == [(z * y, x)] * 2
    held, waited = (files_of(tmp_path / name) for name in ("held", "waited"))
    del held["report.html"], waited["report.html"]  # it tells the time
    assert held == waited
    assert "labels/film.tif" in held


def test_planes_of_an_embryo_are_cut_cells(tmp_path):
    pixels, _, points = embryo(2)
    save(tmp_path / "p.tif", pixels, axes="YX")
    settings = SETTINGS.replace(spacing_um="0.3")
    predict_membranes(tmp_path / "p.tif", out=tmp_path / "o", settings=settings, execution=ALONE)
    rows = rows_of(tmp_path / "o" / "objects.csv")
    assert len(rows) == len(points)
    assert {"area_um2", "perimeter_um", "circularity"} <= set(rows[0])
    assert "length_um" in rows_of(tmp_path / "o" / "contacts.csv")[0]


def test_a_volume_without_membrane_gives_a_finding_and_no_cells(tmp_path):
    noise = np.random.default_rng(0).poisson(30, (20, 60, 60)).astype(np.uint8)
    save(tmp_path / "in" / "noise.ome.tif", noise)
    save(tmp_path / "in" / "black.ome.tif", noise * 0)
    out = tmp_path / "out"
    summary = predict_membranes(tmp_path / "in", out=out, settings=SETTINGS, execution=ALONE)
    assert (summary.units_done, summary.objects, summary.exit_code) == (2, 0, 0)
    rules = {f["file"].rsplit("/", 1)[-1]: f["rule"] for f in rows_of(out / "findings.csv")}
    assert rules == {"noise.ome.tif": "no-membrane", "black.ome.tif": "empty"}
    assert list(rows_of(out / "images.csv")[0].values())[4] == "0"


def test_an_unknown_scale_is_assumed_and_said_so(volume, tmp_path):
    save(tmp_path / "e.ome.tif", volume[0])
    settings = fs.MembraneSettings()
    predict_membranes(
        tmp_path / "e.ome.tif", out=tmp_path / "o", settings=settings, execution=ALONE
    )
    assert "assumed-scale" in [f["rule"] for f in rows_of(tmp_path / "o" / "findings.csv")]
    assert "volume_um3" not in rows_of(tmp_path / "o" / "objects.csv")[0]
    assert rows_of(tmp_path / "o" / "contacts.csv")[0]["area_um2"] == ""


@pytest.mark.slow
def test_matlab_volumes_and_markers_by_image(volume, tmp_path):
    pixels, _, points = volume
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        scipy.io.savemat(tmp_path / "in" / f"{name}.mat", {"embryo": pixels.transpose(1, 2, 0)})
    both = Table.concatenate(
        [markers_of(points, image=["a"] * 7), markers_of(points[:3], image=["b"] * 3)]
    )
    write_table(both, tmp_path / "m.csv")
    settings = SETTINGS.replace(markers=str(tmp_path / "m.csv"))
    predict_membranes(tmp_path / "in", out=tmp_path / "o", settings=settings, execution=ALONE)
    images = [r["image"] for r in rows_of(tmp_path / "o" / "objects.csv")]
    assert (images.count("a"), images.count("b")) == (7, 3)
    assert {f["rule"] for f in rows_of(tmp_path / "o" / "findings.csv")} == {"odd-axes"}


def test_faults_of_a_user_are_sentences(volume, tmp_path):
    pixels, _, points = volume
    image = save(tmp_path / "e.ome.tif", pixels)
    (tmp_path / "m.csv").write_text("frame,y,x\n0,a,3\n")
    bad = SETTINGS.replace(markers=str(tmp_path / "m.csv"))
    with pytest.raises(FileFormatError, match="column y holds what is no number"):
        predict_membranes(image, out=tmp_path / "1", settings=bad, execution=ALONE)
    (tmp_path / "m.csv").write_text("z,y,x\n0,1,3\n")
    with pytest.raises(FileFormatError, match="lacks the column frame"):
        predict_membranes(image, out=tmp_path / "2", settings=bad, execution=ALONE)
    write_table(markers_of(points * 9), tmp_path / "m.csv")
    summary = predict_membranes(image, out=tmp_path / "3", settings=bad, execution=ALONE)
    assert summary.exit_code == 2
    assert "lies outside of the image" in summary.errors[0]
    two = save(tmp_path / "two.ome.tif", np.stack([pixels, pixels]), axes="CZYX")
    summary = predict_membranes(two, out=tmp_path / "4", settings=SETTINGS, execution=ALONE)
    assert "Say with --channel which one shows membranes" in summary.errors[0]
    with pytest.raises(SettingsError, match="wall_um"):
        SETTINGS.replace(wall_um=-1)


def test_markers_that_changed_are_refused(volume, tmp_path):
    pixels, _, points = volume
    image = save(tmp_path / "in" / "e.ome.tif", pixels)
    write_table(markers_of(points), tmp_path / "m.csv")
    settings = SETTINGS.replace(markers=str(tmp_path / "m.csv"))
    predict_membranes(image, out=tmp_path / "o", settings=settings, execution=ALONE)
    write_table(markers_of(points[:3]), tmp_path / "m.csv")
    with pytest.raises(RunError, match=r"other settings: markers_sha256"):
        predict_membranes(tmp_path / "in", out=tmp_path / "o", settings=settings, execution=ALONE)


@pytest.mark.slow
def test_marker_rows_that_name_no_image_and_unknown_columns_are_said(volume, tmp_path):
    pixels, _, points = volume
    save(tmp_path / "in" / "e.ome.tif", pixels)
    names = ["e.ome.tif"] * (len(points) - 1) + ["elsewhere.tif"]
    write_table(markers_of(points, image=names, movie=["m"] * len(points)), tmp_path / "m.csv")
    settings = SETTINGS.replace(markers=str(tmp_path / "m.csv"))
    for image in ("a", "b"):  # the second call has another image to do, and the first one's rows
        save(tmp_path / "in" / "later.ome.tif", pixels) if image == "b" else None
        predict_membranes(tmp_path / "in", out=tmp_path / "o", settings=settings, execution=ALONE)
        said = [f for f in rows_of(tmp_path / "o" / "findings.csv") if f["file"].endswith("m.csv")]
        assert [f["rule"] for f in said] == ["left-out"]
        assert "Columns movie are not read" in said[0]["reason"]
        assert f"1 of {len(points)} markers name no image" in said[0]["reason"]
        assert "'elsewhere.tif'" in said[0]["reason"]


def test_a_plan_computes_nothing(volume, tmp_path):
    image = save(tmp_path / "e.ome.tif", volume[0])
    plan = MEMBRANES.plan(image, settings=SETTINGS, execution=ALONE)
    assert (plan.units, plan.command) == (1, "predict membrane")
    assert plan.cpu_seconds > 0
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_a_killed_run_continues_and_workers_change_nothing(volume, tmp_path):
    pixels = volume[0]
    for name in "abcd":
        save(tmp_path / "in" / f"{name}.ome.tif", np.roll(pixels, ord(name) - 97, axis=2))
    whole = tmp_path / "whole"
    two = Execution(workers=2)
    predict_membranes(tmp_path / "in", out=whole, settings=SETTINGS, execution=two)
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "fatescope", "predict", "membrane", str(tmp_path / "in")]
    command += [
        "--out",
        str(out),
        "--spacing-um",
        "0.6,0.3,0.3",
        "--surface-depth-um",
        "0.7",
        "--outer-um",
        "0",
    ]
    running = subprocess.Popen([*command, "--workers", "1", "--quiet"])
    deadline = time.monotonic() + 120
    while not list(out.glob("labels/*.tif")) and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert not (out / "run.json").exists()
    first = {p: p.stat().st_mtime_ns for p in out.glob("labels/*.tif")}
    predict_membranes(tmp_path / "in", out=out, settings=SETTINGS, execution=ALONE)
    assert files_of(out).keys() == files_of(whole).keys()
    for name, content in files_of(whole).items():
        if name != "report.html":
            assert files_of(out)[name] == content, name
    assert first


@pytest.mark.slow
def test_named_cells_of_several_volumes_become_one_table_over_time(volume, tmp_path):
    pixels, _, points = volume
    for name in ("e_t05", "e_t03"):
        save(tmp_path / "in" / f"{name}.ome.tif", pixels)
    names = ["ABa", "ABp", "MS", "E", "C", "D", ""]
    first, second = (
        markers_of(points, name=names, image=[f"e_t{t:02d}"] * 7, embryo=["e"] * 7, time=[t] * 7)
        for t in (3, 5)
    )
    write_table(Table.concatenate([second, first]), tmp_path / "m.csv")
    settings = SETTINGS.replace(markers=str(tmp_path / "m.csv"))
    predict_membranes(tmp_path / "in", out=tmp_path / "o", settings=settings, execution=ALONE)
    rows = rows_of(tmp_path / "o" / "over_time.csv")
    said = [(r["embryo"], r["name"], float(r["time"])) for r in rows]
    assert said == [("e", n, t) for n in sorted(names)[1:] for t in (3, 5)]
    objects = {(r["image"], r["label"]): r for r in rows_of(tmp_path / "o" / "objects.csv")}
    contacts = rows_of(tmp_path / "o" / "contacts.csv")
    for row in rows:
        same = objects[row["image"], row["label"]]
        for column in ("volume_um3", "surface_um2", "n_neighbours", "name", "time"):
            assert row[column] == same[column]
        beside = row["neighbours"].split()
        assert len(beside) == int(row["n_neighbours"])
        areas = {
            c["label_b"] if c["label_a"] == row["label"] else c["label_a"]: float(c["area_um2"])
            for c in contacts
            if c["image"] == row["image"] and row["label"] in (c["label_a"], c["label_b"])
        }
        largest = max(areas, key=areas.get)
        assert beside[0] == (objects[row["image"], largest]["name"] or largest)
    assert "Volume of named cells over time" in (tmp_path / "o" / "report.html").read_text()


def test_cells_without_names_have_no_table_over_time(volume, tmp_path):
    pixels, _, points = volume
    save(tmp_path / "e.ome.tif", pixels)
    write_table(markers_of(points), tmp_path / "m.csv")
    settings = SETTINGS.replace(markers=str(tmp_path / "m.csv"))
    predict_membranes(
        tmp_path / "e.ome.tif", out=tmp_path / "o", settings=settings, execution=ALONE
    )
    assert not (tmp_path / "o" / "over_time.csv").exists()
    write_table(markers_of(points, name=["a"] * 7, time=["today"] * 7), tmp_path / "m.csv")
    with pytest.raises(FileFormatError, match="column time holds what is no number"):
        predict_membranes(
            tmp_path / "e.ome.tif", out=tmp_path / "p", settings=settings, execution=ALONE
        )


def test_a_grey_film_in_colour_is_taken_and_a_colourful_image_asks(tmp_path):
    pixels, _, _ = embryo(2)
    grey = np.stack([pixels] * 3, axis=-1)
    tifffile.imwrite(tmp_path / "grey.tif", grey, photometric="rgb")
    colour = read_image(tmp_path / "grey.tif")
    found = find_membranes(colour.with_scale(spacing_um=(0.3, 0.3)), SETTINGS)
    if colour.channels:  # a reader may know that equal channels are grey
        assert [f.rule for f in found.findings] == ["odd-axes"]
    assert len(found.tables["objects"]) > 2
    grey[..., 0] //= 3
    tifffile.imwrite(tmp_path / "red.tif", grey, photometric="rgb")
    other = read_image(tmp_path / "red.tif").with_scale(spacing_um=(0.3, 0.3))
    with pytest.raises(SettingsError, match="Say with --channel"):
        find_membranes(other, SETTINGS)


def test_frames_that_a_film_promises_and_lacks_cost_a_finding(tmp_path):
    pixels, _, _ = embryo(2)
    save(tmp_path / "film.ome.tif", np.stack([pixels] * 3), axes="TYX")
    whole = read_image(tmp_path / "film.ome.tif").with_scale(spacing_um=(0.3, 0.3))

    class Cut:
        shape, dtype = whole.pixels.shape, whole.pixels.dtype

        def __getitem__(self, key):
            if key[0] >= 2:
                raise FileFormatError("film: frame 2 of 3 is missing.")
            return whole.pixels[key]

    found = find_membranes(replace(whole, pixels=Cut()), SETTINGS)
    assert [(f.rule, f.frame, f.value) for f in found.findings] == [("unreadable", 2, 1.0)]
    assert sorted(set(found.tables["objects"]["frame"].tolist())) == [0, 1]
    assert len(found.rasters["labels"]) == 3
    assert not found.rasters["labels"][2].any()


def findings_of(folder, rule):
    return [f["reason"] for f in rows_of(folder / "findings.csv") if f["rule"] == rule]


def predict_from(volume, points, tmp_path, *, pixels=None, settings=SETTINGS, **columns):
    """Predict the volume with markers at points; return the folder of results."""
    image = save(tmp_path / "e.ome.tif", volume[0] if pixels is None else pixels)
    write_table(markers_of(points, **columns), tmp_path / "m.csv")
    how = settings.replace(markers=str(tmp_path / "m.csv"))
    predict_membranes(image, out=tmp_path / "o", settings=how, execution=ALONE)
    return tmp_path / "o"


def test_named_markers_without_a_scale_give_cells_and_contacts_of_unknown_size(volume, tmp_path):
    names = [f"AB{i}" for i in range(7)]
    out = predict_from(volume, volume[2], tmp_path, settings=fs.MembraneSettings(), name=names)
    assert {r["name"] for r in rows_of(out / "over_time.csv")} == set(names)
    assert {r["area_um2"] for r in rows_of(out / "contacts.csv")} == {""}
    assert "0.0</td>" not in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("away", [0, 1])
def test_two_markers_in_one_cell_are_said_and_one_each_is_not(volume, tmp_path, away):
    points = volume[2]
    more = np.vstack([points, points[2] + [0, away, away]])
    assert "(" not in (said := findings_of(predict_from(volume, more, tmp_path), "doubtful"))[0]
    assert "cells 3, 8," in said[0]
    (tmp_path / "one").mkdir()
    assert not findings_of(predict_from(volume, points, tmp_path / "one"), "doubtful")


def test_markers_of_other_frames_are_said(volume, tmp_path):
    late, without = findings_of(predict_from(volume, volume[2], tmp_path, frame=7), "left-out")
    assert "7 of 7 markers" in late
    assert "it has frame 0, and the table has frames 7 to 7" in late
    assert "1 of 1 frames have no marker" in without


def test_markers_of_planes_that_a_flat_image_lacks_are_said(volume, tmp_path):
    plane = volume[0][len(volume[0]) // 2]
    points = volume[2]
    image = save(tmp_path / "flat.ome.tif", plane, axes="YX")
    write_table(markers_of(points), tmp_path / "m.csv")
    how = fs.MembraneSettings(markers=str(tmp_path / "m.csv"), spacing_um=(0.3,))
    predict_membranes(image, out=tmp_path / "o", settings=how, execution=ALONE)
    assert any("column z was not used" in r for r in findings_of(tmp_path / "o", "left-out"))


def test_markers_without_z_are_refused_for_a_volume(volume, tmp_path):
    image = save(tmp_path / "e.ome.tif", volume[0])
    points = markers_of(volume[2])
    write_table(Table({c: points[c] for c in ("frame", "y", "x")}), tmp_path / "m.csv")
    how = SETTINGS.replace(markers=str(tmp_path / "m.csv"))
    summary = predict_membranes(image, out=tmp_path / "o", settings=how, execution=ALONE)
    assert "the markers have no column z" in summary.errors[0]


def test_cells_start_at_markers_or_at_nuclei_and_not_at_both():
    with pytest.raises(SettingsError, match="give one of the two"):
        fs.MembraneSettings.from_values({"markers": "m.csv", "nuclei_channel": "1"})
