"""Growth curves on disk: one compressed NumPy archive of plain arrays."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from fatescope.acquire.lineages.atlas_file import read_arrays, write_arrays

SHIPPED = Path(str(files("fatescope") / "lineage/shipped/celegans-growth-1.npz"))


def read_growth(path: Path = SHIPPED) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Read counts (embryos, minutes, groups), tempos (embryos,) and metadata.

    Raises
    ------
    FileFormatError
        If the file is missing or damaged.
    """
    arrays, metadata = read_arrays(path)
    # Counts are kept as steps from minute to minute, which are small and pack well.
    count = np.cumsum(arrays["steps"], axis=1, dtype=np.int16)
    return count, arrays["tempo"], metadata


def write_growth(
    path: Path, count: np.ndarray, tempo: np.ndarray, metadata: dict[str, Any]
) -> None:
    """Write what `read_growth` reads, whole or not at all."""
    steps = np.diff(count, axis=1, prepend=np.int16(0)).astype(np.int16)
    write_arrays(path, {"steps": steps, "tempo": tempo}, metadata)
