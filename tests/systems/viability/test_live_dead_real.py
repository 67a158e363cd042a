"""Real stained fields in the live/dead reproduction: groups as plates, labels, two trainings."""

import csv

import numpy as np
import pytest
import tifffile
from tests.predict.live_dead import draw_cells
from tests.systems.viability.test_live_dead_2024 import TINY, trained

from fatescope.acquire import read_labels, read_table
from fatescope.base import InputError
from fatescope.systems.viability.reproduce.arms import REAL, arms
from fatescope.systems.viability.reproduce.data import labelled_folders
from fatescope.systems.viability.reproduce.real import (
    bin_pixels,
    find_real_fields,
    label_groups,
    write_group_plates,
)
from fatescope.systems.viability.reproduce.run import LIVE_DEAD_2024

SHAPE = (240, 240)
PLACES = [(y, x) for y in range(30, 230, 60) for x in range(30, 230, 60)]


def stained_field(seed, background):
    """Return bright field, Hoechst and PI (C, Y, X) of sixteen cells, every third dead."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(SHAPE)
    moved = np.array(PLACES) + rng.integers(-14, 15, (16, 2))  # fields that look alike are a leak
    moved[0] = PLACES[0]
    cells = [(int(cy), int(cx), (i + seed) % 3 == 0) for i, (cy, cx) in enumerate(moved)]
    hoechst, pi = np.full(SHAPE, 300.0), np.full(SHAPE, background)
    for cy, cx, dead in cells:
        disc = 1 / (1 + np.exp((np.hypot(y - cy, x - cx) - 11) / 0.8))
        hoechst += 900 * disc
        pi += (1200 if dead else 15) * disc
    stains = [s + rng.normal(0, 8, SHAPE) for s in (hoechst, pi)]
    return np.stack([draw_cells(SHAPE, cells, seed=seed), *stains]).astype(np.uint16)


@pytest.fixture(scope="module")
def fields(tmp_path_factory):
    """Eight groups of one field, and of the first group a second one; the dye differs by group."""
    folder = tmp_path_factory.mktemp("data") / "mcf7_pi"
    folder.mkdir()
    rows = []
    for i in range(9):
        group, name = f"g{min(i, 7)}", f"field{i}"
        tifffile.imwrite(
            folder / f"{name}.tif",
            stained_field(i, 200.0 + 600 * min(i, 7)),
            photometric="minisblack",
        )
        rows.append({"name": name, "group": group, "um_per_px": 0.3})
    with (folder / "index.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_fields_are_found_in_a_folder_that_is_or_holds_them(fields, tmp_path):
    assert find_real_fields(fields) == find_real_fields(fields.parent) == fields
    (tmp_path / "plate_samples").symlink_to(fields.parent)
    assert find_real_fields(tmp_path) == tmp_path / "plate_samples" / "mcf7_pi"
    assert find_real_fields(None) is None
    (tmp_path / "index.csv").write_text("well,image,labels\n")
    assert find_real_fields(tmp_path / "index.csv") is None


def test_real_fields_are_no_labelled_plate_and_other_tables_are_none_either(fields, tmp_path):
    assert labelled_folders(fields) == labelled_folders(fields.parent) == []
    other = tmp_path / "boxes"
    other.mkdir()
    (other / "index.csv").write_text("name,unit\na,b\n")
    with pytest.raises(InputError, match="no labelled plate"):
        labelled_folders(tmp_path)
    (other / "index.csv").write_text("well,field,frame,image,labels\n")
    assert labelled_folders(tmp_path) == [other]


def test_squares_of_pixels_become_one(fields):
    plane = np.arange(20, dtype=np.uint16).reshape(4, 5)
    assert bin_pixels(plane, 2).tolist() == [[3, 5], [13, 15]]
    assert bin_pixels(plane, 1).tolist() == plane.tolist()


@pytest.mark.slow
def test_each_group_is_labelled_as_a_plate_with_limits_of_its_own(fields, tmp_path):
    plates = write_group_plates(fields, tmp_path / "plates")
    assert [p.name for p in plates] == [f"g{i}" for i in range(8)]
    assert plates[7].fields == ("field7", "field8")
    some = [plates[0], plates[7]]
    folders = label_groups(some, tmp_path / "labels", rule="nuclei")
    counts = [read_table(f / "counts.csv") for f in folders]
    for plate, table, folder in zip(some, counts, folders, strict=True):
        assert table["n_cells"].tolist() == [16] * len(plate.fields)
        assert set(table["n_dead"].tolist()) <= {5, 6}
        assert len(read_table(folder / "index.csv")) == len(plate.fields)
        painted = read_labels(folder / "labels" / "A01_s1_t000.tif").read()
        assert painted[30, 30] in (3, 4)
    published = label_groups(some[:1], tmp_path / "published", rule="published")
    assert read_table(published[0] / "counts.csv")["state"].tolist() == ["labelled"]


def test_the_plan_counts_two_more_trainings(fields):
    without = LIVE_DEAD_2024.plan(recipe=TINY)
    both = LIVE_DEAD_2024.plan(recipe=TINY, data=fields)
    assert both.units == without.units + 2
    assert both.cpu_seconds > without.cpu_seconds


@pytest.mark.slow
@trained
def test_real_fields_are_trained_as_published_and_corrected(fields, tmp_path, monkeypatch):
    from fatescope.systems.viability.reproduce import run as live_dead

    monkeypatch.setattr(live_dead, "arms", lambda *asked: arms(*asked)[-2:])
    summary = LIVE_DEAD_2024.run(out=tmp_path, recipe=TINY, data=fields.parent, workers=1)
    assert (summary.units_done, summary.exit_code) == (2, 0)
    found = read_table(tmp_path / "arms.csv")
    assert found["arm"].tolist() == list(REAL)
    wells = read_table(tmp_path / "wells.csv")
    groups = [set(wells["well"][wells["arm"] == arm]) for arm in REAL]
    assert groups[0] == groups[1]  # one truth for both
    assert len(groups[0]) == 2
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Real fields" in page
    assert "whole fields of 2 groups that neither has seen" in page
    assert not (tmp_path / "fits").exists()
