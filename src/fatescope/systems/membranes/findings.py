"""What is odd about an image of membranes, its markers and the cells that were found."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import Finding, Image, Table, escape
from fatescope.models import (
    check_input,
    check_traits,
    describe_input,
    find_package,
    measure_grain,
    measure_traits,
    read_package,
)
from fatescope.predict.normalise import normalise, plane_statistics
from fatescope.systems.membranes.cells.grid import VolumeGrid
from fatescope.systems.membranes.cells.lines import measure_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fatescope.models import ModelDescription
    from fatescope.systems.membranes.cells import MembraneSettings
    from fatescope.systems.membranes.cells.frame import MembraneFrame

NAMED = 8
_WAISTED = 0.9
"""One embryo fills 0.97 to 0.98 of its ellipsoid, two that touch 0.79; planes of one 0.91 to 0.99,
but for caps of one cell."""
_PIECE = 0.15
"""Of the volume of a usual cell. In 42 rendered volumes of 12 to 120 cells the smallest true one
has 0.23, and all 22 found ones of less than 0.15 are pieces (decision record 0351)."""


def likeness_findings(
    image: Image, channel: int, spacing: Sequence[float], model: ModelDescription
) -> list[Finding]:
    """Say in what the middle of an image is unlike the training images, in one finding or none."""
    at = {a: image.size(a) // 2 for a in "Z" if a in image.axes}
    seen = traits_of_plane(image.read(T=0, C=channel, **at), spacing, model)
    if seen is None:
        return []
    traits, taken = seen
    reasons = check_input(describe_input(taken), model) or check_traits(traits, model)
    if not reasons:
        return []
    rates = f" {weighed.rates}" if (weighed := model.image.likeness) is not None else ""
    return [
        Finding(
            file=image.name,
            frame=0,
            rule="unlike-training",
            severity="warning",
            value=float(len(reasons)),
            reason=f"The image is unlike the training images of {model.name}: "
            f"{'; '.join(reasons)}. Invert the image if it is a negative, and look at the outlines "
            f"before you use the numbers.{rates}",
        )
    ]


@lru_cache(maxsize=1)
def shipped_membranes() -> ModelDescription:
    """Return what the shipped package knows of images: ridges alone were tried on the same ones."""
    return read_package(find_package("membrane")).description


def traits_of_plane(
    plane: NDArray[Any], spacing: Sequence[float], model: ModelDescription
) -> tuple[dict[str, float], NDArray[np.float32]] | None:
    """Measure what is weighed of a plane, and return it normalised, as taken.

    ``plane`` (Y, X); ``spacing``: of the axes of its image, in µm, Y and X last. Traits of its look
    are measured at about the network's pixel size; without any of a group there are none. ``None``
    of a flat plane.
    """
    statistics = plane_statistics(lambda: iter([plane]), percentiles=model.image.percentiles)
    if statistics.constant:
        return None
    taken = normalise(plane, statistics)
    step = model.image.spacing_um[-2:] if model.image.spacing_um else spacing[-2:]
    tile = VolumeGrid.of_step(spacing[-2:], shape=plane.shape, step=step).mean(taken)
    groups = (measure_traits(tile), measure_grain(taken), measure_lines(plane, spacing[-2:]))
    return ({k: v for g in groups for k, v in g.items()} if all(groups) else {}), taken


def lacking_findings(image: Image, frames: Sequence[int]) -> list[Finding]:
    """Say that frames of a film cannot be read."""
    if not frames:
        return []
    return [
        Finding(
            file=image.name,
            frame=frames[0],
            rule="unreadable",
            severity="warning",
            value=float(len(frames)),
            reason=f"{len(frames)} of {image.size('T')} frames cannot be decoded, the first is "
            f"{frames[0]}; they have no cells. A film that was cut may promise more than it has.",
        )
    ]


def marker_findings(image: Image, markers: Table, settings: MembraneSettings) -> Iterator[Finding]:
    """Say which markers are of no frame of an image, and which of its frames have none."""
    table = escape(Path(settings.markers)) if settings.markers else "the table of markers"
    n = image.size("T")
    frames = f"frame{'s 0 to' if n > 1 else ''} {n - 1}"
    late = markers["frame"] >= n
    if late.any():
        first, last = int(markers["frame"].min()), int(markers["frame"].max())
        yield Finding(
            file=image.name,
            rule="left-out",
            severity="warning",
            value=float(late.sum()),
            reason=f"{late.sum()} of {len(markers)} markers of {table} are of no frame of the "
            f"image: it has {frames}, and the table has frames {first} to {last}. Frames count "
            "from 0.",
        )
    without = sorted(set(range(n)) - set(markers["frame"].tolist()))
    if without:
        yield Finding(
            file=image.name,
            frame=without[0],
            rule="left-out",
            severity="warning" if len(without) == n else "info",
            value=float(len(without)),
            reason=f"{len(without)} of {n} frames have no marker in {table}, the first is "
            f"{without[0]}: they have no cells.",
        )
    depths = markers["z"][np.isfinite(markers["z"])]
    if image.size("Z") == 1 and depths.any():
        yield Finding(
            file=image.name,
            rule="left-out",
            severity="warning",
            value=float(np.count_nonzero(depths)),
            reason=f"The image is one plane, and {table} has markers of other planes: column z was "
            "not used.",
        )


def frame_findings(
    image: Image,
    t: int,
    values: NDArray[Any],
    found: MembraneFrame,
    points: NDArray[np.float64] | None,
) -> Iterator[Finding]:
    """Say what is odd about a frame: no membrane, markers without a cell."""
    place: dict[str, Any] = {"file": image.name, "frame": t}
    finite = values[np.isfinite(values)]
    if not found.looks_like_membrane and finite.size and finite.min() < finite.max():
        done = "Cells were drawn around the markers all the same; do not trust their borders."
        yield Finding(
            **place,
            rule="no-membrane",
            severity="warning",
            reason="Nothing here looks like membranes, bright sheets around cells. "
            + ("No cells were made up." if points is None else done),
        )
    if found.looks_like_membrane and (several := _several(found)):
        yield Finding(
            **place, rule="neighbour", severity="warning", value=several[0], reason=several[1]
        )
    if points is None and values.ndim == 3 and (pieces := _pieces(found.labels)):
        yield Finding(**place, rule="doubtful", severity="warning", **pieces)
    if found.outside:
        listed = ", ".join(map(str, found.outside[:NAMED]))
        yield Finding(
            **place,
            rule="doubtful",
            severity="warning",
            value=float(len(found.outside)),
            reason=f"{len(found.outside)} of {0 if points is None else len(points)} starting "
            f"points lie outside of the embryo's membrane (labels {listed}"
            f"{', ...' if len(found.outside) > NAMED else ''}): only a small ball was drawn "
            "around each.",
        )
    if found.together:
        listed = "; ".join(", ".join(map(str, g)) for g in found.together[:NAMED])
        yield Finding(
            **place,
            rule="doubtful",
            severity="warning",
            value=float(len(found.together)),
            reason=f"No wall was found between the cells {listed}"
            f"{'; ...' if len(found.together) > NAMED else ''}, which start from markers of their "
            "own: two markers may lie in one cell. The border between them is a guess.",
        )


def _pieces(labels: NDArray[np.int32]) -> dict[str, Any]:
    """Say which cells of a volume are far too small; empty where none is."""
    volume = np.bincount(labels.ravel())[1:]
    if not len(volume):
        return {}
    rising = np.sort(volume)
    usual = rising[np.searchsorted(np.cumsum(rising), rising.sum() / 2)]
    small = (np.flatnonzero(volume < _PIECE * usual) + 1).tolist()
    if not small:
        return {}
    listed = ", ".join(map(str, small[:NAMED])) + (", ..." if len(small) > NAMED else "")
    return {
        "value": float(len(small)),
        "reason": f"{len(small)} of {len(volume)} cells (labels {listed}) have less than "
        f"{_PIECE:.0%} of the volume of a usual cell here: polar bodies, or pieces that haze cut "
        "off, as above and below an embryo of few cells or where planes lie far apart. Look at "
        "them before you count; --nuclei-channel or --markers says where cells are.",
    }


def _several(found: MembraneFrame) -> tuple[float, str] | None:
    """Say that the field seems to hold several embryos; ``None`` where it does not."""
    shape = found.shape
    if shape is None:
        return None
    if shape.bodies > 1:
        return float(shape.bodies), (
            f"{shape.bodies} bodies lie apart in the field. The cells of all of them were found "
            "and are in one table: crop the image to one embryo if you count the cells of one."
        )
    if found.labels.max(initial=0) > 1 and shape.ellipse_fill < _WAISTED:
        return round(shape.ellipse_fill, 3), (
            f"The outer surface fills {shape.ellipse_fill:.2f} of its own ellipse (that of one "
            "embryo 0.97): two embryos may touch, or it is no embryo. Cells of all of it were "
            "found: crop the image to one embryo if you count the cells of one."
        )
    return None
