"""Named cells of an embryo over time: one row for each cell and time, from tables of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE = "over_time.csv"
_MEASURES = (
    *("volume_um3", "area_um2", "volume_px", "area_px", "surface_um2", "free_surface_um2"),
    *("sphericity", "perimeter_um", "circularity", "n_neighbours"),
)


def cells_over_time(objects: Table, contacts: Table) -> Table | None:
    """Put the named cells of a run in the order of their embryo, name and time.

    Parameters
    ----------
    objects : Table
        With ``name``, and ``embryo`` and ``time`` where the markers told them.
    contacts : Table

    Returns
    -------
    Table or None
        ``embryo, name, time, image, frame, label``, what was measured, and ``neighbours``: the
        names of the cells that it touches, largest contact first, unnamed ones by their label.
        ``time`` is that of the markers, else the frame. ``None`` where no cell has a name.
    """
    if "name" not in objects or len(objects) == 0:
        return None
    names = _texts(objects, "name")
    named = np.flatnonzero(names != "")
    if not len(named):
        return None
    time = objects["time"] if "time" in objects else objects["frame"]
    embryo = _texts(objects, "embryo")
    touching = _neighbours(objects, contacts, names)
    order = sorted(
        named.tolist(),
        key=lambda i: (embryo[i], names[i], float(time[i]), objects["image"][i]),
    )
    index = np.array(order, dtype=np.intp)
    columns: dict[str, NDArray[Any]] = {"embryo": embryo[index], "name": names[index]}
    columns["time"] = np.asarray(time)[index]
    kept = ("image", "frame", "label", *(m for m in _MEASURES if m in objects))
    columns |= {name: objects[name][index] for name in kept}
    columns["neighbours"] = np.array([touching[i] for i in order], dtype=object)
    return Table(columns)


def _texts(table: Table, column: str) -> NDArray[Any]:
    if column not in table:
        return np.full(len(table), "", dtype=object)
    return np.array([str(v or "") for v in table[column].tolist()], dtype=object)


def _neighbours(objects: Table, contacts: Table, names: NDArray[Any]) -> list[str]:
    """Return the names of each cell's neighbours, with spaces between."""
    keys = (objects[c].tolist() for c in ("image", "frame", "label"))
    row = {key: i for i, key in enumerate(zip(*keys, strict=True))}
    size = next((c for c in ("area_um2", "length_um") if c in contacts), None)
    areas = np.zeros(len(contacts)) if size is None else contacts[size].astype(np.float64)
    areas = np.nan_to_num(areas)  # unknown where the size of a voxel is
    found: list[list[tuple[float, str]]] = [[] for _ in range(len(objects))]
    for i in range(len(contacts)):
        where = contacts["image"][i], int(contacts["frame"][i])
        a, b = int(contacts["label_a"][i]), int(contacts["label_b"][i])
        for mine, other in ((a, b), (b, a)):
            beside = row.get((*where, other))
            said = str(other) if beside is None or not names[beside] else str(names[beside])
            if (*where, mine) in row:
                found[row[*where, mine]].append((-float(areas[i]), said))
    return [" ".join(name for _, name in sorted(cells)) for cells in found]
