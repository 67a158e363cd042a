"""``fatescope reproduce movies-2020`` on a few small rendered movies, and the recorded one."""

from importlib.util import find_spec

import numpy as np
import pytest
from tests.app.browsing import needs_chromium
from tests.pages.looking import reads_well

from fatescope.acquire import read_table
from fatescope.base import InputError, Table
from fatescope.lineage.growth import GROUPS, GrowthCurves
from fatescope.lineage.growth.curves import FIRST_MIN, N_MINUTES
from fatescope.systems.populations.reproduce.arms import held_out_rows, split_movies
from fatescope.systems.populations.reproduce.clock import (
    CLOCK,
    CLOCK_TEMPO,
    OURS,
    HeldOut,
    baseline_tables,
    clock_counts,
)
from fatescope.systems.populations.reproduce.data import (
    LabelledMovie,
    join_as_published,
    recorded_movie,
    rendered_movie,
    squeeze,
)
from fatescope.systems.populations.reproduce.page import held_out_error
from fatescope.systems.populations.reproduce.run import MOVIES_2020, joined_table
from fatescope.systems.reproduction.settings import MoviesRecipe

NEEDED = ("torch", "albumentations", "segmentation_models_pytorch")
trained = pytest.mark.skipif(
    not all(find_spec(name) for name in NEEDED), reason="the extra `train` is not installed"
)


def test_the_published_joining_stretches_the_time_and_puts_groups_at_the_end():
    true = np.zeros((4, 7))
    true[:, 0] = (2, 4, 4, 8)  # A persists
    true[:2, 3] = 1  # P ends
    joined = join_as_published(true, 10)
    # One row of zeros and four of the table, two frames each.
    assert joined[:, 0].tolist() == [0, 0, 2, 2, 4, 4, 4, 4, 8, 8]
    assert joined[:, 3].tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]


def test_frames_are_squeezed_by_the_nearest_pixel_and_turned_to_blue_green_red():
    frame = np.zeros((512, 768, 3), np.uint8)
    frame[256:, :, 0] = 200  # red, in the lower half
    (small,) = squeeze([frame], 256)
    assert small.shape == (256, 256, 3)
    assert small[127].max() == 0
    assert (small[128:, :, 2] == 200).all()
    assert (small[..., :2] == 0).all()


def test_a_rendered_movie_is_joined_wrongly_on_purpose_and_its_truth_is_known():
    movie = rendered_movie(0, length=40, seed=3, side_px=256)
    assert movie.frames.shape == (40, 256, 256, 3)
    assert len(movie.annotated) == 40
    total, joined = movie.true.sum(axis=1), movie.joined.sum(axis=1)
    assert (np.diff(total) >= 0).all()
    assert joined[0] == 0
    assert joined[-1] == total[round(0.6 * 40) - 1] < total[-1]


def test_the_error_on_other_movies_is_pooled_over_frames_with_an_interval_over_movies():
    columns = {
        "arm": np.array(["a"] * 5, dtype=object),
        "stage": np.array(["before"] * 5, dtype=object),
        "recorded": np.array([1, 0, 0, 0, 0]),
        "frames": np.array([10, 10, 30, 20, 20]),
        "error_sum": np.array([90.0, 10.0, 60.0, 40.0, 40.0]),
    }
    value, words = held_out_error(Table(columns), "a", "before", recorded=False)
    assert value == pytest.approx(150 / 80)
    low, high = (float(t) for t in words.split(" to "))
    assert 1.0 <= low < value < high <= 2.0
    assert held_out_error(Table(columns), "a", "before", recorded=True) == (9.0, "one movie: none")


def curves_of(total):
    """Three embryos that all have ``total`` cells at the minutes from 0, the last of them later."""
    count = np.ones((3, N_MINUTES, len(GROUPS)), dtype=np.int16)
    count[:, -FIRST_MIN : len(total) - FIRST_MIN, 0] = total
    count[:, len(total) - FIRST_MIN :, 0] = total[-1]
    return GrowthCurves(count=count, tempo=np.ones(3))


def test_a_clock_says_the_cells_of_a_typical_embryo_so_long_after_its_eight():
    growth = curves_of([2, 4, 8, 8, 16, 16, 32, 50, 64])  # 8 at minute 2, 50 at minute 7
    true = np.array([4, 4, 6, 8, 11, 14, 20, 30, 50], dtype=float)  # 8 at frame 3, 50 at 8
    said = clock_counts(true, growth, interval_min=2.0, tempo_cells=None)
    assert said[3:7].tolist() == [8, 16, 32, 64]  # minutes 2, 4, 6 and 8
    told = clock_counts(true, growth, interval_min=2.0, tempo_cells=50)
    assert told[3:].tolist() == [8, 8, 16, 16, 32, 50]  # a minute for each frame


def test_a_clock_that_is_told_nothing_says_nothing():
    growth = curves_of([2, 4, 8, 16])
    for true in ([2.0, 4, 4], [np.nan] * 3, [2.0, 8, 9]):
        said = clock_counts(np.array(true), growth, interval_min=1.0, tempo_cells=50)
        assert np.isnan(said).all()


@pytest.mark.slow
def test_clocks_and_our_counts_are_scored_on_the_frames_that_no_training_saw():
    movie = rendered_movie(0, length=60, seed=3, side_px=64)
    rows = np.arange(20, 60)
    tables = baseline_tables([HeldOut(movie=movie, rows=rows, path=None)], length=60, seed=3)
    scores, counts = tables["scores"], tables["counts"]
    assert scores["arm"].tolist() == [CLOCK, CLOCK_TEMPO, OURS]
    assert scores["frames"].tolist() == [40] * 3
    ours = counts.rows(counts["arm"] == OURS)
    true = movie.true.sum(axis=1)[rows]
    assert ours["true"].tolist() == true.tolist()
    off = np.abs(ours["found"] - true)
    assert scores["error_sum"][2] == pytest.approx(off.sum())
    assert np.median(off / true) < 0.15


def test_held_out_frames_are_late_ones_of_a_recorded_movie_and_whole_rendered_ones():
    def movie(key, n, *, is_real):
        true = np.full((n, 7), np.nan)
        true[2:102] = 1
        frames = np.zeros((n, 1, 1, 3), np.uint8)
        return LabelledMovie(key=key, is_real=is_real, frames=frames, true=true, joined=true)

    movies = [movie("film", 150, is_real=True)]
    movies += [movie(f"drawn {k}", 120, is_real=False) for k in range(3)]
    held_out = {m.key: rows for m, rows in held_out_rows(movies)}
    assert list(held_out) == ["film", "drawn 2"]
    assert held_out["film"].tolist() == list(range(72, 102))  # 60 of 100, and a guard of 10
    training, testing = split_movies(movies)
    assert [(m.key, len(m.frames)) for m in training] == [
        ("film", 62),
        ("drawn 0", 120),
        ("drawn 1", 120),
    ]
    assert [(m.key, len(m.frames)) for m in testing] == [("film", 30), ("drawn 2", 120)]


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    out = tmp_path_factory.mktemp("movies-2020")
    return out, MOVIES_2020.run(out=out, recipe=MoviesRecipe(), quick=True, workers=1)


@trained
@pytest.mark.slow
def test_the_quick_run_learns_to_count_best_from_labels_that_fit_the_frames(quick):
    out, summary = quick
    assert (summary.units_done, summary.exit_code) == (5, 0)
    scores = read_table(out / "scores.csv")
    reported, true = (
        held_out_error(scores, arm, "before", recorded=False)[0]
        for arm in ("reported", "true labels")
    )
    assert true + 2 < reported < 10, "cells; 2.9 and 7.0 where the documentation was written"


@trained
@pytest.mark.slow
@needs_chromium
def test_the_page_of_the_quick_run_reads_well(quick):
    reads_well(quick[0] / "report.html")


@trained
@pytest.mark.slow
def test_the_reproduction_drops_trains_on_and_scores_what_no_training_saw(quick):
    out, _ = quick
    found = read_table(out / "faults" / "findings.csv")
    assert {"black", "line", "patch", "cliff"} <= set(found["rule"])
    every, losses = (read_table(out / f"{n}.csv") for n in ("scores", "losses"))
    assert every["arm"].tolist()[9:] == [CLOCK, CLOCK_TEMPO, OURS]
    scores = every.rows(np.arange(len(every)) < 9)
    stages = ["before", "after the drop", "as long, nothing dropped"]
    assert scores["stage"].tolist() == 3 * stages
    assert set(scores["movie"]) == {"rendered-03"}
    assert "rendered-03" not in set(losses["movie"])
    of = losses.rows(losses["arm"] == "reported")
    dropped = of["dropped"] == 1
    assert dropped.sum() == round(0.1 * len(of))
    assert of["loss"][dropped].min() >= of["loss"][~dropped].max()
    rows = scores.rows(scores["arm"] == "reported")
    n = len(of)
    assert rows["trained_frames"].tolist() == [n, n - dropped.sum(), n]
    page = (out / "report.html").read_text(encoding="utf-8")
    told = ("Faulty frames and cliffs", "Tables with a cliff (2)", "Tables without one (2)")
    told += (
        "What the drop was worth",
        "the highest 10% (",
        "as long, nothing dropped",
        CLOCK,
        OURS,
    )
    for words in told:
        assert words in page
    shown = page.partition('class="folded"')[0]
    for words in ("black, frame", "line, frame", "patch, frame", "cliff, frame", "All tables (4)"):
        assert words in shown, "open, as the post shows them"
    again = MOVIES_2020.run(out=out, recipe=MoviesRecipe(), quick=True)
    assert again.exit_code == 0
    assert not (out / "fits").exists()


def test_a_folder_without_the_movie_is_named(tmp_path):
    with pytest.raises(InputError, match=r"needs embryo_timelapse\.mov"):
        recorded_movie(tmp_path, side_px=256)


@pytest.mark.slow
@pytest.mark.data
def test_the_published_table_is_wrong_by_as_much_as_was_measured(data_dir):
    table = joined_table(data_dir)
    known = np.isfinite(table["true"])
    assert known.sum() == 207
    assert (table["joined"][200], table["true"][200]) == (87, 315)
    off = np.abs(table["joined"] - table["true"])[known]
    assert off.mean() == pytest.approx(73.5, abs=0.1)
    said = np.isfinite(table["predicted"])
    near = np.abs(table["predicted"] - table["joined"])[said]
    assert near.mean() == pytest.approx(9.5, abs=0.1)
    apart = np.abs(table["predicted"] - table["true"])[said & known]
    assert apart.mean() == pytest.approx(69.8, abs=0.1)
    # The published joining, repeated on the true counts, gives the published table nearly.
    movie = recorded_movie(data_dir, side_px=256)
    again = join_as_published(movie.true[movie.annotated], len(movie.frames))
    assert np.abs(again - movie.joined).sum(axis=1).mean() < 2
