"""The mean embryo: where each cell is, when it is born, and how much embryos differ.

Axes of the atlas are right-handed like x, y, z of an image: AP (grows towards posterior),
DV (towards dorsal), LR (towards left); lengths are µm of the compressed embryos it was made
from, times are minutes in which a cell of the AB16 generation lives 24 minutes, and 0 is the
first division of AB.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.errors import FileFormatError, InputError
from fatescope.base.sulston_tree import all_names, daughters_of
from fatescope.lineage.neighbours import Neighbours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import BoolArray, FloatArray, IntArray

NODES = 5
"""Positions are kept at five moments of a cell's life: 0, 1/4, 1/2, 3/4 and 1."""
ATLAS_VERSION = 1
AXES = ("AP", "DV", "LR")
AB16_MIN = 24.0
"""Defines a minute of the atlas: so many a cell of the AB16 generation lives (the median of EPIC
tables: 24 frames of 60 s, 16 of 90 s)."""
FITTED = "lineage/shipped/celegans-names-1.toml"
"""What was fitted to embryos, for `fatescope.storage.read_fitted`."""
NEVER_MIN = 400.0
"""Division time of a cell that was never seen to divide."""


@dataclass(frozen=True)
class Atlas:
    """Arrays have one entry per name, in the order of `fatescope.base.sulston_tree.all_names`.

    Parameters
    ----------
    known : ndarray of bool, shape (n,)
        The cell was seen often enough to have a position and a birth.
    birth_min, birth_sd : ndarray of float, shape (n,)
    life_min, life_sd : ndarray of float, shape (n,)
        Median life in minutes, and the spread of its logarithm; of cells that were never seen to
        divide, a length that only scales their positions.
    n_lives : ndarray of int, shape (n,)
        Embryos in which the whole life was seen.
    position : ndarray of float, shape (n, 5, 3)
        Along AP, DV, LR in µm at the five moments of life.
    covariance : ndarray of float, shape (n, 3, 3)
        Of single embryos about ``position``, after the linear map, in µm².
    axis : ndarray of float, shape (n, 3)
        Mean direction from the first to the second daughter (a to p, l to r, d to v).
    axis_length : ndarray of float, shape (n,)
        Mean resultant length of that direction; NaN where unknown.
    modes : ndarray of float, shape (m, n, 5, 3)
        Directions in which whole embryos differ, of unit length over all cells.
    mode_variance : ndarray of float, shape (m,)
    metadata : dict
        Plain values: version, embryos, poses.
    n_births : ndarray of int, shape (n,)
        Embryos in which the birth was seen; 0 in files that do not say it.
    settled_axis : ndarray of float, shape (n, 3)
        Mean of unit vectors as ``axis``, but in the second frame of the daughters' life, when the
        spindle has turned; its length says how well embryos agree, 0 where it is unknown.
    n_axes : ndarray of int, shape (n,)
        Embryos behind ``settled_axis``.
    neighbours : Neighbours
        Which cells lie beside one another, and in how many embryos.
    """

    known: BoolArray
    birth_min: FloatArray
    birth_sd: FloatArray
    life_min: FloatArray
    life_sd: FloatArray
    n_lives: IntArray
    position: FloatArray
    covariance: FloatArray
    axis: FloatArray
    axis_length: FloatArray
    modes: FloatArray
    mode_variance: FloatArray
    metadata: dict[str, Any] = field(default_factory=dict)
    n_births: IntArray = field(default_factory=lambda: np.zeros(len(all_names()), dtype=np.int64))
    settled_axis: FloatArray = field(default_factory=lambda: np.zeros((len(all_names()), 3)))
    n_axes: IntArray = field(default_factory=lambda: np.zeros(len(all_names()), dtype=np.int64))
    neighbours: Neighbours = field(default_factory=Neighbours.none)

    def __post_init__(self) -> None:
        n = len(all_names())
        for name, shape in (
            ("position", (n, NODES, 3)),
            ("covariance", (n, 3, 3)),
            ("axis", (n, 3)),
            ("settled_axis", (n, 3)),
        ):
            got = getattr(self, name).shape
            if got != shape:
                raise InputError(f"`{name}` of an atlas must have shape {shape}; got {got}.")

    def __len__(self) -> int:
        return len(self.known)

    @cached_property
    def names(self) -> NDArray[Any]:
        """All names, as an array of str."""
        return np.array(all_names(), dtype=object)

    @cached_property
    def index(self) -> dict[str, int]:
        """The place of each name."""
        return {name: i for i, name in enumerate(all_names())}

    @cached_property
    def daughters(self) -> IntArray:
        """Places of the two daughters, shape (n, 2); -1 for terminal cells."""
        pairs = np.full((len(self), 2), -1)
        for name, i in self.index.items():
            if daughters_of(name):
                pairs[i] = [self.index[d] for d in daughters_of(name)]
        return pairs

    @cached_property
    def mother(self) -> IntArray:
        """Place of the mother, or -1."""
        mother = np.full(len(self), -1)
        has = self.daughters[:, 0] >= 0
        mother[self.daughters[has]] = np.flatnonzero(has)[:, None]
        return mother

    @cached_property
    def division_min(self) -> FloatArray:
        """When each cell divides; `NEVER_MIN` where that was not seen."""
        seen = self.n_lives >= 3
        return np.where(seen, self.birth_min + self.life_min, NEVER_MIN)

    @cached_property
    def position_sd(self) -> FloatArray:
        """Spread along each axis in µm, shape (n, 3)."""
        return np.asarray(np.sqrt(np.einsum("nii->ni", self.covariance)))

    @cached_property
    def concentration(self) -> FloatArray:
        """How sharply division directions concentrate (kappa of von Mises and Fisher)."""
        r = np.clip(np.where(np.isfinite(self.axis_length), self.axis_length, 0.8), 0.5, 0.975)
        return np.asarray(np.clip(r * (3 - r**2) / (1 - r**2), 2.0, 20.0))

    @cached_property
    def count_curve(self) -> tuple[FloatArray, FloatArray]:
        """Minutes, and the number of cells then (smoothed over six minutes, never falling)."""
        from scipy.ndimage import gaussian_filter1d

        minutes = np.arange(-26.0, 230.0, 0.5)
        alive = (self.birth_min[self.known] <= minutes[:, None]) & (
            minutes[:, None] < self.division_min[self.known]
        )
        count = np.maximum(np.maximum.accumulate(alive.sum(1)), 1)
        return minutes, 2 ** gaussian_filter1d(np.log2(count), 6)

    def neighbours_of(self, name: str, *, share: float = 0.5) -> dict[str, float]:
        """Return the cells beside a cell, with the share of embryos that show it, most first.

        ``name``: Sulston name; ``share``: least share of the embryos in which both cells live at
        the same time.

        Raises `InputError` if no cell of the embryo has that name.
        """
        if name not in self.index:
            raise InputError(f"{name!r} is no cell of the embryo. Give a name such as ABpla.")
        pair, i = self.neighbours.pair, self.index[name]
        mine = np.flatnonzero((pair == i).any(axis=1) & (self.neighbours.share >= share))
        other = {str(self.names[pair[m].sum() - i]): float(self.neighbours.share[m]) for m in mine}
        return dict(sorted(other.items(), key=lambda item: (-item[1], item[0])))

    def alive(self, minute: float, *, margin: float = 0.0) -> IntArray:
        """Return the places of the known cells that live within ``margin`` of ``minute``."""
        near = (self.birth_min <= minute + margin) & (self.division_min > minute - margin)
        return np.flatnonzero(near & self.known)


def at_phase(nodes: FloatArray, name: IntArray, phase: FloatArray) -> FloatArray:
    """Interpolate positions over life.

    ``nodes`` (n, 5, 3); ``name``: places in the first axis; broadcasts against ``phase``;
    ``phase``: 0 at birth, 1 at division; clipped.

    The result: shape of ``phase`` and 3.
    """
    place = np.clip(phase, 0, 1) * (NODES - 1)
    lower = np.minimum(place.astype(np.int64), NODES - 2)
    part = (place - lower)[..., None]
    return np.asarray(nodes[name, lower] * (1 - part) + nodes[name, lower + 1] * part)


_SMALL = ("birth_min", "birth_sd", "life_min", "life_sd", "axis_length")


def atlas_arrays(atlas: Atlas) -> dict[str, np.ndarray]:
    """Return what a file needs: half precision for positions and modes, and known cells only."""
    known = np.flatnonzero(atlas.known)
    upper = np.triu_indices(3)
    return {
        "known": known.astype(np.int16),
        "position": atlas.position[known].astype(np.float32),
        "covariance": atlas.covariance[known][:, *upper].astype(np.float32),
        "modes": atlas.modes[:, known].astype(np.float16),
        "mode_variance": atlas.mode_variance.astype(np.float32),
        "axis": atlas.axis.astype(np.float16),
        "n_lives": atlas.n_lives.astype(np.int16),
        "n_births": atlas.n_births.astype(np.int16),
        "settled_axis": atlas.settled_axis.astype(np.float16),
        "n_axes": atlas.n_axes.astype(np.int16),
        "neighbour_pair": atlas.neighbours.pair.astype(np.int16),
        "neighbour_percent": np.round(100 * atlas.neighbours.share).astype(np.uint8),
        "neighbour_embryos": atlas.neighbours.n_embryos.astype(np.int16),
        **{name: getattr(atlas, name).astype(np.float32) for name in _SMALL},
    }


def atlas_from_arrays(arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> Atlas:
    """Unpack the arrays of a file.

    Raises
    ------
    FileFormatError
        If the version is unknown or an array is missing or has an impossible shape.
    """
    if metadata.get("version") != ATLAS_VERSION:
        raise FileFormatError(
            f"the atlas has version {metadata.get('version')}; this program reads "
            f"{ATLAS_VERSION}. Build it again with `fatescope lineage atlas`."
        )
    try:
        return _unpacked(arrays, metadata)
    except (KeyError, ValueError, IndexError) as error:
        raise FileFormatError(f"the atlas is damaged ({error}). Build it again.") from error


def _unpacked(arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> Atlas:
    n, m = len(all_names()), len(arrays["modes"])
    place = arrays["known"].astype(np.int64)
    known = np.zeros(n, bool)
    known[place] = True
    position, modes = np.zeros((n, NODES, 3)), np.zeros((m, n, NODES, 3))
    covariance = np.tile(np.eye(3), (n, 1, 1))
    position[place], modes[:, place] = arrays["position"], arrays["modes"]
    for k, (i, j) in enumerate(zip(*np.triu_indices(3), strict=True)):
        covariance[place, i, j] = covariance[place, j, i] = arrays["covariance"][:, k]
    later: dict[str, Any] = {name: arrays[name].astype(np.float64) for name in _SMALL}
    if "settled_axis" in arrays:  # files of before lack these
        later |= {name: arrays[name].astype(np.int64) for name in ("n_births", "n_axes")}
        later["settled_axis"] = arrays["settled_axis"].astype(np.float64)
        later["neighbours"] = Neighbours(
            pair=arrays["neighbour_pair"].astype(np.int64),
            share=arrays["neighbour_percent"] / 100,
            n_embryos=arrays["neighbour_embryos"].astype(np.int64),
        )
    return Atlas(
        known=known,
        position=position,
        covariance=covariance,
        modes=modes,
        mode_variance=arrays["mode_variance"].astype(np.float64),
        axis=arrays["axis"].astype(np.float64),
        n_lives=arrays["n_lives"].astype(np.int64),
        metadata=metadata,
        **later,
    )
