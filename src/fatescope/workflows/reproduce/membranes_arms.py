"""One unit of ``reproduce membranes-2021``: an arm, that is one preparation and one training."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.acquire import read_image, read_labels
from fatescope.base import Table
from fatescope.evaluate import (
    MembraneScores,
    borders_of,
    published_interior,
    score_labels,
    score_membranes,
)
from fatescope.prepare import close_gaps, labels_on_grid, read_plane
from fatescope.prepare.published_slices import (
    kept_planes,
    mask_of_2020,
    mask_of_2021,
    published_rows,
    squeezed,
)
from fatescope.prepare.store import write_image_file
from fatescope.report import side_by_side, write_film
from fatescope.report.images import display_limits, to_grey
from fatescope.storage import remove
from fatescope.workflows.driver import Outcome, describe_files
from fatescope.workflows.membrane_sides import LEAST_PX, WallSide, without_small

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fatescope.base import FloatArray, Progress
    from fatescope.prepare import Volume
    from fatescope.prepare.splits import Split
    from fatescope.train.fit import Fitted
    from fatescope.train.one_fit import Watch
    from fatescope.train.task import Row
    from fatescope.train.tasks.published_membranes import MaskedPlane
    from fatescope.workflows.membrane_sides import FoundPlane
    from fatescope.workflows.reproduce.settings import MembranesRecipe

    Segment = Callable[[NDArray[Any]], Mapping[int, FoundPlane]]
    Draw = Callable[[Any, NDArray[Any], Sequence[int]], list[FloatArray]]

FITS = "fits"
"""Folder of the checkpoints of arms that are not done."""
POSITION = 10
"""In the list of files: the volume that was cut again and again in 2021."""
FRAMES = "frames"
SUMS = tuple(MembraneScores.__dataclass_fields__)
_HALF = 0.5
_SHOWN = 3
_FILM_PLANES = 2
_ROWS_HELD = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What differs from arm to arm.

    Parameters
    ----------
    key, words : str
    one_volume : bool
        Every file name gets the slices of one volume, as published.
    split : {"rows", "time"}
        Random rows, as published, or blocks of time.
    masks : {"2020", "2021"}
        JPEG, closing and opening; or lossless labels, eroded.
    planes : {"counted", "physical"}
        Label planes by rounded steps of counting, or by the positions of voxel centres.
    augmentation : {"2020", "2021"}
    noise_mean : float
    is_full : bool
        Trained for all epochs; other arms for the steps of the ablation.
    is_ours : bool
        The corrected network, whatever else is said here.
    volumes : tuple of Volume
    splits : tuple of str
        Of the volumes: blocks of time.
    """

    key: str
    words: str
    one_volume: bool = True
    split: Literal["rows", "time"] = "rows"
    masks: Literal["2020", "2021"] = "2021"
    planes: Literal["counted", "physical"] = "counted"
    augmentation: Literal["2020", "2021"] = "2021"
    noise_mean: float = 0.5
    is_full: bool = False
    is_ours: bool = False
    volumes: tuple[Volume, ...] = ()
    splits: tuple[Split, ...] = ()

    @property
    def paths(self) -> list[Path]:
        """The files that decide what comes out."""
        return [p for v in self.volumes for p in v.paths]

    def absolute(self) -> Arm:
        """Return the same arm for a process that stands in another folder."""
        return replace(self, volumes=tuple(v.absolute() for v in self.volumes))

    def __str__(self) -> str:
        return self.key

    def of(self, split: Split) -> list[Volume]:
        """Return the volumes of one block of time."""
        return [v for v, s in zip(self.volumes, self.splits, strict=True) if s == split]


def plan_arms(volumes: Sequence[Volume], splits: Sequence[Split]) -> list[Arm]:
    """Return the published arm, the steps of correction one after the other, and the final one."""
    data: dict[str, Any] = {"volumes": tuple(volumes), "splits": tuple(splits)}
    frames: dict[str, Any] = {**data, "one_volume": False}
    timed: dict[str, Any] = {**frames, "split": "time"}
    grid: dict[str, Any] = {**timed, "planes": "physical"}
    return [
        Arm(key="published", words="as published in 2021, all epochs", is_full=True, **data),
        Arm(
            key="old",
            words="the preparation of 2020: JPEG masks, closing, opening; list of 2020, no noise",
            masks="2020",
            augmentation="2020",
            noise_mean=0.0,
            **data,
        ),
        Arm(key="new", words="the preparation of 2021: PNG masks; list of 2021", **data),
        Arm(key="frames", words="and each file has its own volume", **frames),
        Arm(key="time", words="and sets are blocks of time", **timed),
        Arm(key="grid", words="and label planes lie where they belong", **grid),
        Arm(key="noise", words="and noise has a mean of 0", noise_mean=0.0, **grid),
        Arm(
            key="list-2020",
            words="the same with the augmentation list of 2020",
            noise_mean=0.0,
            augmentation="2020",
            **grid,
        ),
        Arm(
            key="corrected",
            words="walls and insides by the network of this house, cells by watershed",
            is_full=True,
            is_ours=True,
            **timed,
        ),
    ]


def run_arm(
    arm: Arm, *, out: Path, slices: Path, recipe: MembranesRecipe, progress: Progress | None = None
) -> Outcome:
    """Prepare, train, and score one arm on the test volumes.

    Parameters
    ----------
    arm : Arm
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
        fitted, segment = _train_ours(arm, slices, recipe, folder, progress)
    else:
        fitted, segment = _train_published(arm, recipe, folder, progress)
    rows, files = _score(arm, segment, recipe, out)
    files += _write_film(out, arm, folder)
    course = fitted.history
    tables = {
        "planes": table_of([{"arm": arm.key, **r} for r in rows]),
        "course": _course(arm.key, course),
        "arms": table_of(
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


def table_of(rows: Sequence[dict[str, Any]]) -> Table:
    """Return rows of one kind as a table."""
    names = list(rows[0])
    kind = {n: object if isinstance(rows[0][n], str) else None for n in names}
    return Table({n: np.array([r[n] for r in rows], dtype=kind[n]) for n in names})


_COURSE = ("loss", "learning_rate", "training_iou", "iou", "dice", "precision", "recall", "wall_f1")


def _course(key: str, history: Sequence[dict[str, float]]) -> Table:
    return table_of(
        [
            {"arm": key, "epoch": r["epoch"] + 1, "step": r["step"]}
            | {n: r.get(n, np.nan) for n in _COURSE}
            for r in history
        ]
    )


def read_volume(volume: Volume) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Return the pixels of a volume, and its labels on their own grid."""
    pixels, labels = read_image(volume.image).read(), read_labels(volume.labels).read()
    if pixels.dtype != np.uint8:  # rendered ones have 16 bits
        low, high = display_limits(pixels)
        pixels = to_grey(pixels, limits=(low, high))
    return pixels, labels.astype(np.int32)


def on_grid(labels: NDArray[np.int32], shape: Sequence[int]) -> NDArray[np.int32]:
    """Take labels over to another grid; see `labels_on_grid`."""
    return np.asarray(labels_on_grid(labels, shape), np.int32)


def masked_planes(arm: Arm, volumes: Sequence[Volume]) -> list[list[MaskedPlane]]:
    """Return the rows of each volume as an arm prepares them."""
    from fatescope.train.tasks.published_membranes import MaskedPlane

    mask_of = mask_of_2020 if arm.masks == "2020" else mask_of_2021
    found = []
    for volume in volumes:
        pixels, labels = read_volume(volume)
        if arm.planes == "physical":
            labels = on_grid(labels, (len(pixels), *labels.shape[1:]))
            pairs = [(z, z) for z in kept_planes(len(pixels))]
        else:
            pairs = published_rows(labels, len(pixels))
        found.append(
            [
                MaskedPlane(image=pixels[z], mask=squeezed(mask_of(labels[k]), pixels[z].shape))
                for z, k in pairs
            ]
        )
    return found


def rows_of(arm: Arm, *, seed: int) -> tuple[list[MaskedPlane], list[MaskedPlane]]:
    """Return the training and the validation rows of an arm; test volumes are not opened."""
    if arm.split == "time":
        training, validation = (masked_planes(arm, arm.of(s)) for s in ("train", "validation"))
        return _joined(training), _joined(validation)
    known = [v for v, s in zip(arm.volumes, arm.splits, strict=True) if s != "test"]
    if arm.one_volume:
        again = masked_planes(arm, [known[min(POSITION, len(known) - 1)]])
        rows = _joined(again * len(known))
    else:
        rows = _joined(masked_planes(arm, known))
    order = np.random.default_rng(seed).permutation(len(rows))
    n = max(1, round(_ROWS_HELD * len(rows)))
    return [rows[i] for i in order[n:]], [rows[i] for i in order[:n]]


def _joined(groups: Sequence[Sequence[MaskedPlane]]) -> list[MaskedPlane]:
    return [plane for group in groups for plane in group]


def _train_published(
    arm: Arm,
    recipe: MembranesRecipe,
    folder: Path,
    progress: Progress | None,
) -> tuple[Fitted, Segment]:
    """Train FPN on ResNet18 by Adam, its plateau scheduler given a constant, as published."""
    from fatescope.train import FitSettings, LibraryNetwork, fit, report_progress
    from fatescope.train.schedule_settings import Plateau
    from fatescope.train.tasks.published_membranes import (
        CONSTANT,
        PublishedMembraneTask,
        interior_map,
    )

    training, validation = rows_of(arm, seed=recipe.seed)
    weights = None
    if recipe.weights != "random":
        kind = {"kind": "fpn", "encoder": "resnet18"}
        weights = LibraryNetwork.from_values(
            {**kind, "weights": recipe.weights, "sha256": recipe.sha256}
        )
    task = PublishedMembraneTask(
        training,
        validation,
        size_px=recipe.size_px,
        augmentation=arm.augmentation,
        noise_mean=arm.noise_mean,
        is_eroded=arm.masks == "2021",
        seed=recipe.seed,
        weights=weights,
    )
    per_epoch = max(1, -(-len(training) // recipe.batch))
    steps = recipe.epochs * per_epoch if arm.is_full else recipe.arm_steps
    epoch = min(per_epoch, steps)
    settings = FitSettings(
        steps=steps,
        batch=recipe.batch,
        optimizer="adam",
        learning_rate=recipe.rate,
        schedule=Plateau(metric=CONSTANT, factor=recipe.decay, patience=recipe.decay_epochs - 1),
        weight_decay=0,
        gradient_clip=0,
        ema_decay=0,
        steps_per_epoch=epoch,
        validate_every=1,
        precision="float32",
    )

    def drawn(network: Any, pixels: NDArray[Any], planes: Sequence[int]) -> list[FloatArray]:
        return [interior_map(network, pixels[z], size_px=recipe.size_px) for z in planes]

    shown = arm.of("validation") or arm.of("test")
    watch = _watch(folder, shown, drawn, is_wanted=arm.is_full)
    report = report_progress(progress, f"training {arm.key}")
    fitted = fit(task, settings, folder=folder, report=report, watch=watch)

    def segment(pixels: NDArray[Any]) -> dict[int, FoundPlane]:
        maps = (interior_map(fitted.network, p, size_px=recipe.size_px) for p in pixels)
        return {z: cells_of_interior(m) for z, m in enumerate(maps)}

    return fitted, segment


def _watch(
    folder: Path, volumes: Sequence[Volume], drawn: Draw, *, is_wanted: bool = True
) -> Watch | None:
    """Return what writes the interior that a network draws, of the same planes at every epoch."""
    if not volumes or not is_wanted:
        return None
    pixels, labels = read_volume(volumes[0])
    on_grid = labels_on_grid(labels, pixels.shape)
    seen = [z for z in range(len(pixels)) if on_grid[z].any()] or [0]
    planes = [seen[len(seen) * k // (_FILM_PLANES + 1)] for k in range(1, _FILM_PLANES + 1)]

    def watch(network: Any, row: Row) -> None:
        maps = drawn(network, pixels, planes)
        strips = [
            np.concatenate([_shown(pixels[z]), _grey(published_interior(on_grid[z])), _grey(m)], 1)
            for z, m in zip(planes, maps, strict=True)
        ]
        path = folder / FRAMES / f"{int(row['epoch']):04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image_file(path, np.concatenate(strips))

    return watch


def _grey(values: NDArray[Any]) -> NDArray[np.uint8]:
    return to_grey(values, limits=(0.0, 1.0))


def _shown(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    return to_grey(pixels, limits=display_limits(pixels))


def _write_film(out: Path, arm: Arm, folder: Path) -> list[str]:
    """Put the pictures of all epochs together; return the names of the films."""
    frames = sorted((folder / FRAMES).glob("*.png"))
    if not frames:
        return []
    (out / "films").mkdir(exist_ok=True)
    planes = [read_plane(f) for f in frames]
    width = planes[0].shape[1] // 3
    pictures = [
        side_by_side(
            [p[:, i * width : (i + 1) * width] for i in range(3)],
            ["validation plane", "interior", "drawn"],
            note=f"epoch {int(f.stem) + 1}",
        )
        for p, f in zip(planes, frames, strict=True)
    ]
    return [str(p.relative_to(out)) for p in write_film(out / "films" / arm.key, pictures)]


def _score(
    arm: Arm, segment: Segment, recipe: MembranesRecipe, out: Path
) -> tuple[list[dict[str, Any]], list[str]]:
    """Score an arm on the planes of the test volumes that hold cells; keep pictures of some."""
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
            for what, picture in {
                "image": _shown(pixels[z]),
                "mask": _grey(published_interior(labels[z])),
                "drawn": _grey(found[z].interior),
            }.items():
                write_image_file(out / f"{name}_{what}.png", picture)
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


def cells_of_interior(probability: FloatArray) -> FoundPlane:
    """Return connected parts of an interior as cells: all that such a map can give."""
    from skimage.measure import label
    from skimage.segmentation import expand_labels

    from fatescope.workflows.membrane_sides import FoundPlane

    inside = probability > _HALF
    parts = label(inside, connectivity=1)
    kept = np.bincount(parts.ravel()) >= LEAST_PX
    kept[0] = False
    cells = expand_labels(np.where(kept[parts], parts, 0), 2).astype(np.int32)
    return FoundPlane(interior=inside, cells=cells)


def _train_ours(
    arm: Arm,
    slices: Path,
    recipe: MembranesRecipe,
    folder: Path,
    progress: Progress | None,
) -> tuple[Fitted, Segment]:
    """Train walls and insides on the blocks of time, and segment as `predict membrane` does."""
    from fatescope.predict.membrane import (
        MembraneSettings,
        level_on_grid,
        map_walls,
        plane_window,
        run_plane,
    )
    from fatescope.train import EvaluatedNetwork, fit, report_progress
    from fatescope.train.membrane_settings import MembraneRecipe
    from fatescope.train.tasks.membrane import MembraneTask

    steps = recipe.corrected_steps
    spacing = recipe.spacing_um or (0.43, 0.18, 0.18)
    ours = MembraneRecipe.from_values(
        {
            "seed": recipe.seed,
            "crops": {"spacing_um": spacing, "size_px": min(96, recipe.size_px)},
            "fit": {
                "steps": steps,
                "batch": 8,
                "steps_per_epoch": max(1, steps // 50),
                "validate_every": 1,
                "precision": "float32",
            },
        }
    )
    task = MembraneTask(ours, data=slices)
    planes = ours.crops.planes

    def drawn(network: Any, pixels: NDArray[Any], chosen: Sequence[int]) -> list[FloatArray]:
        seen = level_on_grid(pixels, spacing)
        if seen is None:
            return [np.zeros(pixels.shape[1:], np.float32) for _ in chosen]
        grid, levelled = seen
        model = EvaluatedNetwork(network)
        windows = (plane_window(levelled, z, planes=planes) for z in chosen)
        maps = (run_plane(w, model) for w in windows)
        box = (slice(0, 1), *(slice(0, n) for n in grid.shape[1:]))
        return [grid.enlarge((m[1] * (1 - m[0]))[None], box)[0] for m in maps]

    watch = _watch(folder, arm.of("validation") or arm.of("test"), drawn)
    report = report_progress(progress, f"training {arm.key}")
    fitted = fit(task, ours.fit, folder=folder, report=report, watch=watch)
    model = EvaluatedNetwork(fitted.network)
    side = WallSide(
        name="corrected",
        sha256="",
        settings=MembraneSettings(),
        maps=lambda levelled: map_walls(levelled, model, planes=planes),
    )

    def segment(pixels: NDArray[Any]) -> dict[int, FoundPlane]:
        return side.segment(pixels, spacing, range(len(pixels)))

    return fitted, segment
