"""Tables in and out: CSV (UTF-8, missing = empty) and Parquet, written whole or not at all."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import FileFormatError, InputError, Table, escape, explain_os_error
from fatescope.storage import NAMES, copy_table, fetch_table, interrupts, write_beside

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HINT = re.compile(r'"?sep=([,;\t])"?\r?\n', re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?(0|[1-9]\d{0,17})")


def write_table(table: Table, path: Path | str) -> None:
    r"""Write a table as CSV or Parquet, by the ending of ``path``.

    The bytes depend on the table alone. CSV is quoted as in RFC 4180, with ``\n`` at line ends;
    numbers are written so that reading gives the same number; NaN and ``None`` are empty.

    Raises
    ------
    InputError
        If the ending is neither ``.csv`` nor ``.parquet``, or the table has no column.
    RunError
        If the disk is full or the place cannot be written.
    """
    path = Path(path)
    kind = _kind(path)
    if not table.columns:
        raise InputError(
            f"{escape(path)}: a table without columns cannot be written. Name columns."
        )
    with write_beside(path) as part:
        copy_table(table, part, kind=kind)


def _kind(path: Path) -> str:
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("csv", "parquet"):
        raise InputError(f"{escape(path)}: a table ends in .csv or .parquet. Rename it.")
    return kind


def read_table(path: Path | str, *, text: bool = False) -> Table:
    """Read a table from CSV or Parquet, by the ending of ``path``.

    Parameters
    ----------
    path : Path or str
    text : bool
        Leave all columns of CSV text, as they are written: ``007`` and ``1e5`` may be names.

    Returns
    -------
    Table
        Whole numbers become int64, other numbers float64 (missing: NaN), the rest text (missing:
        ``None``). In CSV, a column of numbers with leading zeros (``01``) is text, and so is what
        names an image, a movie, a file, a plate or a well: an image may be called ``1``.

    Raises
    ------
    FileFormatError
        If it cannot be read, a row is too long or too short, or a name occurs twice.
    """
    path = Path(path)
    if path.suffix.lower() in (".xlsx", ".xls", ".ods"):
        raise InputError(f"{escape(path)}: is a spreadsheet. Save its sheet as CSV UTF-8.")
    try:
        if _kind(path) == "parquet":
            return _read_parquet(path)
        return parse_csv(path.read_bytes(), where=escape(path), text=text)
    except OSError as error:
        raise FileFormatError(
            f"{escape(path)}: cannot be read: {explain_os_error(error)}"
        ) from error


def _read_parquet(path: Path) -> Table:
    import duckdb

    with path.open("rb") as stream:
        if stream.read(4) != b"PAR1":
            raise FileFormatError(f"{escape(path)}: is not a Parquet file. Export it again.")
    try:
        with interrupts(), duckdb.connect(":memory:", config={"threads": 1}) as db:
            return fetch_table(db.execute("SELECT * FROM read_parquet(?)", [str(path)]))
    except duckdb.Error as error:
        raise FileFormatError(
            f"{escape(path)}: is a damaged Parquet file. Export it again."
        ) from error


def parse_csv(data: bytes, *, where: str, text: bool = False) -> Table:
    """Read the bytes of a CSV file: comma, semicolon or tab; see `read_table`.

    Columns that have neither a name nor a value, as spreadsheets leave them, are no columns.
    """
    whole, delimiter = _without_hint(_text(data, where), _delimiter(data))
    lines = csv.reader(io.StringIO(whole, newline=""), delimiter=delimiter)
    try:
        rows = [row for row in lines if row]
    except csv.Error as error:
        raise FileFormatError(f"{where}: is not CSV ({error}). Export it again.") from error
    if not rows:
        raise FileFormatError(f"{where}: is empty; its first line must name the columns.")
    names = [name.strip() for name in rows[0]]
    unused = {
        i
        for i, name in enumerate(names)
        if not name and not any(value for row in rows for value in row[i : i + 1])
    }
    if unused:
        rows = [[v for i, v in enumerate(row) if i not in unused] for row in rows]
        names = [name for i, name in enumerate(names) if i not in unused]
    twice = sorted({n for n in names if n and names.count(n) > 1})
    if twice or "" in names:
        what = f"two columns named {twice[0]!r}" if twice else "a column without a name"
        raise FileFormatError(f"{where}: has {what}. Name each column once in the first line.")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise FileFormatError(
                f"{where}: row {number} has {len(row)} values and the first line names "
                f"{len(names)} columns. Correct the row."
            )
    columns = list(zip(*rows[1:], strict=True)) or [()] * len(names)
    return Table(
        {
            n: _as_text(column) if text else _typed(n, column)
            for n, column in zip(names, columns, strict=True)
        }
    )


def _text(data: bytes, where: str) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if b"\0" in data[:2]:  # text that begins with a Latin letter, without the mark of its order
        encoding = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"{where}: is not UTF-8 text (byte {error.start}). Save it as CSV UTF-8."
        ) from error


def _without_hint(text: str, delimiter: str) -> tuple[str, str]:
    """Take off the line ``sep=;`` that spreadsheets write first, and obey it."""
    hint = _HINT.match(text)
    return (text[hint.end() :], hint[1]) if hint else (text, delimiter)


def _delimiter(data: bytes) -> str:
    first = data.split(b"\n", 1)[0].replace(b"\0", b"")
    return max(",;\t", key=lambda d: (first.count(d.encode()), d == ","))


def _typed(name: str, column: Sequence[str]) -> NDArray[Any]:
    filled = [] if name in NAMES else [v for v in column if v != ""]
    if filled and all(map(_WHOLE.fullmatch, filled)):
        if len(filled) == len(column):
            return np.array([int(v) for v in column], dtype=np.int64)
        return np.array([float(v) if v else np.nan for v in column])
    if filled and all(_is_number(v) for v in filled):
        return np.array([float(v) if v else np.nan for v in column])
    return _as_text(column)


def _as_text(column: Sequence[str]) -> NDArray[Any]:
    return np.array([v or None for v in column], dtype=object)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    digits = text.lstrip("+-")
    return "_" not in text and not (len(digits) > 1 and digits[0] == "0" and digits[1].isdigit())
