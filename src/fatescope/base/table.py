"""A small table: named columns of equal length, as NumPy arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.errors import InputError
from fatescope.base.table_columns import pick_columns, plain_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length, in a fixed order; units are in the column names.

    Missing values are NaN in float columns and ``None`` in object columns, never 0.

    Parameters
    ----------
    columns : dict of str to ndarray, shape (n,)

    Examples
    --------
    >>> table = Table({"label": np.array([1, 2]), "area_px": np.array([30, 41])})
    >>> len(table), table["area_px"].tolist()
    (2, [30, 41])
    """

    columns: dict[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {name: np.shape(c) for name, c in self.columns.items()}
        if len(set(lengths.values())) > 1 or any(len(s) != 1 for s in lengths.values()):
            raise InputError(f"the columns of a table must have one length; got {lengths}.")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.columns:
            known = ", ".join(self.columns)
            raise InputError(f"the table has no column {name!r}; it has {known}.")
        return self.columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def rows(self, which: NDArray[Any] | slice) -> Table:
        """Return the rows that an index, a boolean array or a slice selects."""
        return Table({name: c[which] for name, c in self.columns.items()})

    def with_columns(self, columns: Mapping[str, NDArray[Any]]) -> Table:
        """Return the table with ``columns`` added at the end, or replaced in place."""
        return Table({**self.columns, **columns})

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame``; pandas must be installed."""
        try:
            import pandas as pd
        except ImportError as error:
            raise InputError("`to_pandas` needs pandas. Install it: pip install pandas.") from error
        return pd.DataFrame(self.columns)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Hand the rows to whatever reads Arrow (polars, pyarrow, pandas), without a file.

        Numbers, switches and text keep their type; NaN and ``None`` are null.

        Raises
        ------
        InputError
            If the table has no columns.
        """
        import duckdb

        if not self.columns:
            raise InputError("a table without columns cannot be handed over as Arrow.")
        with duckdb.connect(":memory:") as db:
            db.register("rows", plain_columns(self.columns))
            relation = db.sql(f"SELECT {pick_columns(self.columns)} FROM rows")
            return relation.__arrow_c_stream__(requested_schema)

    @staticmethod
    def concatenate(tables: Sequence[Table]) -> Table:
        """Stack tables that have the same columns in the same order."""
        filled = [t for t in tables if t.columns]
        if not filled:
            return Table()
        names = list(filled[0])
        for t in filled:
            if list(t) != names:
                raise InputError(f"tables with columns {names} and {list(t)} cannot be stacked.")
        return Table({name: np.concatenate([t[name] for t in filled]) for name in names})

    @staticmethod
    def from_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> Table:
        """Build a table of objects from mappings, with the columns of the first unless given.

        A key that is absent becomes ``None``.
        """
        columns = columns or list(rows[0])
        return Table({c: np.array([r.get(c) for r in rows], dtype=object) for c in columns})
