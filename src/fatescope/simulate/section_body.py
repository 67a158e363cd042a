"""An embryo in a section: cells, cytoplasm, nuclei with their chromatin, yolk, vacuoles, shell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cc3d
import numpy as np
from scipy import ndimage as ndi
from scipy.spatial import cKDTree

from fatescope.simulate.optics import smooth_field
from fatescope.simulate.section_background import BLACK, draw_digit, stamp
from fatescope.simulate.shapes import Character, outline_patch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, IntArray
    from fatescope.simulate.settings import SectionSettings

CELL = 2.2
"""Diameter of a cell beside that of its nucleus; 2.1 to 2.5 in sections of early embryos."""

_LEAST_PX = 12
"""Fewer pixels than this are no nucleus that could be recognised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Where cells are: their points, and for each pixel the nearest one."""

    points: FloatArray  # (n, 2) y, x in px
    owner: IntArray  # (Y, X) index of the nearest point
    inside: NDArray[np.bool_]  # (Y, X) the embryo
    to_wall: FloatArray  # (Y, X) distance to the wall between two cells, about, px


def draw_section_body(
    image: FloatArray, settings: SectionSettings, rng: np.random.Generator
) -> tuple[IntArray, NDArray[np.bool_]]:
    """Draw an embryo onto resin, in place.

    Returns
    -------
    labels : ndarray of int32, shape (Y, X)
        Nuclei, 1..n.
    inside : ndarray of bool, shape (Y, X)
        Where the embryo is.
    """
    cells = place_cells((image.shape[0], image.shape[1]), settings, rng)
    _draw_shell(image, cells, settings, rng)
    _draw_cytoplasm(image, cells, settings, rng)
    labels = np.zeros(image.shape, np.int32)
    _draw_granules(image, cells, settings, rng)
    for cell in range(len(cells.points)):
        if rng.random() < settings.nucleus_share:
            _draw_nucleus(image, labels, cells, cell, settings, rng)
    return labels, cells.inside


def place_cells(
    shape: tuple[int, int], settings: SectionSettings, rng: np.random.Generator
) -> Cells:
    """Place the cells of an embryo: relaxed points in an ellipse, and what is nearest to each."""
    n, size = settings.cells, CELL * settings.diameter_px
    radius = size * np.sqrt(n) / 2
    aspect = rng.uniform(1.0, 1.5)
    axes = np.array([radius / np.sqrt(aspect), radius * np.sqrt(aspect)])
    middle = np.array(shape) / 2
    centre = middle + rng.uniform(-0.5, 0.5, 2) * np.maximum(np.array(shape) - 1.6 * radius, 20)
    turn = rng.uniform(0, np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    flat = _relaxed(n, rng) * axes
    points = flat @ rotation.T + centre
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    swell = 0.1 * size
    y, x = (
        c + swell * smooth_field(shape, rng, cells=max(3, int(shape[0] / size))) for c in (y, x)
    )
    near, owner = cKDTree(points).query(np.stack([y, x], axis=-1), k=min(2, n))
    if n == 1:
        near, owner = near[..., None], owner[..., None]
    own = np.stack([y - centre[0], x - centre[1]], axis=-1) @ rotation / axes
    lumpy = near[..., 0] < 0.68 * size
    inside = (np.hypot(own[..., 0], own[..., 1]) < 1.05) & lumpy
    to_wall = (near[..., 1] - near[..., 0]) / 2 if n > 1 else np.full(shape, np.inf)
    return Cells(points=points, owner=owner[..., 0], inside=inside, to_wall=to_wall)


def _relaxed(n: int, rng: np.random.Generator) -> FloatArray:
    """Return points in the unit disc that keep away from each other."""

    def in_disc(count: int) -> FloatArray:
        rho, theta = np.sqrt(rng.random(count)), rng.uniform(0, 2 * np.pi, count)
        return np.stack([rho * np.sin(theta), rho * np.cos(theta)], axis=1)

    points, cloud = in_disc(n), in_disc(80 * n)
    for _ in range(3):
        nearest = cKDTree(points).query(cloud)[1]
        count = np.maximum(np.bincount(nearest, minlength=n), 1)
        sums = [np.bincount(nearest, weights=cloud[:, a], minlength=n) for a in (0, 1)]
        points = np.where((count > 1)[:, None], np.stack(sums, axis=1) / count[:, None], points)
    return points


def _draw_shell(
    image: FloatArray, cells: Cells, settings: SectionSettings, rng: np.random.Generator
) -> None:
    """Draw the bright gap around the embryo and a thin, wavy eggshell."""
    gap = rng.uniform(0.05, 0.35) * settings.diameter_px
    outside = ndi.distance_transform_edt(~cells.inside)
    wavy = outside + 0.5 * gap * smooth_field(image.shape, rng, cells=9)
    image[wavy < gap] = rng.uniform(0.85, 0.94)
    if rng.random() < 0.85:
        width = rng.uniform(0.6, 2.2)
        image[np.abs(wavy - gap) < width] = rng.uniform(0.35, 0.65)


def _draw_cytoplasm(
    image: FloatArray, cells: Cells, settings: SectionSettings, rng: np.random.Generator
) -> None:
    """Fill the embryo with grain of several sizes, and draw the walls between cells."""
    shape, size = image.shape, settings.diameter_px
    shade = settings.cytoplasm + rng.normal(0, 0.02, len(cells.points))[cells.owner]
    for sigma, strength in ((0.7, 0.075), (0.05 * size, 0.035), (0.2 * size, 0.02)):
        shade += strength * rng.uniform(0.4, 1.6) * _grain(shape, sigma, rng)
    curls = _grain(shape, 0.08 * size, rng)
    shade -= rng.uniform(0, 0.12) * np.exp(-((curls / 0.15) ** 2))  # sheets of membrane
    wall = rng.uniform(0.4, 1.2)
    shade[cells.to_wall < wall] -= rng.uniform(0.05, 0.25)
    if rng.random() < 0.4:
        shade[(cells.to_wall >= wall) & (cells.to_wall < 2 * wall + 0.5)] += 0.15
    rim = ndi.distance_transform_edt(cells.inside)
    shade[rim < 1.5] -= 0.12
    image[cells.inside] = np.clip(shade, BLACK, 0.9)[cells.inside]


def _grain(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> FloatArray:
    """Return random structure of one size, with mean 0 and standard deviation 1."""
    grain = ndi.gaussian_filter(rng.normal(0, 1, shape), sigma)
    return np.asarray(grain / max(float(grain.std()), 1e-9))


def _draw_granules(
    image: FloatArray, cells: Cells, settings: SectionSettings, rng: np.random.Generator
) -> None:
    """Draw dark yolk granules and bright vacuoles, in groups."""
    size = settings.diameter_px
    places = np.argwhere(cells.inside)
    if not len(places):
        return
    density = len(places) / size**2
    crowd = smooth_field(image.shape, rng, cells=6)[cells.inside]
    dark = rng.uniform(0.08, 0.25)
    for amount, sign, radii, value in (
        (7 * settings.granules, 1, (0.05, 0.16), dark),
        (3 * settings.vacuoles, -1, (0.03, 0.12), 0.85),
        (0.35 * settings.vacuoles, -1, (0.12, 0.24), 0.85),
    ):
        share = np.exp(2.5 * sign * crowd)
        chosen = rng.choice(len(places), rng.poisson(amount * density), p=share / share.sum())
        for at in places[chosen].astype(float):
            grey = value + rng.normal(0, 0.06)
            stamp(image, at, rng.uniform(*radii) * size, min(max(grey, BLACK), 0.93), rng=rng)


def _draw_nucleus(
    image: FloatArray,
    labels: IntArray,
    cells: Cells,
    cell: int,
    settings: SectionSettings,
    rng: np.random.Generator,
) -> None:
    """Draw the nucleus of one cell and its label, unless hardly anything of it is in sight."""
    size = settings.diameter_px * np.exp(rng.normal(0, 0.1))
    cap = np.sqrt(1 - rng.uniform(0, 0.85) ** 2) / 0.87  # the section passes above the middle
    aspect = np.exp(rng.uniform(0, 0.35))
    character = Character.draw(rng, brightness_spread=0.0, defocus_share=0.0)
    patch = outline_patch(
        character,
        centre=cells.points[cell] + rng.normal(0, 0.12 * size, 2),
        semi_axes=(size * cap * np.sqrt(aspect) / 2, size * cap / np.sqrt(aspect) / 2),
        angle=rng.uniform(0, np.pi),
        shape=(image.shape[0], image.shape[1]),
    )
    if patch is None:
        return
    there = cells.inside[patch.where] & (cells.owner[patch.where] == cell)
    mine = _largest_piece((patch.depth > 0) & there & (cells.to_wall[patch.where] > 1))
    if mine.sum() < _LEAST_PX:
        return
    labels[patch.where][mine] = labels.max() + 1
    grey = settings.cytoplasm + settings.contrast * (0.9 - settings.cytoplasm)
    inner = np.full(mine.shape, grey) + 0.03 * _grain(mine.shape, 0.7, rng)
    ragged = patch.depth + 0.05 * _grain(mine.shape, 0.06 * size, rng)
    edge = rng.uniform(0.03, 0.1)
    share = np.clip(ragged / edge, 0, 1) * mine
    _darken(inner, patch.u, settings, rng)
    where = image[patch.where]
    where += share * (np.clip(inner, BLACK, 0.95) - where)
    if rng.random() < 0.5:
        envelope = np.exp(-((patch.depth / 0.03) ** 2)) * there
        where -= rng.uniform(0.05, 0.3) * envelope
    if rng.random() < settings.marks:
        at = cells.points[cell] + rng.uniform(-0.35, 0.1, 2) * size
        tall = max(5.0, rng.uniform(0.2, 0.4) * size)
        draw_digit(image, int(rng.integers(0, 8)), at, tall=tall, value=BLACK, width=tall / 6)


def _darken(
    inner: FloatArray, u: FloatArray, settings: SectionSettings, rng: np.random.Generator
) -> None:
    """Put clumps of chromatin, and at times a nucleolus, into a nucleus, in place."""
    n = int(rng.poisson(22 * settings.chromatin))
    groups = 0.85 * np.sqrt(rng.random(12)) * np.exp(2j * np.pi * rng.random(12))
    places = groups[rng.integers(0, 12, n)] + 0.2 * (rng.normal(size=n) + 1j * rng.normal(size=n))
    widths, depths = rng.uniform(0.04, 0.13, n), rng.uniform(0.15, 0.6, n)
    if rng.random() < 0.25:
        places, widths = np.append(places, 0.3 * rng.normal()), np.append(widths, 0.2)
        depths = np.append(depths, rng.uniform(0.2, 0.5))
    clumps = np.zeros(inner.shape)
    for place, width, depth in zip(places, widths, depths, strict=True):
        away = (u[0] - place.real) ** 2 + (u[1] - place.imag) ** 2
        np.maximum(clumps, depth * np.exp(-((away / (2 * width**2)) ** 2)), out=clumps)
    inner -= clumps


def renumbered(labels: IntArray) -> IntArray:
    """Return labels 1..n of the nuclei of which enough is left: the largest piece of each."""
    out = np.zeros_like(labels)
    n = 0
    for label in range(1, int(labels.max(initial=0)) + 1):
        piece = _largest_piece(labels == label)
        if piece.sum() >= _LEAST_PX:
            n += 1
            out[piece] = n
    return out


def _largest_piece(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest connected part of a region."""
    pieces = cc3d.connected_components(region, connectivity=4)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray(region & (pieces == int(sizes.argmax())))
