"""Viability: the class of each pixel of an image without stains, trained on crops of plates."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import cv2
import numpy as np
import torch
from torch.nn.functional import cross_entropy

from fatescope.base import InputError, SettingsError
from fatescope.evaluate import PixelCounts, score_classes
from fatescope.models import ImageInput, ModelDescription, PixelClasses
from fatescope.predict.level import LevelledPlane
from fatescope.predict.normalise import normalise
from fatescope.prepare import FIVE, UNCERTAIN, read_crop_summary
from fatescope.prepare.crop_store import open_planes
from fatescope.systems.viability.classes import draw_maps
from fatescope.train.class_labels import TILING, merged_classes
from fatescope.train.evaluated import EvaluatedNetwork
from fatescope.train.networks import build_class_network

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import Table
    from fatescope.base.types import FloatArray
    from fatescope.models import ModelPackage
    from fatescope.systems.viability.training.settings import ViabilityCrops, ViabilityRecipe
    from fatescope.train.task import Row
    from fatescope.train.trainables import TrainedNetwork

Batch = tuple[torch.Tensor, torch.Tensor]


class ViabilityTask:
    """One fit of a recipe for classes at pixels.

    Parameters
    ----------
    recipe : ViabilityRecipe
    data : Path
        Folder that ``prepare crops`` wrote; planes of the split ``test`` are not opened.

    Raises
    ------
    InputError
        If there are no crops to learn from.
    """

    def __init__(self, recipe: ViabilityRecipe, *, data: Path) -> None:
        self._recipe, self._data, self.seed = recipe, data, recipe.seed
        given = tuple(read_crop_summary(data)["classes"])
        self.classes, self._merge = merged_classes(given, recipe.classes)
        self._planes, self._table = open_planes(data, splits=["train"])
        if not len(self._table):
            raise InputError(f"{data}: holds no crops to learn from. Prepare more wells.")
        self._merged = torch.from_numpy(self._merge.astype(np.int64))
        self._validation = open_planes(data, splits=["validation"])[0]
        self._levelled = lru_cache(maxsize=4096)(self._level)
        self._dead = _with_dead(self._table, self.classes)
        self.weights = class_weights(self._table, given, self._merge, recipe)

    @property
    def stream(self) -> str:
        """What the batches follow from; classes are merged in the loss, so all recipes share them.

        Crops with dead nuclei are drawn more often where there are any: they are named ``dead`` in
        five and in three classes.
        """
        return repr((self._data, self.seed, self._recipe.crops, len(self._dead)))

    def build(self) -> torch.nn.Module:
        """Return the network with random weights."""
        settings = self._recipe.network.replace(n_outputs=len(self.classes))
        network = build_class_network(settings, seed=self.seed)
        return network.to(memory_format=torch.channels_last)

    def batch(self, step: int, size: int) -> Batch:
        """Return images (B, 1, Y, X) and classes as they are stored (B, Y, X) of a step."""
        crops = [self._crop(n) for n in range(step * size, (step + 1) * size)]
        images, classes = zip(*crops, strict=True)
        return (
            torch.from_numpy(np.stack(images)[:, None]),
            torch.from_numpy(np.stack(classes).astype(np.int64)),
        )

    def loss(self, network: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the weighted cross-entropy; uncertain pixels do not count."""
        image, stored = batch
        classes = self._merged.to(stored.device)[stored]
        logits = network.logits(image.contiguous(memory_format=torch.channels_last)).float()
        weight = torch.tensor(self.weights, dtype=torch.float32, device=logits.device)
        error = cross_entropy(logits, classes, weight, ignore_index=UNCERTAIN, reduction="sum")
        known = classes[classes != UNCERTAIN]
        return {"loss": error / weight[known].sum().clamp(min=1.0)}

    def validate(self, network: Any) -> Row:
        """Return scores of each class on whole planes of validation units."""
        n = self._validation.n_planes
        if not n:
            return {}
        chosen = np.unique(np.linspace(0, n - 1, self._recipe.validation_planes).round())
        counts = [
            PixelCounts.of_plane(*self.predict(EvaluatedNetwork(network), int(i))) for i in chosen
        ]
        return score_row(PixelCounts.total(counts), self.classes)

    def predict(
        self, network: EvaluatedNetwork, plane: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return the maps (C, Y, X) and the true classes (Y, X) of a validation plane."""
        image, classes = self._validation.plane(plane)
        maps = draw_maps(network, LevelledPlane(image), DRAFT, (1.0, 1.0))
        return maps, self._merge[classes]

    def _level(self, plane: int) -> LevelledPlane:
        return LevelledPlane(self._planes.plane(plane)[0])

    def _crop(self, number: int) -> tuple[FloatArray, NDArray[np.uint8]]:
        """Return one augmented crop; its number and the seed decide all of it."""
        rng = np.random.default_rng([self.seed, number])
        settings = self._recipe.crops
        some = rng.random() < settings.on_dead and len(self._dead)
        row = int(rng.choice(self._dead) if some else rng.integers(len(self._table)))
        plane, y, x = self._planes.place(row)
        levelled = self._levelled(plane)
        window = (slice(y, y + self._planes.size_px), slice(x, x + self._planes.size_px))
        image = normalise(levelled[window], levelled.contrast.statistics)
        classes = self._planes.plane(plane)[1][window]
        image, classes = _moved(image, classes, settings, rng)
        return _changed(image, settings, rng), classes


def class_weights(
    table: Table, given: Sequence[str], merge: NDArray[np.uint8], recipe: ViabilityRecipe
) -> tuple[float, ...]:
    """Return the weight of each class: as given, or by its share of the pixels to learn from.

    Raises `SettingsError` if the recipe gives another number of weights than there are classes.
    """
    n = int(merge[: len(given)].max()) + 1
    if recipe.loss.weights:
        if len(recipe.loss.weights) != n:
            raise SettingsError(f"loss.weights holds {len(recipe.loss.weights)} of {n} weights.")
        return recipe.loss.weights
    pixels = np.zeros(n)
    for number, name in enumerate(given):
        pixels[merge[number]] += table[f"n_{name}"].sum()
    share = np.maximum(pixels / max(pixels.sum(), 1), 1e-6)
    weights = share**-recipe.loss.balance
    return tuple((weights / (weights * share).sum()).round(4).tolist())


def _with_dead(table: Table, classes: Sequence[str]) -> NDArray[np.intp]:
    if "dead" not in classes or "n_dead" not in table:
        return np.zeros(0, np.intp)
    return np.flatnonzero(table["n_dead"] > 0)


def _moved(
    image: FloatArray,
    classes: NDArray[np.uint8],
    settings: ViabilityCrops,
    rng: np.random.Generator,
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """Turn by quarters, mirror, resize, and cut the side that the network sees."""
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    image, classes = np.rot90(image, turns), np.rot90(classes, turns)
    if mirrored:
        image, classes = image[:, ::-1], classes[:, ::-1]
    zoom = float(np.exp(rng.uniform(*np.log(settings.zoom))))
    side, given = settings.size_px, image.shape[0]
    free = given * zoom - side
    at = rng.uniform(min(0.0, free), max(0.0, free), 2)
    matrix = np.array([[zoom, 0, -at[1]], [0, zoom, -at[0]]], np.float64)
    size = (side, side)
    image = cv2.warpAffine(
        np.ascontiguousarray(image),
        matrix,
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    classes = cv2.warpAffine(
        np.ascontiguousarray(classes),
        matrix,
        size,
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=UNCERTAIN,
    )
    return np.asarray(image, np.float32), np.asarray(classes, np.uint8)


def _changed(image: FloatArray, settings: ViabilityCrops, rng: np.random.Generator) -> FloatArray:
    """Change contrast, focus, light and noise as microscopes do."""
    out = image - np.float32(0.5)
    out = out * np.float32(np.exp(rng.uniform(*np.log(settings.gain))))
    if rng.random() < 0.4 and settings.blur_px:
        out = cv2.GaussianBlur(out, (0, 0), max(0.3, rng.uniform(0, settings.blur_px)))
    if rng.random() < 0.5:
        turn, length = rng.uniform(0, 2 * np.pi), np.linspace(-1, 1, len(out), dtype=np.float32)
        slope = np.cos(turn) * length[None] + np.sin(turn) * length[:, None]
        out = out + slope * np.float32(rng.uniform(0, settings.slope))
    if rng.random() < 0.5:
        grain = rng.standard_normal(out.shape, dtype=np.float32)
        out = out + grain * np.float32(rng.uniform(0, settings.noise))
    return np.asarray(out + np.float32(0.5), np.float32)


DRAFT = ModelDescription(
    name="draft",
    summary="Lays the tile grid while a network is trained.",
    task="viability",
    input=ImageInput(modality="bright-field", polarity="any", tiling=TILING),
    output=PixelClasses(channels=FIVE),
)


def score_row(counts: PixelCounts, classes: Sequence[str]) -> Row:
    """Return the scores of all classes as columns of the log.

    The loss of a class is the mean cross-entropy over its own pixels, from probabilities in steps
    of 1/255; 0 counts as half a step.
    """
    scores = score_classes(counts)
    row: Row = {}
    entropy = -np.log(np.maximum(np.arange(256), 0.5) / 255)
    for i, name in enumerate(classes):
        own = counts.values[i, 1]
        if own.any():
            row[f"loss_{name}"] = float(own @ entropy / own.sum())
        row[f"accuracy_{name}"] = accuracy_of(counts, i)
        for column in ("auprc", "auroc", "precision", "recall", "f1"):
            value = float(getattr(scores, column)[i])
            if np.isfinite(value):
                row[f"{column}_{name}"] = value
    row["accuracy"] = scores.accuracy
    known = [row[f"auprc_{c}"] for c in ("live", "dead") if f"auprc_{c}" in row]
    row["auprc_mean"] = float(np.mean(known)) if known else 0.0
    return row


def accuracy_of(counts: PixelCounts, k: int) -> float:
    """Return the share of pixels that are rightly said to be, or not to be, of a class."""
    confusion = counts.confusion
    wrong = confusion[k].sum() + confusion[:, k].sum() - 2 * confusion[k, k]
    return float(1 - wrong / max(int(confusion.sum()), 1))


class _Viability:
    """How recipes of networks for classes at pixels are trained."""

    scores: ClassVar = {
        "auprc_mean": "area under precision-recall, mean of live and dead nuclei",
        "auprc_live": "area under precision-recall, live nuclei",
        "auprc_dead": "area under precision-recall, dead nuclei",
        "f1_live": "F1, live nuclei",
        "f1_dead": "F1, dead nuclei",
        "accuracy": "accuracy of all pixels",
    }
    metric = "auprc_mean"
    scored_on = "Pixels of whole planes of validation wells, empty background included."

    def inherit(self, recipe: ViabilityRecipe, start: ModelDescription | None) -> ViabilityRecipe:
        if start is not None:
            start.output_as(PixelClasses)
        return recipe

    def build_task(self, stage: ViabilityRecipe, *, data: Path) -> ViabilityTask:
        return ViabilityTask(stage, data=data)

    def write_package(self, made: TrainedNetwork) -> ModelPackage:
        from fatescope.systems.viability.training.package import package_viability

        return package_viability(made)


VIABILITY = _Viability()
