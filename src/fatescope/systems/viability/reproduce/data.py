"""Tiles for the live/dead reproduction: rendered plates, or labelled plates that were given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.base import Execution, InputError
from fatescope.prepare import CropStoreSettings
from fatescope.simulate.plate import PlateSettings
from fatescope.systems.simulation.plates import simulate_plate
from fatescope.systems.viability.crops import prepare_crops
from fatescope.systems.viability.reproduce.real import (
    find_real_fields,
    label_groups,
    write_group_plates,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fatescope.base import BoolArray, IntArray, Progress
    from fatescope.systems.reproduction.settings import LiveDeadRecipe
    from fatescope.systems.viability.training.published import Tiles

WELLS = 8
"""Of each plate: two thirds and more of them to learn from, a quarter only to score."""
TEST, VALIDATION = 0.25, 0.125  # two and one of eight wells
_HELD_TILES = 0.1  # 290 of 2,910 batches, as published


@dataclass(frozen=True, slots=True, kw_only=True)
class Plates:
    """What is learned from: labelled plates, or rendered ones where there are none; real fields."""

    labelled: list[Path]
    real: Path | None


def plate_settings(recipe: LiveDeadRecipe) -> PlateSettings:
    """Return the plates to render: the eight double-stained wells of each, one image a well."""
    usual, area = PlateSettings(), recipe.height * recipe.width
    return PlateSettings(
        experiments=recipe.plates,
        rows=2,
        columns=WELLS // 2,
        stained=WELLS,
        field_rows=1,
        field_columns=1,
        frames=recipe.frames,
        height=recipe.height,
        width=recipe.width,
        dead_at_start=recipe.dead_at_start,
        cells=max(8, round(usual.density * area / (np.pi / 4 * usual.diameter_px**2))),
    )


def crop_settings(recipe: LiveDeadRecipe) -> CropStoreSettings:
    """Return how images are cut: as published, but whole wells are set aside first."""
    return CropStoreSettings(
        size_px=recipe.size_px,
        stride_px=recipe.stride_px,
        edge="leave",
        one_class="keep",
        validation=VALIDATION,
        test=TEST,
        batch=recipe.batch,
        seed=recipe.seed,
    )


def prepare_tiles(
    out: Path,
    *,
    recipe: LiveDeadRecipe,
    data: Path | None,
    workers: int,
    progress: Progress | None,
) -> dict[str, Any]:
    """Render plates if none are given, and cut tiles into ``out``; return their summary.

    Parameters
    ----------
    out : Path
        Takes the crops; rendered plates lie beside it.
    recipe, workers, progress
    data : Path, optional
        Labelled plates, see `labelled_folders`.

    Raises
    ------
    InputError
        If there are no labelled plates in ``data``, or too few wells for three sets.
    """
    execution = Execution(workers=workers)
    folders = labelled_folders(data)
    if not folders:
        plates = out.parent / "plates"
        settings = plate_settings(recipe)
        simulate_plate(
            plates, settings=settings, seed=recipe.seed, execution=execution, progress=progress
        )
        folders = sorted(plates.glob("plate_*")) or [plates]
    done = prepare_crops(
        folders,
        out=out,
        settings=crop_settings(recipe),
        execution=execution,
        progress=progress,
    )
    for name in ("train", "validation", "test"):
        if not done.crops or not done.crops["splits"][name]["units"]:
            raise InputError(
                f"{data or 'the rendered plates'}: too few wells: none is left for {name}. Eight "
                "labelled wells of a plate are enough."
            )
    return done.crops


def prepare_real_tiles(
    place: Callable[[str], Path], fields: Path, *, recipe: LiveDeadRecipe, workers: int
) -> None:
    """Label the groups of real fields in both ways, and cut the tiles of each.

    Parameters
    ----------
    place : callable
        Returns the folder of the tiles whose labels are ``published`` or ``corrected``.
    fields : Path
        See `find_real_fields`.
    recipe, workers
    """
    scratch = place("corrected").parent / "real"
    plates = write_group_plates(fields, scratch / "plates")
    rules: dict[str, Literal["published", "nuclei"]] = {
        "published": "published",
        "corrected": "nuclei",
    }
    for name, rule in rules.items():
        folders = label_groups(plates, scratch / name, rule=rule, workers=workers)
        settings = crop_settings(recipe).replace(unit="plate")
        prepare_crops(
            folders, out=place(name), settings=settings, execution=Execution(workers=workers)
        )


def labelled_folders(data: Path | None) -> list[Path]:
    """Return the labelled plates in a folder: itself, or those directly in it.

    A folder that holds real fields and no labelled plate has none, and that is no error: plates
    are rendered then.

    Raises
    ------
    InputError
        If there are neither.
    """
    if data is None:
        return []
    real = find_real_fields(data)

    def is_plate(folder: Path) -> bool:
        if (folder / "truth" / "fields.csv").is_file():
            return True
        index = folder / "index.csv"
        return index.is_file() and (folder == data or _names_labels(index))

    if is_plate(data) and data != real:
        return [data]
    inside = sorted(f for f in data.iterdir() if is_plate(f)) if data.is_dir() else []
    if not inside and real is None:
        raise InputError(
            f"{data}: no labelled plate is there. Give a folder that `fatescope plate labels` or "
            "`fatescope simulate plate` wrote, or leave --data out."
        )
    return inside


def _names_labels(index: Path) -> bool:
    """Return whether a table says which image has which labels of which well."""
    with index.open(encoding="utf-8-sig", errors="replace") as stream:
        return {"well", "image", "labels"} <= set(stream.readline().strip().split(","))


@dataclass(frozen=True, slots=True, kw_only=True)
class TileSets:
    """Numbers of the tiles of a training, and of those that score."""

    training: IntArray
    validation: IntArray
    is_test: BoolArray = field(repr=False)


def choose_tiles(tiles: Tiles, *, by_well: bool, most: int, seed: int) -> TileSets:
    """Divide the kept tiles of the wells to learn from: at random, as published, or by well.

    Parameters
    ----------
    tiles : Tiles
    by_well : bool
        Validation tiles come from wells of their own; otherwise they are a random tenth.
    most : int
        A random sample of so many tiles is divided.
    seed : int
    """
    split = tiles.table["split"].astype(str)
    kept = np.flatnonzero(tiles.is_mixed & (split != "test"))
    rng = np.random.default_rng([seed, 1])
    kept = np.sort(rng.permutation(kept)[:most])
    if by_well:
        held = split[kept] == "validation"
    else:
        held = np.zeros(len(kept), dtype=bool)
        held[rng.permutation(len(kept))[: max(1, round(_HELD_TILES * len(kept)))]] = True
    if held.all() or not held.any():
        raise InputError(
            f"{len(kept)} tiles with more than one class leave none to learn from or to choose by. "
            "Render larger images or more frames, or allow more --tiles."
        )
    return TileSets(training=kept[~held], validation=kept[held], is_test=split == "test")
