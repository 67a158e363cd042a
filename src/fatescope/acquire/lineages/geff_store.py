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

from fatescope.acquire.lineages.result import ReadLineage, assemble
from fatescope.base.errors import FileFormatError, InputError
from fatescope.base.extras import imported
from fatescope.base.finding import Finding
from fatescope.base.spacing import Length, Spacing
from fatescope.base.table import Table
from fatescope.storage import write_folder_beside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.lineage import Lineage

_FRAME_AXES = ("t", "frame", "time")
_MICROMETRE = ("micrometer", "micrometre", "um", "µm")
_MINUTES = {"second": 1 / 60, "minute": 1.0, "hour": 60.0}


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
    try:
        with warnings.catch_warnings(action="ignore"):  # of what is missing; it is refused then
            memory = geff.core_io.read_to_memory(path)
    except Exception as error:  # The package raises whatever Zarr, pydantic or NumPy raise.
        why = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise FileFormatError(f"{path}: is not a valid GEFF group ({why}).") from error
    metadata, props = memory["metadata"], memory["node_props"]
    if garbled := [n for n, p in props.items() if _is_garbled(np.asarray(p["values"]))]:
        raise FileFormatError(
            f"{path}: the property {garbled[0]!r} holds characters that do not exist. Export the "
            "lineage again."
        )
    ids = np.asarray(memory["node_ids"])
    axes = {a.name: a for a in metadata.axes or []}
    time = next((a for a in (*_FRAME_AXES, *_typed(axes, "time")) if a in props), None)
    space = {a: n for a, n in zip("zyx", _space_axes(axes, props), strict=True) if n}
    if time is None or not {"y", "x"} <= set(space):
        raise FileFormatError(
            f"{path}: has no time, y and x among its node properties ({', '.join(props)})."
        )
    n = len(ids)
    parent, merged = _links(ids, np.asarray(memory["edge_ids"]))
    ours = (metadata.extra or {}).get("fatescope", {})
    own = {time, *space.values(), "radius_px", "radius", "name"}
    return assemble(
        file=path.name,
        format="geff",
        frame=np.asarray(props[time]["values"]).astype(np.int64),
        position=np.stack([_values(props, space.get(a), n, 0.0) for a in "zyx"], axis=1),
        parent=parent,
        name=_names(props, n),
        radius_px=_values(props, "radius_px" if "radius_px" in props else "radius", n, np.nan),
        spacing=_spacing(metadata, axes, time, space),
        extra=Table({h: _extra(props[h]) for h in _order(ours, props) if h not in own}),
        metadata=dict(ours.get("metadata", {})),
        findings=[
            Finding(
                file=path.name,
                rule="orphan",
                object=str(ids[row]),
                severity="error",
                reason=f"node {ids[row]} has two parents; only the first link is kept.",
            )
            for row in merged
        ],
    )


def _package() -> Any:
    imported("geff.core_io")
    return imported("geff")


def _is_garbled(values: NDArray[Any]) -> bool:
    """Say whether stored text has code points beyond Unicode; NumPy fails on reading them."""
    if values.dtype.kind != "U" or not values.size * values.itemsize:
        return False
    codes = np.dtype(np.uint32).newbyteorder(values.dtype.byteorder)
    return bool((np.ascontiguousarray(values).view(codes) > sys.maxunicode).any())


def _typed(axes: dict[str, Any], kind: str) -> list[str]:
    return [name for name, axis in axes.items() if axis.type == kind]


def _space_axes(axes: dict[str, Any], props: dict[str, Any]) -> list[str | None]:
    """Return the properties of z, y and x: by name, else the space axes in their order."""
    named: list[str | None] = [a if a in props else None for a in "zyx"]
    if named[1] and named[2]:
        return named
    found = _typed(axes, "space")[-3:]
    return [*[None] * (3 - len(found)), *found]


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


def _names(props: dict[str, Any], n: int) -> NDArray[Any]:
    name = np.full(n, "", dtype=object)
    if "name" in props:
        missing = props["name"].get("missing")
        gone = np.zeros(n, dtype=bool) if missing is None else np.asarray(missing, dtype=bool)
        name[:] = [
            "" if g else str(v)
            for v, g in zip(np.asarray(props["name"]["values"]).tolist(), gone, strict=True)
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


def _links(ids: NDArray[Any], edges: NDArray[Any]) -> tuple[NDArray[np.int64], list[int]]:
    row_of = {key: row for row, key in enumerate(ids.tolist())}
    parent = np.full(len(ids), -1, dtype=np.int64)
    merged = []
    for source, target in edges.reshape(-1, 2).tolist():
        row = row_of.get(target, -1)
        if row >= 0 and parent[row] >= 0:
            merged.append(row)
        elif row >= 0:
            parent[row] = row_of.get(source, -1)
    return parent, merged


def _spacing(metadata: Any, axes: dict[str, Any], time: str, space: dict[str, str]) -> Spacing:
    kept = (metadata.extra or {}).get("fatescope", {}).get("spacing", {})
    steps = {a: Length(s["value"], s["source"]) for a, s in kept.items()}
    for letter, name in {**space, "T": time}.items():
        axis = axes.get(name)
        if axis is None or letter.upper() in steps:
            continue
        scale, unit = getattr(axis, "scale", None), getattr(axis, "scaled_unit", None)
        if scale is None:
            scale, unit = 1.0, axis.unit
        factor = _MINUTES.get(unit or "") if letter == "T" else float(unit in _MICROMETRE)
        if factor and scale > 0:
            steps[letter.upper()] = Length(float(scale) * factor, "file")
    return Spacing(steps)


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
