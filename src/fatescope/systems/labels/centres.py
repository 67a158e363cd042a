"""Score tables of centres on disk: what is true against what was found, frame by frame."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_markers, read_table
from fatescope.base import InputError, escape
from fatescope.engine import peak_memory_mb
from fatescope.evaluate import CentreScores, CentreSettings, score_centres, summarise_centres

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fatescope.base import Table

_Places = dict[tuple[str, int], "NDArray[np.float64]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CentreEvaluation:
    """The scores of a table of centres; ``frames`` by image and frame."""

    scores: dict[str, Any]
    frames: Mapping[tuple[str, int], CentreScores]
    unused: tuple[str, ...]
    seconds: float

    @property
    def errors(self) -> Sequence[str]:
        """Return nothing: a table is scored as a whole, or refused."""
        return ()

    @property
    def exit_code(self) -> int:
        """0, all is scored."""
        return 0

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``evaluate centres --json``."""
        return {
            "command": "evaluate centres",
            "out": None,
            "units_done": self.scores["n_images"],
            "units_failed": 0,
            "findings": 0,
            "seconds": round(self.seconds, 3),
            "peak_memory_mb": round(peak_memory_mb(), 1),
            **self.scores,
            "images": [
                {"image": image, "frame": frame, "n_true": s.n_true, "n_pred": s.n_pred}
                | {"n_matched": s.tp, "f1": s.f1, "count_error": s.count_error}
                for (image, frame), s in self.frames.items()
            ],
            "unused": list(self.unused),
        }

    def as_lines(self) -> Sequence[str]:
        """Return what a person reads on the terminal."""
        s = self.scores
        interval = "" if s["low"] is None else f"  (95 % {s['low']:.3f} to {s['high']:.3f})"
        away, off = s["mean_distance_um"], s["count_error"]
        return [
            *(f"found without truth, not scored: {name}" for name in self.unused),
            f"{s['n_images']} frames in {s['n_units']} units, {s['n_true']} true and "
            f"{s['n_pred']} found centres",
            f"F1                 {s['f1']:.3f}{interval}",
            f"precision, recall  {s['precision']:.3f}, {s['recall']:.3f}",
            f"counts are off by  {'undefined' if off is None else format(off, '.1%')}",
            f"mean distance      {'undefined' if away is None else format(away, '.2f') + ' µm'}",
        ]


def evaluate_centres(
    true: Path, pred: Path, settings: CentreSettings, *, units: Path | None = None
) -> CentreEvaluation:
    """Score found centres against true ones.

    Parameters
    ----------
    true : Path
        Table with ``frame, z, y, x`` in pixels, 0-based, and ``image`` where there are several.
    pred : Path
        A table of the same kind, or an output folder of fatescope with its ``objects.csv``.
    settings : CentreSettings
    units : Path, optional
        CSV with ``image`` and ``unit``. Without it every image is a unit.

    Returns
    -------
    CentreEvaluation
        Each frame of each image that the truth names; what was found in others is not scored, and
        an image in which nothing was found has no row.

    Raises
    ------
    InputError, FileFormatError
        If a table cannot be read or does not fit the other, or the size of a voxel is not known.
    """
    begun = time.monotonic()
    folder = pred if pred.is_dir() else None
    spacing = settings.spacing_um or _recorded_spacing(pred, folder)
    ours, theirs = (
        _places(path / "objects.csv" if path.is_dir() else path, spacing) for path in (true, pred)
    )
    if not ours:
        raise InputError(f"{escape(true)}: has no row, so there is nothing to score.")
    images = {image for image, _ in ours}
    if {image for image, _ in theirs} and not images & {image for image, _ in theirs}:
        raise InputError(
            f"{escape(pred)}: none of its images is one of {escape(true)}. Name them alike in the "
            "columns image, or leave the column out of both."
        )
    unit_of = _read_units(units, images)
    frames = sorted({*ours, *(key for key in theirs if key[0] in images)})
    none = np.empty((0, 3))
    scores = {
        key: score_centres(ours.get(key, none), theirs.get(key, none), within=settings.within_um)
        for key in frames
    }
    summary = summarise_centres(
        list(scores.values()), settings, units=[unit_of[image] for image, _ in scores]
    )
    return CentreEvaluation(
        scores=summary,
        frames=scores,
        unused=tuple(sorted({image for image, _ in theirs} - images)),
        seconds=time.monotonic() - begun,
    )


def _places(path: Path, spacing: Sequence[float]) -> _Places:
    """Return the centres of each frame in µm."""
    rows = read_markers(path)
    z = np.nan_to_num(rows["z"])
    if len(spacing) < 3 and (z != 0).any():
        raise InputError(f"{escape(path)}: has planes. Give --spacing-um Z,Y,X.")
    step = np.array((0.0, *(spacing if len(spacing) > 1 else (*spacing, *spacing)))[-3:])
    places = np.stack([z, rows["y"], rows["x"]], axis=1) * step
    if not np.isfinite(places).all():
        raise InputError(f"{escape(path)}: a centre is no number. Leave its row out.")
    names = rows["image"].tolist() if "image" in rows else [""] * len(rows)
    keys = list(zip((_stem(n) for n in names), rows["frame"].tolist(), strict=True))
    at: dict[tuple[str, int], list[int]] = {}
    for row, key in enumerate(keys):
        at.setdefault(key, []).append(row)
    return {key: places[each] for key, each in at.items()}


def _stem(name: Any) -> str:
    """Return the name of an image without folders and ending."""
    base = PurePosixPath(str(name)).name
    known = (".ome.tif", ".ome.tiff", ".tif", ".tiff", ".czi", ".nd2", ".lif", ".zarr")
    return next((base[: -len(e)] for e in known if base.lower().endswith(e)), base)


def _recorded_spacing(pred: Path, folder: Path | None) -> tuple[float, ...]:
    beside = (folder or pred.parent) / "images.csv"
    said: set[str] = set()
    if beside.is_file():
        table: Table = read_table(beside)
        said = {str(v) for v in table["spacing_um"].tolist() if v is not None and str(v) != "nan"}
    if len(said) != 1:
        raise InputError(
            f"{escape(pred)}: voxels have no known size, or several. Give --spacing-um Z,Y,X."
        )
    return tuple(float(part) for part in said.pop().split(","))


def _read_units(path: Path | None, images: set[str]) -> dict[str, str]:
    if path is None:
        return {image: image for image in images}
    table = read_table(path)
    if "image" not in table or "unit" not in table:
        raise InputError(f"{escape(path)}: needs columns image and unit; has {', '.join(table)}.")
    names = (_stem(v) for v in table["image"].tolist())
    units = dict(zip(names, map(str, table["unit"].tolist()), strict=True))
    absent = sorted(images - units.keys())
    if absent:
        raise InputError(f"{escape(path)}: has no row for image {absent[0]!r}. Add it.")
    return units
