"""One question in SQL over the tables of one result, or of a thousand."""

from __future__ import annotations

import logging
import math
import textwrap
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError, Table, escape, explain_os_error
from fatescope.engine import find_results, memory_limit, peak_memory_mb, tables_in
from fatescope.storage import Part, Views, open_views, tables_asked, write_beside

if TYPE_CHECKING:
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)

Results = Sequence[Path | str] | Path | str
_SHOWN = 40
"""Rows of an answer on the terminal."""
_WIDEST = 40
"""Letters of a value on the terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the tables of results say to a question, or which tables there are.

    Parameters
    ----------
    table : Table
        The rows; empty where they went to ``out``.
    n_rows : int
    out : Path or None
        The file that was written.
    listed : dict or None
        Without a question: by table, the SQL type of each column.
    n_results : int
    errors : tuple of str
        One sentence for each folder or file that was left out.
    n_left_out : int
        Folders that were left out.
    seconds, peak_memory_mb : float
    """

    table: Table
    n_rows: int
    out: Path | None = None
    listed: dict[str, dict[str, str]] | None = None
    n_results: int
    errors: tuple[str, ...] = ()
    n_left_out: int = 0
    seconds: float = 0.0
    peak_memory_mb: float = 0.0

    @property
    def exit_code(self) -> int:
        """0 all were asked, 1 some folder or file was left out."""
        return 1 if self.errors else 0

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``--json``."""
        head: dict[str, Any] = {
            "command": "query",
            "out": None if self.out is None else str(self.out),
            "units_done": self.n_results,
            "units_failed": self.n_left_out,
            "findings": 0,
            "seconds": round(self.seconds, 3),
            "peak_memory_mb": round(self.peak_memory_mb, 1),
            "errors": list(self.errors),
        }
        if self.listed is not None:
            rows = zip(
                *(self.table[c].tolist() for c in ("table", "n_rows", "n_runs")), strict=True
            )
            return head | {
                "tables": [
                    {"table": t, "n_rows": n, "n_runs": r, "columns": self.listed[t]}
                    for t, n, r in rows
                ]
            }
        columns = [_plain(self.table[name]) for name in self.table]
        return head | {
            "n_rows": self.n_rows,
            "columns": list(self.table),
            "rows": [dict(zip(self.table, row, strict=True)) for row in zip(*columns, strict=True)],
        }

    def as_lines(self) -> list[str]:
        """Return what a person reads on the terminal."""
        if self.listed is not None:
            return _listing_lines(self.table, self.n_results)
        if self.out is not None:
            return [f"query: {_counted(self.n_rows, 'row')} -> {self.out}"]
        lines = _aligned(self.table.rows(slice(_SHOWN)))
        if self.n_rows > _SHOWN:
            lines.append(
                f"... {self.n_rows - _SHOWN:,} more rows; --out FILE.csv keeps all of them."
            )
        return [*lines, f"{_counted(self.n_rows, 'row')} from {_counted(self.n_results, 'result')}"]


def query(results: Results, sql: str | None = None) -> Table:
    """Ask one question in SQL of the tables of one result, or of many.

    Every table of an output folder (``objects``, ``images``, ``findings``, and what else the
    command wrote) is a view of its name, with the column ``run`` in front: the folder. Columns of
    results that were made by other versions are joined by name. Nothing is written, and nothing
    else can be read.

    Parameters
    ----------
    results : path or sequence of paths
        Output folders, or folders that hold such.
    sql : str, optional
        One SELECT, as DuckDB understands it. Without it, the tables are listed: ``table, n_rows,
        n_runs, columns``.

    Returns
    -------
    Table
        Missing values are NaN or ``None``.

    Raises
    ------
    InputError
        If there is no result, or the question names what is not there or does more than read.

    Examples
    --------
    >>> fs.query("results", "SELECT image, count(*) AS n FROM objects GROUP BY image")
    ... # doctest: +SKIP
    """
    found = answer_question(results, sql)
    for error in found.errors:
        _log.warning("%s", error)
    return found.table


def answer_words(words: Sequence[str], *, out: Path | None = None) -> Answer:
    """Answer the words of ``fatescope query``: folders, and last, if it is none, a question."""
    *folders, last = words
    if Path(last).exists() or not (" " in last.strip() or folders):
        return answer_question(words, out=out)
    return answer_question(folders, last, out=out)


def answer_question(
    results: Results, sql: str | None = None, *, out: Path | str | None = None
) -> Answer:
    """Ask a question as `query` does, and say what was left out.

    Parameters
    ----------
    out : path, optional
        A new file ending in .csv or .parquet, which takes all rows; they stream, so that their
        number does not matter.
    """
    begun = time.monotonic()
    target = None if out is None else _new_file(Path(out), sql)
    given = [results] if isinstance(results, str | Path) else list(results)
    folders, errors = find_results([Path(p) for p in given])
    tables = _parts(folders, errors)
    if not tables:
        raise InputError(errors[0] if errors else "no result was given. Name output folders.")
    n_left_out = len(errors)
    asked = list(tables) if sql is None else tables_asked(sql, tables)
    opened = {name: tables[name] for name in asked}
    listed = None
    with (
        _writing(target) as part,
        open_views(opened, memory_bytes=memory_limit(None), writes=part) as views,
    ):
        errors += views.errors
        if sql is None:
            table, listed = _listing(views, opened), views.columns
        elif part is None or target is None:
            table = views.ask(sql)
        else:
            table, n_rows = Table(), views.write(sql, part, kind=_kind(target))
    return Answer(
        table=table,
        n_rows=len(table) if target is None else n_rows,
        out=target,
        listed=listed,
        n_results=len({p.said["run"] for parts in tables.values() for p in parts}),
        errors=tuple(errors),
        n_left_out=n_left_out,
        seconds=time.monotonic() - begun,
        peak_memory_mb=peak_memory_mb(),
    )


def _writing(target: Path | None) -> AbstractContextManager[Path | None]:
    return nullcontext() if target is None else write_beside(target)


def _new_file(out: Path, sql: str | None) -> Path:
    if sql is None:
        raise InputError(f"{escape(out)}: there is no question, so nothing to write. Add one.")
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise InputError(f"{escape(out)}: a table ends in .csv or .parquet. Rename it.")
    if out.exists():
        raise InputError(f"{escape(out)}: exists. Choose another name for the answer.")
    if (out.parent / "run.json").exists():
        raise InputError(
            f"{escape(out)}: lies in an output folder, which holds its run alone. Choose another "
            "place for the answer."
        )
    return out


def _kind(target: Path) -> str:
    return target.suffix.lower().removeprefix(".")


def _parts(folders: dict[str, Path], errors: list[str]) -> dict[str, list[Part]]:
    """Return the files of each table over all folders; say which folders have none."""
    tables: dict[str, list[Part]] = {}
    for run, folder in folders.items():
        try:
            found = list(tables_in(folder))
        except OSError as error:
            errors.append(f"{escape(folder)}: cannot be listed: {explain_os_error(error)}")
            continue
        if not found:
            errors.append(
                f"{escape(folder)}: holds no tables, since its run has not ended. Give its command "
                "again, which continues."
            )
        for name, stem, path in found:
            said = (
                {"run": run}
                if name == stem or name.startswith("truth_")
                else {"run": run, "file": stem}
            )
            tables.setdefault(name, []).append(Part(path=path.absolute(), said=said))
    return dict(sorted(tables.items()))


def _listing(views: Views, tables: Mapping[str, Sequence[Part]]) -> Table:
    names = list(views.columns)
    return Table(
        {
            "table": np.array(names, dtype=object),
            "n_rows": np.array([views.count(name) for name in names], dtype=np.int64),
            "n_runs": np.array([len({p.said["run"] for p in tables[n]}) for n in names], np.int64),
            "columns": np.array([", ".join(views.columns[n]) for n in names], dtype=object),
        }
    )


def _listing_lines(table: Table, n_results: int) -> list[str]:
    lines = []
    for name, n_rows, n_runs, columns in zip(*(table[c].tolist() for c in table), strict=True):
        of = f" of {n_runs} runs" if n_results > 1 else ""
        lines.append(f"{name}: {_counted(n_rows, 'row')}{of}")
        lines += textwrap.wrap(columns, initial_indent="    ", subsequent_indent="    ")
    return [*lines, 'Ask with SQL: fatescope query RESULTS "SELECT ... FROM ..."']


def _aligned(table: Table) -> list[str]:
    """Write a table in columns, numbers to the right; what is missing is blank.

    Long texts are cut, except in the last column.
    """
    columns, last = [], list(table)[-1]
    for name, values in table.columns.items():
        cells = [_cell(v, whole=name == last) for v in _plain(values)]
        width = max(map(len, [name, *cells]))
        right = values.dtype.kind in "iuf"
        columns.append([c.rjust(width) if right else c.ljust(width) for c in [name, *cells]])
    return ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]


def _cell(value: Any, *, whole: bool) -> str:
    if value is None:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else escape(str(value))
    return text if whole or len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _plain(values: NDArray[Any]) -> list[Any]:
    """Return values as JSON has them: missing is ``None``, and what JSON lacks is text."""
    kept = (bool, int, float, str, type(None))
    plain = (v if isinstance(v, kept) else str(v) for v in values.tolist())
    return [None if isinstance(v, float) and not math.isfinite(v) else v for v in plain]


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"
