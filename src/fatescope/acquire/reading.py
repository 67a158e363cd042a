"""How image files are read: what a user may say of them, the same for every command."""

from __future__ import annotations

from pathlib import Path

from fatescope.base.settings import Settings, setting
from fatescope.base.steps import StepsUm


class ImageReading(Settings):
    """How files become images, and what the user says of their scale."""

    axes: str | None = setting(None, "axes of the files, letters out of TCZYX, as stored")
    channel: str | None = setting(None, "channel with the nuclei, by name or number from 0")
    sequence: bool = setting(False, "numbered files are the frames of one movie")
    pattern: str | None = setting(
        None, 'names of the files, such as "{well}_{field}.tif"; {frame} makes a movie'
    )
    scene: str | None = setting(
        None, "which image of files that hold several, by name or number from 0; all if not given"
    )
    spacing_um: StepsUm = setting(None, "pixel size X, or Y,X, or Z,Y,X", unit="µm")
    interval_min: float | None = setting(None, "time between frames", unit="min", gt=0)
    exclude: Path | None = setting(
        None, "exclusion.csv, as clean or a person writes it: frames that it lists give nothing"
    )
