"""``fatescope reproduce live-dead-2024``: four published runs, then corrected."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fatescope.base import Execution
from fatescope.prepare.crop_store import write_crop_summary
from fatescope.systems.reproduction.engine import Reproduction, Request, Work
from fatescope.systems.reproduction.origin import LIVE_DEAD
from fatescope.systems.simulation.plates import plan_simulated_plate
from fatescope.systems.viability.reproduce.arms import (
    arms,
    tiles_folder,
    train_on_tiles,
    train_start,
)
from fatescope.systems.viability.reproduce.data import (
    WELLS,
    Plates,
    labelled_folders,
    plate_settings,
    prepare_real_tiles,
    prepare_tiles,
)
from fatescope.systems.viability.reproduce.kicks_page import write_board
from fatescope.systems.viability.reproduce.page import assay_page
from fatescope.systems.viability.reproduce.real import find_real_fields

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.systems.reproduction.settings import LiveDeadRecipe
    from fatescope.systems.viability.reproduce.arms import TilesArm

_TILE_SECONDS = {"small": 0.019, "mobilenet-v2": 0.33}
"""CPU seconds of a tile of 160 x 160 px, forward and back, busy machine; small: 16 channels."""
_LITE0_SECONDS = 0.25
_REAL_TILES, _LABEL_SECONDS = 480, 60.0
"""Of the real fields: tiles to learn from, and what labels of one kind take."""
_SCORED = 0.4
"""Of them, for a tile that is only looked at."""


def _find(request: Request[LiveDeadRecipe]) -> Work[Plates]:
    """Return the trainings: on labelled plates or rendered ones, and on real fields if any."""
    data = request.given
    plates = Plates(labelled=labelled_folders(data), real=find_real_fields(data))
    paths = tuple(f / _index(f) for f in plates.labelled)
    real = () if plates.real is None else (plates.real / "index.csv",)
    units = arms(request.recipe, paths, real)
    return Work(units=units, material=plates, recorded={"data": str(data or "")})


def _index(folder: Path) -> str:
    return "index.csv" if (folder / "index.csv").is_file() else "truth/fields.csv"


def _begin(request: Request[LiveDeadRecipe], plates: Plates, todo: Sequence[TilesArm]) -> list[str]:
    """Cut the tiles of all trainings; for a quick run train the network that they begin with."""
    recipe, n, place = request.recipe, request.workers, partial(tiles_folder, request.out)
    found = prepare_tiles(
        place(), recipe=recipe, data=request.given, workers=n, progress=request.progress
    )
    if request.quick and not all(arm.weights for arm in todo):
        train_start(request.out, recipe, workers=n, progress=request.progress)
    if plates.real is not None and any(arm.real for arm in todo):
        prepare_real_tiles(place, plates.real, recipe=recipe, workers=n)
    return [write_crop_summary(request.out, found).name]


def _costs(recipe: LiveDeadRecipe, data: Path | None, quick: bool) -> list[float]:
    """Return the CPU seconds of each training.

    Plates that are given are taken to be as large as those that would be rendered.
    """
    data = None if quick else data
    fields = find_real_fields(data)
    todo = arms(recipe, real=() if fields is None else (fields,))
    pixels = (recipe.size_px / 160) ** 2
    images = recipe.plates * WELLS * recipe.frames
    grid = [
        max(1, (n - recipe.size_px) // recipe.stride_px + 1) for n in (recipe.height, recipe.width)
    ]
    n_tiles = min(recipe.tiles, round(0.75 * images * grid[0] * grid[1]))
    scored = 0.25 * images * recipe.height * recipe.width / recipe.size_px**2
    seconds = []
    for arm in todo:
        cost = (_LITE0_SECONDS if arm.weights else _TILE_SECONDS[recipe.network]) * pixels
        if recipe.network == "small" and not arm.weights:
            cost *= recipe.channels / 16
        mine = min(recipe.weights_tiles, n_tiles) if arm.weights else n_tiles
        mine = min(recipe.tiles, _REAL_TILES) if arm.real else mine
        epochs = recipe.weights_epochs if arm.weights else recipe.epochs
        seconds.append(cost * (epochs * mine * (0.9 + 0.1 * _SCORED) + _SCORED * scored))
        seconds[-1] += _LABEL_SECONDS if arm.real else 0.0
    if not labelled_folders(data):
        one = Execution(workers=1)
        rendering = plan_simulated_plate(plate_settings(recipe), execution=one).cpu_seconds
        seconds = [s + rendering / len(seconds) for s in seconds]
    return seconds


LIVE_DEAD_2024 = Reproduction(
    name="live-dead-2024",
    origin=LIVE_DEAD,
    needs=("torch", "cv2"),
    quick={
        "epochs": 8,
        "batch": 8,
        "tiles": 100,
        "network": "small",
        "channels": 8,
        "weights_tiles": 32,
        "weights_epochs": 2,
        "dead_at_start": 0.3,
        "plates": 1,
        "frames": 4,
        "height": 240,
        "width": 320,
    },
    quick_words="Quick run: it shows that all runs and proves nothing.",
    what="trainings",
    find=_find,
    do=train_on_tiles,
    costs=_costs,
    page=assay_page,
    begin=_begin,
    also=lambda request, _: write_board(request.out),
)
"""Data: a labelled plate, or a folder of such; without any, plates are rendered. Where it is or
holds ``mcf7_pi`` (fields with real stains), two more trainings are on these."""
