"""A model for ``plate run`` from the stained wells of the plate itself.

labels from stains -> crops divided by well -> one fit -> a package. Each step is the command of its
own (`plate labels`, `prepare crops`, `train`) in a folder under ``training/``, so that a killed
run continues in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.acquire.plates import PlateReading
from fatescope.base import Execution, Finding, InputError, RunError, SettingsError
from fatescope.base.extras import imported
from fatescope.base.stains import find_channel
from fatescope.plate import StainSettings
from fatescope.prepare import CropStoreSettings
from fatescope.systems.plates.stain_labels import label_plate
from fatescope.systems.viability.crops import prepare_crops

if TYPE_CHECKING:
    from fatescope.base import PlateLayout, Progress
    from fatescope.plate import PlateRunSettings
    from fatescope.systems.viability.training.settings import ViabilityRecipe

TRAINING = "training"
"""The folder of what the model is made from."""

PACKAGE = f"{TRAINING}/model/package"

_DEAD = ("DRAQ7", "PI")
"""Stains of dead nuclei, the first that the plate has."""

_LIMITS = (
    "It was trained on the stained wells of one plate, and is scored on other wells of that plate: "
    "how well it does on another plate, other cells or another microscope is not known. Its labels "
    "come from stains, which lag behind death by the time that a dye needs to enter."
)


def read_plate_recipe(recipe: str) -> ViabilityRecipe:
    """Read a recipe of networks for living and dead cells, and say in it where the labels are from.

    Raises `SettingsError` if it is a recipe for something else. Raises `MissingExtraError` if torch
    is not installed.
    """
    imported("torch")
    from fatescope.systems.viability.training.settings import ViabilityRecipe
    from fatescope.train import read_recipe

    read = read_recipe(recipe)
    if not isinstance(read, ViabilityRecipe):
        raise SettingsError(
            f"the recipe {recipe!r} is for {read.task!r}. `plate run` trains networks that tell "
            "living from dead cells: give viability, or a TOML file like it."
        )
    return read.replace(limits=_LIMITS)


def stain_settings(
    layout: PlateLayout, settings: PlateRunSettings, bright_field: str
) -> StainSettings:
    """Return how the stained wells are labelled.

    Raises `InputError` if no channel shows dead nuclei.
    """
    for dead in _DEAD:
        try:
            channel = find_channel(layout.channels, dead)
        except InputError:
            continue
        return StainSettings(map=settings.map, dead=channel, bright_field=bright_field)
    raise InputError(
        f"{layout.name}: has the channels {', '.join(layout.channels)}, and none is {_DEAD[0]} or "
        f"{_DEAD[1]}: nothing tells which cells are dead. Leave out the recipe and give --model."
    )


def train_on_plate(
    folder: Path | str,
    recipe: ViabilityRecipe,
    *,
    out: Path,
    stains: StainSettings,
    called: str,
    reading: PlateReading,
    execution: Execution,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Path:
    """Label the stained wells of a plate, learn from them, and return the package.

    Raises `InputError` or `FileFormatError` if no well is stained, or the stained wells are too few
    to hold some out. Raises `RunError` if labels or crops could not be made.
    """
    from fatescope.systems.training.train import train_model

    place = out / TRAINING
    labelled = label_plate(
        folder,
        out=place / "labels",
        settings=stains,
        reading=reading,
        execution=execution,
        progress=progress,
        fresh=fresh,
    )
    if not (place / "labels" / "index.csv").is_file():
        reason = labelled.errors[0] if labelled.errors else "no well is stained"
        raise RunError(f"{place / 'labels'}: nothing could be labelled ({reason}).")
    prepare_crops(
        place / "labels",
        out=place / "crops",
        settings=CropStoreSettings(),
        execution=execution,
        progress=progress,
        fresh=fresh,
    )
    train_model(
        recipe,
        data=place / "crops",
        out=place / "model",
        called=called,
        progress=progress,
        fresh=fresh,
    )
    return out / PACKAGE


def trained_wells_finding(layout: PlateLayout, stains: StainSettings) -> Finding:
    """Say which wells the model was trained on or chosen by."""
    wanted = {layout.channel(c) for c in (stains.nuclei, stains.dead, stains.bright_field)}
    wells = [
        well
        for well, fields in layout.images.items()
        if wanted <= {c for files in fields.values() for f in files for c in f.channels}
    ]
    return Finding(
        file=layout.name,
        rule="trained-wells",
        severity="info",
        value=float(len(wells)),
        reason=f"The model was made from the stained wells of this plate ({', '.join(wells)}), and "
        "what is said of them is not independent of it. The card in training/model/package says "
        "how good it is on wells that it has not seen.",
    )
