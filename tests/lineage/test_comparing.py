import csv

import numpy as np
import pytest
from scipy import stats

from fatescope.acquire.lineages import read_lineage
from fatescope.base import InputError
from fatescope.lineage.comparing import align_embryos, compare_expression, compare_traits, synchrony
from fatescope.lineage.statistics import contrast, false_discovery_rate, moderated_variance
from fatescope.lineage.traits import embryo_traits
from fatescope.simulate import LineagePlan, simulate_lineage


def embryos(n, *, seed, **changes):
    return [
        embryo_traits(
            simulate_lineage(LineagePlan(minutes=150, pose=i % 4, **changes), seed=seed + i),
            table=f"e{seed + i}",
        )
        for i in range(n)
    ]


def compared(reference, test):
    aligned, notes = align_embryos([*reference, *test], len(reference))
    results = compare_traits(aligned[: len(reference)], aligned[len(reference) :])
    return {r.trait: r for r in results}, aligned, notes


@pytest.fixture(scope="module")
def wild():
    return embryos(5, seed=100)


def found(result, limit=0.05):
    return {str(c) for c in result.cell[result.q < limit]}


def test_an_injected_delay_is_found_where_it_is(wild):
    results, _, _ = compared(wild, embryos(5, seed=200, slowed={"E": 1.3}))
    slow = found(results["cycle_min"])
    assert {"E", "Ea", "Ep"} <= slow
    elsewhere = {c for c in slow if not c.startswith("E") or c == "EMS"}
    assert len(elsewhere) <= 1  # a false discovery rate of 5 % allows one now and then
    c = results["cycle_min"].contrast
    places = [results["cycle_min"].cell.tolist().index(n) for n in ("E", "Ea", "Ep")]
    covered = [c.low[i] < 0.3 * c.mean_reference[i] < c.high[i] for i in places]
    assert sum(covered) >= 2  # each interval covers the truth 95 times out of 100


def test_an_injected_shift_is_found_where_it_is(wild):
    results, _, _ = compared(wild, embryos(5, seed=300, moved_um={"MSa": (0.0, 6.0, 0.0)}))
    moved = found(results["place_um"])
    assert {"MSaa", "MSap"} <= moved
    assert sum(c.startswith("MSa") for c in moved) >= 0.8 * len(moved)


def test_a_pace_of_the_whole_embryo_is_taken_out_and_reported(wild):
    slow = [e.on_clock(1.25, 10.0) for e in embryos(4, seed=400)]
    results, _, notes = compared(wild, slow)
    paces = [n.pace for n in notes]
    assert np.mean(paces[:5]) / np.mean(paces[5:]) == pytest.approx(1.25, rel=0.1)
    assert len(found(results["cycle_min"])) <= 2


def test_where_nothing_differs_p_is_uniform_and_discoveries_are_rare(wild):
    shares, wrong = [], 0
    for seed in (500, 600, 700):
        results, _, _ = compared(embryos(4, seed=seed), embryos(4, seed=seed + 50))
        for r in results.values():
            p = r.contrast.p[np.isfinite(r.contrast.p)]
            shares.append((p < 0.05).mean())
            wrong += len(found(r)) > 0
    assert np.mean(shares) == pytest.approx(0.05, abs=0.02)
    assert wrong <= 3  # of 15 comparisons, each allowed 5 %


def test_turning_and_moving_an_embryo_changes_no_result(wild):
    test = embryos(3, seed=800)
    turn = stats.special_ortho_group.rvs(3, random_state=1)
    turned = [e.in_place(turn, np.array([5.0, -9.0, 100.0])) for e in test]
    a, b = compared(wild, test)[0], compared(wild, turned)[0]
    for trait in ("place_um", "axis_deg"):
        np.testing.assert_allclose(a[trait].contrast.p, b[trait].contrast.p, rtol=1e-5, atol=1e-8)


def test_expression_is_compared_cell_by_cell(wild):
    bright = embryos(4, seed=900, expressed={"E": 4000.0, "MS": 3000.0})
    aligned, _ = align_embryos([*wild, *bright], 5)
    result = compare_expression(aligned[:5], aligned[5:], "blot")
    assert {"MSa", "MSp"} <= found(result)
    assert sum(c.startswith("E") for c in found(result)) <= 1
    with pytest.raises(InputError, match="has no column 'red'"):
        compare_expression(wild, bright, "red")


def test_traits_of_a_cell_are_those_worked_out_from_its_rows():
    lineage = simulate_lineage(LineagePlan(minutes=60), seed=1)
    traits = embryo_traits(lineage, table="one")
    i = traits.cell.tolist().index("ABa")
    frames = lineage.frame[lineage.name == "ABa"]
    assert traits.birth_min[i] == frames.min() * 1.5
    assert traits.division_min[i] == (frames.max() + 1) * 1.5
    second = frames.max() + 2
    ends = [
        lineage.position_um()[(lineage.name == d) & (lineage.frame == second)][0]
        for d in ("ABal", "ABar")
    ]
    away = ends[1] - ends[0]
    np.testing.assert_allclose(traits.axis[i], away / np.linalg.norm(away))


def test_synchrony_is_the_spread_of_a_round():
    spread = synchrony(embryo_traits(simulate_lineage(LineagePlan(), seed=2), table="s"))
    assert spread["AB 3"][0] == 8
    assert 0.2 < spread["AB 3"][1] < 6


def test_too_few_embryos_or_shared_cells_are_refused(wild):
    with pytest.raises(InputError, match="two or more reference embryos"):
        compare_traits(wild[:1], wild[1:])
    short = embryo_traits(simulate_lineage(LineagePlan(minutes=20), seed=1), table="short")
    with pytest.raises(InputError, match=r"short: shares only \d named divisions"):
        align_embryos([*wild, short], 5)


def test_a_contrast_without_moderation_is_the_t_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (6, 2)), rng.normal(1, 1, (5, 2))
    c = contrast(a, b)  # fewer than 3 cells: variances stay as they are
    expected = stats.ttest_ind(b, a)
    np.testing.assert_allclose(c.t, expected.statistic)
    np.testing.assert_allclose(c.p, expected.pvalue)
    interval = expected.confidence_interval()
    np.testing.assert_allclose(c.low, interval.low)
    np.testing.assert_allclose(c.high, interval.high)


def test_moderation_finds_the_prior_that_variances_were_drawn_from():
    rng = np.random.default_rng(1)
    true = 8 * 2.0 / rng.chisquare(8, 20000)
    seen = true * rng.chisquare(4, 20000) / 4
    variance, df = moderated_variance(seen, np.full(20000, 4.0))
    assert df[0] == pytest.approx(12, rel=0.1)
    assert np.abs(np.log(variance / true)).mean() < 0.75 * np.abs(np.log(seen / true)).mean()


@pytest.mark.parametrize("n", [2, 3, 5])
def test_p_is_uniform_where_nothing_differs(n):
    """Cells differ in how much they vary, embryos are as many as people have."""
    rng = np.random.default_rng(n)
    p = []
    for _ in range(40):
        spread = np.sqrt(6 / rng.chisquare(6, 500))
        values = rng.normal(0, 1, (2 * n, 500)) * spread
        p.append(contrast(values[:n], values[n:]).p)
    p = np.concatenate(p)
    assert stats.kstest(p, "uniform").statistic < 0.02
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.006)
    assert np.mean(p < 0.001) < 0.003


def test_cells_that_vary_alike_do_not_make_four_embryos_certain():
    rng = np.random.default_rng(4)
    values = rng.normal(0, 1, (4, 600))  # no cell varies more than another: an endless prior
    values[2:, 0] += 30.0
    result = contrast(values[:2], values[2:])
    assert result.df.max() <= 2 + 10
    assert 1e-15 < result.p[0] < 1e-6
    quiet = contrast(*np.split(rng.normal(0, 1, (4, 5000)), 2)).p
    assert 0.02 < np.mean(quiet < 0.05) < 0.055


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("n", [2, 3, 5])
def test_wild_types_of_one_collection_hardly_differ(data_dir, n):
    with (data_dir / "epic_tables" / "index.csv").open() as file:
        named = [r["file"] for r in csv.DictReader(file) if r["class"] == "typical_90s"]
    tables = [read_lineage(data_dir / "epic_tables" / f) for f in named[: 2 * n]]
    embryos = [embryo_traits(t, table=f) for t, f in zip(tables, named, strict=False)]
    results, _, _ = compared(embryos[:n], embryos[n:])
    small = [np.mean(r.contrast.p[np.isfinite(r.contrast.p)] < 0.05) for r in results.values()]
    assert np.mean(small) < 0.1
    assert sum(len(found(r)) for r in results.values()) <= 20


def test_false_discovery_rate_agrees_with_scipy_and_skips_unknown():
    p = np.array([0.001, np.nan, 0.2, 0.04])
    q = false_discovery_rate(p)
    assert np.isnan(q[1])
    np.testing.assert_allclose(q[[0, 2, 3]], stats.false_discovery_control(p[[0, 2, 3]]))
