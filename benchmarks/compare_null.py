"""How often `lineage compare` finds something where nothing differs.

Run with ``python -m benchmarks.compare_null`` (two minutes of one core).

Rendered wild types against rendered wild types. Prints, per trait and group size, the share of
p below 0.05 and in how many of the comparisons anything was found at a false discovery rate of
0.05.
"""

from __future__ import annotations

import numpy as np

from fatescope.lineage.comparing import align_embryos, compare_traits
from fatescope.lineage.traits import EmbryoTraits, embryo_traits
from fatescope.simulate import LineagePlan, simulate_lineage

N_REFERENCE, COMPARISONS = 5, 12


def embryos(n: int, seed: int) -> list[EmbryoTraits]:
    return [
        embryo_traits(simulate_lineage(LineagePlan(pose=i % 4), seed=seed + i), table=str(seed + i))
        for i in range(n)
    ]


def main() -> None:
    for n_test in (5, 1):
        p_small: dict[str, list[float]] = {}
        any_found: dict[str, int] = {}
        for k in range(COMPARISONS):
            reference = embryos(N_REFERENCE, 1000 * k)
            test = embryos(n_test, 1000 * k + 500)
            aligned, _ = align_embryos([*reference, *test], N_REFERENCE)
            for r in compare_traits(aligned[:N_REFERENCE], aligned[N_REFERENCE:]):
                p = r.contrast.p[np.isfinite(r.contrast.p)]
                p_small.setdefault(r.trait, []).append(float((p < 0.05).mean()))
                any_found[r.trait] = any_found.get(r.trait, 0) + bool((r.q < 0.05).any())
        for trait, shares in p_small.items():
            print(
                f"{N_REFERENCE} against {n_test}  {trait:10}  p < 0.05: {np.mean(shares):.3f}  "
                f"anything found: {any_found[trait]} of {COMPARISONS}"
            )


if __name__ == "__main__":
    main()
