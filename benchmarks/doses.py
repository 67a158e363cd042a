"""How often does the 95 % interval of the dose of half the effect hold the truth?

    python -m benchmarks.doses [--plates 200] [--seed 3] [--hazards]

Simulated plates: six doses and wells without the drug, three wells each; the share of living cells
follows four parameters, wells differ by themselves on the scale of the logit, and a well counts so
many cells. Prints for each case how often the interval holds the truth, how often the fit is
refused, and the typical width (upper end over lower end). With ``--hazards`` the rate of dying, not
the share of living cells, follows the dose in this way, so that four parameters are not the truth.
"""

from __future__ import annotations

import argparse

import numpy as np

from fatescope.base import InputError
from fatescope.plate import fit_dose

DOSES = np.repeat([0, 0.1, 0.3, 1, 3, 10, 30], 3).astype(float)
CASES = ((0.3, 0.05, 100), (0.15, 0.3, 60), (0.0, 0.02, 30))
"""Differences between wells, viability at the highest doses, cells of a well."""


STEEP = 1.8


def responses(bottom, hazards):
    """Return the true share of living cells at each dose, and the dose of half the effect."""
    share = 1 / (1 + np.maximum(DOSES, 1e-9) ** -STEEP)
    if not hazards:
        return 0.93 + (bottom - 0.93) * share, 1.0
    deaths = np.log(0.93 / bottom)
    half = -np.log((1 + np.exp(-deaths)) / 2) / deaths
    return 0.93 * np.exp(-deaths * share), (half / (1 - half)) ** (1 / STEEP)


def viability(rng, true, spread, cells):
    """Return the share of living cells that is counted in each well."""
    logit = np.log(true / (1 - true)) + rng.normal(0, spread, len(DOSES))
    return rng.binomial(cells, 1 / (1 + np.exp(-logit))) / cells


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plates", type=int, default=200)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--hazards", action="store_true")
    asked = parser.parse_args()
    print("wells differ | viability at the end | cells | held | refused | width")
    for spread, bottom, cells in CASES:
        true, half = responses(bottom, asked.hazards)
        rng, held, widths = np.random.default_rng(asked.seed), 0, []
        for _ in range(asked.plates):
            try:
                fit = fit_dose(DOSES, viability(rng, true, spread, cells))
            except InputError:
                continue
            held += fit.low <= half <= fit.high
            widths.append(fit.high / fit.low)
        n, refused = max(len(widths), 1), asked.plates - len(widths)
        said = (spread, bottom, cells, f"{held / n:.3f}", refused, f"{np.median(widths):.2f}")
        print(*said, sep=" | ", flush=True)


if __name__ == "__main__":
    main()
