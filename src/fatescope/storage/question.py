"""Tables of many folders as views of one database in which nothing can be done but to ask.

A question is one SELECT. The database has no way out: no other file, no network, no extension, no
variable of Python, and no setting that could be changed back.
"""

from __future__ import annotations

import contextlib
import difflib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fatescope.base.errors import FileFormatError, InputError
from fatescope.base.messages import escape
from fatescope.base.table import Table
from fatescope.storage.columns import FORMAT, NAMES, fetch_table, interrupts, quoted

_CSV = (
    "header = true, delim = ',', quote = '\"', escape = '\"', nullstr = '', sample_size = -1, "
    "auto_type_candidates = ['BIGINT', 'DOUBLE', 'VARCHAR']"
)
_COLUMN = re.compile(
    r'Referenced column "(?P<a>.+?)" not found|does not have a column named "(?P<b>.+?)"'
    r'|Referenced (?:table|alias) "(?P<c>.+?)" not found'
)
_TABLE = re.compile(r"Table with name (?P<name>.+?) does not exist")
_NEAR = 3  # names that are offered for a wrong one


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file of a table, and the values of the columns that tell its rows from others."""

    path: Path
    said: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Views:
    """Open views; see `open_views`.

    Parameters
    ----------
    columns : dict of str to dict of str to str
        By table, the SQL type of each column.
    errors : list of str
        One sentence for each file that was left out because it cannot be read.
    """

    db: Any
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return int(self.db.execute(f"SELECT count(*) FROM {named(table)}").fetchone()[0])

    def ask(self, sql: str) -> Table:
        """Return the answer to a question that `tables_asked` has let pass.

        Raises
        ------
        InputError
            If it names what is not there, or cannot be computed.
        """
        with _sentences(self.columns):
            return fetch_table(self.db.execute(sql))

    def write(self, sql: str, path: Path, *, kind: str) -> int:
        """Write the answer as ``"csv"`` or ``"parquet"``; return the number of rows.

        ``path`` was named as ``writes`` when the views were opened.
        """
        with _sentences(self.columns):
            # On lines of its own, so that a comment at the end of the question ends there.
            copy = f"COPY (\n{sql.strip().rstrip(';')}\n) TO {quoted(str(path))}"
            return int(
                self.db.execute(f"{copy} ({FORMAT[kind]}, USE_TMP_FILE false)").fetchone()[0]
            )


def tables_asked(sql: str, known: Iterable[str]) -> list[str]:
    """Check that a text is one question, and return which of the ``known`` tables it needs.

    Raises
    ------
    InputError
        If it is empty, no SQL, more than one statement, or would do more than read.
    """
    import duckdb

    known = list(known)
    with _database() as db, _sentences({}):
        _lock(db, ())
        kinds = [s.type.name for s in db.extract_statements(sql)]
        if kinds != ["SELECT"]:
            what = " and ".join(kinds) or "empty"
            raise InputError(
                f"a question is one SELECT, which reads and does nothing else; this is {what}."
            )
        try:
            asked = {name.casefold() for name in db.get_table_names(sql)}
        except duckdb.Error:  # for instance DESCRIBE, which looks a table up
            return known
    folded = {name.casefold(): name for name in known}
    return [name for key, name in folded.items() if key in asked] if asked <= set(folded) else known


@contextlib.contextmanager
def open_views(
    tables: Mapping[str, Sequence[Part]], *, memory_bytes: int, writes: Path | None = None
) -> Iterator[Views]:
    """Open tables as views, each of several Parquet and CSV files that are joined by name.

    Parameters
    ----------
    tables : mapping of str to sequence of Part
        A file that cannot be read is left out; see `Views.errors`.
    memory_bytes : int
        What DuckDB may hold; the rest waits on disk.
    writes : path, optional
        The one file that `Views.write` may write.
    """
    errors: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="fatescope-") as folder,
        _database(memory_limit=f"{memory_bytes}B", temp_directory=f"{folder}/spilled") as db,
    ):
        readable: dict[str, list[Part]] = {}
        for name, parts in tables.items():
            for n, part in enumerate(parts):
                try:
                    opened = _as_parquet(db, part, Path(folder, f"{len(readable)}-{n}.parquet"))
                    readable.setdefault(name, []).append(opened)
                except FileFormatError as error:
                    errors.append(str(error))
        for name, parts in readable.items():
            _make_view(db, name, parts)
        views = Views(db=db, columns={name: _columns(db, named(name)) for name in readable})
        views.errors = errors
        paths = [part.path for parts in readable.values() for part in parts]
        _lock(db, paths if writes is None else [*paths, writes])
        yield views


@contextlib.contextmanager
def _database(**settings: str) -> Iterator[Any]:
    """Open a database of its own; `connection` is shared, and must stay open to files."""
    import duckdb

    fixed = {
        "threads": 1,  # sums depend on their order
        "preserve_insertion_order": True,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
    }
    with interrupts(), duckdb.connect(":memory:", config={**fixed, **settings}) as db:
        yield db


def _lock(db: Any, paths: Iterable[Path]) -> None:
    """Let the database open these files and nothing else, from now on."""
    db.execute(f"SET allowed_paths = [{', '.join(quoted(str(p)) for p in paths)}]")
    db.execute("SET enable_external_access = false")
    db.execute("SET lock_configuration = true")


def _as_parquet(db: Any, part: Part, scratch: Path) -> Part:
    """Return a part whose file is Parquet; a CSV file is read into ``scratch``."""
    import duckdb

    source = quoted(str(part.path))
    try:
        if part.path.suffix == ".parquet":
            _columns(db, f"read_parquet({source})")
            return part
        if not part.path.stat().st_size:
            raise FileFormatError(f"{escape(part.path)}: is empty. Run its command again.")
        names = _columns(db, f"read_csv({source}, {_CSV})")
        text = ", ".join(f"{quoted(n)}: 'VARCHAR'" for n in names if n in NAMES)
        rows = f"read_csv({source}, {_CSV}" + (f", types = {{{text}}})" if text else ")")
        filled = db.execute(
            f"SELECT {', '.join(f'count({named(n)})' for n in names)} FROM {rows}"
        ).fetchone()
        picked = ", ".join(
            named(name) if n else f"CAST(NULL AS INTEGER) AS {named(name)}"  # fits any type
            for name, n in zip(names, filled, strict=True)
        )
        db.execute(
            f"COPY (SELECT {picked} FROM {rows}) TO {quoted(str(scratch))} ({FORMAT['parquet']})"
        )
    except (duckdb.Error, OSError) as error:
        raise FileFormatError(
            f"{escape(part.path)}: cannot be read as a table. Run its command again."
        ) from error
    return Part(path=scratch, said=part.said)


def _make_view(db: Any, name: str, parts: Sequence[Part]) -> None:
    files = ", ".join(quoted(str(p.path)) for p in parts)
    source = f"read_parquet([{files}], union_by_name = true)"
    columns = {c.casefold(): c for c in _columns(db, source)}
    picked = []
    for key in parts[0].said:
        values = ", ".join(quoted(p.said[key]) for p in parts)
        picked.append(f"list_extract([{values}], CAST(file_index + 1 AS INTEGER)) AS {named(key)}")
    taken = [columns[key] for key in parts[0].said if key in columns]
    renamed = ", ".join(f"{named(c)} AS {named(f'{c}_given')}" for c in taken)
    rest = f"* RENAME ({renamed})" if taken else "*"
    db.execute(f"CREATE VIEW {named(name)} AS SELECT {', '.join([*picked, rest])} FROM {source}")


def _columns(db: Any, source: str) -> dict[str, str]:
    return {row[0]: row[1] for row in db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}


def named(name: str) -> str:
    """Return a name as it stands in SQL."""
    return '"' + name.replace('"', '""') + '"'


@contextlib.contextmanager
def _sentences(columns: Mapping[str, Mapping[str, str]]) -> Iterator[None]:
    """Turn an error of DuckDB into one sentence that names what is near to the wrong name."""
    import duckdb

    try:
        with interrupts():
            yield
    except duckdb.Error as error:
        raise InputError(_sentence(str(error), columns)) from error


def _sentence(said: str, columns: Mapping[str, Mapping[str, str]]) -> str:
    if (found := _TABLE.search(said)) is not None:
        near = _near(found["name"], columns)
        tail = (
            f"the nearest is {_listed(near)}" if near else f"there are {_listed(sorted(columns))}"
        )
        return f"there is no table {found['name']!r} in these results; {tail}."
    if (found := _COLUMN.search(said)) is not None:
        wrong = next(name for name in found.groups() if name)
        places: dict[str, list[str]] = {}
        for table, names in columns.items():
            for name in names:
                places.setdefault(name, []).append(table)
        of = {n: f"{n} (of {_listed(places[n])})" if len(columns) > 1 else n for n in places}
        near = [of[n] for n in _near(wrong, places)]
        tail = f"the nearest is {_listed(near)}" if near else "without a question, all are listed"
        return f"there is no column {wrong!r} in {_listed(sorted(columns)) or 'it'}; {tail}."
    kind, _, text = " ".join(said.partition("\n")[0].split()).partition(": ")
    if kind == "Permission Error":
        return f"a question reads the tables of the results and nothing else ({text.rstrip('.!')})."
    return f"the question has no answer: {text.rstrip('.!') or kind}. Correct it."


def _near(wrong: str, known: Iterable[str]) -> list[str]:
    folded = {name.casefold(): name for name in known}
    return [folded[n] for n in difflib.get_close_matches(wrong.casefold(), folded, _NEAR, 0.5)]


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else "".join(names)
