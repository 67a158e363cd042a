"""The faults that the post shows: rendered into movies and tables, and found by `clean`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.base import Execution
from fatescope.simulate.embryo.settings import LineageSettings, MovieSettings
from fatescope.systems.cleaning.clean import clean_files
from fatescope.systems.simulation.movies import write_embryo_movies

if TYPE_CHECKING:
    from fatescope.simulate.embryo.settings import FrameRule, TableRule

FAULTS = "faults"
"""The unit, and the folder of its result."""
_FRAMES = 100  # of a rendered movie: room for its faults
FRAME_RULES: tuple[FrameRule, ...] = ("black", "line", "patch")
TABLE_RULES: tuple[TableRule, ...] = ("cliff",)


def find_faults(out: Path, *, seed: int) -> list[str]:
    """Render two faulty movies, their tables with a cliff and two without one, and clean them.

    Returns the files of the result, below ``out``.
    """
    folder, alone = out / FAULTS, Execution(workers=1)
    small = {"height": 256, "width": 356, "voxel_um": (1.0, 0.18, 0.18), "frames": _FRAMES}
    lives = LineageSettings(interval_min=1.5, minutes=1.5 * _FRAMES)
    with tempfile.TemporaryDirectory() as scratch:
        for name, faults in {
            "faulty": {"faults": FRAME_RULES, "table_faults": TABLE_RULES},
            "sound": {},
        }.items():
            settings = MovieSettings.from_values({**small, "count": 2, **faults})
            write_embryo_movies(
                Path(scratch) / name, settings, lives, seed=seed + len(name), execution=alone
            )
        inputs = [
            Path(scratch) / "faulty" / "movies",
            *(Path(scratch) / name / "tables" for name in ("faulty", "sound")),
        ]
        clean_files(inputs, out=folder, execution=alone, fresh=True)
    return [str(p.relative_to(out)) for p in sorted(folder.rglob("*")) if p.is_file()]
