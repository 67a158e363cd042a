"""A folder as one file to hand on: training data or results, with datasheet, licence and hashes."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fatescope.base import FileFormatError, InputError, escape
from fatescope.engine import peak_memory_mb, read_record, tables_in
from fatescope.prepare import read_samples
from fatescope.prepare.store import SPLITS, read_rows
from fatescope.storage import (
    Bounds,
    Content,
    file_content,
    list_files,
    stays_inside,
    unpack_zip,
    write_beside,
    write_zip,
)
from fatescope.systems.data.fetch import DataResult

_MANIFEST = "samples.csv"
_LICENCES = ("LICENSE", "LICENCE", "LICENSE.txt", "LICENCE.txt", "LICENSE.md", "LICENCE.md")
_SHEET = "datasheet.md"
_TEXTS = frozenset((".csv", ".json", ".toml", ".html", ".md", ".txt", ".svg", ".yaml"))
"""Files in which paths of this machine are made relative."""
_OURS = ("ledger.sqlite", "SHA256SUMS")


def pack_data(
    folder: Path | str, *, out: Path | str, licence: str | None = None, about: str = ""
) -> DataResult:
    """Make one zip of prepared training data (``samples.csv``) or of results (``run.json``).

    The same folder gives the same bytes. In it are a datasheet, the licence and the SHA-256 of
    every file; images of training data that lie elsewhere come along, and no path of this machine
    does. The zip is read back and compared before it takes its name.

    Parameters
    ----------
    folder : path
    out : path
        A new file ending in .zip.
    licence : str, optional
        Name of a licence, or the path of its text; not needed where the folder holds a LICENSE.
    about : str
        A sentence for the datasheet: what it is, and where it comes from.

    Raises
    ------
    InputError
        If the folder is neither, the licence is not said, or the file exists.
    FileFormatError
        If an image that ``samples.csv`` names is missing, or a name cannot be kept everywhere.
    """
    begun = time.monotonic()
    folder, out = Path(folder), Path(out)
    if out.suffix.lower() != ".zip":
        raise InputError(f"{escape(out)}: a pack ends in .zip. Rename it.")
    if out.exists():
        raise InputError(f"{escape(out)}: exists. Choose another name.")
    is_data, is_run = (folder / _MANIFEST).exists(), (folder / "run.json").exists()
    if not (is_data or is_run):
        raise InputError(
            f"{escape(folder)}: holds neither samples.csv (training data) nor run.json (results). "
            "Give a folder that fatescope has made."
        )
    record = read_record(folder) if is_run else {}
    private = _private_parts(folder, record)
    files = _inside(folder, private)
    if is_data:
        files |= _training_data(folder)
    name, terms = _licence(folder, licence)
    if terms is not None:
        files[name] = terms
    if _SHEET not in files:
        sheet = _datasheet(folder, record, is_data=is_data, licence=licence or name, about=about)
        files[_SHEET] = _bytes(_without(sheet.encode(), private).decode())
    bad = [n for n in files if not stays_inside(n)]
    if bad:
        raise FileFormatError(f"{escape(bad[0])}: this name cannot be kept everywhere. Rename it.")
    with write_beside(out) as part:
        sums = write_zip(part, files)
        n = unpack_zip(part, Bounds(files=10**9, bytes=2**62, flat=False, what=""), None)
    size = out.stat().st_size
    return DataResult(
        command="data pack",
        out=out,
        units_done=n,
        lines=(f"data pack: {n} files, {size / 1e6:.1f} MB, read back and compared -> {out}",),
        said={"bytes": size, "files": [line.split("  ", 1)[1] for line in sums.splitlines()]},
        seconds=time.monotonic() - begun,
        peak_memory_mb=peak_memory_mb(),
    )


def _inside(folder: Path, private: Sequence[tuple[bytes, bytes]]) -> dict[str, Content]:
    """Return the files of a folder that belong to the pack."""
    found: dict[str, Content] = {}
    for path in list_files(folder):
        name = path.relative_to(folder).as_posix()
        is_hidden = path.name.startswith(".") and ".zarr/" not in name
        if is_hidden or path.name.startswith(_OURS):
            continue
        if path.is_symlink():
            raise FileFormatError(f"{escape(path)}: is a link. Put the file itself there.")
        has_text = path.suffix.lower() in _TEXTS
        found[name] = file_content(path, partial(_without, private=private) if has_text else None)
    return found


def _bytes(text: str) -> Content:
    return lambda: iter((text.encode(),))


def _private_parts(folder: Path, record: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Return beginnings of paths of this machine, the longest first, and what takes their place."""
    places = {folder.absolute(), folder.absolute().parent, Path.cwd(), Path.home()}
    for said in record.get("inputs") or ():
        paths = said.get("path") or ()
        for path in [paths] if isinstance(paths, str) else paths:
            if Path(path).is_absolute():
                places.add(Path(path).parent)
    pairs: dict[bytes, bytes] = {}
    for place in sorted(places, key=lambda p: -len(str(p))):
        if len(place.parts) < 2:
            continue
        for text in (str(place), json.dumps(str(place))[1:-1], place.as_posix()):
            for end in ("/", "\\\\", "\\"):
                pairs[f"{text}{end}".encode()] = b""
            if len(place.parts) > 2:
                name = "~" if place == Path.home() else place.name
                pairs[text.encode()] = name.encode()
    return sorted(pairs.items(), key=lambda pair: -len(pair[0]))


def _without(line: bytes, private: Sequence[tuple[bytes, bytes]]) -> bytes:
    for place, instead in private:
        line = line.replace(place, instead)
    return line


def _training_data(folder: Path) -> dict[str, Content]:
    """Return the manifest with paths inside the pack, and the files that lie elsewhere."""
    read_samples(folder, splits=SPLITS)  # says what is wrong with it
    rows = read_rows(folder)
    if not rows:
        raise FileFormatError(f"{escape(folder / _MANIFEST)}: has no row. Prepare data first.")
    top = folder.resolve()
    named = {row[c] for row in rows for c in ("image", "labels") if row[c]}
    paths = {name: (folder / name).resolve() for name in sorted(named)}
    missing = [p for p in paths.values() if not p.exists()]
    if missing:
        raise FileFormatError(
            f"{escape(folder / _MANIFEST)}: {escape(missing[0])} is missing. Prepare it again."
        )
    outside = [p for p in paths.values() if not p.is_relative_to(top)]
    common = Path(os.path.commonpath([p.parent for p in outside])) if outside else top
    folder_name = next(n for n in ("data", "data-1", "data-2") if not (folder / n).exists())
    found: dict[str, Content] = {}
    places = {}
    for name, path in paths.items():
        if path.is_relative_to(top):
            places[name] = path.relative_to(top).as_posix()
            continue
        places[name] = f"{folder_name}/{path.relative_to(common).as_posix()}"
        for file in list_files(path) if path.is_dir() else [path]:
            rest = file.relative_to(path).as_posix()
            found[places[name] + (f"/{rest}" if file != path else "")] = file_content(file)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        moved = {c: places[row[c]] for c in ("image", "labels") if row[c]}
        writer.writerow({**row, **moved})
    return {**found, _MANIFEST: _bytes(text.getvalue())}


def _licence(folder: Path, licence: str | None) -> tuple[str, Content | None]:
    """Return the name of the file with the licence, and its content where it is not there yet."""
    there = next((n for n in _LICENCES if (folder / n).is_file()), None)
    if licence is None:
        if there is None:
            raise InputError(
                "under which licence may others use it? Give --licence, for instance "
                "--licence CC-BY-4.0 or the path of a text, or put a LICENSE file into the folder."
            )
        return there, None
    path = Path(licence)
    terms = file_content(path) if path.is_file() else _bytes(f"{licence}\n")
    return there or "LICENSE", terms


def _datasheet(
    folder: Path, record: Mapping[str, Any], *, is_data: bool, licence: str, about: str
) -> str:
    kind = "Training data" if is_data else "Results"
    lines = [f"# {folder.absolute().name}", "", *([about, ""] if about else [])]
    lines += [f"- {kind}, packed by fatescope.", f"- Licence: {licence} (LICENSE)"]
    if record:
        model = (record.get("model") or {}).get("name")
        with_model = f" with the model {model}" if model else ""
        lines.append(
            f"- Made by `fatescope {record.get('command')}` {record.get('fatescope')}{with_model}: "
            f"{record.get('units_done')} done, {record.get('units_failed')} not processed, "
            f"{record.get('findings')} findings; settings and hashes of inputs in run.json."
        )
    if is_data:
        samples = read_samples(folder, splits=SPLITS)
        lines += ["", "| split | samples | independent units | roles |", "|--|--|--|--|"]
        for split in SPLITS:
            mine = [s for s in samples if s.split == split]
            roles = ", ".join(
                f"{r} ({n})" for r, n in sorted(Counter(s.role for s in mine).items())
            )
            if mine:
                lines.append(f"| {split} | {len(mine)} | {len({s.unit for s in mine})} | {roles} |")
    else:
        tables = ", ".join(sorted({name for name, _, _ in tables_in(folder)}))
        lines.append(f"- Tables: {tables}. Ask them with `fatescope query`.")
    return "\n".join([*lines, "", "SHA256SUMS has the hash of every file.", ""])
