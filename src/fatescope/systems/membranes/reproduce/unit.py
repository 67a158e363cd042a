"""One unit of ``reproduce membranes-2021``: an arm is prepared, trained and scored."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.engine.driver import Outcome, describe_files
from fatescope.evaluate import (
    MembraneScores,
    borders_of,
    published_interior,
    score_labels,
    score_membranes,
)
from fatescope.prepare import close_gaps
from fatescope.prepare.store import write_image_file
from fatescope.storage import remove
from fatescope.systems.membranes.reproduce.arms import on_grid, read_volume, typed_table
from fatescope.systems.membranes.reproduce.film import grey, shown, write_arm_film
from fatescope.systems.membranes.reproduce.fits import train_ours, train_published
from fatescope.systems.membranes.sides import without_small
from fatescope.systems.reproduction.engine import FITS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import Progress, Table
    from fatescope.systems.membranes.reproduce.arms import MembraneArm
    from fatescope.systems.membranes.reproduce.fits import Segment
    from fatescope.systems.membranes.sides import FoundPlane
    from fatescope.systems.reproduction.settings import MembranesRecipe

SUMS = tuple(MembraneScores.__dataclass_fields__)
_SHOWN = 8
"""Planes of each test volume that the page and its film walk through."""
_COURSE = ("loss", "learning_rate", "training_iou", "iou", "dice", "precision", "recall", "wall_f1")


def train_arm(
    arm: MembraneArm,
    *,
    out: Path,
    slices: Path,
    recipe: MembranesRecipe,
    progress: Progress | None = None,
) -> Outcome:
    """Prepare, train, and score one arm on the test volumes.

    Parameters
    ----------
    arm : MembraneArm
    out : Path
        Gets ``images/ARM/`` and, of arms with all epochs, ``films/ARM.mp4`` and ``.gif``.
    slices : Path
        From `prepare_slices`, of the same volumes; the corrected network is trained on it.
    recipe : MembranesRecipe
    progress : callable, optional
    """
    begun = time.monotonic()
    folder = out / FITS / arm.key
    if arm.is_ours:
        fitted, segment = train_ours(arm, slices, recipe, folder, progress)
    else:
        fitted, segment = train_published(arm, recipe, folder, progress)
    rows, files = _score(arm, segment, recipe, out)
    files += write_arm_film(out, arm, folder)
    course = fitted.history
    tables = {
        "planes": typed_table([{"arm": arm.key, **r} for r in rows]),
        "course": _course(arm.key, course),
        "arms": typed_table(
            [
                {
                    "arm": arm.key,
                    "words": arm.words,
                    "steps": int(course[-1]["step"]),
                    "own_iou": float(course[-1].get("iou", np.nan)),
                    "cpu_minutes": fitted.cpu_minutes,
                }
            ]
        ),
    }
    remove(folder)
    return Outcome(
        input=describe_files(arm.paths),
        tables=tables,
        files=files,
        seconds={"train": time.monotonic() - begun},
    )


def _course(key: str, history: Sequence[dict[str, float]]) -> Table:
    return typed_table(
        [
            {"arm": key, "epoch": r["epoch"] + 1, "step": r["step"]}
            | {n: r.get(n, np.nan) for n in _COURSE}
            for r in history
        ]
    )


def _score(
    arm: MembraneArm, segment: Segment, recipe: MembranesRecipe, out: Path
) -> tuple[list[dict[str, Any]], list[str]]:
    """Score an arm on the planes of the test volumes that hold cells; keep images of some."""
    rows: list[dict[str, Any]] = []
    files: list[str] = []
    spacing = recipe.spacing_um or (0.43, 0.18, 0.18)
    for volume in arm.of("test"):
        pixels, labels = read_volume(volume)
        labels = on_grid(labels, pixels.shape)
        truth = close_gaps(labels, spacing)
        seen = [z for z in range(len(pixels)) if truth[z].any()]
        found = segment(pixels)
        rows += [score_plane(volume.key, z, labels[z], truth[z], found[z]) for z in seen]
        for z in [seen[len(seen) * k // (_SHOWN + 1)] for k in range(1, _SHOWN + 1)]:
            name = f"images/{arm.key}/{volume.key}_z{z:03d}"
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            for what, values in {
                "image": shown(pixels[z]),
                "mask": grey(published_interior(labels[z])),
                "drawn": grey(found[z].interior),
            }.items():
                write_image_file(out / f"{name}_{what}.png", values)
                files.append(f"{name}_{what}.png")
    return rows, files


def score_plane(
    unit: str, z: int, labels: NDArray[np.int32], truth: NDArray[np.int32], found: FoundPlane
) -> dict[str, Any]:
    """Return the sums of one test plane: pixels of interiors, walls, and cells."""
    scores = score_membranes(
        found.interior,
        borders_of(found.cells),
        true_interior=published_interior(labels),
        true_walls=borders_of(truth),
    )
    cells = score_labels(without_small(truth), without_small(found.cells))
    return {
        "unit": unit,
        "plane": z,
        **dict(zip(SUMS, scores.as_sums(), strict=True)),
        "cells_n_true": cells.n_true,
        "cells_n_pred": cells.n_pred,
        "cells_tp": cells.tp[0],
    }
