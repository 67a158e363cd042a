"""The viewer of cells in three dimensions: surfaces to turn, to pull apart and to cut."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import FloatArray, IntArray

_STEP_UM = 0.02
"""Vertices are kept in whole steps of this; 16 bits reach 650 µm to each side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solid:
    """The surface of one cell.

    ``vertices_um`` has shape (n, 3), x, y, z about the centre of the image; ``faces`` (m, 3) are
    rows of it. ``words`` say what is known of the cell, such as its volume.
    """

    name: str
    colour: str
    vertices_um: FloatArray
    faces: IntArray
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SolidViewer:
    """Cells of one frame as solids, drawn by the browser's own graphics (WebGL 2)."""

    title: str
    solids: Sequence[Solid]
    noun: str = "cell"
    caption: str = ""


def solid_data(viewer: SolidViewer) -> dict[str, Any]:
    """Return what the page's script reads: all vertices and faces in one run of 16 and 32 bits."""
    vertices = [np.asarray(s.vertices_um, np.float64) for s in viewer.solids]
    before = np.cumsum([0, *(len(v) for v in vertices)])
    faces = [s.faces + n for s, n in zip(viewer.solids, before, strict=False)]
    points = np.concatenate([*vertices, np.zeros((0, 3))])
    return {
        "noun": viewer.noun,
        "step": _STEP_UM,
        "reach": float(np.linalg.norm(points, axis=1).max(initial=1.0)),
        "points": _packed(np.clip(np.rint(points / _STEP_UM), -32767, 32767), "<i2"),
        "faces": _packed(np.concatenate([*faces, np.zeros((0, 3), np.int64)]), "<u4"),
        "cells": [
            {"n": s.name, "c": s.colour, "w": s.words, "v": len(v), "f": len(s.faces)}
            for s, v in zip(viewer.solids, vertices, strict=True)
        ],
    }


def _packed(values: Any, dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode()
