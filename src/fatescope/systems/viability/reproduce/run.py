"""``fatescope reproduce live-dead-2024``: four published runs, then corrected."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fatescope.base import Execution, check_installed
from fatescope.engine import Run
from fatescope.engine.driver import pending, work_through
from fatescope.engine.execute import available_workers
from fatescope.prepare.crop_store import write_crop_summary
from fatescope.storage import remove
from fatescope.systems.reproduction.plan import plan_trainings
from fatescope.systems.simulation.plates import plan_simulated_plate
from fatescope.systems.viability.reproduce.arms import FITS, arms, begin, run_arm, tiles_folder
from fatescope.systems.viability.reproduce.data import (
    WELLS,
    labelled_folders,
    plate_settings,
    prepare_real_tiles,
    prepare_tiles,
)
from fatescope.systems.viability.reproduce.kicks import write_board
from fatescope.systems.viability.reproduce.page import write_live_dead_page
from fatescope.systems.viability.reproduce.real import find_real_fields

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.base import Progress
    from fatescope.engine import Summary
    from fatescope.engine.plan import RunPlan
    from fatescope.systems.reproduction.settings import LiveDeadRecipe

_NEEDS = ("torch", "cv2")
_QUICK = {
    "epochs": 8,
    "batch": 8,
    "tiles": 100,
    "network": "small",
    "channels": 8,
    "weights_tiles": 32,
    "weights_epochs": 2,
    "plates": 1,
    "frames": 4,
    "height": 240,
    "width": 320,
}
_TILE_SECONDS = {"small": 0.019, "mobilenet-v2": 0.33}
"""CPU seconds of a tile of 160 x 160 px, forward and back, busy machine; small: 16 channels."""
_LITE0_SECONDS = 0.25
_REAL_TILES, _LABEL_SECONDS = 480, 60.0
"""Of the real fields: tiles to learn from, and what labels of one kind take."""
_SCORED = 0.4
"""Of them, for a tile that is only looked at."""


def reproduce_live_dead(
    *,
    out: Path,
    recipe: LiveDeadRecipe,
    data: Path | None = None,
    quick: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Summary:
    """Train the four published runs, mend their faults, and score all on wells set aside.

    Parameters
    ----------
    out : Path
        Gets ``report.html``, ``arms.csv``, ``scores.csv``, ``wells.csv``, ``curves.csv``,
        ``course.csv``, ``classes.csv``, ``crops.json`` and ``films/``. The same call again
        continues with the trainings that are not done, and in one at its last checkpoint.
    recipe : LiveDeadRecipe
    data : Path, optional
        A labelled plate, or a folder of such; without any, plates are rendered. Where it is or
        holds ``mcf7_pi`` (fields with real stains), two more trainings are on these.
    quick : bool
        One small rendered plate and tiny networks: shows that everything runs, proves nothing.
    workers : int, optional
        Processes, each for one training at a time; default: one for each core.
    progress, fresh

    Raises
    ------
    InputError
        If ``data`` holds no labelled plate, or too few wells.
    """
    check_installed(*_NEEDS)
    if quick:
        recipe, data = recipe.replace(**_QUICK), None
    settings = {**recipe.model_dump(mode="json"), "quick": quick, "data": str(data or "")}
    plates, fields = labelled_folders(data), find_real_fields(data)
    paths = tuple(f / _index(f) for f in plates)
    real = () if fields is None else (fields / "index.csv",)
    with Run.open(out, command="reproduce live-dead-2024", settings=settings, fresh=fresh) as run:
        if fresh:
            remove(run.out / FITS)
        todo = pending(run, arms(recipe, paths, real))
        n = available_workers(workers, max(len(todo), 1))
        place = partial(tiles_folder, run.out)
        if todo:
            found = prepare_tiles(place(), recipe=recipe, data=data, workers=n, progress=progress)
            run.wrote(write_crop_summary(run.out, found).name)
        if quick and todo:
            begin(run.out, recipe, workers=n, progress=progress)
        if fields is not None and any(arm.real for arm in todo):
            prepare_real_tiles(place, fields, recipe=recipe, workers=n)
        job = partial(
            run_arm, out=run.out.absolute(), recipe=recipe, progress=progress if n == 1 else None
        )
        work_through(run, todo, job, execution=Execution(workers=n), progress=progress)
        summary = run.finish()
        if not summary.units_failed:
            remove(run.out / FITS)
        if summary.units_done:
            write_live_dead_page(run.out, recipe, is_rendered=not plates, quick=quick)
            run.wrote("report.html", *write_board(run.out))
    return summary


def _index(folder: Path) -> str:
    return "index.csv" if (folder / "index.csv").is_file() else "truth/fields.csv"


def plan_live_dead(
    *, recipe: LiveDeadRecipe, data: Path | None = None, quick: bool = False
) -> RunPlan:
    """Say what `reproduce_live_dead` would cost, from measured costs; nothing is written.

    Plates that are given are taken to be as large as those that would be rendered.
    """
    if quick:
        recipe, data = recipe.replace(**_QUICK), None
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
    return plan_trainings(
        "reproduce live-dead-2024",
        seconds,
        what="trainings",
        workers=available_workers(None, len(todo)),
    )
