"""Compare two output folders: which tables and images are the same, and what differs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.acquire import label_tiles, read_labels, read_table
from fatescope.base import escape
from fatescope.engine import peak_memory_mb, read_record
from fatescope.storage import hash_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import Image, Table

State = Literal["same", "differs", "missing"]

_ABOUT_THE_RUN = (
    *("run.json", "ledger.sqlite", "settings.toml", "report.html"),
    *("SHA256SUMS", "datasheet.md", "LICENSE"),
)
"""When, how and with what a result was made; the page, which says the tables again; what a pack
adds."""
_NAMED = 3  # columns or files that a line names


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDiff:
    """One file of two output folders.

    Parameters
    ----------
    file : str
        Its path in the folders, with ``/`` between parts.
    state : {"same", "differs", "missing"}
        ``missing``: only one of the folders has it.
    what : str
        What differs, in words; empty where nothing does.
    """

    file: str
    state: State
    what: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultDiff:
    """Two output folders, file by file.

    Parameters
    ----------
    first, second : Path
    files : tuple of FileDiff
        In the order of their names; a Parquet table stands for its CSV.
    inputs : tuple of str
        Which inputs the records say were others, or held other content.
    conditions : tuple of str
        What else they say was different: settings, model, versions, processor.
    seconds, peak_memory_mb : float
    command : str
        The command whose answer this is.
    """

    first: Path
    second: Path
    files: tuple[FileDiff, ...]
    inputs: tuple[str, ...]
    conditions: tuple[str, ...]
    seconds: float
    peak_memory_mb: float
    command: str = "diff"

    @property
    def same(self) -> bool:
        """Whether all files are the same, and made of the same inputs."""
        return not self.inputs and all(f.state == "same" for f in self.files)

    @property
    def errors(self) -> Sequence[str]:
        """Return nothing: a difference is an answer."""
        return ()

    @property
    def exit_code(self) -> int:
        """0 all the same, 1 something differs."""
        return 0 if self.same else 1

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``--json``."""
        differing = sum(f.state != "same" for f in self.files)
        return {
            "command": self.command,
            "out": str(self.second),
            "units_done": len(self.files),
            "units_failed": 0,
            "findings": differing,
            "seconds": round(self.seconds, 3),
            "peak_memory_mb": round(self.peak_memory_mb, 1),
            "first": str(self.first),
            "same": self.same,
            "files": [asdict(f) for f in self.files],
            "inputs": list(self.inputs),
            "conditions": list(self.conditions),
        }

    def as_lines(self) -> list[str]:
        """Return what a person reads on the terminal."""
        apart = [f for f in self.files if f.state != "same"]
        n = len(self.files)
        files = f"{n} file{'s' * (n != 1)}"
        alike = f"{files} of tables and images hold the same values"
        if self.same:
            end = f" though {'; '.join(self.conditions)}" if self.conditions else ""
            return [f"same: {alike}{end}."]
        if apart:
            lines = [f"different: {len(apart)} of {files}."]
            lines += [f"  {f.file}: {f.what}" for f in apart]
        else:
            lines = [f"different: the inputs, though {alike}."]
        conditions = [*self.conditions, *self.inputs]
        if conditions:
            lines += ["The records differ too:", *(f"  {c}" for c in conditions)]
        else:
            lines += ["Inputs, settings, model, versions and processor were the same."]
        return lines


def diff_results(first: Path | str, second: Path | str) -> ResultDiff:
    """Compare what two output folders hold: tables cell by cell, images pixel by pixel.

    Times, memory, folders of inputs and the page are not compared; the content of inputs is, by
    the hashes of the records. Of tables with as many rows, it
    is said in how many rows and columns they differ and by how much; of label images, how many
    objects are the same to the pixel, whatever their numbers.

    Parameters
    ----------
    first, second : path
        Folders that fatescope has finished.

    Returns
    -------
    ResultDiff

    Raises
    ------
    RunError
        If a folder holds no ``run.json``.
    """
    begun = time.monotonic()
    folders = Path(first), Path(second)
    records = [read_record(f) for f in folders]
    names = [_results_in(f) for f in folders]
    files = []
    for name in sorted({*names[0], *names[1]}):
        where = [name in n for n in names]
        if all(where):
            what = _difference(folders[0] / name, folders[1] / name)
            files.append(FileDiff(file=name, state="differs" if what else "same", what=what))
        else:
            which = escape(folders[where.index(True)])
            files.append(FileDiff(file=name, state="missing", what=f"only in {which}"))
    return ResultDiff(
        first=folders[0],
        second=folders[1],
        files=tuple(files),
        inputs=tuple(_other_inputs(*records)),
        conditions=tuple(_conditions(*records)),
        seconds=time.monotonic() - begun,
        peak_memory_mb=peak_memory_mb(),
    )


def _results_in(folder: Path) -> set[str]:
    """Return tables and images of a folder; a CSV whose Parquet is there says nothing more."""
    found: set[str] = set()
    inside: set[Path] = set()
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or any(parent in inside for parent in path.parents):
            continue
        if path.suffix == ".zarr":
            inside.add(path)
        elif path.is_dir() or path.name.startswith(_ABOUT_THE_RUN):
            continue
        if path.suffix == ".csv" and path.with_suffix(".parquet").exists():
            continue
        found.add(path.relative_to(folder).as_posix())
    return found


def _difference(first: Path, second: Path) -> str:
    """Say what differs between two files of one name, or nothing."""
    if hash_path(first) == hash_path(second):
        return ""
    if first.suffix in (".parquet", ".csv"):
        return _table_difference(read_table(first), read_table(second))
    if first.suffix in (".tif", ".zarr"):
        return _label_difference(read_labels(first), read_labels(second))
    return "other bytes"


def _table_difference(first: Table, second: Table) -> str:
    gone, new = [c for c in first if c not in second], [c for c in second if c not in first]
    if gone or new:
        return "other columns: " + ", ".join([*(f"without {c}" for c in gone), *new])
    if len(first) != len(second):
        return f"{len(first):,} and {len(second):,} rows"
    first, second = _without_places(first), _without_places(second)
    apart = {c: _unequal(first[c], second[c]) for c in first}
    rows = np.zeros(len(first), bool)
    for unequal in apart.values():
        rows |= unequal
    said = [
        f"{c}{_by_how_much(first[c], second[c])}" for c, unequal in apart.items() if unequal.any()
    ]
    if not said:
        return ""
    more = f" and {len(said) - _NAMED} more columns" if len(said) > _NAMED else ""
    return f"{rows.sum():,} of {len(rows):,} rows differ, in {', '.join(said[:_NAMED])}{more}"


def _without_places(table: Table) -> Table:
    """Reduce paths to the names of files: the same images may lie elsewhere today."""
    names = {
        c: np.array([p and p.replace("\\", "/").rpartition("/")[2] for p in table[c]], object)
        for c in ("path", "file")
        if c in table
    }
    return table.with_columns(names)


def _unequal(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool_]:
    if a.dtype.kind == b.dtype.kind == "f":
        return np.asarray((a != b) & ~(np.isnan(a) & np.isnan(b)), bool)
    return np.asarray(a != b, bool)


def _by_how_much(a: NDArray[Any], b: NDArray[Any]) -> str:
    if a.dtype.kind not in "iuf" or b.dtype.kind not in "iuf":
        return ""
    apart = np.abs(a.astype(float) - b.astype(float))
    return "" if np.isnan(apart).all() else f" (by at most {np.nanmax(apart):.3g})"


def _label_difference(first: Image, second: Image) -> str:
    if (first.axes, first.shape) != (second.axes, second.shape):
        return f"{_grid(first)} and {_grid(second)}"
    if first.spacing != second.spacing:
        return "another spacing"
    apart = 0
    shared: Counter[tuple[int, int, int]] = Counter()
    """Pixels by frame, number in the first image and number in the second."""
    for index in label_tiles(first.shape):
        at = dict(zip(first.axes, index, strict=True))
        a, b = first.read(**at), second.read(**at)
        apart += int((a != b).sum())
        pairs, counts = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1, return_counts=True)
        frame = at.get("T", 0)
        assert isinstance(frame, int)
        for one, other, n in zip(*pairs.tolist(), counts.tolist(), strict=True):
            shared[frame, one, other] += n
    if not apart:
        return ""
    sizes: tuple[Counter[tuple[int, int]], ...] = (Counter(), Counter())
    for (frame, one, other), n in shared.items():
        sizes[0][frame, one] += n
        sizes[1][frame, other] += n
    same = sum(
        n == sizes[0][frame, one] == sizes[1][frame, other]
        for (frame, one, other), n in shared.items()
        if one and other
    )
    n_first, n_second = (sum(label > 0 for _, label in size) for size in sizes)
    return (
        f"{same:,} objects are the same to the pixel, of {n_first:,} and {n_second:,}; "
        f"{apart:,} of {int(np.prod(first.shape)):,} pixels have another number"
    )


def _grid(image: Image) -> str:
    return f"{' x '.join(map(str, image.shape))} {image.axes}"


def _conditions(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Say what the records hold that may make results differ."""
    said = []
    for key, name in (("command", "command"), ("fatescope", "fatescope"), ("python", "Python")):
        if first.get(key) != second.get(key):
            said.append(f"{name} {first.get(key)} and {second.get(key)}")
    for key, name in (("settings", "setting"), ("packages", "")):
        a, b = first.get(key) or {}, second.get(key) or {}
        changed = [k for k in sorted({*a, *b}) if a.get(k) != b.get(k)]
        said += [f"{name} {k} {a.get(k)} and {b.get(k)}".strip() for k in changed]
    models = [(r.get("model") or {}) for r in (first, second)]
    for key in ("name", "sha256", "device"):
        a, b = (m.get(key) for m in models)
        if a != b:
            said.append(f"model {key} {_short(a)} and {_short(b)}")
    for key in ("system", "processor"):
        a, b = first.get(key), second.get(key)
        if a != b:
            said.append(f"{key} {_processor(a)} and {_processor(b)}")
    return said


def _other_inputs(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[str]:
    """Say which inputs only one of the records has, or has with other content."""
    a, b = (
        {str(i.get("image", i.get("path"))): i.get("sha256") for i in r.get("inputs") or ()}
        for r in (first, second)
    )
    apart = {
        "other content of": [k for k in a if k in b and a[k] != b[k]],
        "input only of the first:": [k for k in a if k not in b],
        "input only of the second:": [k for k in b if k not in a],
    }
    for what, names in apart.items():
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            yield f"{what} {', '.join(map(escape, names[:_NAMED]))}{more}"


def _short(value: Any) -> str:
    return str(value)[:12]


def _processor(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    return " ".join([str(value.get("name", "")), *value.get("flags", ())])
