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

from fatescope.acquire.images.scale import MIN, UM, believed, unit_in
from fatescope.acquire.lineages.headers import unknown_units
from fatescope.acquire.lineages.links import links_by_edges
from fatescope.acquire.lineages.result import ReadLineage, SpotColumns, assemble
from fatescope.base.errors import FileFormatError, InputError
from fatescope.base.finding import Finding
from fatescope.base.spacing import Spacing

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.base.lineage import Lineage

BYTE_LIMIT = 2_000_000_000
RADIUS_PX = 5.0
"""Written where no radius is known: TrackMate needs one."""


@dataclass(slots=True)
class _Model:
    """What the tags said."""

    seen: bool = False
    spatial: str = ""
    temporal: str = ""
    image: dict[str, float] = field(default_factory=dict)
    group: str = ""
    track: str = ""
    shown: set[str] = field(default_factory=set)
    ids: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    hidden: list[bool] = field(default_factory=list)
    spots: list[tuple[float, float, float, float, float]] = field(default_factory=list)
    edges: list[tuple[str, str, str]] = field(default_factory=list)
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
        elif tag == "SpotsInFrame":
            self.group = attributes.get("frame", "")
        elif tag == "Spot":
            self._spot(attributes)
        elif tag == "Track":
            self.track = attributes.get("TRACK_ID", "")
        elif tag == "Edge":
            ends = (attributes.get("SPOT_SOURCE_ID", ""), attributes.get("SPOT_TARGET_ID", ""))
            self.edges.append((*ends, self.track))
        elif tag == "TrackID":
            self.shown.add(attributes.get("TRACK_ID", ""))

    def _spot(self, attributes: dict[str, str]) -> None:
        keys = ("POSITION_Z", "POSITION_Y", "POSITION_X", "RADIUS")
        z, y, x, radius = (_float(attributes.get(k, "")) for k in keys)
        frame = _float(attributes.get("FRAME", self.group))
        if not (math.isfinite(frame) and frame == round(frame)) or "ID" not in attributes:
            self.broken += 1
            return
        self.ids.append(attributes["ID"])
        self.names.append(attributes.get("name", ""))
        self.hidden.append(attributes.get("VISIBILITY", "1").lower() in ("0", "0.0", "false"))
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
    used, edges, found = _used(model, path.name)
    spots = np.asarray(model.spots, dtype=np.float64)[used]
    ids = [model.ids[row] for row in used]
    frame = spots[:, 0].astype(np.int64)
    steps = np.asarray(
        [model.image.get(k, 1.0) for k in ("voxeldepth", "pixelheight", "pixelwidth")]
    )
    parent, more = links_by_edges(path.name, ids, edges, frame)
    name = np.empty(len(frame), dtype=object)
    # TrackMate calls a spot ID123 where nobody named it.
    name[:] = ["" if (n := model.names[row]) == f"ID{model.ids[row]}" else n for row in used]
    spacing, absurd = _spacing(model, path.name)
    if model.broken:
        found.append(_unreadable(path, model.broken))
    return assemble(
        SpotColumns(
            frame=frame,
            position=np.round(spots[:, 1:4] / steps, 9),
            parent=parent,
            name=name,
            radius_px=np.round(spots[:, 4] / steps[2], 9),
        ),
        file=path.name,
        format="trackmate",
        spacing=spacing,
        findings=[*found, *more, *absurd],
    )


def _used(model: _Model, file: str) -> tuple[list[int], list[tuple[str, str]], list[Finding]]:
    """Return the spots and edges that TrackMate shows, and how many it hides.

    Hidden are spots that did not pass a filter and are in no track, and the tracks (with their
    spots) that did not. A file that shows no track at all was written by another program.
    """
    off = [t != "" and bool(model.shown) and t not in model.shown for _, _, t in model.edges]
    edges = [e[:2] for e, hidden in zip(model.edges, off, strict=True) if not hidden]
    linked = {end for edge in edges for end in edge}
    gone = {end for e, hidden in zip(model.edges, off, strict=True) if hidden for end in e[:2]}
    dark = {i for i, hidden in zip(model.ids, model.hidden, strict=True) if hidden}
    out = (gone | dark) - linked
    used = [row for row, key in enumerate(model.ids) if key not in out]
    if not used:
        raise FileFormatError(f"{file}: hides every spot. Show them in TrackMate and save again.")
    if not out:
        return used, edges, []
    reason = (
        f"{len(model.ids) - len(used)} spots are left out because TrackMate hides them: they, or "
        "their tracks, did not pass its filters. Widen the filters and save again to use them."
    )
    count = float(len(model.ids) - len(used))
    found = Finding(file=file, rule="left-out", severity="warning", value=count, reason=reason)
    return used, edges, [found]


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


def _unreadable(path: Path, count: int) -> Finding:
    return Finding(
        file=path.name,
        rule="unreadable",
        severity="error",
        value=float(count),
        limit=0.0,
        reason=f"{count} spots have no number or no whole frame and are left out.",
    )


def _spacing(model: _Model, file: str) -> tuple[Spacing, tuple[Finding, ...]]:
    """Return the steps that the file gives, and findings about those that cannot be."""
    um, minutes = unit_in(model.spatial, UM), unit_in(model.temporal, MIN)
    interval = model.image.get("timeinterval")
    steps = {
        a: None if um is None else model.image.get(key, 1.0) * um
        for a, key in (("Z", "voxeldepth"), ("Y", "pixelheight"), ("X", "pixelwidth"))
    }
    steps["T"] = interval * minutes if interval and minutes else None
    spacing, absurd = believed(steps, file)
    odd = unknown_units(file, space=[model.spatial], time=model.temporal)
    return spacing, (*absurd, *odd)


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
    shape = [int(v) for v in np.ceil(lineage.position.max(axis=0)) + 1]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<TrackMate version="7.14.0">',
        f'<Model spatialunits="{unit}" timeunits="{clock}">',
        *_declarations(),
        *_spot_lines(lineage, steps, interval),
        *_track_lines(lineage, interval),
        "</Model>",
        "<Settings>",
        f'<ImageData filename="" folder="" width="{shape[2]}" height="{shape[1]}" '
        f'nslices="{shape[0]}" nframes="{int(lineage.frame.max()) + 1}" pixelwidth="{width!r}" '
        f'pixelheight="{height!r}" voxeldepth="{depth!r}" timeinterval="{interval!r}"/>',
        '<InitialSpotFilter feature="QUALITY" value="-1.0" isabove="true"/>',
        "<SpotFilterCollection/>",
        "<TrackFilterCollection/>",
        "</Settings>",
        '<GUIState state="ConfigureViews"/>',
        "</TrackMate>",
    ]
    return "\n".join(lines) + "\n"


_FEATURES = {
    "Spot": (
        *(("QUALITY", "Quality", "QUALITY", False), ("POSITION_X", "X", "POSITION", False)),
        *(("POSITION_Y", "Y", "POSITION", False), ("POSITION_Z", "Z", "POSITION", False)),
        *(("POSITION_T", "T", "TIME", False), ("FRAME", "Frame", "NONE", True)),
        *(("RADIUS", "Radius", "LENGTH", False), ("VISIBILITY", "Visibility", "NONE", True)),
    ),
    "Edge": (
        *(("SPOT_SOURCE_ID", "Source spot ID", "NONE", True),),
        *(("SPOT_TARGET_ID", "Target spot ID", "NONE", True), ("LINK_COST", "Cost", "COST", False)),
    ),
    "Track": (
        *(("TRACK_INDEX", "Track index", "NONE", True), ("TRACK_ID", "Track ID", "NONE", True)),
        *(("NUMBER_SPOTS", "Number of spots in track", "NONE", True),),
        *(
            ("TRACK_START", "Track start", "TIME", False),
            ("TRACK_STOP", "Track stop", "TIME", False),
        ),
        *(("TRACK_DURATION", "Track duration", "TIME", False),),
    ),
}
"""The attributes that we write: key, name, dimension, and whether it is a whole number."""


def _declarations() -> list[str]:
    """Return what says which attributes spots, edges and tracks have; readers ask for it."""
    lines = ["<FeatureDeclarations>"]
    for kind, features in _FEATURES.items():
        lines.append(f"<{kind}Features>")
        lines += [
            f'<Feature feature="{key}" name="{name}" shortname="{name}" dimension="{dimension}" '
            f'isint="{str(whole).lower()}"/>'
            for key, name, dimension, whole in features
        ]
        lines.append(f"</{kind}Features>")
    return [*lines, "</FeatureDeclarations>"]


def _spot_lines(lineage: Lineage, steps: tuple[float, ...], interval: float) -> list[str]:
    lines = [f'<AllSpots nspots="{len(lineage)}">']
    place = (lineage.position * np.asarray(steps)).tolist()
    known = np.isfinite(lineage.radius_px)
    radius = (np.where(known, lineage.radius_px, RADIUS_PX) * steps[2]).tolist()
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


def _track_lines(lineage: Lineage, interval: float) -> list[str]:
    """Return the edges of each tree that has any, and the list of shown tracks."""
    parent, frame = lineage.parent.tolist(), lineage.frame.tolist()
    root = list(range(len(parent)))
    for row in np.argsort(lineage.frame, kind="stable").tolist():
        if parent[row] >= 0:
            root[row] = root[parent[row]]
    rows: dict[int, list[int]] = {}
    for row, before in enumerate(parent):
        if before >= 0:
            rows.setdefault(root[row], []).append(row)
    lines = ["<AllTracks>"]
    for track, (spot, linked) in enumerate(rows.items()):
        name = quoteattr(str(lineage.name[spot]) or f"Track_{track}")
        start, stop = frame[spot] * interval, max(frame[row] for row in linked) * interval
        lines.append(
            f'<Track name={name} TRACK_INDEX="{track}" TRACK_ID="{track}" '
            f'NUMBER_SPOTS="{len(linked) + 1}" TRACK_START="{start!r}" TRACK_STOP="{stop!r}" '
            f'TRACK_DURATION="{stop - start!r}">'
        )
        lines += [
            f'<Edge SPOT_SOURCE_ID="{parent[row]}" SPOT_TARGET_ID="{row}" LINK_COST="-1.0"/>'
            for row in linked
        ]
        lines.append("</Track>")
    lines += ["</AllTracks>", "<FilteredTracks>"]
    lines += [f'<TrackID TRACK_ID="{track}"/>' for track in range(len(rows))]
    return [*lines, "</FilteredTracks>"]
