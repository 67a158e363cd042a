"""AceTree and StarryNite archives: one text per frame in a zip, links by index.

Read are the present layout of 20 values and the older one of 15, under any prefix, with or
without ``parameters/``. Deleted nuclei (status 0) are left out. Side files beside the archive give
what the archive cannot (see `fatescope.acquire.lineages.acetree_side`).

Written are whole numbers for x, y and the diameter, because AceTree reads nothing else there, and
links between consecutive frames only.

References
----------
Boyle TJ et al. (2006). AceTree: a tool for visual analysis of Caenorhabditis elegans
embryogenesis. BMC Bioinformatics 7:275.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.lineages.acetree_side import side_information
from fatescope.acquire.lineages.archive import check_archive, read_member
from fatescope.acquire.lineages.epic import number_text
from fatescope.acquire.lineages.result import ReadLineage, SpotColumns, assemble
from fatescope.base.errors import FileFormatError, InputError
from fatescope.base.finding import Finding, Severity
from fatescope.base.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base.lineage import Lineage

_ENTRY = re.compile(r"(?:^|/)t(\d{1,6})-nuclei$")
_COUNTS = ("gweight", "reporter_mean", "reporter_sum", "reporter_pixels")
_RAW = ("rwraw", "rwcorr1", "rwcorr2", "rwcorr3", "rwcorr4")
_CD = ("global", "local", "blot", "cross")
_NOTHING = {"", "nill", "-1"}
_REPORTED = 20  # lines that get a finding of their own: room in a table


@dataclass(slots=True)
class _Rows:
    """Columns while they grow, frame by frame."""

    time: list[int] = field(default_factory=list)
    index: list[int] = field(default_factory=list)
    parent_index: list[int] = field(default_factory=list)
    successors: list[tuple[int, ...]] = field(default_factory=list)
    xyz_size: list[tuple[float, float, float, float]] = field(default_factory=list)
    name: list[str] = field(default_factory=list)
    forced: list[str] = field(default_factory=list)
    numbers: list[list[float]] = field(default_factory=list)
    broken: list[tuple[str, int, str]] = field(default_factory=list)
    deleted: int = 0


def read_acetree(path: Path, *, xml: Path | None = None) -> ReadLineage:
    """Read an archive of nuclei, with what its XML, AuxInfo and TIME files say.

    Parameters
    ----------
    path : Path
        The zip.
    xml : Path, optional
        Its configuration; searched beside the archive if not given.

    Raises
    ------
    FileFormatError
        If the archive is damaged or hostile, or holds no nucleus.
    """
    rows = _Rows()
    try:
        with zipfile.ZipFile(path) as archive:
            check_archive(archive, path)
            for time, member in _entries(archive, path):
                _read_frame(read_member(archive, member, path), time, member.filename, rows)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise FileFormatError(
            f"{path}: is not a whole zip archive ({error}). Copy it again."
        ) from error
    if not rows.time:
        raise FileFormatError(
            f"{path}: holds no living nucleus; expected texts called nuclei/t001-nuclei and so on."
        )
    if len(rows.broken) > len(rows.time):
        name, line, why = rows.broken[0]
        raise FileFormatError(
            f"{path}: {len(rows.broken)} of {len(rows.broken) + len(rows.time)} lines cannot be "
            f"read; the first is line {line} of {name}: {why}."
        )
    return _lineage(path, rows, xml)


def _entries(archive: zipfile.ZipFile, path: Path) -> list[tuple[int, zipfile.ZipInfo]]:
    """Return the frames in order; of two with one number, both cannot be right."""
    found: dict[int, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        match = _ENTRY.search(member.filename.replace("\\", "/"))
        if match is None:
            continue
        time = int(match[1])
        if time in found:
            raise FileFormatError(
                f"{path}: holds frame {time} twice ({found[time].filename}, {member.filename}). "
                "Keep one of them."
            )
        found[time] = member
    folders = sorted({_folder_of(member) for member in found.values()})
    if len(folders) > 1:
        raise FileFormatError(
            f"{path}: holds nuclei in several folders ({', '.join(folders[:3])}). Give one archive "
            "for each recording."
        )
    return sorted(found.items())


def _folder_of(member: zipfile.ZipInfo) -> str:
    return member.filename.replace("\\", "/").rpartition("/")[0]


def _read_frame(text: str, time: int, member: str, rows: _Rows) -> None:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        values = [v.strip() for v in line.split(",")]
        try:
            _read_line(values, time, rows)
        except (ValueError, IndexError):
            rows.broken.append((member, number, repr(line[:60])))


def _read_line(values: list[str], time: int, rows: _Rows) -> None:
    """Add one nucleus; raise ValueError or IndexError on a line that is none."""
    old = _is_old(values)
    index = int(values[0])
    if old:
        status, predecessor, after = int(values[7]), values[12], values[13:15]
        x, y, z, name, size = values[1], values[2], values[3], values[4], values[5]
        alive, forced = status >= 0, ""
        numbers = [_count(values, 6), *[np.nan] * 8]
    else:
        status, predecessor, after = int(values[1]), values[2], values[3:5]
        x, y, z, size, name = values[5], values[6], values[7], values[8], values[9]
        alive, forced = status > 0, values[14] if len(values) > 14 else ""
        numbers = [_count(values, i) for i in (10, 11, 12, 13, 15, 16, 17, 18, 19)]
    if not alive:
        rows.deleted += 1
        return
    place = (float(x), float(y), float(z), float(size))
    parent = _index(predecessor)
    successors = tuple(i for i in map(_index, after) if i > 0)
    rows.time.append(time)
    rows.index.append(index)
    rows.parent_index.append(parent)
    rows.successors.append(successors)
    rows.xyz_size.append(place)
    rows.name.append("" if name.lower() == "nill" else name)
    rows.forced.append(forced)
    rows.numbers.append(numbers)


def _index(text: str) -> int:
    return -1 if text.lower() in _NOTHING else int(text)


def _is_old(values: list[str]) -> bool:
    """Tell the layout of 15 values by the name in its fifth column."""
    if len(values) not in (15, 16):
        return False
    fifth = values[4].lower()
    return fifth != "nill" and not fifth.lstrip("-").isdigit()


def _count(values: list[str], at: int) -> float:
    return float(values[at]) if at < len(values) and values[at] else np.nan


def _lineage(path: Path, rows: _Rows, xml: Path | None) -> ReadLineage:
    time = np.asarray(rows.time, dtype=np.int64)
    place = np.asarray(rows.xyz_size, dtype=np.float64)
    name = np.empty(len(time), dtype=object)
    name[:] = [forced or given for forced, given in zip(rows.forced, rows.name, strict=True)]
    parent, links = _links(rows, path.name)
    side = side_information(path, xml=xml)
    found = [*_broken(path.name, rows), *links, *side.findings]
    return assemble(
        SpotColumns(
            frame=time - 1,
            position=place[:, [2, 1, 0]] - 1,
            parent=parent,
            name=name,
            radius_px=np.where(place[:, 3] > 0, place[:, 3] / 2, np.nan),
            extra=_extra(rows),
        ),
        file=path.name,
        format="acetree",
        spacing=side.spacing,
        metadata={"deleted_nuclei": rows.deleted, **side.metadata},
        findings=found,
    )


def _links(rows: _Rows, file: str) -> tuple[NDArray[np.int64], list[Finding]]:
    """Return the row of each predecessor, and where the archive contradicts itself.

    A nucleus that names no predecessor follows the one that names it as successor, if it is one.
    Where the two disagree, the predecessor is believed.
    """
    keys = list(zip(rows.time, rows.index, strict=True))
    row_of = {key: row for row, key in enumerate(keys)}
    twice = {key for row, key in enumerate(keys) if row_of[key] != row}
    parent = np.full(len(keys), -1, dtype=np.int64)
    lost, nowhere, against = [], [], []
    named: dict[tuple[int, int], set[int]] = {}
    for row, (time, successors) in enumerate(zip(rows.time, rows.successors, strict=True)):
        for index in successors:
            named.setdefault((time + 1, index), set()).add(row)
            if (time + 1, index) not in row_of:
                nowhere.append(row)
    for row, ((time, own), index) in enumerate(zip(keys, rows.parent_index, strict=True)):
        mothers = named.get((time, own), set())
        if index < 0:
            if len(mothers) == 1 and (time, own) not in twice:
                (parent[row],) = mothers
            elif mothers:
                against.append(row)
            continue
        before = (time - 1, index)
        if before in twice:
            continue
        parent[row] = row_of.get(before, -1)
        if parent[row] < 0:
            lost.append(row)
        elif mothers - {parent[row]} or (rows.successors[parent[row]] and not mothers):
            against.append(row)
    found = [*_lost(file, rows, lost), *_contradictions(file, rows, twice, nowhere, against)]
    return parent, found


def _contradictions(
    file: str, rows: _Rows, twice: set[tuple[int, int]], nowhere: list[int], against: list[int]
) -> list[Finding]:
    """Return one finding for each way in which links of an archive contradict each other."""

    def first(row: int) -> str:
        return f"the first is nucleus {rows.index[row]} of t{rows.time[row]:03d}"

    found: list[tuple[str, Severity, int, str]] = []
    if twice:
        time, index = min(twice)
        reason = (
            f"{len(twice)} numbers of nuclei stand twice in their frame (the first is {index} in "
            f"t{time:03d}), so no nucleus is linked to them."
        )
        found.append(("duplicate-id", "error", len(twice), reason))
    if nowhere:
        reason = f"{len(nowhere)} successors do not live in the frame after; {first(nowhere[0])}."
        found.append(("unknown-parent", "warning", len(nowhere), reason))
    if against:
        reason = (
            f"of {len(against)} nuclei, the predecessor and what nuclei before them name as "
            f"successors are not the same; {first(against[0])}. The predecessor was used."
        )
        found.append(("links-not-read", "warning", len(against), reason))
    return [
        Finding(file=file, rule=rule, severity=severity, value=float(count), reason=reason)
        for rule, severity, count, reason in found
    ]


def _extra(rows: _Rows) -> Table:
    numbers = np.asarray(rows.numbers, dtype=np.float64)
    columns: dict[str, NDArray[Any]] = {}
    for column, name in enumerate((*_COUNTS, *_RAW)):
        values = numbers[:, column]
        if np.isnan(values).all():
            continue
        whole = np.isfinite(values).all() and (values == np.round(values)).all()
        columns[name] = values.astype(np.int64) if whole else values
    if any(rows.forced):
        forced = np.empty(len(rows.forced), dtype=object)
        forced[:] = rows.forced
        columns["forced_name"] = forced
    return Table(columns)


def _broken(file: str, rows: _Rows) -> list[Finding]:
    found = [
        Finding(
            file=file,
            rule="unreadable",
            object=f"{member}:{line}",
            severity="error",
            reason=f"line {line} of {member} is left out: {text} is not a nucleus.",
        )
        for member, line, text in rows.broken[:_REPORTED]
    ]
    if len(rows.broken) > _REPORTED:
        found.append(
            Finding(
                file=file,
                rule="unreadable",
                severity="error",
                value=float(len(rows.broken)),
                limit=0.0,
                reason=f"{len(rows.broken)} lines are left out; the first {_REPORTED} are listed.",
            )
        )
    return found


def _lost(file: str, rows: _Rows, lost: list[int]) -> list[Finding]:
    found = [
        Finding(
            file=file,
            rule="orphan",
            frame=rows.time[row] - 1,
            object=rows.name[row] or f"nucleus {rows.index[row]}",
            severity="warning",
            reason=(
                f"nucleus {rows.index[row]} of t{rows.time[row]:03d} names predecessor "
                f"{rows.parent_index[row]}, which does not live in the frame before."
            ),
        )
        for row in lost[:_REPORTED]
    ]
    if len(lost) > _REPORTED:
        reason = (
            f"{len(lost)} nuclei name a predecessor that does not live in the frame before; the "
            f"first {_REPORTED} are listed."
        )
        count = float(len(lost))
        found.append(
            Finding(file=file, rule="orphan", severity="warning", value=count, reason=reason)
        )
    return found


def acetree_bytes(lineage: Lineage) -> bytes:
    """Return the zip of a lineage: ``nuclei/tNNN-nuclei`` for each frame, empty ones too.

    Raises
    ------
    InputError
        If a frame is negative, a position unknown, or a name holds a comma: AceTree has no way
        to say so.
    """
    if lineage.frame.min() < 0:
        raise InputError(
            "an AceTree archive cannot hold frames before the first (t001). Leave the rows with "
            "times of 0 and below out: fatescope lineage lint names them."
        )
    if not np.isfinite(lineage.position).all():
        raise InputError("an AceTree archive cannot hold nuclei without a position.")
    if any("," in n or "\n" in n for n in lineage.name.tolist()):
        raise InputError("an AceTree archive cannot hold names with a comma or a line break.")
    order = np.argsort(lineage.frame, kind="stable")
    index = _indices(lineage)
    parent, first, second = _neighbours(lineage, index)
    numbers = _numbers(lineage)
    forced = lineage.extra.columns.get("forced_name")
    lines: list[list[str]] = [[] for _ in range(int(lineage.frame.max()) + 1)]
    for row in order.tolist():
        z, y, x = lineage.position[row] + 1
        radius = lineage.radius_px[row]
        size = 0 if np.isnan(radius) else round(2 * float(radius))
        counts = numbers[row]
        values = [
            *(index[row], 1, parent[row], first[row], second[row]),
            *(round(float(x)), round(float(y)), _plane(float(z)), size, lineage.name[row]),
            *(counts[:4]),
            "" if forced is None else forced[row],
            *(counts[4:]),
        ]
        lines[int(lineage.frame[row])].append(", ".join(map(str, values)) + ", \n")
    return _zipped({f"nuclei/t{t:03d}-nuclei": "".join(p) for t, p in enumerate(lines, start=1)})


def _indices(lineage: Lineage) -> NDArray[np.int64]:
    """Return the number of each nucleus in its frame, from 1, in file order."""
    order = np.argsort(lineage.frame, kind="stable")
    sorted_frames = lineage.frame[order]
    starts = np.searchsorted(sorted_frames, sorted_frames)
    index = np.zeros(len(lineage), dtype=np.int64)
    index[order] = np.arange(len(lineage)) - starts + 1
    return index


def _neighbours(
    lineage: Lineage, index: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return predecessor, first and second successor of each nucleus, as indices or -1."""
    n = len(lineage)
    before, first, second = (np.full(n, -1, dtype=np.int64) for _ in range(3))
    for row, parent in enumerate(lineage.parent.tolist()):
        if parent < 0 or lineage.frame[row] != lineage.frame[parent] + 1:
            continue
        before[row] = index[parent]
        if first[parent] < 0:
            first[parent] = index[row]
        elif second[parent] < 0:
            second[parent] = index[row]
    return before, first, second


def _numbers(lineage: Lineage) -> list[list[int]]:
    """Return weight, three reporter counts, raw and four corrections per row; unknown is 0."""
    extra = dict(lineage.extra.columns)
    if "rwraw" not in extra and "none" in extra:
        raw = extra["none"]
        extra["rwraw"] = raw
        for cd, corrected in zip(_CD, _RAW[1:], strict=True):
            if cd in extra:
                extra[corrected] = raw - extra[cd]
    n = len(lineage)
    columns = [
        np.nan_to_num(np.asarray(extra[name], dtype=np.float64)) if name in extra else np.zeros(n)
        for name in (*_COUNTS, *_RAW)
    ]
    rows = np.round(np.stack(columns, axis=1)).astype(np.int64).tolist()
    return [list(row) for row in rows]


def _plane(z: float) -> str:
    text = number_text(z)
    return text if "." in text else text + ".0"


def _zipped(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            # A fixed date: the same lineage gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text, 8)
    return buffer.getvalue()
