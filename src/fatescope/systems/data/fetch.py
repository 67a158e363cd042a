"""Data sets: which are known, and how one is fetched from an address or unpacked from a file."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.acquire.data_sets import DataSet, check_address, download, known_data
from fatescope.base import FileFormatError, InputError, RunError, escape
from fatescope.engine import peak_memory_mb
from fatescope.storage import Bounds, hash_path, open_beside, unpack_zip, write_folder_beside

if TYPE_CHECKING:
    from fatescope.base import Progress

RENDERED = {
    "simulate nuclei": "a time-lapse of dividing nuclei with labels and lineage",
    "simulate fields": "fluorescence fields with labelled nuclei, of many looks",
    "simulate crowds": "Z stacks of crowded nuclei with labels, of many looks",
    "simulate sections": "electron micrographs of embryo sections with labels",
    "simulate embryo": "an embryo in 3D over time with membranes, nuclei and names",
    "simulate movie": "a projected movie with counts of every founder, clean or faulty",
    "simulate plate": "a plate of wells with treatments, stains, deaths and survival",
}
"""What can be had without any network, with exact truth."""
_MOST_FILES = 1_000_000  # of a zip; a guard, their bytes are what is bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class DataResult:
    """The answer of a ``fatescope data`` command.

    Parameters
    ----------
    command : str
    out : Path or None
        What was written.
    units_done : int
        Data sets listed, or files that are there.
    lines : tuple of str
        What a person reads.
    said : mapping
        What the JSON document says beside.
    seconds, peak_memory_mb : float
    """

    command: str
    out: Path | None
    units_done: int
    lines: tuple[str, ...]
    said: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    peak_memory_mb: float = 0.0

    @property
    def errors(self) -> Sequence[str]:
        """Return nothing: what cannot be done is raised."""
        return ()

    @property
    def exit_code(self) -> int:
        """0: all was done."""
        return 0

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``--json``."""
        return {
            "command": self.command,
            "out": None if self.out is None else str(self.out),
            "units_done": self.units_done,
            "units_failed": 0,
            "findings": 0,
            "seconds": round(self.seconds, 3),
            "peak_memory_mb": round(self.peak_memory_mb, 1),
            **self.said,
        }

    def as_lines(self) -> Sequence[str]:
        """Return what a person reads on the terminal."""
        return self.lines


def list_data(registry: Path | None = None) -> DataResult:
    """List the known data sets, and what can be rendered without any network."""
    begun = time.monotonic()
    known = known_data(registry)
    lines = []
    for d in known.values():
        size = f"{len(d.files)} files, {d.bytes / 1e6:.0f} MB" if d.files else "by hand"
        lines += [f"{d.name} ({size})", f"    {d.what}", f"    licence: {d.licence}"]
        lines += [f"    {d.home}"]
    lines += ["", "Rendered here, with exact truth and without a network:"]
    lines += [f"  fatescope {name:18} {what}" for name, what in RENDERED.items()]
    lines += ["", "Those with files: fatescope data fetch NAME --out DIR. Others: see their page."]
    return DataResult(
        command="data list",
        out=None,
        units_done=len(known),
        lines=tuple(lines),
        said={"data_sets": [_row(d) for d in known.values()], "rendered": RENDERED},
        seconds=time.monotonic() - begun,
        peak_memory_mb=peak_memory_mb(),
    )


def _row(d: DataSet) -> dict[str, Any]:
    rows = [{"path": f.path, "url": f.url, "sha256": f.sha256, "bytes": f.bytes} for f in d.files]
    texts = {"name": d.name, "what": d.what, "licence": d.licence, "cite": d.cite, "home": d.home}
    return {**texts, "bytes": d.bytes or None, "files": rows}


def fetch_data(
    what: str | Path,
    *,
    out: Path | str,
    sha256: str | None = None,
    registry: Path | None = None,
    max_gb: float = 20.0,
    progress: Progress | None = None,
) -> DataResult:
    """Download a known data set, or unpack a file that ``data pack`` made, from here or elsewhere.

    The only function of fatescope that opens a connection. A file is in its place when its hash
    is what was stated; a download that was stopped continues with the same call.

    Parameters
    ----------
    what : str or path
        The name of a data set, an address that begins with https://, or a zip file.
    out : path
        A folder: for a zip a new or empty one.
    sha256 : str, optional
        What the zip must have.
    registry : path, optional
        Another list of data sets than the one that comes with fatescope.
    max_gb : float
        No more is downloaded or unpacked, in 10^9 bytes.
    progress : callable, optional
        Called as ``progress(done, total, what)``.

    Raises
    ------
    InputError
        If nothing of that name is known, or it has no address.
    FileFormatError
        If a zip is damaged, or would leave its folder or the bounds.
    RunError
        If an address cannot be reached, or what came is not what was stated.
    """
    begun = time.monotonic()
    out = Path(out)
    most = int(max_gb * 1e9)
    text = str(what)
    if "://" in text:
        n, note = _fetch_zip(text, out, sha256, most, progress)
    elif Path(what).is_file():
        n, note = _unpack(Path(what), out, sha256, most)
    else:
        if sha256 is not None:
            raise InputError("--sha256 belongs to a zip or an address; a registry has its own.")
        n, note = _fetch_known(text, out, known_data(registry), progress)
    return DataResult(
        command="data fetch",
        out=out,
        units_done=n,
        lines=(f"data fetch: {n} file{'s' * (n != 1)}, every hash as stated -> {out}", *note),
        seconds=time.monotonic() - begun,
        peak_memory_mb=peak_memory_mb(),
    )


def _fetch_known(
    name: str, out: Path, known: Mapping[str, DataSet], progress: Progress | None
) -> tuple[int, list[str]]:
    if name not in known:
        raise InputError(
            f"{escape(name)}: is neither a file, an address nor a known data set. "
            "fatescope data list names those."
        )
    found = known[name]
    if not found.files:
        raise InputError(
            f"{name}: no address with a hash is known here. Get it by hand from {found.home} "
            f"({found.licence})."
        )
    if out.exists() and not out.is_dir():
        raise InputError(f"{escape(out)}: is a file. Choose a folder.")
    for i, file in enumerate(found.files):
        target = out / file.path
        if target.exists():
            if hash_path(target) != file.sha256:
                raise RunError(
                    f"{escape(target)}: exists with another content, and is left as it is. Choose "
                    "another folder."
                )
        else:
            download(file.url, target, sha256=file.sha256, most_bytes=file.bytes)
        if progress is not None:
            progress(i + 1, len(found.files), file.path)
    with open_beside(out / "datasheet.md") as stream:
        stream.write(_source_sheet(found).encode())
    return len(found.files), [f"licence: {found.licence}"]


def _source_sheet(d: DataSet) -> str:
    cite = [f"- Cite: {d.cite}"] if d.cite else []
    rows = [f"| {f.path} | {f.bytes} | {f.sha256} |" for f in d.files]
    head = [f"# {d.name}", "", f"{d.what}.", "", f"- Licence: {d.licence}", *cite]
    table = ["| file | bytes | SHA-256 |", "|--|--|--|"]
    return "\n".join([*head, f"- From: {d.home}", "", *table, *rows, ""])


def _fetch_zip(
    url: str, out: Path, sha256: str | None, most: int, progress: Progress | None
) -> tuple[int, list[str]]:
    check_address(url)
    _refuse_filled(out)

    def say(done: int, total: int) -> None:
        if progress is not None:
            progress(done // 10**6, total // 10**6, "MB")

    place = f"{out.name}-{hashlib.sha256(url.encode()).hexdigest()[:8]}.zip"
    zipped = out.with_name(f".{place}")
    if not zipped.exists():
        download(url, zipped, sha256=sha256, most_bytes=most, progress=say)
    try:
        done = _unpack(zipped, out, sha256, most)
    except FileFormatError as error:
        wrong = out.with_name(f"{place}.wrong")
        zipped.replace(wrong)
        raise FileFormatError(f"{error} What came is kept as {escape(wrong)}.") from error
    zipped.unlink()
    return done


def _unpack(path: Path, out: Path, sha256: str | None, most: int) -> tuple[int, list[str]]:
    _refuse_filled(out)
    if sha256 is not None and (there := hash_path(path)) != sha256.lower():
        raise RunError(
            f"{escape(path)}: has the SHA-256 {there[:12]}..., and {sha256[:12].lower()}... was "
            "stated. Nothing was unpacked, and the file is left as it is."
        )
    free = shutil.disk_usage(_existing(out)).free
    what = "what --max-gb and the free disk allow"
    bounds = Bounds(files=_MOST_FILES, bytes=min(most, free), flat=False, what=what)
    with write_folder_beside(out) as part:
        n = unpack_zip(path, bounds, part)
    sheet = out / "datasheet.md"
    return n, [f"read {sheet}"] if sheet.exists() else []


def _refuse_filled(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{escape(out)}: exists and is not empty. Choose another folder.")


def _existing(path: Path) -> Path:
    """Return the nearest folder that is there."""
    return next(p for p in (path, *path.absolute().parents) if p.exists())
