"""A rendered time-lapse of nuclei with its exact truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cc3d
import numpy as np

from fatescope.base.image import Image
from fatescope.base.spacing import Spacing
from fatescope.base.table import Table
from fatescope.simulate.optics import blur, expose, simulated_illumination, wide_blur
from fatescope.simulate.population import PREROLL_MIN, Population, advance, settle
from fatescope.simulate.shapes import Character, chromatin_light, outline_patch, paint_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, IntArray, LabelImage
    from fatescope.simulate.settings import NucleiMovieSettings

_DEFOCUS = (0.0, 0.06, 0.12)  # blur of each layer, in diameters of a nucleus; not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class NucleiMovie:
    """What the camera saw, and what was there.

    Parameters
    ----------
    pixels : ndarray of uint16, shape (T, Y, X)
        Counts.
    labels : ndarray of unsigned int, shape (T, Y, X)
        0 = background; a nucleus keeps its number through time, daughters get new ones.
    spots : Table
        One row per nucleus and frame: ``id, frame, z, y, x, radius_um, parent`` (``parent`` is
        the ``id`` of the same nucleus, or of its mother, in an earlier frame, ``None`` where
        there is none), then ``label`` (its number in ``labels``) and ``phase``. ``y, x`` is the
        centre of the visible part, in px.
    spacing : Spacing
        µm per pixel and minutes per frame.
    """

    pixels: NDArray[np.uint16]
    labels: LabelImage
    spots: Table
    spacing: Spacing

    def image(self, *, name: str = "nuclei") -> Image:
        """Return the pixels as an `Image` with axes ``TYX`` and spacing."""
        return Image(pixels=self.pixels, axes="TYX", spacing=self.spacing, name=name)


def simulate_nuclei(settings: NucleiMovieSettings, *, seed: int) -> NucleiMovie:
    """Render a fluorescence time-lapse of moving and dividing nuclei, with exact truth.

    Parameters
    ----------
    settings : NucleiMovieSettings
        What is to be seen; the defaults give 12 frames of 320 x 320 px.
    seed : int
        The same seed and settings give the same movie, bit for bit.

    Returns
    -------
    NucleiMovie
        Pixels, labels, spots and spacing.

    Notes
    -----
    Nuclei are ellipses with wavy outlines that push each other and divide through condensed,
    plate-like and separating shapes. Light is their thickness times chromatin, blurred by a
    Gaussian point-spread function, with glow, uneven illumination, Poisson and read noise.
    Where two overlap, each pixel belongs to the one in which it lies deeper, so every nucleus
    is one piece. There is no third dimension: nothing lies above or below another nucleus.

    Examples
    --------
    >>> from fatescope.simulate import NucleiMovieSettings
    >>> movie = simulate_nuclei(NucleiMovieSettings(frames=2, height=64, width=64), seed=1)
    >>> movie.pixels.shape, movie.pixels.dtype
    ((2, 64, 64), dtype('uint16'))
    """
    growth, looks, camera = (np.random.default_rng([seed, part]) for part in range(3))
    lamp, ground = simulated_illumination(settings, looks)
    characters: dict[int, Character] = {}
    pixels, labels, records = [], [], []
    for frame, nuclei in enumerate(_frames(settings, growth)):
        minute = frame * settings.interval_min
        _meet(characters, nuclei, settings, looks)
        light, drawn = _draw(nuclei, characters, settings, minute=minute)
        light *= (1 - settings.bleaching) ** frame
        pixels.append(expose(light, lamp, ground, settings, camera))
        labels.append(drawn)
        records.append(_record(drawn, nuclei, frame=frame, minute=minute))
    spots, numbers = _link(Table.concatenate(records), spacing_um=settings.spacing_um)
    return NucleiMovie(
        pixels=np.stack(pixels),
        labels=np.asarray(numbers[np.stack(labels)]),
        spots=spots,
        spacing=Spacing.of(
            source="file",
            Y=settings.spacing_um,
            X=settings.spacing_um,
            T=settings.interval_min,
        ),
    )


def simulate_image(
    settings: NucleiMovieSettings, *, seed: int
) -> tuple[NDArray[np.uint16], LabelImage]:
    """Render one image: pixels and labels, both of shape (Y, X).

    Parameters
    ----------
    settings : NucleiMovieSettings
        As for `simulate_nuclei`; ``frames`` is taken as 1.
    seed : int
        The same seed and settings give the same image.

    Examples
    --------
    >>> from fatescope.simulate import NucleiMovieSettings
    >>> pixels, labels = simulate_image(NucleiMovieSettings(diameter_px=40), seed=3)
    >>> pixels.shape == labels.shape == (320, 320)
    True
    """
    movie = simulate_nuclei(settings.replace(frames=1), seed=seed)
    return movie.pixels[0], movie.labels[0]


def _frames(settings: NucleiMovieSettings, rng: np.random.Generator) -> list[Population]:
    """Return the population at each frame, after minutes without images."""
    nuclei = settle(settings, rng)
    lead = 9
    for step in range(lead):
        minute = PREROLL_MIN * (step / lead - 1)
        nuclei = advance(nuclei, settings, rng, minute=minute, step_min=PREROLL_MIN / lead)
    frames = [nuclei]
    for frame in range(settings.frames - 1):
        minute = frame * settings.interval_min
        step_min = settings.interval_min
        nuclei = advance(nuclei, settings, rng, minute=minute, step_min=step_min)
        frames.append(nuclei)
    return frames


def _meet(
    characters: dict[int, Character],
    nuclei: Population,
    settings: NucleiMovieSettings,
    rng: np.random.Generator,
) -> None:
    """Give every nucleus that is new its character; daughters share brightness and focus."""
    for identity, parent in zip(nuclei.identity.tolist(), nuclei.parent.tolist(), strict=True):
        if identity in characters:
            continue
        drawn = Character.draw(
            rng,
            brightness_spread=settings.brightness_spread,
            defocus_share=settings.defocus_share,
        )
        mother = characters.get(parent)
        if mother is not None:
            drawn = replace(drawn, brightness=mother.brightness, defocus=mother.defocus)
        characters[identity] = drawn


def _draw(
    nuclei: Population,
    characters: dict[int, Character],
    settings: NucleiMovieSettings,
    *,
    minute: float,
) -> tuple[FloatArray, IntArray]:
    """Return the blurred light of one moment, and labels that hold identity + 1."""
    shape = (settings.height, settings.width)
    length, width = nuclei.semi_axes(minute)
    found = [
        (i, patch)
        for i, identity in enumerate(nuclei.identity.tolist())
        if (
            patch := outline_patch(
                characters[identity],
                centre=nuclei.position[i],
                semi_axes=(float(length[i]), float(width[i])),
                angle=float(nuclei.angle[i]),
                shape=shape,
            )
        )
    ]
    numbers = np.array([nuclei.identity[i] + 1 for i, _ in found], dtype=np.int64)
    labels = _one_piece_each(paint_labels([p for _, p in found], numbers, shape=shape))
    layers = np.zeros((len(_DEFOCUS), *shape))
    condensed = nuclei.light(minute)
    for (i, patch), number in zip(found, numbers.tolist(), strict=True):
        character = characters[number - 1]
        shine = chromatin_light(
            character,
            patch,
            flatness=4.0 if condensed[i] < 1.2 else 2.5,
            texture=settings.texture / max(1.0, float(condensed[i])),
        )
        shine *= character.brightness * condensed[i]
        mine = labels[patch.where] == number
        layers[character.defocus][patch.where][mine] += shine[mine]
    return _focus(layers, settings), labels


def _focus(layers: FloatArray, settings: NucleiMovieSettings) -> FloatArray:
    """Blur each layer by its distance from the focus, and add the glow."""
    light = np.zeros(layers.shape[1:])
    for layer, defocus in zip(layers, _DEFOCUS, strict=True):
        if layer.any():
            light += blur(layer, float(np.hypot(settings.blur_px, defocus * settings.diameter_px)))
    near = wide_blur(light, 0.7 * settings.diameter_px)
    far = wide_blur(light, 3.0 * settings.diameter_px)
    return (1 - 0.5 * settings.haze) * light + settings.haze * (0.5 * near + 0.6 * far)


def _one_piece_each(labels: IntArray) -> IntArray:
    """Remove scraps that a neighbour cut off: every nucleus is one piece."""
    pieces = cc3d.connected_components(labels, connectivity=8)
    first = np.unique(pieces, return_index=True)[1]
    owner, size = labels.ravel()[first], np.bincount(pieces.ravel())
    order = np.lexsort((-np.arange(len(size)), size))  # the first of the largest comes last
    best = np.zeros(int(labels.max(initial=0)) + 1, dtype=np.int64)
    best[owner[order]] = order
    scrap = (best[owner] != np.arange(len(size))) & (owner > 0)
    return np.where(scrap[pieces], 0, labels) if scrap.any() else labels


def _record(labels: IntArray, nuclei: Population, *, frame: int, minute: float) -> Table:
    """Return one row per visible nucleus of a frame, with identities in place of ids."""
    size = np.bincount(labels.ravel())
    size[0] = 0
    seen = np.flatnonzero(size)
    at = np.nonzero(labels)
    centre = [np.bincount(labels[at], weights=a)[seen] / size[seen] for a in at]
    order = np.argsort(nuclei.identity, kind="stable")
    row = order[np.searchsorted(nuclei.identity[order], seen - 1)]
    names = nuclei.phase(minute)
    phase = np.array([names[r] for r in row], dtype=object)
    columns: dict[str, NDArray[Any]] = {
        "frame": np.full(len(seen), frame),
        "identity": seen,
        "mother": nuclei.parent[row] + 1,
        "y": centre[0],
        "x": centre[1],
        "area": size[seen],
        "phase": phase,
    }
    return Table(columns)


def _link(seen: Table, *, spacing_um: float) -> tuple[Table, IntArray]:
    """Return the spots, and the number of each identity, in order of appearance."""
    identity, mother = seen["identity"].tolist(), seen["mother"].tolist()
    number: dict[int, int] = {}
    last: dict[int, int] = {}
    parent: list[int | None] = []
    for row, (own, before) in enumerate(zip(identity, mother, strict=True)):
        number.setdefault(own, len(number) + 1)
        parent.append(last.get(own, last.get(before)))
        last[own] = row + 1
    lookup = np.zeros(max(identity, default=0) + 1, dtype=np.min_scalar_type(len(number)))
    lookup[list(number)] = list(number.values())
    spots = Table(
        {
            "id": np.arange(1, len(seen) + 1),
            "frame": seen["frame"],
            "z": np.zeros(len(seen)),
            "y": seen["y"],
            "x": seen["x"],
            "radius_um": np.sqrt(seen["area"] / np.pi) * spacing_um,
            "parent": np.array(parent, dtype=object),
            "label": lookup[seen["identity"]],
            "phase": seen["phase"],
        }
    )
    return spots, lookup
