"""Cell Tracking Challenge: ``man_track.txt`` or ``res_track.txt`` and one label mask per frame.

Each line ``L B E P`` is a track: label, first and last frame (from 0, both included), label of
the mother or 0. Positions are the centroids of the labels. Names have no place in the format; we
put them into ``names.csv`` beside the tracks and read them from there.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.complaints import overheard
from fatescope.acquire.lineages.result import FRAME_LIMIT, ReadLineage, SpotColumns, assemble
from fatescope.acquire.lineages.text import Kinds, read_table_text, text_lines
from fatescope.base import explained
from fatescope.base.errors import FileFormatError, InputError
from fatescope.base.finding import Finding
from fatescope.numeric import tracks_of
from fatescope.storage import write_folder_beside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.lineage import Lineage

TRACK_FILES = ("man_track.txt", "res_track.txt")
_MASK = re.compile(r"(?:man_track|mask)(\d+)\.tiff?$")
VOXEL_LIMIT = 2_000_000_000
"""Voxels of one mask that we read or write."""


@dataclass(frozen=True, slots=True)
class _Line:
    first: int
    last: int
    mother: int


def track_file(path: Path) -> Path | None:
    """Return the table of tracks that a path is, or that its folder (or ``TRA/``) holds."""
    if path.is_file():
        return path if path.name in TRACK_FILES else None
    places = [folder / name for folder in (path, path / "TRA") for name in TRACK_FILES]
    return next((p for p in places if p.is_file()), None)


def read_ctc(path: Path) -> ReadLineage:
    """Read tracks and masks of a folder.

    Raises
    ------
    FileFormatError
        If the table or a mask is damaged, or there is no mask.
    """
    table = track_file(path)
    if table is None:
        raise FileFormatError(f"{path}: holds neither man_track.txt nor res_track.txt.")
    lines = _read_lines(table)
    masks = sorted((int(m[1]), p) for p in table.parent.iterdir() if (m := _MASK.match(p.name)))
    if not masks:
        raise FileFormatError(f"{table.parent}: holds no masks man_track000.tif or mask000.tif.")
    frames, labels, places, radii = _measure(masks)
    names = _names(table.parent / "names.csv")
    name = np.empty(len(frames), dtype=object)
    name[:] = [names.get(label, "") for label in labels]
    parent, found = _links(table.name, frames, labels, lines)
    extra_labels = np.asarray(labels, dtype=np.int64)
    from fatescope.base.table import Table

    return assemble(
        SpotColumns(
            frame=np.asarray(frames, dtype=np.int64),
            position=np.asarray(places, dtype=np.float64).reshape(len(frames), 3),
            parent=np.asarray(parent, dtype=np.int64),
            name=name,
            radius_px=np.asarray(radii, dtype=np.float64),
            extra=Table({"label": extra_labels}),
        ),
        file=table.name,
        format="ctc",
        findings=found,
    )


def _read_lines(path: Path) -> dict[int, _Line]:
    lines: dict[int, _Line] = {}
    for number, text in enumerate(text_lines(path), start=1):
        if not text.strip():
            continue
        try:
            label, first, last, mother = map(int, text.split())
        except ValueError as error:
            raise FileFormatError(
                f"{path}: line {number} is {text.strip()[:40]!r}; expected four whole numbers "
                "(label, first frame, last frame, mother)."
            ) from error
        if label in lines or label <= 0 or not 0 <= first <= last < FRAME_LIMIT:
            raise FileFormatError(
                f"{path}: line {number} repeats a label or gives impossible frames "
                f"({text.strip()[:40]!r})."
            )
        lines[label] = _Line(first, last, mother)
    if not lines:
        raise FileFormatError(f"{path}: holds no track.")
    return lines


def _measure(
    masks: list[tuple[int, Path]],
) -> tuple[list[int], list[int], list[tuple[float, float, float]], list[float]]:
    frames: list[int] = []
    labels: list[int] = []
    places: list[tuple[float, float, float]] = []
    radii: list[float] = []
    for frame, path in masks:
        mask = _read_mask(path)
        where = np.nonzero(mask)
        label, slot = np.unique(mask[where], return_inverse=True)
        count = np.bincount(slot, minlength=len(label))
        centre = [np.bincount(slot, weights=w, minlength=len(label)) / count for w in where]
        flat = mask.shape[0] == 1
        radius = np.sqrt(count / np.pi) if flat else np.cbrt(count * 3 / (4 * np.pi))
        frames += [frame] * len(label)
        labels += label.tolist()
        places += list(zip(*(c.tolist() for c in centre), strict=True))
        radii += radius.tolist()
    return frames, labels, places, radii


def _read_mask(path: Path) -> NDArray[Any]:
    import tifffile

    def said(error: Exception) -> str:
        return f"{path}: is not a readable mask ({' '.join(str(error).split())}). Copy it again."

    with explained(said), overheard("tifffile"), tifffile.TiffFile(path) as tiff:
        series = tiff.series[0]
        if int(np.prod(series.shape)) > VOXEL_LIMIT:
            raise FileFormatError(f"{path}: has shape {series.shape}, too large for a mask.")
        mask = series.asarray()
    if not np.issubdtype(mask.dtype, np.integer) or mask.ndim not in (2, 3):
        raise FileFormatError(f"{path}: is not a mask of whole numbers in 2D or 3D.")
    return np.asarray(mask if mask.ndim == 3 else mask[None])


def _names(path: Path) -> dict[int, str]:
    if not path.is_file():
        return {}
    table = read_table_text(path, lambda _: Kinds(required=frozenset(["label"])))
    if not {"label", "name"} <= set(table.columns):
        raise FileFormatError(f"{path}: needs the columns label and name.")
    labels, names = table.columns["label"].tolist(), table.columns["name"].tolist()
    return {int(label): str(name) for label, name in zip(labels, names, strict=True)}


def _links(
    file: str, frames: list[int], labels: list[int], lines: dict[int, _Line]
) -> tuple[list[int], list[Finding]]:
    """Link each spot to its label in the latest earlier frame, a first one to its mother's last.

    Frames come in order, so the latest row of a label is the one seen last.
    """
    latest: dict[int, int] = {}
    parent = []
    odd: dict[str, tuple[int, int]] = {}
    for row, (frame, label) in enumerate(zip(frames, labels, strict=True)):
        line = lines.get(label)
        before = latest.get(label, -1)
        if line is None:
            odd.setdefault(f"label {label} is in the masks but not in the table", (frame, label))
        elif not line.first <= frame <= line.last:
            odd.setdefault(f"label {label} appears outside its frames", (frame, label))
        elif before < 0 and line.mother:
            before = latest.get(line.mother, -1)
            if before < 0:
                odd.setdefault(
                    f"label {label} names mother {line.mother}, which is not there before it",
                    (frame, label),
                )
        parent.append(before)
        latest[label] = row
    for label in lines:
        if label not in latest:
            odd.setdefault(f"label {label} is in the table but in no mask", (-1, label))
    found = [
        Finding(
            file=file,
            rule="orphan",
            frame=None if frame < 0 else frame,
            object=f"label {label}",
            severity="warning",
            reason=f"{why}.",
        )
        for why, (frame, label) in odd.items()
    ]
    return parent, [*found, *_unseen(file, frames, labels, lines)]


def _unseen(
    file: str, frames: list[int], labels: list[int], lines: dict[int, _Line]
) -> list[Finding]:
    """Say in how many frames the table has a track that the masks do not have."""
    seen = set(zip(labels, frames, strict=True))
    empty = [
        (frame, label)
        for label in sorted(set(labels) & set(lines))
        for frame in range(lines[label].first, lines[label].last + 1)
        if (label, frame) not in seen
    ]
    if not empty:
        return []
    frame, label = min(empty)
    reason = (
        f"in {len(empty)} frames a label is within its track and not in the mask, or there is no "
        f"mask; the first is label {label} in frame {frame}."
    )
    count = float(len(empty))
    return [
        Finding(file=file, rule="hole", severity="warning", frame=frame, value=count, reason=reason)
    ]


def write_ctc(lineage: Lineage, path: Path) -> None:
    """Write a folder with ``res_track.txt``, ``maskNNN.tif`` and ``names.csv``.

    A nucleus is drawn as a ball of its radius (3 px where unknown); where balls meet, a voxel
    belongs to the nearer centre. The grid reaches from 0 to the last ball; planes are as far
    apart as pixels, times the ratio of the spacings where it is known.

    Raises
    ------
    InputError
        If a position is unknown or negative, a frame is negative, or the grid is too large.
    FileFormatError
        If ``path`` exists.
    """
    if path.exists():
        raise FileFormatError(f"{path}: exists. Choose a folder that does not.")
    if not np.isfinite(lineage.position).all() or lineage.position.min() < 0:
        raise InputError("masks cannot hold nuclei without a position or outside the grid.")
    if lineage.frame.min() < 0:
        raise InputError("masks cannot hold frames before the first.")
    tracks = tracks_of(lineage)
    radius = np.where(np.isfinite(lineage.radius_px), lineage.radius_px, 3.0)
    steps = lineage.spacing.um("ZYX")
    planes_apart = steps[0] / steps[2] if steps else 1.0
    # One plane stays one; how many planes the last ball needs follows from the spacing alone.
    up = 1 / planes_apart if steps and lineage.position[:, 0].any() else 0.0
    reach = np.ceil(lineage.position.max(axis=0) + radius.max() * np.array([up, 1.0, 1.0]))
    shape = tuple(int(s) + 1 for s in reach)
    if np.prod(shape, dtype=float) > VOXEL_LIMIT:
        raise InputError(f"the masks would have shape {shape}; give a smaller grid.")
    with write_folder_beside(path) as beside:
        _write_tables(beside, tracks)
        for frame in range(int(lineage.frame.max()) + 1):
            rows = np.flatnonzero(lineage.frame == frame)
            mask = _draw(
                lineage.position[rows],
                radius[rows],
                tracks.of_row[rows] + 1,
                shape=shape,
                planes_apart=planes_apart,
            )
            _write_mask(beside / f"mask{frame:03d}.tif", mask)


def _write_tables(folder: Path, tracks: Any) -> None:
    mothers = (tracks.mother + 1).tolist()
    spans = zip(tracks.first.tolist(), tracks.last.tolist(), mothers, strict=True)
    lines = [f"{label} {b} {e} {p}\n" for label, (b, e, p) in enumerate(spans, start=1)]
    (folder / "res_track.txt").write_text("".join(lines), encoding="utf-8")
    names = [(label, name) for label, name in enumerate(tracks.name, start=1) if name]
    if names:
        with (folder / "names.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("label", "name"), *names])


def _draw(
    centres: NDArray[Any],
    radii: NDArray[Any],
    labels: NDArray[Any],
    *,
    shape: tuple[int, ...],
    planes_apart: float,
) -> NDArray[np.uint16]:
    """Draw balls; the voxel of each centre is set last, so that no nucleus is lost."""
    mask = np.zeros(shape, dtype=np.uint16 if labels.max(initial=0) < 65536 else np.uint32)
    nearest = np.full(shape, np.inf, dtype=np.float32)
    scale = np.asarray([planes_apart, 1.0, 1.0])
    for centre, radius, label in zip(centres, radii, labels, strict=True):
        low = np.maximum(np.floor(centre - radius / scale).astype(int), 0)
        high = np.minimum(np.ceil(centre + radius / scale).astype(int) + 1, shape)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        axes = np.ogrid[box]
        parts = [((a - c) * s) ** 2 for a, c, s in zip(axes, centre, scale, strict=True)]
        distance = parts[0] + parts[1] + parts[2]
        closer = (distance <= radius**2) & (distance < nearest[box])
        nearest[box] = np.where(closer, distance, nearest[box])
        mask[box] = np.where(closer, label, mask[box])
    for centre, label in zip(np.round(centres).astype(int), labels, strict=True):
        mask[tuple(centre)] = label
    return mask


def _write_mask(path: Path, mask: NDArray[Any]) -> None:
    import tifffile

    data = mask[0] if mask.shape[0] == 1 else mask
    axes = "YX" if data.ndim == 2 else "ZYX"
    tifffile.imwrite(
        path, data, photometric="minisblack", compression="zlib", metadata={"axes": axes}
    )
