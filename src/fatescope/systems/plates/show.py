"""Plates: what is there, before anything is computed."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fatescope.acquire.plates import (
    PlateReading,
    apply_plate_map,
    hours_of_frames,
    read_plate,
    read_plate_map,
)
from fatescope.base import PlateLayout, escape
from fatescope.engine import peak_memory_mb


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPlate:
    """The answer of ``plate show``.

    Parameters
    ----------
    layout : PlateLayout
    seconds, peak_memory_mb : float
    """

    layout: PlateLayout
    seconds: float
    peak_memory_mb: float
    errors: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0: what is missing is a finding, and findings never change the code."""
        return 0

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``--json``."""
        layout = self.layout
        return {
            "command": "plate show",
            "out": None,
            "units_done": 1,
            "units_failed": 0,
            "findings": len(layout.findings),
            "seconds": round(self.seconds, 3),
            "peak_memory_mb": round(self.peak_memory_mb, 1),
            "format": layout.format,
            "wells": list(layout.wells),
            "fields": {well: len(fields) for well, fields in layout.images.items()},
            "channels": list(layout.channels),
            "frames": len(layout.frames),
            "planes": _n_planes(layout),
            "images": layout.n_images,
            "missing": layout.missing,
            "spacing_um": _spacing_um(layout),
            "interval_min": layout.spacing.interval_min,
            "treatments": _n_wells_of(layout),
            "reasons": [f.reason for f in layout.findings],
        }

    def as_lines(self) -> list[str]:
        """Return what a person reads."""
        layout = self.layout
        counts = [len(fields) for fields in layout.images.values()]
        fields = f"{min(counts)}" if len(set(counts)) == 1 else f"{min(counts, default=0)}"
        fields += "" if len(set(counts)) <= 1 else f" to {max(counts)}"
        um = _spacing_um(layout)
        scale = " x ".join(f"{v:.4g}" for v in um) + " µm" if um else "unknown"
        interval = layout.spacing.interval_min
        hours = hours_of_frames(
            layout.minutes, interval, layout.frames[-1] + 1 if layout.frames else 0
        )
        lasting = (
            f", {interval:.4g} min" if interval else f", {hours[-1]:.4g} h, uneven" if hours else ""
        )
        lines = [
            f"{escape(layout.name)}: {layout.format}",
            f"  wells     {len(layout.wells)}: {_ranges(layout.wells)}",
            f"  fields    {fields} a well, {sum(counts)} in all",
            f"  channels  {', '.join(map(escape, layout.channels)) or 'none'}",
            f"  frames    {len(layout.frames)}{lasting}",
            f"  planes    {_n_planes(layout)}",
            f"  images    {layout.n_images}",
            f"  missing   {layout.missing}",
            f"  spacing   {scale}",
        ]
        for treatment, n in _n_wells_of(layout).items():
            lines.append(f"  {escape(treatment)}: {n} wells")
        return [*lines, *(f"{f.severity}: {f.reason}" for f in layout.findings)]


def show_plate(folder: Path, *, reading: PlateReading, plate_map: Path | None = None) -> ShownPlate:
    """List what a plate holds and lacks; with a plate map, what was done to its wells.

    Parameters
    ----------
    folder : Path
        See `read_plate`.
    reading : PlateReading
    plate_map : Path, optional
        Table with the columns ``well, treatment, dose, dose_unit, stain, light, control``.

    Raises
    ------
    FileFormatError, InputError
        If the folder is no plate, or a row of the map cannot be true.
    """
    begun = time.perf_counter()
    layout = read_plate(folder, reading)
    if plate_map is not None:
        layout = apply_plate_map(layout, read_plate_map(plate_map))
    return ShownPlate(
        layout=layout, seconds=time.perf_counter() - begun, peak_memory_mb=peak_memory_mb()
    )


def _n_planes(layout: PlateLayout) -> int:
    """Return the planes of stacks; a projection alone counts as one."""
    return len(layout.planes) or (1 if layout.n_images else 0)


def _spacing_um(layout: PlateLayout) -> list[float] | None:
    """Return Z, Y, X of a plate with stacks, else Y, X; ``None`` where a step is unknown."""
    axes = "ZYX" if len(layout.planes) > 1 and "Z" in layout.spacing.steps else "YX"
    um = layout.spacing.um(axes)
    return None if um is None else list(um)


def _n_wells_of(layout: PlateLayout) -> dict[str, int]:
    """Count the wells on disk that had each treatment and dose."""
    names = []
    for well in layout.wells:
        if (t := layout.treatments.get(well)) is not None:
            names.append(str(t))
    return dict(Counter(names))


def _ranges(wells: tuple[str, ...]) -> str:
    """Write neighbours of a row as a range, such as ``B02-B04, C02``."""
    runs: list[list[str]] = []
    for well in wells:
        if runs and runs[-1][-1][:-2] == well[:-2] and int(well[-2:]) == int(runs[-1][-1][-2:]) + 1:
            runs[-1].append(well)
        else:
            runs.append([well])
    texts = [r[0] if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs]
    return ", ".join(texts[:12]) + (f" and {len(texts) - 12} more runs" if len(texts) > 12 else "")
