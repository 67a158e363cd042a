"""Is the share of touching nuclei that is asked for also rendered, and kept through time?

python -m benchmarks.touching
"""

from __future__ import annotations

import numpy as np

from fatescope.measurement import find_contacts
from fatescope.simulate import NucleiMovieSettings, simulate_nuclei


def touching_share(labels: np.ndarray) -> float:
    """Return the share of objects that touch another one."""
    contacts = find_contacts(labels)
    touching = np.union1d(contacts["label_a"], contacts["label_b"])
    return len(touching) / max(1, len(np.unique(labels[labels > 0])))


def main() -> None:
    """Print the share asked for, and that of the first and the twelfth frame."""
    print("density  asked  first  twelfth")
    for density in (0.15, 0.3, 0.5):
        for asked in (0.0, 0.2, 0.4, 0.7, 1.0):
            settings = NucleiMovieSettings(
                height=640, width=640, density=density, touching_share=asked
            )
            labels = simulate_nuclei(settings, seed=7).labels
            first, last = touching_share(labels[0]), touching_share(labels[-1])
            print(f"{density:7.2f}  {asked:5.2f}  {first:5.2f}  {last:7.2f}")


if __name__ == "__main__":
    main()
