"""TrackMate XML: spots, and edges between them.

Positions stand in physical units; the pixel size of ``ImageData`` turns them into pixels. The file
is read as a stream of tags, entities are refused, and nothing outside the file is opened.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

import numpy as np

from fatescope.acquire.lineages.result import ReadLineage, assemble
from fatescope.base.errors import FileFormatError, InputError
from fatescope.base.finding import Finding
from fatescope.base.spacing import Spacing

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.base.lineage import Lineage

BYTE_LIMIT = 2_000_000_000
_MICROMETRES = {"micron", "microns", "um", "µm", "micrometer", "micrometre"}
_MINUTES = {"sec": 1 / 60, "s": 1 / 60, "second": 1 / 60, "min": 1.0, "minute": 1.0, "h": 60.0}


@dataclass(slots=True)
class _Model:
    """What the tags said."""

    seen: bool = False
    spatial: str = ""
    temporal: str = ""
    image: dict[str, float] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    spots: list[tuple[float, float, float, float, float]] = field(default_factory=list)
    edges: list[tuple[str, str]] = field(default_factory=list)
    broken: int = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "TrackMate":
            self.seen = True
        elif tag == "Model":
            self.spatial = attributes.get("spatialunits", "")
            self.temporal = attributes.get("timeunits", "")
        elif tag == "ImageData":
            names = ("pixelwidth", "pixelheight", "voxeldepth", "timeinterval")
            values = {n: _float(attributes.get(n, "")) for n in names}
            self.image = {n: v for n, v in values.items() if math.isfinite(v) and v > 0}
        elif tag == "Spot":
            self._spot(attributes)
        elif tag == "Edge":
            pair = (attributes.get("SPOT_SOURCE_ID", ""), attributes.get("SPOT_TARGET_ID", ""))
            self.edges.append(pair)

    def _spot(self, attributes: dict[str, str]) -> None:
        keys = ("FRAME", "POSITION_Z", "POSITION_Y", "POSITION_X", "RADIUS")
        frame, z, y, x, radius = (_float(attributes.get(k, "")) for k in keys)
        if not (math.isfinite(frame) and frame == round(frame)) or "ID" not in attributes:
            self.broken += 1
            return
        self.ids.append(attributes["ID"])
        self.names.append(attributes.get("name", ""))
        self.spots.append((frame, z, y, x, radius))


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def read_trackmate(path: Path) -> ReadLineage:
    """Read the spots and edges of a TrackMate file.

    Raises
    ------
    FileFormatError
        If the XML is not well formed, defines entities, or is no TrackMate file.
    """
    model = _parse(path)
    if not model.seen:
        raise FileFormatError(f"{path}: is not a TrackMate file; it has no <TrackMate> tag.")
    if not model.spots:
        raise FileFormatError(f"{path}: holds no spot.")
    spots = np.asarray(model.spots, dtype=np.float64)
    frame = spots[:, 0].astype(np.int64)
    steps = np.asarray(
        [model.image.get(k, 1.0) for k in ("voxeldepth", "pixelheight", "pixelwidth")]
    )
    parent, merged = _links(model, frame)
    name = np.empty(len(frame), dtype=object)
    # TrackMate calls a spot ID123 where nobody named it.
    name[:] = ["" if n == f"ID{i}" else n for n, i in zip(model.names, model.ids, strict=True)]
    found = [_merged(path, model.ids[row]) for row in merged]
    if model.broken:
        found.append(_unreadable(path, model.broken))
    return assemble(
        file=path.name,
        format="trackmate",
        frame=frame,
        position=np.round(spots[:, 1:4] / steps, 9),
        parent=parent,
        name=name,
        radius_px=np.round(spots[:, 4] / steps[2], 9),
        spacing=_spacing(model),
        findings=found,
    )


def _parse(path: Path) -> _Model:
    model = _Model()
    parser = expat.ParserCreate()
    parser.StartElementHandler = model.start

    def refuse(*_: object) -> None:
        raise FileFormatError(f"{path}: defines entities, which no TrackMate file does.")

    parser.EntityDeclHandler = refuse
    try:
        if path.stat().st_size > BYTE_LIMIT:
            raise FileFormatError(f"{path}: is larger than {BYTE_LIMIT} bytes.")
        with path.open("rb") as file:
            parser.ParseFile(file)
    except (expat.ExpatError, LookupError, ValueError) as error:  # also an unknown encoding
        raise FileFormatError(
            f"{path}: is not well-formed XML ({error}). Save it again from TrackMate."
        ) from error
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({error.strerror}).") from error
    return model


def _links(model: _Model, frame: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return parents, and rows where a second edge came in; edges point forward in time."""
    row_of = {key: row for row, key in enumerate(model.ids)}
    parent = np.full(len(frame), -1, dtype=np.int64)
    merged = []
    for source, target in model.edges:
        a, b = row_of.get(source, -1), row_of.get(target, -1)
        if a < 0 or b < 0:
            continue
        early, late = (a, b) if frame[a] <= frame[b] else (b, a)
        if parent[late] >= 0:
            merged.append(late)
        else:
            parent[late] = early
    return parent, merged


def _merged(path: Path, spot: str) -> Finding:
    return Finding(
        file=path.name,
        rule="orphan",
        object=f"spot {spot}",
        severity="error",
        reason=f"spot {spot} has two parents; only the first edge is kept.",
    )


def _unreadable(path: Path, count: int) -> Finding:
    return Finding(
        file=path.name,
        rule="unreadable",
        severity="error",
        value=float(count),
        limit=0.0,
        reason=f"{count} spots have no number or no whole frame and are left out.",
    )


def _spacing(model: _Model) -> Spacing:
    metric = model.spatial.lower() in _MICROMETRES
    minutes = _MINUTES.get(model.temporal.lower().rstrip("."))
    interval = model.image.get("timeinterval")
    return Spacing.of(
        source="file",
        Z=model.image.get("voxeldepth", 1.0) if metric else None,
        Y=model.image.get("pixelheight", 1.0) if metric else None,
        X=model.image.get("pixelwidth", 1.0) if metric else None,
        T=interval * minutes if interval and minutes else None,
    )


def format_trackmate(lineage: Lineage) -> str:
    """Return the XML of a lineage: model, spots by frame, one track per root.

    Raises
    ------
    InputError
        If a position is unknown.
    """
    if not np.isfinite(lineage.position).all():
        raise InputError("a TrackMate file cannot hold nuclei without a position.")
    steps = lineage.spacing.um("ZYX") or (1.0, 1.0, 1.0)
    metric = lineage.spacing.um("ZYX") is not None
    unit = "micron" if metric else "pixel"
    interval = lineage.spacing.interval_min or 1.0
    clock = "min" if lineage.spacing.interval_min else "frame"
    depth, height, width = steps
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<TrackMate version="7.14.0">',
        f'<Model spatialunits="{unit}" timeunits="{clock}">',
        *_spot_lines(lineage, steps, interval),
        *_track_lines(lineage),
        "</Model>",
        "<Settings>",
        f'<ImageData filename="" folder="" pixelwidth="{width!r}" pixelheight="{height!r}" '
        f'voxeldepth="{depth!r}" timeinterval="{interval!r}"/>',
        "</Settings>",
        "</TrackMate>",
    ]
    return "\n".join(lines) + "\n"


def _spot_lines(lineage: Lineage, steps: tuple[float, ...], interval: float) -> list[str]:
    lines = [f'<AllSpots nspots="{len(lineage)}">']
    place = (lineage.position * np.asarray(steps)).tolist()
    radius = (lineage.radius_px * steps[2]).tolist()
    frames = lineage.frame.tolist()
    before = None
    for row in np.argsort(lineage.frame, kind="stable").tolist():
        if frames[row] != before:
            lines += [] if before is None else ["</SpotsInFrame>"]
            before = frames[row]
            lines.append(f'<SpotsInFrame frame="{before}">')
        z, y, x = place[row]
        name = quoteattr(str(lineage.name[row]) or f"ID{row}")
        lines.append(
            f'<Spot ID="{row}" name={name} VISIBILITY="1" RADIUS="{radius[row]!r}" QUALITY="-1.0" '
            f'POSITION_T="{frames[row] * interval!r}" FRAME="{frames[row]}" '
            f'POSITION_X="{x!r}" POSITION_Y="{y!r}" POSITION_Z="{z!r}"/>'
        )
    return [*lines, "</SpotsInFrame>", "</AllSpots>"]


def _track_lines(lineage: Lineage) -> list[str]:
    """Return the edges of each tree that has any, and the list of shown tracks."""
    parent = lineage.parent.tolist()
    root = list(range(len(parent)))
    for row in np.argsort(lineage.frame, kind="stable").tolist():
        if parent[row] >= 0:
            root[row] = root[parent[row]]
    edges: dict[int, list[str]] = {}
    for row, before in enumerate(parent):
        if before >= 0:
            edge = f'<Edge SPOT_SOURCE_ID="{before}" SPOT_TARGET_ID="{row}" LINK_COST="-1.0"/>'
            edges.setdefault(root[row], []).append(edge)
    lines = ["<AllTracks>"]
    for track, (spot, inside) in enumerate(edges.items()):
        name = quoteattr(str(lineage.name[spot]) or f"Track_{track}")
        lines += [f'<Track name={name} TRACK_ID="{track}">', *inside, "</Track>"]
    lines += ["</AllTracks>", "<FilteredTracks>"]
    lines += [f'<TrackID TRACK_ID="{track}"/>' for track in range(len(edges))]
    return [*lines, "</FilteredTracks>"]
