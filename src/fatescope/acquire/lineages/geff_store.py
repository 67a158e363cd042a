"""GEFF, the exchange format for lineages (a Zarr group), in and out.

Positions stay pixels; the axes carry the spacing as scale. Names, radii and extra columns are node
properties, and where each step of the spacing comes from is kept under ``extra``.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.scale import MIN, UM, believed, unit_in
from fatescope.acquire.lineages.headers import Column, columns_of, time_of, unknown_units
from fatescope.acquire.lineages.links import links_by_edges
from fatescope.acquire.lineages.result import ReadLineage, SpotColumns, assemble
from fatescope.acquire.lineages.scale import RADIUS_UM, radius_of
from fatescope.acquire.lineages.times import even_frames
from fatescope.base import explained
from fatescope.base.errors import FileFormatError, InputError
from fatescope.base.extras import imported
from fatescope.base.finding import Finding
from fatescope.base.spacing import Length, Spacing
from fatescope.base.table import Table
from fatescope.storage import write_folder_beside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.lineage import Lineage


def is_geff(path: Path) -> bool:
    """Tell whether a folder is a Zarr group with GEFF metadata."""
    for name in (".zattrs", "zarr.json"):
        try:
            text = (path / name).read_text(encoding="utf-8")
            content = json.loads(text)
        except (OSError, ValueError):
            continue
        if isinstance(content, dict):
            attributes = content.get("attributes", content)
            return isinstance(attributes, dict) and "geff" in attributes
    return False


def read_geff(path: Path) -> ReadLineage:
    """Read a GEFF group.

    Raises
    ------
    FileFormatError
        If the package ``geff`` is missing, or the group breaks the specification.
    """
    geff = _package()

    def said(error: Exception) -> str:
        why = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return f"{path}: is not a valid GEFF group ({why})."

    # Warnings are of what is missing; it is refused then.
    with explained(said), warnings.catch_warnings(action="ignore"):
        memory = geff.core_io.read_to_memory(path)
    metadata, props = memory["metadata"], memory["node_props"]
    if garbled := [n for n, p in props.items() if _is_garbled(np.asarray(p["values"]))]:
        raise FileFormatError(
            f"{path}: the property {garbled[0]!r} holds characters that do not exist. Export the "
            "lineage again."
        )
    axes = {a.name: a for a in metadata.axes or []}
    known = columns_of(tuple(props))
    time = known.get("frame") or _typed_time(axes, props) or time_of(known)
    space = _space_axes(axes, props, known)
    if time is None or not {"y", "x"} <= set(space):
        raise FileFormatError(
            f"{path}: has no time, y and x among its node properties ({', '.join(props)})."
        )
    in_use = {a: axes.get(h) for a, h in {"t": time.header, **space}.items()}
    frame, interval, timed = _frames(props[time.header], axes.get(time.header), path.name)
    n = len(frame)
    units = {a: _unit_of(axes.get(h)) for a, h in space.items()}
    position = np.stack([_values(props, space.get(a), n, 0.0) for a in "zyx"], axis=1)
    position *= [units[a][0] if a in units else 1.0 for a in "zyx"]
    in_unit = 1.0 if all(stored for _, _, stored in units.values()) else None
    size = columns_of(tuple(h for h in props if "radius" in h.lower())).get("size")
    radius_px, radius_um = radius_of(
        None if size is None else _values(props, size.header, n, np.nan), size, n, in_unit=in_unit
    )
    ours = (metadata.extra or {}).get("fatescope", {})
    steps = {a: Length(s["value"], s["source"]) for a, s in ours.get("spacing", {}).items()}
    given = {a.upper(): step for a, (_, step, _) in units.items()} | {"T": interval}
    spacing, absurd = believed(given, path.name)
    name = known.get("name")
    own = {time.header, *space.values(), *(c.header for c in (size, name) if c)}
    extra = {h: _extra(props[h]) for h in _order(ours, props) if h not in own}
    if radius_um is not None:
        extra[RADIUS_UM] = radius_um
    ids = np.asarray(memory["node_ids"])[timed].tolist()
    edges = map(tuple, np.asarray(memory["edge_ids"]).reshape(-1, 2).tolist())
    parent, found = links_by_edges(path.name, ids, edges, frame[timed])
    return assemble(
        SpotColumns(
            frame=frame[timed],
            position=position[timed],
            parent=parent,
            name=_names(props, None if name is None else name.header, n)[timed],
            radius_px=radius_px[timed],
            extra=Table({h: values[timed] for h, values in extra.items()}),
        ),
        file=path.name,
        format="geff",
        spacing=spacing.replaced_by(Spacing(steps)),
        in_units=in_unit is not None and not steps,
        metadata=dict(ours.get("metadata", {})),
        findings=[
            *_untimed(path.name, timed),
            *found,
            *absurd,
            *unknown_units(
                path.name,
                space=[_scaled(axis)[1] for a, axis in in_use.items() if a != "t"],
                time=_scaled(in_use["t"])[1],
            ),
            *_offsets(path.name, in_use),
        ],
    )


def _typed_time(axes: dict[str, Any], props: dict[str, Any]) -> Column | None:
    names = [name for name, axis in axes.items() if axis.type == "time" and name in props]
    return Column(names[0]) if names else None


def _space_axes(
    axes: dict[str, Any], props: dict[str, Any], known: dict[str, Column]
) -> dict[str, str]:
    """Return the properties of z, y and x: by name, else the space axes in their order."""
    if {"y", "x"} <= set(known):
        return {a: known[a].header for a in "zyx" if a in known}
    typed = [name for name, axis in axes.items() if axis.type == "space" and name in props][-3:]
    return dict(zip("zyx"[3 - len(typed) :], typed, strict=True))


def _frames(
    prop: Any, axis: Any, file: str
) -> tuple[NDArray[np.int64], float | None, NDArray[np.bool_]]:
    """Return frames, the minutes between them, and which nodes have one.

    Whole numbers are frames; fractions, and numbers in a unit of time, are times in even steps.
    """
    times = _values({"": prop}, "", 0, np.nan)
    timed = np.isfinite(times)
    if not timed.any():
        raise FileFormatError(f"{file}: no node has a time. Export the lineage again.")
    scale, unit = _scaled(axis)
    factor = None if unit_in(unit, MIN) is None else scale * (unit_in(unit, MIN) or 0.0)
    frame = np.zeros(len(times), dtype=np.int64)
    whole = (times[timed] == np.round(times[timed])).all()
    if whole and not (factor and scale == 1):
        frame[timed] = times[timed].astype(np.int64)
        return frame, factor, timed
    frame[timed], step = even_frames(times[timed], file=file)
    return frame, factor and (step or 1.0) * factor, timed


def _scaled(axis: Any) -> tuple[float, str]:
    """Return the scale of an axis and its unit after scaling."""
    scale = getattr(axis, "scale", None)
    if scale is None:
        return 1.0, getattr(axis, "unit", None) or ""
    return float(scale), axis.scaled_unit or axis.unit or ""


def _unit_of(axis: Any) -> tuple[float, float | None, bool]:
    """Return what makes pixels, or µm, of values, the step in µm, and whether these are µm."""
    scale, unit = _scaled(axis)
    factor = unit_in(unit, UM)
    if getattr(axis, "scale", None) is None and factor is not None:
        return factor, 1.0, True
    return 1.0, None if factor is None else scale * factor, False


def _untimed(file: str, timed: NDArray[np.bool_]) -> list[Finding]:
    if timed.all():
        return []
    count = int((~timed).sum())
    reason = f"{count} nodes have no time and are left out."
    return [
        Finding(file=file, rule="left-out", severity="warning", value=float(count), reason=reason)
    ]


def _offsets(file: str, axes: dict[str, Any]) -> list[Finding]:
    """Say which axes begin elsewhere than at 0: pixels and frames are counted as they stand."""
    moved = {a: offset for a, axis in axes.items() if (offset := getattr(axis, "offset", None))}
    if not moved:
        return []
    each = ", ".join(f"{a} {offset:g}" for a, offset in moved.items())
    reason = (
        f"the axes have offsets ({each}), which place this lineage in a larger space; they are "
        "left out, and places and frames count from where the values do."
    )
    return [Finding(file=file, rule="left-out", severity="info", reason=reason)]


def _package() -> Any:
    imported("geff.core_io")
    return imported("geff")


def _is_garbled(values: NDArray[Any]) -> bool:
    """Say whether stored text has code points beyond Unicode; NumPy fails on reading them."""
    if values.dtype.kind != "U" or not values.size * values.itemsize:
        return False
    codes = np.dtype(np.uint32).newbyteorder(values.dtype.byteorder)
    return bool((np.ascontiguousarray(values).view(codes) > sys.maxunicode).any())


def _values(
    props: dict[str, Any], name: str | None, n: int, otherwise: float
) -> NDArray[np.float64]:
    if name is None or name not in props:
        return np.full(n, otherwise)
    values = np.asarray(props[name]["values"], dtype=np.float64).copy()
    missing = props[name].get("missing")
    if missing is not None:
        values[np.asarray(missing, dtype=bool)] = np.nan
    return values


def _names(props: dict[str, Any], header: str | None, n: int) -> NDArray[Any]:
    name = np.full(n, "", dtype=object)
    if header is not None:
        missing = props[header].get("missing")
        gone = np.zeros(n, dtype=bool) if missing is None else np.asarray(missing, dtype=bool)
        name[:] = [
            "" if g else str(v)
            for v, g in zip(np.asarray(props[header]["values"]).tolist(), gone, strict=True)
        ]
    return name


def _extra(prop: Any) -> NDArray[Any]:
    values = np.asarray(prop["values"])
    if values.ndim != 1 or values.dtype.kind not in "iufb":
        column = np.empty(len(values), dtype=object)
        column[:] = [str(v) for v in values]
        return column
    missing = prop.get("missing")
    if missing is not None and np.any(missing):
        values = np.where(missing, np.nan, values.astype(np.float64))
    return values


def _order(ours: dict[str, Any], props: dict[str, Any]) -> list[str]:
    """Return the properties in the order in which we wrote them; Zarr sorts by name."""
    kept = [h for h in ours.get("columns", ()) if h in props]
    return kept + [h for h in props if h not in kept]


def write_geff(lineage: Lineage, path: Path) -> None:
    """Write a GEFF group beside its place and move it there.

    Raises
    ------
    InputError
        If a position is unknown: an axis of GEFF has no empty value.
    FileFormatError
        If ``path`` exists and is not a GEFF group.
    """
    geff = _package()
    if not np.isfinite(lineage.position).all():
        raise InputError("a GEFF group cannot hold nuclei without a position.")
    if path.exists() and not is_geff(path):
        raise FileFormatError(f"{path}: exists and is not a GEFF group. Choose another name.")
    parent = lineage.parent
    linked = np.flatnonzero(parent >= 0)
    edges = np.stack([parent[linked], linked], axis=1).astype(np.uint64)
    props = {h: {"values": v, "missing": None} for h, v in _properties(lineage).items()}
    with write_folder_beside(path) as beside:
        beside.rmdir()  # geff makes the folder, and takes none that is there
        geff.core_io.write_arrays(
            beside,
            node_ids=np.arange(len(lineage), dtype=np.uint64),
            node_props=props,
            edge_ids=edges.reshape(-1, 2),
            edge_props={},
            metadata=_metadata(lineage, geff),
        )


def _properties(lineage: Lineage) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {
        "t": lineage.frame.astype(np.int64),
        **{a: np.ascontiguousarray(lineage.position[:, i]) for i, a in enumerate("zyx")},
        "radius_px": lineage.radius_px,
        "name": np.asarray(lineage.name.tolist(), dtype=str),
    }
    for h, values in lineage.extra.columns.items():
        text = values.dtype == object
        columns[h] = np.asarray([str(v) for v in values], dtype=str) if text else values
    return columns


def _metadata(lineage: Lineage, geff: Any) -> Any:
    record = lineage.spacing.as_record()
    axes = []
    for letter, name, kind, column in (
        ("T", "t", "time", lineage.frame),
        *((a.upper(), a, "space", lineage.position[:, i]) for i, a in enumerate("zyx")),
    ):
        axis: dict[str, Any] = {"name": name, "type": kind}
        if letter in record:
            axis["scale"] = record[letter]["value"]
            axis["scaled_unit"] = "minute" if letter == "T" else "micrometer"
        if len(column):
            axis["min"], axis["max"] = float(column.min()), float(column.max())
        axes.append(axis)
    ours = {
        "spacing": record,
        "columns": list(lineage.extra),
        "metadata": json.loads(json.dumps(lineage.metadata, default=str)),
    }
    return geff.GeffMetadata(
        directed=True,
        axes=axes,
        node_props_metadata={},
        edge_props_metadata={},
        extra={"fatescope": ours},
    )
