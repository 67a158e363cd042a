"""Read and write a lineage in whichever format it is."""

from __future__ import annotations

import gzip
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from fatescope.acquire.lineages import epic, plain
from fatescope.acquire.lineages.headers import is_lineage_header, kinds_of
from fatescope.acquire.lineages.result import ReadLineage
from fatescope.acquire.lineages.scale import with_scale
from fatescope.acquire.lineages.settings import LineageFormat
from fatescope.acquire.lineages.text import read_header, read_table_text
from fatescope.base.errors import FileFormatError, InputError
from fatescope.storage import write_beside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fatescope.base.lineage import Lineage

FORMATS: tuple[LineageFormat, ...] = get_args(LineageFormat)
SUFFIXES: dict[str, LineageFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".zip": "acetree",
    ".nwk": "newick",
    ".newick": "newick",
    ".nhx": "newick",
    ".geff": "geff",
    ".zarr": "geff",
    ".xml": "trackmate",
}
_LOG = logging.getLogger(__name__)


def read_lineage(
    path: str | Path,
    *,
    format: LineageFormat | None = None,
    spacing_um: Sequence[float] | None = None,
    interval_min: float | None = None,
) -> Lineage:
    """Read a lineage; what was wrong with the file is in its ``findings``, and logged in a line.

    Parameters
    ----------
    path : path
        A table (.csv, .tsv, .gz), an archive or its XML, a tree, a TrackMate file, a GEFF group or
        a folder of tracks and masks; the format is recognised by content.
    format : str, optional
        One of `FORMATS`; overrules the recognition.
    spacing_um : sequence of 1 to 3 floats, optional
        Step between columns (x), rows and columns (y, x), or planes, rows and columns (z, y, x)
        in µm; overrules the file.
    interval_min : float, optional
        Minutes between frames; overrules the file.

    Returns
    -------
    Lineage
        With frames and pixels counted from 0. The spacing says where each step comes from: file,
        user, estimated (from the embryo itself), assumed.

    Raises
    ------
    FileFormatError
        If the file cannot be read as a lineage.
    InputError
        If the spacing or the interval is not positive.
    """
    read = read_lineage_checked(
        path, format=format, spacing_um=spacing_um, interval_min=interval_min
    )
    if read.findings:
        _LOG.warning(
            "%s: %d findings while reading; fatescope lineage lint lists them",
            path,
            len(read.findings),
        )
    return replace(read.lineage, findings=tuple(read.findings))


def read_lineage_checked(
    path: str | Path,
    *,
    format: LineageFormat | None = None,
    spacing_um: Sequence[float] | None = None,
    interval_min: float | None = None,
) -> ReadLineage:
    """Read a lineage together with what was wrong with the file; see `read_lineage`."""
    path = Path(path)
    if not path.exists():
        raise FileFormatError(f"{path}: does not exist. Check the path.")
    if format is not None and format not in FORMATS:
        raise InputError(f"{format!r} is not a lineage format; known are {', '.join(FORMATS)}.")
    read = _READERS[format or recognise(path)](path)
    return with_scale(read, spacing_um=spacing_um, interval_min=interval_min)


_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"GIF8")
"""How files of images begin: PNG, JPEG, TIFF and BigTIFF, GIF."""


def recognise(path: Path) -> LineageFormat:
    """Return the format of a file or folder by its content.

    Raises
    ------
    FileFormatError
        If a folder is neither a GEFF group nor tracks with masks, or a file cannot be opened.
    """
    from fatescope.acquire.lineages.ctc import track_file
    from fatescope.acquire.lineages.geff_store import is_geff

    if path.is_dir() and is_geff(path):
        return "geff"
    if track_file(path) is not None:
        return "ctc"
    if path.is_dir():
        raise FileFormatError(
            f"{path}: is a folder, but neither a GEFF group nor tracks with masks. Give the "
            "table itself."
        )
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({error.strerror}).") from error
    if start[:2] == b"PK":
        return "acetree"
    if start.startswith(_IMAGES):
        raise FileFormatError(
            f"{path}: is an image, not a lineage. Give a table of nuclei, or let `fatescope "
            "predict lineage` find them in a movie."
        )
    text = start.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe").lstrip()
    if text.startswith(b"<"):
        return "trackmate" if b"<TrackMate" in text else "acetree"
    tree = text.startswith(b"(") or SUFFIXES.get(path.suffix.lower()) == "newick"
    return "newick" if tree else "epic"


def is_lineage_table(path: Path) -> bool:
    """Tell whether a text table has the columns of a lineage, by its header alone."""
    return is_lineage_header(read_header(path))


def _read_acetree(path: Path) -> ReadLineage:
    from fatescope.acquire.lineages.acetree import read_acetree
    from fatescope.acquire.lineages.acetree_side import side_nuclei

    with path.open("rb") as file:
        packed = file.read(2) == b"PK"
    return read_acetree(path) if packed else read_acetree(side_nuclei(path), xml=path)


def _read_ctc(path: Path) -> ReadLineage:
    from fatescope.acquire.lineages.ctc import read_ctc

    return read_ctc(path)


def _read_geff(path: Path) -> ReadLineage:
    from fatescope.acquire.lineages.geff_store import read_geff

    return read_geff(path)


def _read_newick(path: Path) -> ReadLineage:
    from fatescope.acquire.lineages.newick import read_newick

    return read_newick(path)


def _read_trackmate(path: Path) -> ReadLineage:
    from fatescope.acquire.lineages.trackmate import read_trackmate

    return read_trackmate(path)


def _read_table(path: Path) -> ReadLineage:
    """Read a CD table or a plain one, whichever its header says."""
    table = read_table_text(path, kinds_of)
    if epic.is_epic_header(table.header):
        return epic.epic_lineage(table, file=path.name)
    return plain.plain_lineage(table, file=path.name)


def _read_plain(path: Path) -> ReadLineage:
    return plain.plain_lineage(read_table_text(path, kinds_of), file=path.name)


_READERS: dict[str, Callable[[Path], ReadLineage]] = {
    "epic": _read_table,
    "csv": _read_plain,
    "acetree": _read_acetree,
    "newick": _read_newick,
    "ctc": _read_ctc,
    "geff": _read_geff,
    "trackmate": _read_trackmate,
}


def write_lineage(
    lineage: Lineage,
    path: str | Path,
    *,
    format: LineageFormat | None = None,
    images: Path | None = None,
    origin: Path | None = None,
) -> Path:
    """Write a lineage; without ``format`` the suffix and the name decide.

    A table called ``CD...`` is written as EPIC table, any other as plain table; ``.gz`` compresses;
    a path without suffix becomes a folder of tracks and masks only with ``format="ctc"``. Beside an
    AceTree archive its XML is written, for ``images`` and ``origin`` see `configuration_text`. What
    each format cannot hold: `fatescope.acquire.lineages.losses`.

    Raises
    ------
    InputError
        If the suffix names no format, or the format cannot hold this lineage at all.
    RunError
        If the file cannot be written.
    """
    path = Path(path)
    chosen = format or format_of(path)
    if chosen == "ctc":
        from fatescope.acquire.lineages.ctc import write_ctc

        write_ctc(lineage, path)
    elif chosen == "geff":
        from fatescope.acquire.lineages.geff_store import write_geff

        write_geff(lineage, path)
    else:
        data = _file_bytes(lineage, chosen)
        packed = path.suffix.lower() == ".gz"
        with write_beside(path) as part:
            part.write_bytes(gzip.compress(data, mtime=0) if packed else data)
    if chosen == "acetree":
        from fatescope.acquire.lineages.acetree_xml import configuration_text

        with write_beside(path.with_suffix(".xml")) as part:
            text = configuration_text(lineage, path, images=images, origin=origin)
            part.write_text(text, "utf-8")
    return path


def files_of_lineage(path: Path, *, format: LineageFormat) -> list[Path]:
    """Return the files that `write_lineage` left: the file, those of a folder, an archive's XML."""
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file())
    return [path, path.with_suffix(".xml")] if format == "acetree" else [path]


def _file_bytes(lineage: Lineage, format: LineageFormat) -> bytes:
    from fatescope.acquire.lineages.acetree import acetree_bytes
    from fatescope.acquire.lineages.newick import format_newick
    from fatescope.acquire.lineages.trackmate import format_trackmate

    if format == "acetree":
        return acetree_bytes(lineage)
    text = {
        "epic": epic.format_epic,
        "csv": plain.format_plain,
        "newick": format_newick,
        "trackmate": format_trackmate,
    }[format](lineage)
    return text.encode("utf-8")


def format_of(path: Path) -> LineageFormat:
    """Return the format in which `write_lineage` writes a file of this name."""
    suffixes = [s.lower() for s in path.suffixes if s.lower() != ".gz"]
    chosen = SUFFIXES.get(suffixes[-1] if suffixes else "")
    if chosen is None:
        raise InputError(
            f"{path}: its suffix names no lineage format. Give one of {', '.join(FORMATS)} with "
            "--format."
        )
    if chosen == "csv" and path.name.startswith(("CD", "SCD", "SCA", "CA")):
        return "epic"
    return chosen
