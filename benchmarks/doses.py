"""How often does the 95 % interval of the dose of half the effect hold the truth?

    python -m benchmarks.doses [--plates 200]

Simulated plates: six doses and wells without the drug, three wells each; the share of living cells
follows four parameters, wells differ by themselves on the scale of the logit, and a well counts so
many cells. Prints for each case how often the interval holds the truth, how often the fit is
refused, and the typical width (upper end over lower end).
"""

from __future__ import annotations

import argparse

import numpy as np

from fatescope.base import InputError
from fatescope.plate import fit_dose

DOSES = np.repeat([0, 0.1, 0.3, 1, 3, 10, 30], 3).astype(float)
CASES = ((0.3, 0.05, 100), (0.15, 0.3, 60), (0.0, 0.02, 30))
"""Differences between wells, viability at the highest doses, cells of a well."""


def viability(rng, spread, bottom, cells):
    """Return the share of living cells of each well; half of the effect is at dose 1."""
    share = 1 / (1 + np.maximum(DOSES, 1e-9) ** -1.8)
    true = 0.93 + (bottom - 0.93) * share
    logit = np.log(true / (1 - true)) + rng.normal(0, spread, len(DOSES))
    return rng.binomial(cells, 1 / (1 + np.exp(-logit))) / cells


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plates", type=int, default=200)
    asked = parser.parse_args()
    print("wells differ | viability at the end | cells | held | refused | width")
    for case in CASES:
        rng, held, widths = np.random.default_rng(3), 0, []
        for _ in range(asked.plates):
            try:
                fit = fit_dose(DOSES, viability(rng, *case))
            except InputError:
                continue
            held += fit.low <= 1 <= fit.high
            widths.append(fit.high / fit.low)
        n = max(len(widths), 1)
        said = (*case, f"{held / n:.3f}", asked.plates - len(widths), f"{np.median(widths):.2f}")
        print(*said, sep=" | ", flush=True)


if __name__ == "__main__":
    main()
