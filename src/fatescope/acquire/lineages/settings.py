"""What a user may say about lineage files that the files do not say."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from fatescope.base.settings import Settings, setting
from fatescope.base.steps import StepsUm

LineageFormat = Literal["epic", "csv", "acetree", "newick", "ctc", "geff", "trackmate"]


class LineageReading(Settings):
    """Scale and format of lineage files, and what to leave out; this overrules the file."""

    spacing_um: StepsUm = setting(None, "pixel size X, or Y,X, or Z,Y,X", unit="µm")
    interval_min: float | None = setting(None, "time between frames", unit="min", gt=0)
    format: LineageFormat | None = setting(
        None, "format of the input; default: recognised by content"
    )
    exclude: Path | None = setting(
        None, "exclusion.csv, as lineage lint writes it: what it lists is not used"
    )
