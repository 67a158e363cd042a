"""Movies matched with the growth of recorded embryos: what is known of one, from all others."""

from dataclasses import replace

import numpy as np
import pytest

from fatescope.acquire.lineages.growth_file import read_growth, write_growth
from fatescope.base import InputError
from fatescope.lineage.atlas_embryo import draw_embryo
from fatescope.lineage.growth import (
    GROUPS,
    FrameErrors,
    GrowthCurves,
    build_growth,
    estimate_populations,
    growth_of,
    match_growth,
)
from fatescope.lineage.growth.curves import FIRST_MIN, N_MINUTES, UNKNOWN
from fatescope.lineage.growth.match import GrowthMatch
from fatescope.systems.lineages.reading import open_atlas

CELLS = 2 ** np.linspace(0, 9, 91)


@pytest.fixture(scope="module")
def curves():
    count, tempo, metadata = read_growth()
    return GrowthCurves(count=count, tempo=tempo, metadata=metadata)


def chances(total, *, width=0.15):
    """What a network would say that knows the total up to ``width`` doublings."""
    away = (np.log2(CELLS) - np.log2(total)[:, None]) / width
    chance = np.exp(-0.5 * away**2)
    chance /= chance.sum(axis=1, keepdims=True)
    return 0.98 * chance + 0.02 / len(CELLS)


def recording(curves, embryo, *, tempo, start=0.0, frames=200):
    """Return the true counts of an embryo in the frames of a movie of it, as far as known."""
    place = np.rint(start + tempo * np.arange(frames)).astype(int) - FIRST_MIN
    place = place[place < N_MINUTES]
    truth = curves.count[embryo, place]
    return truth[truth[:, 0] > 0]


def infer(chance, curves, *, used=None, interval_min=None, frames=None, up_to=400):
    used = np.ones(len(chance), dtype=bool) if used is None else used
    match = match_growth(
        chance, used, CELLS, curves, interval_min=interval_min, errors=FrameErrors()
    )
    estimate = estimate_populations(match, curves, n_frames=frames or len(chance), up_to=up_to)
    return match, estimate


@pytest.mark.parametrize(("embryo", "tempo"), [(0, 1.0), (24, 1.5), (44, 0.9)])
def test_founders_follow_from_totals_that_are_wrong_by_a_tenth(curves, embryo, tempo):
    truth = recording(curves, embryo, tempo=tempo)
    wrong = np.exp(np.random.default_rng(embryo).normal(0, 0.1, len(truth)))
    match, found = infer(chances(truth[:, 0] * wrong), curves.without(embryo))
    assert match.tempo[0] == pytest.approx(tempo, rel=0.1)
    off = np.abs(found.count - truth)[~found.abstained]
    assert np.median(off[:, 0] / truth[~found.abstained, 0]) < 0.06
    assert off[:, 1].mean() <= 0.05 * truth[:, 1].mean()
    assert off[:, 2:].mean(axis=0).max() < 1.5


def test_the_parts_of_the_founder_tree_add_up_in_every_recorded_embryo(curves):
    known = curves.total >= 0
    parts = curves.count[:, :, 1:].sum(axis=2)
    assert (parts[known] == curves.total[known]).mean() > 0.99


def test_the_interval_holds_its_median_and_counts_never_fall_by_more_than_deaths(curves):
    truth = recording(curves, 8, tempo=1.0)
    _, found = infer(chances(truth[:, 0]), curves.without(8))
    kept = ~found.abstained
    assert (found.low[kept] <= found.count[kept]).all()
    assert (found.count[kept] <= found.high[kept]).all()
    assert np.diff(found.count[kept, 0]).min() >= -3


@pytest.mark.slow
def test_frames_that_say_nonsense_are_bridged(curves):
    truth = recording(curves, 4, tempo=1.0)
    said = chances(truth[:, 0])
    used = np.ones(len(said), dtype=bool)
    used[60:90] = False
    nonsense = said.copy()
    nonsense[60:90] = chances(np.full(30, 3.0))
    _, whole = infer(said, curves.without(4), used=used)
    match, bridged = infer(nonsense, curves.without(4), used=used)
    believed, _ = infer(nonsense, curves.without(4))
    assert np.array_equal(whole.count, bridged.count)
    assert np.abs(bridged.count[60:90, 0] - truth[60:90, 0]).mean() < 8
    assert believed.fit < match.fit - 0.5


def test_a_given_interval_rules_other_tempos_out(curves):
    few = recording(curves, 12, tempo=1.0, start=60, frames=12)
    said = chances(few[:, 0], width=0.6)
    free, _ = infer(said, curves.without(12))
    fixed, _ = infer(said, curves.without(12), interval_min=1.0)
    off = [float(m.weight @ np.abs(np.log(m.tempo))) for m in (fixed, free)]
    assert off[0] < 0.1 < off[1]


@pytest.mark.parametrize("interval_min", [None, 8.0])
def test_a_movie_with_few_frames_an_hour_is_laid_on_the_clock(curves, interval_min):
    tempo = 8.0 if interval_min else 4.5
    truth = recording(curves, 12, tempo=tempo, frames=40)
    match, found = infer(chances(truth[:, 0]), curves.without(12), interval_min=interval_min)
    assert match.tempo[0] == pytest.approx(tempo, rel=0.12)
    off = np.abs(found.count[:, 0] - truth[:, 0]) / truth[:, 0]
    assert np.median(off) < 0.08


def test_frames_after_the_last_recorded_stage_are_abstained_from(curves):
    truth = recording(curves, 0, tempo=1.0)
    late = np.concatenate([truth[:, 0], np.full(80, 500)])
    _, found = infer(chances(late), curves.without(0))
    assert found.abstained[-40:].all()
    assert not found.abstained[: len(truth) - 30].any()
    assert found.count[found.abstained].sum() == 0


def test_how_long_a_movie_goes_on_after_the_last_stage_changes_nothing(curves):
    truth = recording(curves, 0, tempo=1.0)[:, 0]
    counts = []
    for after in (30, 200):
        said = chances(np.concatenate([truth, np.full(after, truth.max())]))
        counts.append(infer(said, curves.without(0))[1].count[: len(truth), 0])
    assert np.array_equal(*counts)


def test_the_clock_begins_with_the_first_division_of_ab(curves):
    for embryo in (1, 20, 40):
        count = curves.count[embryo]
        divided = int(np.argmax(count[:, GROUPS.index("AB")] >= 2)) + FIRST_MIN
        assert abs(divided) <= 12, embryo


def test_a_drawn_embryo_is_laid_on_the_clock_with_its_own_tempo():
    atlas = open_atlas()
    lineage = draw_embryo(
        atlas,
        minutes=150,
        interval_min=1.5,
        pace=1.0,
        spread=1.0,
        spacing_um=(1, 0.09, 0.09),
        seed=3,
    )
    count, tempo = growth_of(atlas, lineage)
    assert tempo == pytest.approx(1.5, rel=0.08)
    assert count[0 - FIRST_MIN, 0] in (2, 3, 4)
    assert count[-1, 0] == -1


def test_lineages_without_names_are_left_out_and_named():
    atlas = open_atlas()
    lineage = draw_embryo(
        atlas,
        minutes=120,
        interval_min=1.0,
        pace=1.0,
        spread=0.0,
        spacing_um=(1, 0.09, 0.09),
        seed=1,
    )
    nameless = replace(lineage, name=np.full(len(lineage), "", dtype=object))
    curves, left_out = build_growth(atlas, {"a": lineage, "b": nameless})
    assert (len(curves), left_out) == (1, ["b"])
    with pytest.raises(InputError, match="no lineage"):
        build_growth(atlas, {"b": nameless})


def test_curves_are_read_back_as_written(tmp_path, curves):
    path = tmp_path / "growth.npz"
    write_growth(path, curves.count, curves.tempo, curves.metadata)
    count, tempo, metadata = read_growth(path)
    assert np.array_equal(count, curves.count)
    assert np.array_equal(tempo, curves.tempo)
    assert metadata == curves.metadata


def test_the_embryo_of_the_movie_in_the_data_is_not_among_the_curves(curves):
    assert not any("ceh-432x3" in name for name in curves.metadata["embryos"])


def test_curves_of_another_shape_are_refused():
    with pytest.raises(InputError, match="growth curves"):
        GrowthCurves(count=np.zeros((1, 5, 12), dtype=np.int16), tempo=np.ones(1))


def test_the_germ_line_is_never_fewer_when_recordings_end():
    """The likelier embryo, with Z2 and Z3, ends at minute 100; the other one still has P4."""
    count = np.full((2, N_MINUTES, len(GROUPS)), UNKNOWN)
    germ = GROUPS.index("P4")
    ends = 100 - FIRST_MIN
    for embryo, until, cells in ((0, ends, 2), (1, N_MINUTES, 1)):
        count[embryo, :until] = 5
        count[embryo, :until, 0] = 40
        count[embryo, :until, germ] = cells
    curves = GrowthCurves(count=count, tempo=np.ones(2))
    match = GrowthMatch(
        embryo=np.array([0, 1]),
        start=np.zeros(2),
        tempo=np.ones(2),
        weight=np.array([0.6, 0.4]),
        fit=0.0,
    )
    found = estimate_populations(match, curves, n_frames=150, up_to=400)
    assert not found.abstained.any()
    assert found.count[:, germ].tolist() == [2] * 150
    assert (found.low <= found.count).all()
    assert (found.count <= found.high).all()
