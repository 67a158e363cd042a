"""The live/dead assay of 2024: tiles as they were stored, three classes, both faults on demand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from fatescope.acquire import read_table
from fatescope.evaluate import PixelCounts
from fatescope.predict.level import LevelledPlane
from fatescope.predict.normalise import normalise
from fatescope.prepare import UNCERTAIN, read_crop_summary
from fatescope.prepare.crop_store import PlaneCrops
from fatescope.systems.viability.training.task import score_row
from fatescope.train.class_labels import merged_classes
from fatescope.train.network_settings import LibraryNetwork
from fatescope.train.networks import DIVISOR, build_class_network, build_network

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import BoolArray, FloatArray, IntArray
    from fatescope.train.settings import NetworkSettings
    from fatescope.train.task import Row

Batch = tuple[torch.Tensor, torch.Tensor]
EPSILON = 1e-3
"""Of batch normalisation, as published."""
_BLOCK_PX, _HALO_PX = 640, 64  # of a whole image, at once; not measured
_AT_ONCE = 20  # tiles, for memory


class Tiles:
    """Tiles of a folder that ``prepare crops`` wrote, in three classes.

    Parameters
    ----------
    data : Path
    is_scaled : bool
        Levelled and brought to -1..1, as weights of ImageNet expect; otherwise the counts of the
        camera, as published.
    """

    def __init__(self, data: Path, *, is_scaled: bool) -> None:
        summary = read_crop_summary(data)
        self.classes, self._merge = merged_classes(tuple(summary["classes"]), "three")
        self.table = read_table(data / "crops.parquet")
        self.size_px = int(summary["size_px"])
        keys = list(dict.fromkeys(str(k) for k in self.table["image"]))
        self._crops = PlaneCrops(data, keys, self.table, size_px=self.size_px)
        self._is_scaled = is_scaled
        self._levelled = lru_cache(maxsize=4096)(self._level)

    def __len__(self) -> int:
        return len(self.table)

    def read(self, number: int) -> tuple[FloatArray, NDArray[np.uint8]]:
        """Return the image (Y, X) and the classes (Y, X) of a tile."""
        plane, y, x = self._crops.place(number)
        return self._window(plane, slice(y, y + self.size_px), slice(x, x + self.size_px))

    def whole(self, plane: int) -> tuple[FloatArray, NDArray[np.uint8]]:
        """Return a whole image and its classes."""
        height, width = self._crops.plane(plane)[0].shape
        return self._window(plane, slice(0, height), slice(0, width))

    def planes_of(self, rows: BoolArray) -> list[int]:
        """Return the numbers of the planes in which some tiles lie."""
        return sorted({self._crops.place(int(i))[0] for i in np.flatnonzero(rows)})

    def tiles_of(self, plane: int, rows: BoolArray) -> Iterator[tuple[slice, slice]]:
        """Yield the windows of those tiles that lie in a plane."""
        for i in np.flatnonzero(rows):
            mine, y, x = self._crops.place(int(i))
            if mine == plane:
                yield slice(y, y + self.size_px), slice(x, x + self.size_px)

    @property
    def pixels(self) -> IntArray:
        """Pixels of each of the three classes in each tile, shape (n, 3)."""
        n = np.zeros((len(self), len(self.classes)), np.int64)
        given = [c.removeprefix("n_") for c in self.table if c.startswith("n_")]
        for name in given:
            if name != "uncertain":
                k = self.classes.index(name) if name in self.classes else 0
                n[:, k] += self.table[f"n_{name}"]
        return n

    @property
    def is_mixed(self) -> BoolArray:
        """True for tiles with more than one class: those that were kept."""
        return np.asarray((self.pixels > 0).sum(axis=1) > 1)

    def _window(self, plane: int, y: slice, x: slice) -> tuple[FloatArray, NDArray[np.uint8]]:
        image, classes = self._crops.plane(plane)
        if self._is_scaled:
            levelled = self._levelled(plane)
            shown = 2 * normalise(levelled[y, x], levelled.contrast.statistics) - 1
        else:
            shown = image[y, x]
        return np.asarray(shown, np.float32), self._merge[classes[y, x]]

    def _level(self, plane: int) -> LevelledPlane:
        return LevelledPlane(self._crops.plane(plane)[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class TilePlan:
    """What differs between trainings.

    Parameters
    ----------
    network : NetworkSettings or LibraryNetwork
    momentum : float
        Weight of the newest batch in the statistics of batch normalisation, as torch counts it.
    balance : float
        Weights of classes are their rarity to this power; 0: all alike.
    norms : {"kept", "swapped"}
        ``swapped``: scale and shift of every normalisation of the encoder change places and its
        statistics are those of a fresh network, as the published import did.
    seed : int
    """

    network: NetworkSettings | LibraryNetwork
    momentum: float
    balance: float
    norms: Literal["kept", "swapped"] = "kept"
    seed: int = 0


class PublishedViability:
    """One training of 2024: tiles in a shuffled order, nothing augmented, cross-entropy.

    Parameters
    ----------
    tiles : Tiles
    training, validation : ndarray of int
        Numbers of tiles.
    plan : TilePlan
    """

    def __init__(
        self, tiles: Tiles, training: IntArray, validation: IntArray, plan: TilePlan
    ) -> None:
        self._tiles, self._plan = tiles, plan
        self._training, self._validation = training, validation
        self.classes = tiles.classes
        share = np.maximum(tiles.pixels[training].sum(axis=0), 1).astype(float)
        share /= share.sum()
        weights = share**-plan.balance
        self.weights = tuple((weights / (weights * share).sum()).round(4).tolist())

    @property
    def seed(self) -> int:
        """Seed of the plan."""
        return self._plan.seed

    def build(self) -> nn.Module:
        """Return the network with its first weights, faults included."""
        settings = self._plan.network.replace(n_outputs=len(self.classes))
        network: Any
        if isinstance(settings, LibraryNetwork):
            network = build_network(settings, seed=self.seed)
            if self._plan.norms == "swapped":
                swap_norms(network.body.encoder)
        else:
            network = build_class_network(settings, seed=self.seed)
        set_momentum(network, self._plan.momentum)
        return network

    def batch(self, step: int, size: int) -> Batch:
        """Return images (B, 1, Y, X) and classes (B, Y, X) of a step."""
        n = len(self._training)
        chosen = []
        for k in range(step * size, (step + 1) * size):
            chosen.append(int(self._training[self._order(k // n)[k % n]]))
        return self._read(chosen)

    @lru_cache(maxsize=2)  # noqa: B019 # a task lives as long as its training
    def _order(self, epoch: int) -> IntArray:
        return np.random.default_rng([self.seed, epoch]).permutation(len(self._training))

    def loss(self, network: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the weighted cross-entropy; uncertain pixels do not count."""
        image, classes = batch
        weight = torch.tensor(self.weights, device=image.device)
        found = cross_entropy(
            network.logits(image).float(), classes, weight, ignore_index=UNCERTAIN
        )
        return {"loss": found}

    def validate(self, network: Any) -> Row:
        """Return loss and scores of each class on the validation tiles."""
        counts, losses, pixels = [], np.zeros(len(self.classes)), np.zeros(len(self.classes))
        weight = np.array(self.weights)
        for at in range(0, len(self._validation), _AT_ONCE):
            chosen = self._validation[at : at + _AT_ONCE]
            images, classes = self._read([int(i) for i in chosen])
            shares = probabilities(network, images)
            truth = classes.numpy().astype(np.uint8)
            for k in range(len(self.classes)):
                own = shares[:, k][truth == k]
                losses[k] += float(-np.log(np.maximum(own, 1e-12)).sum())
                pixels[k] += own.size
            maps = in_bytes(shares).swapaxes(0, 1).reshape(len(self.classes), -1, truth.shape[-1])
            counts.append(PixelCounts.of_plane(maps, truth.reshape(-1, truth.shape[-1])))
        if not counts:
            return {"auprc_mean": 0.0}
        total = PixelCounts.total(counts)
        row = score_row(total, self.classes)
        for k, name in enumerate(self.classes):
            if pixels[k]:
                row[f"loss_{name}"] = float(losses[k] / pixels[k])
        row["validation_loss"] = float((weight * losses).sum() / max((weight * pixels).sum(), 1.0))
        return row

    def _read(self, chosen: Sequence[int]) -> Batch:
        images, classes = zip(*(self._tiles.read(i) for i in chosen), strict=True)
        return (
            torch.from_numpy(np.stack(images)[:, None]),
            torch.from_numpy(np.stack(classes).astype(np.int64)),
        )


def set_momentum(network: nn.Module, momentum: float) -> None:
    """Give every batch normalisation this momentum (torch's meaning) and the published epsilon."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum, module.eps = momentum, EPSILON


def swap_norms(encoder: nn.Module) -> None:
    """Let scale and shift of normalisations change places, and forget their statistics."""
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            with torch.no_grad():
                scale = module.weight.clone()
                module.weight.copy_(module.bias)
                module.bias.copy_(scale)
            module.reset_running_stats()


def probabilities(network: Any, images: torch.Tensor) -> FloatArray:
    """Return (B, C, Y, X) that sum to 1 over C; Y and X are multiples of 16."""
    device = next(network.parameters()).device
    with torch.no_grad():
        found = torch.softmax(network.logits(images.to(device)).float(), dim=1)
    return np.asarray(found.cpu().numpy())


def in_bytes(shares: FloatArray) -> NDArray[np.uint8]:
    """Return probabilities as 0 to 255."""
    return np.asarray(np.rint(np.nan_to_num(shares) * 255), np.uint8)


def class_maps(network: Any, image: FloatArray) -> NDArray[np.uint8]:
    """Return the maps (C, Y, X) of a whole image, 0 to 255, block by block with a border."""
    padded = [(_HALO_PX, _HALO_PX + -n % DIVISOR) for n in image.shape]
    wide = np.pad(image, padded, mode="symmetric")
    rows, columns = (range(0, n + -n % DIVISOR, _BLOCK_PX) for n in image.shape)
    out: NDArray[np.uint8] | None = None
    for y in rows:
        for x in columns:
            high, across = min(_BLOCK_PX, image.shape[0] - y), min(_BLOCK_PX, image.shape[1] - x)
            sides = [n + -n % DIVISOR for n in (high, across)]
            part = wide[y : y + sides[0] + 2 * _HALO_PX, x : x + sides[1] + 2 * _HALO_PX]
            tensor = torch.from_numpy(np.ascontiguousarray(part)[None, None])
            maps = in_bytes(probabilities(network, tensor)[0])
            if out is None:
                out = np.zeros((len(maps), *image.shape), np.uint8)
            inner = maps[:, _HALO_PX : _HALO_PX + high, _HALO_PX : _HALO_PX + across]
            out[:, y : y + high, x : x + across] = inner
    if out is None:
        raise ValueError("the image has no pixels")
    return out
