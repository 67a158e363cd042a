"""Fates worked out by hand, against SciPy, and what copies of cells must not do."""

import numpy as np
import pytest
from benchmarks.survival import simulate_fates
from scipy import stats

from fatescope.base import InputError, Table
from fatescope.plate import (
    band_over_wells,
    compare_hazards,
    curves_table,
    edge_effect,
    group_wells,
    median_over_wells,
    phototoxicity,
    relative_hazards,
    survival_of_wells,
    tabulate_fates,
    treatments_table,
    viability_table,
    wilson_interval,
    z_prime,
)
from fatescope.plate.survival import crossing


def fates_of(rows):
    """Rows of (well, first, last, death); death None: censored."""
    return Table(
        {
            "well": np.array([r[0] for r in rows], dtype=object),
            "cell": np.arange(len(rows)),
            "first_frame": np.array([r[1] for r in rows]),
            "last_frame": np.array([r[2] for r in rows]),
            "death_frame": np.array([np.nan if r[3] is None else r[3] for r in rows]),
            "censored": np.array([int(r[3] is None) for r in rows]),
        }
    )


HAND = fates_of(
    [
        ("A01", 0, 4, 2),  # dies between frames 1 and 2
        ("A01", 0, 4, None),
        ("A01", 0, 1, None),  # lost after frame 1
        ("A01", 2, 4, 4),  # enters late
        ("A01", 0, 4, 0),  # dead when first seen
    ]
)


def test_a_table_worked_out_by_hand():
    fates = tabulate_fates(HAND)
    assert fates.at_risk.tolist() == [[0, 3, 2, 2, 2]]
    assert fates.deaths.tolist() == [[0, 0, 1, 0, 1]]
    assert fates.n.tolist() == [[4, 4, 4, 4, 4]]
    assert fates.alive.tolist() == [[3, 3, 2, 2, 1]]
    assert fates.dead_at_start.tolist() == [1]
    np.testing.assert_allclose(survival_of_wells(fates), [[1, 1, 0.5, 0.5, 0.25]])


def test_survival_agrees_with_scipy_where_cells_are_lost():
    table = simulate_fates(np.random.default_rng(0), n_wells=1, n_cells=80, lost=0.02)[0]
    death = table["death_frame"]
    died = np.isfinite(death)
    data = stats.CensoredData(uncensored=death[died], right=table["last_frame"][~died])
    oracle = stats.ecdf(data).sf
    ours = survival_of_wells(tabulate_fates(table))[0]
    frames = np.arange(len(ours))
    known = np.isfinite(ours)
    np.testing.assert_allclose(ours[known], oracle.evaluate(frames)[known], atol=1e-12)


def test_expected_deaths_are_those_of_the_log_rank_test():
    rng = np.random.default_rng(1)
    table, _ = simulate_fates(rng, n_wells=2, n_cells=60)
    fates = tabulate_fates(table)
    pooled = fates.deaths.sum(axis=0) / np.maximum(fates.at_risk.sum(axis=0), 1)
    expected = (fates.at_risk * pooled).sum(axis=1)
    sides = []
    for well in fates.well:
        mine = table.rows(table["well"] == well)
        died = np.isfinite(mine["death_frame"])
        sides.append(
            stats.CensoredData(
                uncensored=mine["death_frame"][died], right=mine["last_frame"][~died]
            )
        )
    observed = fates.deaths.sum(axis=1)
    assert np.sign(stats.logrank(*sides).statistic) == np.sign(observed[0] - expected[0])


def test_hazards_of_wells_are_recovered():
    factors = np.array([0.5, 1.0, 2.0, 4.0])
    table, _ = simulate_fates(
        np.random.default_rng(2), n_wells=4, n_cells=4000, hazard=factors, frailty=0.0
    )
    logs = relative_hazards(tabulate_fates(table))
    np.testing.assert_allclose(np.exp(logs - logs[1]), factors, rtol=0.08)


def two_arms(seed, ratio=2.0, wells=4, cells=50):
    return simulate_fates(
        np.random.default_rng(seed),
        n_wells=2 * wells,
        n_cells=cells,
        hazard=np.repeat([1.0, ratio], wells),
    )


def hours_of(fates):
    return np.arange(fates.n.shape[1]) * 0.5


def results(table):
    fates = tabulate_fates(table)
    half = len(fates.well) // 2
    control = np.array(["negative"] * half + [""] * half, dtype=object)
    treatment = np.array(["none"] * half + ["drug"] * half, dtype=object)
    groups = group_wells(treatment, np.full(2 * half, np.nan), np.full(2 * half, ""), control)
    return fates, groups, treatments_table(fates, groups, hours=hours_of(fates))


def test_copies_of_cells_change_no_interval():
    table, _ = two_arms(3)
    copies = Table.concatenate(
        [table.with_columns({"cell": table["cell"] + 10_000 * k}) for k in range(6)]
    )
    _, _, once = results(table)
    _, _, often = results(copies)
    for column in ("median_death_h", "low", "high", "hazard_ratio", "hr_low", "hr_high"):
        np.testing.assert_allclose(often[column], once[column], rtol=1e-6)
    np.testing.assert_allclose(often["p_logrank"], once["p_logrank"], rtol=1e-6)


def test_a_treatment_that_kills_twice_as_fast_is_found_with_its_ratio():
    _, _, table = results(two_arms(4, ratio=2.0, wells=8, cells=120)[0])
    assert list(table)[:10] == [
        "treatment", "dose", "n_wells", "median_death_h", "low", "high",
        "hazard_ratio", "hr_low", "hr_high", "p_logrank",
    ]  # fmt: skip
    assert table["treatment"].tolist() == ["none", "drug"]
    assert table["hazard_ratio"][0] == 1
    assert np.isnan(table["hr_low"][0])
    assert table["hr_low"][1] < 2 < table["hr_high"][1]
    assert table["p_logrank"][1] < 0.05
    assert table["low"][1] < table["median_death_h"][1] < table["median_death_h"][0]


def test_a_median_that_is_not_reached_is_empty_and_hours_need_an_interval():
    table = fates_of([(w, 0, 9, d) for w in ("A01", "A02") for d in (3, None, None, None)])
    fates = tabulate_fates(table)
    groups = group_wells(
        np.array(["x", "x"]), np.full(2, np.nan), np.array(["", ""]), np.array(["negative", None])
    )
    found = treatments_table(fates, groups, hours=None)
    assert np.isnan(found["median_death_frames"]).all()
    assert np.isnan(found["median_death_h"]).all()


def test_the_median_lies_between_the_frames_where_half_are_dead():
    assert crossing(np.array([1.0, 0.8, 0.4]), 0.5, np.arange(3.0)) == pytest.approx(1.75)
    median, low, high = median_over_wells(
        np.array([[1.0, 0.5, 0.0], [1.0, 1.0, 0.5]]), np.array([2, 2]), np.arange(3.0)
    )
    assert median == pytest.approx(np.sqrt(2))
    half = stats.t.ppf(0.975, 1) * np.std([0, np.log(2)], ddof=1) / np.sqrt(2)
    assert low == pytest.approx(np.sqrt(2) * np.exp(-half))
    assert high == pytest.approx(np.sqrt(2) * np.exp(half))


def test_uneven_times_date_the_median_and_not_its_frame():
    survival, n = np.array([[1.0, 0.75, 0.25], [1.0, 0.75, 0.25]]), np.array([4, 4])
    frames = median_over_wells(survival, n, np.arange(3.0))[0]
    hours = median_over_wells(survival, n, np.array([0.0, 1.0, 25.0]))[0]
    assert (frames, hours) == pytest.approx((1.5, 13.0))


def test_where_some_wells_do_not_reach_half_the_band_decides():
    falling = np.linspace(1, 0.2, 40)
    wells = np.array([falling, falling**0.8, np.maximum(falling, 0.6)])
    median, low, _ = median_over_wells(wells, np.full(3, 50), np.arange(40.0))
    assert low < median
    middle, below, above = band_over_wells(wells, np.full(3, 50))
    assert (below[5:] <= middle[5:]).all()
    assert (middle[5:] <= above[5:]).all()


def test_no_well_or_one_gives_no_interval():
    one = np.array([[1.0, 0.4]])
    median, low, high = median_over_wells(one, np.array([9]), np.arange(2.0))
    assert median == pytest.approx(5 / 6)
    assert np.isnan([low, high]).all()


def test_a_group_without_deaths_has_p_but_no_ratio():
    rows = [("A01", 0, 9, None), ("A02", 0, 9, None), ("B01", 0, 9, 3), ("B02", 0, 9, 4)]
    rows = [r for r in rows for _ in range(5)]
    fates = tabulate_fates(fates_of(rows))
    found = compare_hazards(fates, np.array([False, False, True, True]))
    assert np.isnan([found.ratio, found.low, found.high]).all()
    assert found.p_logrank < 0.05


def test_plates_with_other_hazards_are_compared_within_themselves():
    rng = np.random.default_rng(5)
    hazard = np.array([1, 1, 1, 2, 2, 2, 5, 5, 5, 10, 10, 10], dtype=float)
    table, _ = simulate_fates(rng, n_wells=12, n_cells=300, hazard=hazard, frailty=0.05)
    fates = tabulate_fates(table)
    plates = type(fates)(
        **{n: getattr(fates, n) for n in fates.__slots__ if n != "plate"},
        plate=np.repeat(["p", "q"], 6).astype(object),
    )
    found = compare_hazards(plates, np.tile(np.repeat([False, True], 3), 2))
    assert found.low < 2 < found.high
    assert found.high / found.low < 1.6


def test_viability_counts_the_dead_to_the_end():
    table = viability_table(tabulate_fates(HAND))
    columns = ["plate", "well", "frame", "n", "alive", "viability", "low", "high", "survival"]
    assert list(table) == columns
    assert table["survival"].tolist() == [1, 1, 0.5, 0.5, 0.25]
    assert table["viability"].tolist() == [0.75, 0.75, 0.5, 0.5, 0.25]
    low, high = wilson_interval(np.array([5, 0]), np.array([10, 0]))
    np.testing.assert_allclose([low[0], high[0]], [0.2366, 0.7634], atol=1e-4)
    assert np.isnan([low[1], high[1]]).all()


def test_curves_have_a_row_for_each_group_and_frame():
    fates, groups, _ = results(two_arms(6)[0])
    curves = curves_table(fates, groups, hours=hours_of(fates))
    assert len(curves) == 2 * fates.n.shape[1]
    inside = np.isfinite(curves["survival_low"])
    assert (curves["survival_low"] <= curves["survival"])[inside].all()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("A01", 3, 2, None)], "ends before it begins"),
        ([("A01", -1, 2, None)], "no first or last frame"),
        ([("A01", 0, 2, -4)], "a death before frame 0"),
    ],
)
def test_fates_that_cannot_be_are_named_by_row(rows, words):
    with pytest.raises(InputError, match=rf"row 1 .*well A01.*{words}"):
        tabulate_fates(fates_of(rows))


def test_a_cell_that_occurs_twice_and_a_missing_column_are_refused():
    table = fates_of([("A01", 0, 2, None)] * 2).with_columns({"cell": np.array([1, 1])})
    with pytest.raises(InputError, match="occurs twice"):
        tabulate_fates(table)
    with pytest.raises(InputError, match="lacks the column 'well'"):
        tabulate_fates(Table({"cell": np.array([1])}))


def test_z_prime_of_wells_far_apart_is_near_one():
    assert z_prime(np.array([0.1, 0.1]), np.array([0.9, 0.9])) == 1
    assert np.isnan(z_prime(np.array([0.1]), np.array([0.9, 0.9])))


def test_the_edge_is_compared_within_treatments():
    values = np.array([0.9, 0.8, 0.92, 0.81, 0.5, 0.4, 0.52, 0.39])
    edge = np.array([0, 1] * 4, dtype=bool)
    found = edge_effect(values, edge, np.repeat(["a", "b"], 4))
    assert found.estimate == pytest.approx(-0.11)
    assert found.low < -0.11 < found.high < 0


def test_light_kills_with_the_dye_alone():
    dye, light = np.repeat([False, True], 6), np.tile([False, False, False, True, True, True], 2)
    hazard = np.where(dye & light, 4.0, 1.0)
    table, _ = simulate_fates(
        np.random.default_rng(7), n_wells=12, n_cells=150, hazard=hazard, frailty=0.1
    )
    found = phototoxicity(tabulate_fates(table), dye, light)
    assert found["dye x light"].low < 4 < found["dye x light"].high
    assert found["dye"].low < 1 < found["dye"].high
    with pytest.raises(InputError, match="needs 3 wells of each"):
        phototoxicity(tabulate_fates(table), dye, np.zeros(12, dtype=bool))


def test_survival_is_one_before_the_first_death_whatever_the_wells_hold():
    share = np.array([[1, 1, 0.9], [1, 1, 1], [1, np.nan, 0.8]])
    middle, low, high = band_over_wells(share, np.array([40, 70, 9]))
    for ends in (middle, low, high):
        assert ends[:2].tolist() == [1, 1]
    assert low[2] < middle[2] < high[2] < 1


def test_one_dose_in_two_units_is_two_treatments_unless_it_is_the_same_amount():
    names, controls = np.full(6, "drug"), np.full(6, "")
    units = np.array(["nM", "uM", "µM", "μM", "nM", ""])
    groups = group_wells(names, np.array([1, 1, 1, 1, 1000, 1.0]), units, controls)
    assert [(g.dose, g.unit, g.wells.tolist()) for g in groups] == [
        (1.0, "nM", [0]),
        (1.0, "uM", [1, 2, 3, 4]),
        (1.0, "", [5]),
    ]
    assert [str(g) for g in groups] == ["drug 1 nM", "drug 1 uM", "drug 1"]
