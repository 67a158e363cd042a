"""``fatescope reproduce movies-2020`` on a few small rendered movies, and the recorded one."""

from importlib.util import find_spec

import numpy as np
import pytest

from fatescope.acquire import read_table
from fatescope.base import InputError, Table
from fatescope.workflows.reproduce.movies import joined_table, reproduce_movies
from fatescope.workflows.reproduce.movies_data import (
    join_as_published,
    recorded_movie,
    rendered_movie,
    squeeze,
)
from fatescope.workflows.reproduce.movies_page import held_out_error
from fatescope.workflows.reproduce.settings import MoviesRecipe

NEEDED = ("torch", "albumentations", "segmentation_models_pytorch")
trained = pytest.mark.skipif(
    not all(find_spec(name) for name in NEEDED), reason="the extra `train` is not installed"
)
TINY = MoviesRecipe(
    epochs=1,
    more_epochs=1,
    later_epochs=1,
    drop=0.5,
    later_drop=0.2,
    batches=1,
    batch=2,
    every=10,
    movies=3,
    length=40,
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
    (small,) = squeeze([frame])
    assert small.shape == (256, 256, 3)
    assert small[127].max() == 0
    assert (small[128:, :, 2] == 200).all()
    assert (small[..., :2] == 0).all()


def test_a_rendered_movie_is_joined_wrongly_on_purpose_and_its_truth_is_known():
    movie = rendered_movie(0, length=40, seed=3)
    assert movie.frames.shape == (40, 256, 256, 3)
    assert len(movie.annotated) == 40
    total, joined = movie.true.sum(axis=1), movie.joined.sum(axis=1)
    assert (np.diff(total) >= 0).all()
    assert joined[0] == 0
    assert joined[-1] == total[round(0.6 * 40) - 1] < total[-1]


def test_the_error_on_other_movies_is_pooled_over_frames_with_an_interval_over_movies():
    columns = {
        "arm": np.array(["a"] * 4, dtype=object),
        "stage": np.array(["before"] * 4, dtype=object),
        "recorded": np.array([1, 0, 0, 0]),
        "frames": np.array([10, 10, 30, 20]),
        "error_sum": np.array([90.0, 10.0, 60.0, 40.0]),
    }
    value, words = held_out_error(Table(columns), "a", "before", recorded=False)
    assert value == pytest.approx(110 / 60)
    low, high = (float(t) for t in words.split(" to "))
    assert 1.0 <= low < value < high <= 2.0
    assert held_out_error(Table(columns), "a", "before", recorded=True) == (9.0, "one movie: none")


@trained
def test_the_reproduction_drops_trains_on_and_scores_what_no_training_saw(tmp_path, monkeypatch):
    monkeypatch.delenv("FATESCOPE_DATA", raising=False)
    summary = reproduce_movies(out=tmp_path, recipe=TINY)
    assert (summary.units_done, summary.exit_code) == (3, 0)
    scores, losses = (read_table(tmp_path / f"{n}.csv") for n in ("scores", "losses"))
    stages = ["before", "after the drop", "as long, nothing dropped"]
    assert scores["stage"].tolist() == 3 * stages
    assert set(scores["movie"]) == {"rendered-02"}
    assert "rendered-02" not in set(losses["movie"])
    of = losses.rows(losses["arm"] == "reported")
    dropped = of["dropped"] == 1
    assert dropped.sum() == round(0.5 * len(of))
    assert of["loss"][dropped].min() >= of["loss"][~dropped].max()
    rows = scores.rows(scores["arm"] == "reported")
    n = len(of)
    assert rows["trained_frames"].tolist() == [n, n - dropped.sum(), n]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for words in ("What the drop was worth", "the highest 50% (", "as long, nothing dropped"):
        assert words in page
    again = reproduce_movies(out=tmp_path, recipe=TINY)
    assert again.exit_code == 0
    assert not (tmp_path / "fits").exists()


def test_a_folder_without_the_movie_is_named(tmp_path):
    with pytest.raises(InputError, match=r"needs embryo_timelapse\.mov"):
        recorded_movie(tmp_path)


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
    movie = recorded_movie(data_dir)
    again = join_as_published(movie.true[movie.annotated], len(movie.frames))
    assert np.abs(again - movie.joined).sum(axis=1).mean() < 2
