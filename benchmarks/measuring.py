"""What measuring and scoring cost: CPU-ms per megapixel, one thread.

    OMP_NUM_THREADS=1 python -m benchmarks.measuring

Rendered nuclei, 1000 x 1000 px, 28 px across, about 900 of them; median of 15 runs. The last line
is a fixed piece of NumPy work, to compare machines and moments.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from fatescope.evaluate import explain_errors, score_labels
from fatescope.measurement import ObjectSums, find_contacts, measure_objects
from fatescope.simulate import NucleiMovieSettings, simulate_image


def cost_ms(work: Callable[[], object], *, runs: int = 15) -> float:
    """Return the median CPU time of ``work`` in ms, after one run to warm up."""
    work()
    times = []
    for _ in range(runs):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return 1000 * statistics.median(times)


def main() -> None:
    """Print the table."""
    settings = NucleiMovieSettings(height=1000, width=1000, density=0.5, diameter_px=28)
    pixels, labels = simulate_image(settings, seed=1)
    shifted = np.roll(labels, 2, axis=0)
    floats = pixels.astype(np.float32)
    print(f"{labels.max()} nuclei, {(labels > 0).mean():.0%} of the image")
    works: dict[str, Callable[[], object]] = {
        "sums, 16-bit channel": lambda: ObjectSums.of_block(labels, {"0": pixels}),
        "contacts": lambda: find_contacts(labels),
        "whole table, 16-bit channel": lambda: measure_objects(
            labels, {"0": pixels}, spacing_um=(0.3, 0.3)
        ),
        "whole table, float channel": lambda: measure_objects(labels, {"0": floats}),
        "score_labels": lambda: score_labels(labels, shifted),
        "explain_errors": lambda: explain_errors(labels, shifted),
        "reference: np.sort of a million float32": lambda: np.sort(floats, axis=None),
    }
    for name, work in works.items():
        print(f"{name:40s} {cost_ms(work):6.1f} ms")


if __name__ == "__main__":
    main()
