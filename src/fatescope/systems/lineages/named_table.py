"""What every method of naming hands back: a table with names, and what embryos.csv says of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fatescope.base import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTable:
    """The rows of one file with their names, and how the embryo as a whole fits.

    Parameters
    ----------
    table : Table
    kind : str
        What the file was taken for: ``tracked``, ``movie`` or ``frame``.
    species : str
        Empty where the method does not tell.
    reasons : list of str
        Why the embryo does not fit; empty if it is typical.
    minutes_per_frame : float
        Pace against the atlas; NaN where the method knows none.
    mirrored : bool
        Whether the names are those of the mirror image, because only that fits.
    """

    table: Table
    kind: str
    species: str = ""
    reasons: list[str] = field(default_factory=list)
    minutes_per_frame: float = float("nan")
    mirrored: bool = False

    @property
    def n_named(self) -> int:
        """Rows that bear a full or a compact name."""
        return int((self.table["abstained"] == 0).sum())


def add_names(
    given: Table,
    *,
    name: np.ndarray,
    compact: np.ndarray,
    confidence: np.ndarray,
    second: np.ndarray,
    abstained: np.ndarray,
) -> Table:
    """Return the input rows followed by the columns of names.

    Columns of the input that bear one of these names go on as ``<column>_given``.
    """
    ours = {
        "name": name,
        "compact": compact,
        "confidence": np.round(confidence, 4),
        "second": second,
        "abstained": abstained.astype(np.int64),
    }
    kept = {f"{c}_given" if c in ours else c: values for c, values in given.columns.items()}
    return Table({**kept, **ours})
