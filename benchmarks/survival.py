"""Do the intervals over wells cover what they promise? Simulated tables of fates.

    python -m benchmarks.survival [--tables 2000]

Each table has two arms of 3 to 8 wells, 30 to 120 cells a well, deaths by a Weibull hazard that
wells multiply by a log-normal factor (s.d. 0.2 to 0.4), frames of a quarter of an hour, cells lost
on the way. Prints how often 95 % intervals hold the truth, for no effect and for hazard ratios of
1.5, 3 and 10, beside an interval that takes every cell as independent.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy import stats

from fatescope.base import Table
from fatescope.plate import (
    band_over_wells,
    compare_hazards,
    median_over_wells,
    survival_of_wells,
    tabulate_fates,
    wilson_interval,
)

FRAMES, SHAPE, SCALE = 70, 1.5, 25.0


def simulate_fates(rng, *, n_wells, n_cells, hazard=1.0, frailty=0.3, lost=0.004):
    """Return a table of fates and the factor on the hazard of each well."""
    factor = hazard * np.exp(rng.normal(0, frailty, n_wells))
    cells = np.broadcast_to(n_cells, n_wells)
    well = np.repeat(np.arange(n_wells), cells)
    n = len(well)
    time = SCALE * (rng.exponential(size=n) / factor[well]) ** (1 / SHAPE)
    death = np.ceil(time)
    gone = np.floor(rng.exponential(1 / lost, n))
    last = np.minimum(gone, FRAMES - 1).astype(np.int64)
    died = death <= last
    table = Table(
        {
            "well": np.array([f"A{w + 1:02d}" for w in well], dtype=object),
            "cell": np.arange(n),
            "first_frame": np.zeros(n, dtype=np.int64),
            "last_frame": last,
            "death_frame": np.where(died, death, np.nan),
            "censored": (~died).astype(np.int64),
        }
    )
    return table, factor


def cellwise_ratio(fates, test):
    """Return the interval of the hazard ratio if every cell were independent."""
    sides = [(fates.deaths[s].sum(), (fates.at_risk[s]).sum(axis=0)) for s in (~test, test)]
    pooled = fates.deaths.sum(axis=0) / np.maximum(fates.at_risk.sum(axis=0), 1)
    logs = [np.log(d / (r * pooled).sum()) for d, r in sides]
    half = stats.norm.ppf(0.975) * np.sqrt(sum(1 / d for d, _ in sides))
    return logs[1] - logs[0] - half, logs[1] - logs[0] + half


def one_table(rng, ratio):
    """Return which intervals hold the truth in one simulated table."""
    wells = rng.integers(3, 9, 2)
    frailty = rng.uniform(0.2, 0.4)
    test = np.repeat([False, True], wells)
    hazard = np.where(test, ratio, 1.0)
    cells = rng.integers(30, 121, len(test))
    table, factor = simulate_fates(
        rng, n_wells=len(test), n_cells=cells, hazard=hazard, frailty=frailty
    )
    fates = tabulate_fates(table)
    survival = survival_of_wells(fates)
    held = {}
    found = compare_hazards(fates, test)
    held["hazard ratio"] = found.low <= ratio <= found.high
    held["p below 0.05"] = found.p_logrank < 0.05
    low, high = cellwise_ratio(fates, test)
    held["hazard ratio, cells as units"] = low <= np.log(ratio) <= high
    truth = SCALE * (np.log(2) / ratio) ** (1 / SHAPE)
    _, low, high = median_over_wells(
        survival[test], cells[test], np.arange(survival.shape[1], dtype=float)
    )
    held["median"] = low <= truth and not high < truth
    frame = 20
    expected = np.exp(-ratio * (frame / SCALE) ** SHAPE)
    _, low, high = (c[frame] for c in band_over_wells(survival[test], cells[test]))
    held["survival of the treatment"] = low <= expected <= high
    low, high = wilson_interval(fates.alive[:, frame], fates.n[:, frame])
    of_well = np.exp(-factor * (frame / SCALE) ** SHAPE)
    held["viability of a well"] = float(((low <= of_well) & (of_well <= high)).mean())
    return held


def coverage(n_tables, ratio, seed):
    """Return the share of tables in which each interval holds the truth."""
    rng = np.random.default_rng(seed)
    held = [one_table(rng, ratio) for _ in range(n_tables)]
    return {name: float(np.mean([h[name] for h in held])) for name in held[0]}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=2000)
    args = parser.parse_args()
    ratios = (1.0, 1.5, 3.0, 10.0)
    found = [coverage(args.tables, ratio, seed) for seed, ratio in enumerate(ratios)]
    print("| interval | " + " | ".join(f"hazard ratio {r:g}" for r in ratios) + " |")
    print("|--|" + "--:|" * len(ratios))
    for name in found[0]:
        print(f"| {name} | " + " | ".join(f"{100 * f[name]:.1f} %" for f in found) + " |")


if __name__ == "__main__":
    main()
