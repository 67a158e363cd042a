"""`simulate movie` on files: movie, tables and truth agree with one another."""

import numpy as np
import pytest

from fatescope.acquire import read_image, read_lineage, read_table
from fatescope.acquire.movies import read_frames
from fatescope.base import Execution
from fatescope.simulate.embryo import LineageSettings, MovieSettings
from fatescope.systems.simulation.movies import plan_embryo_movies, write_embryo_movies

SETTINGS = MovieSettings(height=120, width=160, voxel_um=(1.0, 0.4, 0.4), frames=30, neighbour=0)
LINEAGE = LineageSettings(minutes=45.0)
ONE = Execution(workers=1)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    out = tmp_path_factory.mktemp("movie") / "out"
    summary = write_embryo_movies(out, SETTINGS, LINEAGE, seed=1, execution=ONE)
    assert summary.units_done == 1
    return out


def test_the_movie_has_the_frames_that_its_truth_counts(rendered):
    frames = list(read_frames(rendered / "movies" / "embryo_000.mp4"))
    labels = read_image(rendered / "truth" / "labels" / "embryo_000.tif")
    assert len(frames) == 30
    assert frames[0].shape == (120, 160, 3)
    assert labels.axes == "TYX"
    assert labels.shape == (30, 120, 160)
    green = np.stack(frames)[..., 1].astype(float)
    inside = labels.pixels[:] > 0
    assert green[inside].mean() > 3 * green[~inside].mean()


def test_the_table_is_that_of_the_movie_with_frame_time_minus_one(rendered):
    table = read_lineage(rendered / "tables" / "CDembryo_000.csv")
    spots = read_table(rendered / "truth" / "spots.csv")
    np.testing.assert_array_equal(np.sort(table.frame), np.sort(spots["frame"]))
    np.testing.assert_allclose(
        table.position[:, 1:], np.stack([spots["y"], spots["x"]], 1), atol=0.5
    )
    assert table.name.tolist() == spots["name"].tolist()


def test_populations_and_counts_agree(rendered):
    populations = read_table(rendered / "truth" / "populations.csv")
    counts = read_table(rendered / "counts" / "embryo_000.csv")
    total = populations.rows(populations["founder"] == "total")
    np.testing.assert_array_equal(total["count"], counts["total"])
    np.testing.assert_array_equal(sum(counts[x] for x in "AEMPCDZ"), counts["total"])


def test_the_same_seed_gives_the_same_bytes(rendered, tmp_path):
    write_embryo_movies(tmp_path / "again", SETTINGS, LINEAGE, seed=1, execution=ONE)
    for path in ("movies/embryo_000.mp4", "truth/labels/embryo_000.tif", "truth/spots.csv"):
        assert (rendered / path).read_bytes() == (tmp_path / "again" / path).read_bytes()


def test_frames_before_the_table_begins_have_no_truth(tmp_path):
    rows = ["cell,time,x,y,z,size"]
    rows += [f"{c},{t},{x},60,10,14" for t in (4, 5, 6) for c, x in (("ABa", 50), ("ABp", 100))]
    table = tmp_path / "CD.csv"
    table.write_text("\n".join(rows) + "\n")
    settings = SETTINGS.replace(frames=0, place="table")
    write_embryo_movies(tmp_path / "out", settings, LINEAGE, table=table, seed=1, execution=ONE)
    populations = read_table(tmp_path / "out" / "truth" / "populations.csv")
    assert sorted(set(populations["frame"].tolist())) == [3, 4, 5]
    assert len(list(read_frames(tmp_path / "out" / "movies" / "embryo_000.mp4"))) == 6


def test_the_plan_counts_movies():
    assert plan_embryo_movies(SETTINGS.replace(count=3), execution=ONE).units == 3


def test_faults_spoil_movie_and_table_and_the_truth_names_them(rendered, tmp_path):
    settings = SETTINGS.replace(
        codec="lossless", faults=("black", "dark"), table_faults=("fall", "after-end")
    )
    out = tmp_path / "out"
    write_embryo_movies(out, settings, LINEAGE, seed=1, execution=ONE)
    faults = read_table(out / "truth" / "faults.csv")
    assert set(faults["rule"]) == {"black", "dark", "fall", "after-end"}
    assert list(faults)[:2] == ["frame", "rule"]
    frames = np.stack(list(read_frames(out / "movies" / "embryo_000.mp4")))
    black = faults["frame"][faults["rule"] == "black"]
    assert frames[black].max() <= 1
    assert frames[np.setdiff1d(np.arange(30), faults["frame"])].max(axis=(1, 2, 3)).min() > 30
    table = read_table(out / "tables" / "CDembryo_000.csv")
    spots = read_table(out / "truth" / "spots.csv")
    assert table["time"].max() > 30 >= spots["frame"].max() + 1
    truth = (rendered / "truth" / "spots.csv").read_bytes()
    assert (out / "truth" / "spots.csv").read_bytes() == truth
