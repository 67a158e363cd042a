"""Objects that a predicting command found, as detections of lineages: one for each image."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.spacing import Spacing
from fatescope.base.table import Table

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import FloatArray

_RECORD = "run.json"
_SPHERE = 4 / 3 * np.pi


def detections_by_image(lineage: Lineage, path: Path) -> dict[str, Lineage]:
    """Return one lineage for each image of a table of objects, or movie of a table of several.

    Any other table is one, ``""``.

    Parameters
    ----------
    lineage : Lineage
        As `read_lineage` reads ``objects.csv``.
    path : Path
        The table. Spacing that it does not hold is that of the images, from the record beside it.

    Returns
    -------
    dict of str to Lineage
        Radii follow from ``area_px`` or ``volume_px`` where the table has one of them.
    """
    column = str(lineage.metadata.get("movies", "image"))
    if column not in lineage.extra or (column == "image" and "label" not in lineage.extra):
        return {"": lineage}
    image = lineage.extra[column].astype(str)
    known = _recorded_spacing(path.parent / _RECORD)
    found = {}
    for name in dict.fromkeys(image.tolist()):
        row = np.flatnonzero(image == name)
        extra = Table({k: v[row] for k, v in lineage.extra.columns.items() if k != column})
        found[name] = replace(
            lineage,
            frame=lineage.frame[row],
            position=np.where(np.isnan(lineage.position[row]), 0.0, lineage.position[row]),
            parent=np.full(len(row), -1),
            name=lineage.name[row],
            radius_px=_radius(extra, lineage.radius_px[row]),
            spacing=known.get(name, Spacing()).replaced_by(lineage.spacing),
            extra=extra,
        )
    return found


def _radius(objects: Table, otherwise: FloatArray) -> FloatArray:
    if "area_px" in objects:
        return np.asarray(np.sqrt(objects["area_px"].astype(np.float64) / np.pi), np.float64)
    if "volume_px" in objects:
        return np.asarray(np.cbrt(objects["volume_px"].astype(np.float64) / _SPHERE), np.float64)
    return otherwise


def _recorded_spacing(record: Path) -> dict[str, Spacing]:
    """Return the spacing of each input of a run, by its key; nothing where there is no record."""
    if not record.is_file():
        return {}
    found = {}
    for one in json.loads(record.read_text(encoding="utf-8")).get("inputs", []):
        steps = {a: s["value"] for a, s in one.get("spacing", {}).items()}
        found[one.get("image", "")] = Spacing.of(source="file", **steps)
    return found
