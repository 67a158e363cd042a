"""Lines and columns of text tables that may be compressed, damaged, odd or far too large."""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import zlib
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fatescope.base.errors import FileFormatError
from fatescope.base.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

LINE_LIMIT = 100_000
"""Characters in one line; a longer one is not a table."""
BYTE_LIMIT = 2_000_000_000
"""Bytes of text after decompression."""
RATIO_LIMIT = 200
"""Decompressed over compressed size; tables of numbers stay below 20."""
BLANK_LIMIT = 100_000
"""Empty lines in a row."""
_NO_WORD = ("", "-", "--", "---", "\N{EN DASH}", "\N{EM DASH}", ".", "?")
_WORDS = "na n/a n.a. #n/a #na nan -nan <na> none null nil nill missing undefined empty"
MISSING = frozenset([*_NO_WORD, *_WORDS.split()])
"""How people and programs write that a value is missing, in lower case."""
_CHUNK = 50_000
_REPORTED = 20
_HEADER_LINES = 5
_GROUPED = re.compile(r"^\s*-?[1-9]\d{0,2}(,\d{3})+(\.\d+)?\s*$")
"""1,100 between commas may be eleven hundred or 1.1, so it is no number there."""
_BRACKETED = re.compile(r"^[\[(](.+)[\])]$")


class Kinds(NamedTuple):
    """Columns, by their names in the file, that are more than text.

    ``numeric`` hold numbers or nothing, ``required`` hold numbers, ``exact`` are ids: whole
    numbers of up to 63 bits, else text as it stands.
    """

    numeric: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    exact: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTable:
    """Columns of a text table as they stand in the file, and what was wrong with its rows.

    ``columns`` are int64 where every value is a whole number, float64 where every value is a
    number or missing (NaN), else objects (str). ``line`` is the line of each row, from 1.
    ``units`` are those that stand in a line of their own below the header.
    """

    header: tuple[str, ...]
    columns: dict[str, NDArray[Any]]
    line: NDArray[np.int64]
    units: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def text_lines(path: Path) -> Generator[str]:
    """Yield the lines of a file, decompressed and decoded, within bounds.

    UTF-8 with or without mark and UTF-16 with mark are decoded; any other byte is read as
    Windows-1252, the usual encoding of old tables.

    Raises
    ------
    FileFormatError
        If the file cannot be read, ends early, or exceeds the limits of this module.
    """
    try:
        with path.open("rb") as raw:
            size = raw.seek(0, io.SEEK_END)
            raw.seek(0)
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream: Any = gzip.GzipFile(fileobj=raw) if packed else raw
            limit = min(BYTE_LIMIT, max(size * RATIO_LIMIT, 1_000_000)) if packed else BYTE_LIMIT
            yield from _decoded(io.BufferedReader(stream, 1 << 16), path, limit)
    except EOFError as error:
        raise FileFormatError(
            f"{path}: the compressed table ends early. Copy the file again."
        ) from error
    except (OSError, zlib.error) as error:
        raise FileFormatError(
            f"{path}: cannot be read ({error}). Check the file and its permissions."
        ) from error


def _decoded(stream: io.BufferedReader, path: Path, limit: int) -> Iterator[str]:
    start = stream.peek(4)[:4]
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    seen = blank = 0
    text = io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline=None)
    with text:
        while True:
            try:
                line = text.readline(LINE_LIMIT)
            except UnicodeError as error:
                raise FileFormatError(
                    f"{path}: the text is not {encoding}. Save the table as UTF-8."
                ) from error
            if not line:
                return
            seen += len(line)
            if len(line) >= LINE_LIMIT:
                raise FileFormatError(
                    f"{path}: a line is longer than {LINE_LIMIT} characters. This is not a table."
                )
            blank = 0 if line.strip() else blank + 1
            if seen > limit or blank > BLANK_LIMIT:
                raise FileFormatError(
                    f"{path}: inflates to more than a table can be ({seen} characters read). "
                    "Split the table, or check that it is what it says."
                )
            yield line if line.isascii() else _plain(line)


def _plain(line: str) -> str:
    """Return a line without stand-ins for undecodable bytes."""
    if not any("\udc80" <= c <= "\udcff" for c in line):
        return line
    return line.encode("utf-8", "surrogateescape").decode("cp1252", "replace")


def read_table_text(path: Path, kinds: Callable[[tuple[str, ...]], Kinds]) -> RawTable:
    """Read a delimited table with a header; the delimiter is found by itself.

    Titles above the header are passed by. Lines below it that hold no number belong to it: they
    make equal names different (as Mastodon writes them), or give units (as TrackMate does).

    Parameters
    ----------
    path : Path
    kinds : callable
        Gets the header and returns the `Kinds` of its columns. A row without the numbers that
        these must hold is left out, and a finding says so.

    Raises
    ------
    FileFormatError
        If there is no header, no row, or more broken rows than whole ones.
    """
    with closing(text_lines(path)) as lines:
        top = _header(lines, path)
        parts: list[dict[str, NDArray[Any]]] = []
        numbers: list[NDArray[np.int64]] = []
        broken: list[tuple[int, str]] = []
        kind = kinds(top.names)
        needed = {
            i: h in kind.required
            for i, h in enumerate(top.names)
            if h in kind.numeric or h in kind.required
        }
        line = top.next_line
        rows = csv.reader(chain(top.read_ahead, lines), delimiter=top.delimiter)
        try:
            while chunk := list(islice(rows, _CHUNK)):
                kept, at = _whole_rows(chunk, line, width=len(top.names), broken=broken)
                commas = top.delimiter == ","
                kept, at = _rows_with_numbers(
                    kept, at, needed, header=top.names, commas=commas, broken=broken
                )
                line += len(chunk)
                if kept:
                    values = zip(top.names, zip(*kept, strict=True), strict=True)
                    parts.append(
                        {h: _typed(v, exact=h in kind.exact, commas=commas) for h, v in values}
                    )
                    numbers.append(np.asarray(at, dtype=np.int64))
        except csv.Error as error:
            raise FileFormatError(f"{path}: is not a table near line {line} ({error}).") from error
    n = sum(len(a) for a in numbers)
    if len(broken) > n:
        raise FileFormatError(
            f"{path}: {len(broken)} of {len(broken) + n} rows cannot be read; the first is line "
            f"{broken[0][0]}: {broken[0][1]}. Check that this is a lineage table."
        )
    return RawTable(
        header=top.names,
        columns={h: _joined([p[h] for p in parts]) for h in top.names},
        line=np.concatenate(numbers) if numbers else np.zeros(0, dtype=np.int64),
        units=top.units,
        findings=_broken_rows(path, broken),
    )


def read_header(path: Path) -> tuple[str, ...]:
    """Return the names of the columns of a table; none where it cannot be read as one."""
    with closing(text_lines(path)) as lines:
        try:
            return _header(lines, path).names
        except FileFormatError:
            return ()


class _Header(NamedTuple):
    names: tuple[str, ...]
    delimiter: str
    units: dict[str, str]
    read_ahead: list[str]
    next_line: int


def _header(lines: Iterator[str], path: Path) -> _Header:
    """Read the names of the columns, and the units below them."""
    start = list(islice((line for line in lines if line.strip()), 1))
    if not start:
        raise FileFormatError(f"{path}: the table is empty. Check that it was copied whole.")
    ahead = [*start, *islice(lines, 2 * _HEADER_LINES)]
    # A title, or an underline, has no delimiter where the lines below have several.
    first = 0
    if ahead[0].startswith("sep=") or not any(d in ahead[0] for d in ",;\t"):
        below = [i for i, line in enumerate(ahead) if max(map(line.count, ",;\t")) >= 2]
        first = below[0] if below else 0
    delimiter = max(",;\t", key=ahead[first].count)
    try:
        split = [_split(line, delimiter) for line in ahead[first:]]
    except csv.Error as error:
        raise FileFormatError(f"{path}: is not a table near its header ({error}).") from error
    more = 0
    while more < min(_HEADER_LINES, len(split) - 1) and _names_columns(split[more + 1], split[0]):
        more += 1
    names = [h.strip('"') for h in split[0]]
    if len({h.lower() for h in names}) < len(names) and more:
        names = [" ".join(filter(None, pair)) for pair in zip(names, split[1], strict=True)]
    header = tuple(h or f"column_{i}" for i, h in enumerate(names)) if any(names) else tuple(names)
    if len({h.lower() for h in header}) < len(header):
        raise FileFormatError(f"{path}: the header names a column twice: {', '.join(header)}.")
    units = {
        h: match[1].strip()
        for row in split[1 : more + 1]
        for h, value in zip(header, row, strict=True)
        if (match := _BRACKETED.match(value))
    }
    at = first + more + 1
    return _Header(header, delimiter, units, ahead[at:], at + 1)


def _split(line: str, delimiter: str) -> list[str]:
    return [v.strip() for row in csv.reader([line], delimiter=delimiter) for v in row]


def _names_columns(row: list[str], header: list[str]) -> bool:
    """Tell whether a row below the header still speaks of columns: words, and no number."""
    words = [v for v in row if v.lower() not in MISSING]
    return len(row) == len(header) and len(words) > 1 and not any(map(_is_number, words))


def _whole_rows(
    chunk: list[list[str]], line: int, *, width: int, broken: list[tuple[int, str]]
) -> tuple[list[list[str]], list[int]]:
    """Return the rows that have one value per column, and their lines."""
    if all(len(row) == width for row in chunk):
        return chunk, list(range(line, line + len(chunk)))
    kept, at = [], []
    for number, row in enumerate(chunk, start=line):
        if len(row) == width + 1 and not row[-1].strip():
            row = row[:-1]
        if len(row) == width:
            kept.append(row)
            at.append(number)
        elif any(value.strip() for value in row):
            broken.append((number, f"{len(row)} values where the header has {width}"))
    return kept, at


def _rows_with_numbers(
    rows: list[list[str]],
    at: list[int],
    needed: dict[int, bool],
    *,
    header: tuple[str, ...],
    commas: bool,
    broken: list[tuple[int, str]],
) -> tuple[list[list[str]], list[int]]:
    """Return the rows whose needed columns are numbers (or empty, where allowed), with lines."""
    try:
        for column in needed:
            for row in rows:
                float(row[column])
    except ValueError:
        pass
    else:
        return rows, at
    kept, kept_at = [], []
    for row, number in zip(rows, at, strict=True):
        bad = next((c for c, must in needed.items() if not _fits(row[c], must, commas)), None)
        if bad is None:
            kept.append(row)
            kept_at.append(number)
        else:
            broken.append((number, f"{header[bad]} is {row[bad][:30]!r}, not a number"))
    return kept, kept_at


def _fits(text: str, must: bool, commas: bool) -> bool:
    return _is_number(text, commas) and (text.strip().lower() not in MISSING or not must)


def _is_number(text: str, commas: bool = False) -> bool:
    """Say whether a text is a number, or missing; ``commas`` says that commas part columns."""
    if commas and _GROUPED.match(text):
        return False
    text = text.strip().replace(",", ".")
    if text.lower() in MISSING:
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True


def _typed(values: Sequence[str], *, exact: bool, commas: bool) -> NDArray[Any]:
    """Return whole numbers as int64, numbers as float64 (missing is NaN), the rest as text."""
    try:
        return np.array(list(map(int, values)), dtype=np.int64)
    except (ValueError, OverflowError):
        pass
    stripped = [v.strip() for v in values]
    if not exact:
        try:
            return np.array(list(map(float, values)), dtype=np.float64)
        except ValueError:
            pass
        if any(stripped) and all(_is_number(v, commas) for v in stripped):
            return np.array([number_of(v) for v in stripped], dtype=np.float64)
    memo: dict[str, str] = {}
    text = np.empty(len(values), dtype=object)
    text[:] = [memo.setdefault(v, v) for v in stripped]
    return text


def number_of(text: object) -> float:
    """Return the number that a text holds, with a decimal point or comma; NaN if it holds none."""
    try:
        return float(str(text).replace(",", "."))
    except ValueError:
        return math.nan


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    if not parts:
        return np.zeros(0, dtype=np.float64)
    if len({p.dtype == object for p in parts}) > 1:
        parts = [p if p.dtype == object else _as_text(p) for p in parts]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _as_text(numbers: NDArray[Any]) -> NDArray[Any]:
    text = np.empty(len(numbers), dtype=object)
    text[:] = ["" if v != v else str(v) for v in numbers.tolist()]
    return text


def _broken_rows(path: Path, broken: list[tuple[int, str]]) -> list[Finding]:
    findings = [
        Finding(
            file=path.name,
            rule="unreadable",
            object=f"line {number}",
            severity="error",
            reason=f"line {number} is left out: {why}.",
        )
        for number, why in broken[:_REPORTED]
    ]
    if len(broken) > _REPORTED:
        findings.append(
            Finding(
                file=path.name,
                rule="unreadable",
                severity="error",
                value=float(len(broken)),
                limit=0.0,
                reason=f"{len(broken)} lines are left out; the first {_REPORTED} are listed.",
            )
        )
    return findings
