"""What a network gives: one small class for each kind, with the settings of its decoder.

A decoder is a plain function that takes what the network gave and one of these values. A task
whose output is of a new kind brings a class like these and its decoder, in a file of its own:
`ModelDescription.output_as` reads it from any package (decision record 0146).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Discriminator,
    SerializeAsAny,
    StringConstraints,
    Tag,
    model_validator,
)

from fatescope.base.settings import Settings, setting

DISTANCE_MAPS = ("foreground", "distance", "border")
"""What is climbed: distance to the outline, less the borders between nuclei that touch."""

PLANE_MAPS, SOLID_MAPS = ("foreground", "depth", "light"), ("foreground", "distance")
"""What a network in space is shown of planes, and what it draws (`predict/solid_maps.py`)."""

OFFSET_MAPS = ("foreground", "down", "across")
"""What votes: 0.5 + the way to the centre of the nucleus / 64, in working pixels."""

BOUNDARY_MAPS = ("foreground", "boundary")
"""What many networks from elsewhere draw; foreground less boundary stands for the distance to it
(decision record 0371)."""

LEAST_RAYS = 8
"""With fewer rays a polygon is no outline of a nucleus; published networks have 32 or more."""


def star_maps(rays: int) -> tuple[str, ...]:
    """Return the maps of a star-convex network: probability, and how far the outline is by ray.

    Ray ``k`` points ``k / rays`` of a turn from the axis X towards the axis Y; its length is in
    working pixels. In volumes rays lie on a spiral (`fatescope.predict.decoders.polyhedra`).

    References
    ----------
    Schmidt, Weigert, Broaddus and Myers, MICCAI 2018, doi 10.1007/978-3-030-00934-2_30.
    """
    return ("probability", *(f"ray-{k}" for k in range(rays)))


ShortName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]

Form = Literal["maps", "values", "boxes"]
"""Values for each pixel (B, C, *axes), for each item (B, C), for any number of boxes (B, N, C)."""


class Output(Settings):
    """Base of all kinds: what the values are called, and how they are laid out."""

    kind: ShortName = setting(..., "what is given")
    form: Form = setting(..., "one vector for each pixel, each item, or each box")
    channels: tuple[str, ...] = setting(..., "what the values are, in order", min_length=1)

    def fits(self, given: tuple[int, ...], taken: tuple[int, ...]) -> bool:
        """Say whether the network may give an array of this shape for one of shape ``taken``."""
        n = len(self.channels)
        match self.form:
            case "maps":
                return given == (taken[0], n, *taken[2:])
            case "values":
                return given == (taken[0], n)
            case "boxes":
                return len(given) == 3 and (given[0], given[2]) == (taken[0], n)


class Thresholds(Settings):
    """How maps become instances; chosen on validation units, never on test units.

    All lengths and areas are in pixels of the working grid, where a nucleus is about
    ``diameter_px`` across. ``votes`` and ``apart_px`` are for models that draw offsets; ``core``,
    ``border_weight`` and ``merge_...`` for models that draw distance and border; ``most_overlap``
    for star-convex models, whose ``foreground`` is the least probability of a polygon.
    """

    foreground: float = setting(0.5, "least foreground of a pixel of a nucleus", gt=0, lt=1)
    core: float = setting(
        0.45, "least smoothed distance, minus border, of a pixel in a nucleus's core", gt=0, lt=1
    )
    border_weight: float = setting(
        0.5, "how much of the border map is taken off the distance map", ge=0, le=2
    )
    merge_border: float = setting(
        0.1, "fragments whose common edge has less border than this are one nucleus", ge=0, le=1
    )
    merge_distance: float = setting(
        0.6, "and whose distance map along the common edge is above this", ge=0, le=1
    )
    votes: float = setting(3.0, "least smoothed votes for the centre of a nucleus", gt=0)
    apart_px: int = setting(
        6, "centres are highest within this distance, along both axes", unit="px", ge=1, le=7
    )
    most_overlap: float = setting(
        0.4,  # of StarDist, where a network was given none of its own
        "of two polygons that share more of the smaller one, the less probable is dropped",
        ge=0,
        le=1,
    )
    min_area_px: int = setting(20, "smaller objects are dropped", unit="px", ge=0)
    min_score: float = setting(0.0, "objects whose mean foreground is less are dropped", ge=0, le=1)


class InstanceMaps(Output):
    """Maps that are divided into objects: those of ours, `BOUNDARY_MAPS` or `star_maps`."""

    kind: Literal["instance-maps"] = setting("instance-maps", "what is given")
    form: Literal["maps"] = setting("maps", "one vector for each pixel")
    channels: tuple[str, ...] = setting(DISTANCE_MAPS, "maps, in order", min_length=1)
    thresholds: Thresholds = setting(Thresholds(), "how maps become instances")
    stride_px: int = setting(
        1, "distance of the pixels for which a star-convex model gives values", unit="px", ge=1
    )

    anisotropy: tuple[float, float, float] = setting(
        (1.0, 1.0, 1.0),
        "of a star-convex model of volumes: size of a voxel along Z, Y and X, as its rays have it",
    )

    @property
    def rays(self) -> int:
        """Rays of a star-convex model; 0 of any other."""
        n = len(self.channels) - 1
        return n if n >= LEAST_RAYS and self.channels == star_maps(n) else 0

    def fits(self, given: tuple[int, ...], taken: tuple[int, ...]) -> bool:
        """Say whether the network may give an array of this shape for one of shape ``taken``."""
        if self.rays and len(taken) == 5:  # volumes are thinned by another step along each axis
            return given[:2] == (taken[0], len(self.channels))
        space = (-(-n // self.stride_px) for n in taken[2:])
        return given == (taken[0], len(self.channels), *space)

    @model_validator(mode="after")
    def _only_stars_leave_pixels_out(self) -> InstanceMaps:
        if self.stride_px > 1 and not self.rays:
            raise ValueError("stride_px is for star-convex models: others draw every pixel")
        return self


class MembraneMaps(Output):
    """Where membranes are: cells are flooded from markers up to them."""

    kind: Literal["membrane-maps"] = setting("membrane-maps", "what is given")
    form: Literal["maps"] = setting("maps", "one vector for each pixel")
    channels: tuple[str, ...] = setting(("membrane",), "maps, in order", min_length=1)
    membrane: float = setting(0.5, "least probability of a pixel of a membrane", gt=0, lt=1)


class PixelClasses(Output):
    """The probability of each class at each pixel; pixels of two classes may make objects.

    All lengths and areas are in pixels of the working grid.
    """

    kind: Literal["pixel-classes"] = setting("pixel-classes", "what is given")
    form: Literal["maps"] = setting("maps", "one vector for each pixel")
    least_p: float = setting(
        0.0, "pixels whose likeliest class is less likely are of no class", ge=0, le=1
    )
    live: str = setting("", "class of the nuclei of living cells; empty: there are no objects")
    dead: str = setting("", "class of the nuclei of dead cells; empty: there are no objects")
    foreground: float = setting(
        0.5, "least probability, of both classes together, of a pixel of an object", gt=0, lt=1
    )
    apart_px: float = setting(
        5.0, "middles of two objects that touch are at least so far apart", unit="px", ge=1
    )
    min_area_px: int = setting(12, "smaller objects are dropped", unit="px", ge=0)
    least_dead: float = setting(0.5, "objects are dead from this probability on", gt=0, lt=1)

    @model_validator(mode="after")
    def _objects_are_of_known_classes(self) -> PixelClasses:
        if bool(self.live) != bool(self.dead) or (self.live and self.live == self.dead):
            raise ValueError("live and dead are two classes, or both empty")
        unknown = [c for c in (self.live, self.dead) if c and c not in self.channels]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is none of the channels {', '.join(self.channels)}")
        return self


BOX_CORNERS = ("y0", "x0", "y1", "x1", "score")
"""What every box begins with; the probability of each class follows."""


class Boxes(Output):
    """Boxes with classes: ``y0, x0, y1, x1``, score, and the probability of each class.

    The network proposes one box at each point of a grid, in reading order: points lie
    ``stride_px`` apart along Y and X, the first at half of that. What is proposed is thinned by
    peaks and by overlap.
    """

    kind: Literal["boxes"] = setting("boxes", "what is given")
    form: Literal["boxes"] = setting("boxes", "one vector for each box")
    stride_px: int = setting(
        4, "distance of the points at which boxes are proposed", unit="px", ge=1
    )
    least_score: float = setting(0.5, "boxes with a lower score are dropped", ge=0, le=1)
    most_overlap: float = setting(
        0.5, "of two boxes with a larger IoU the one with the lower score is dropped", ge=0, le=1
    )
    mirrored: bool = setting(
        False,
        "boxes are the mean over the image and its three mirror images: surer, four times the time",
    )
    temperature: float = setting(
        1.0, "logits of the classes are divided by this, so that probabilities are right", gt=0
    )


class Counts(Output):
    """How many cells of each group a frame holds."""

    kind: Literal["counts"] = setting("counts", "what is given")
    form: Literal["values"] = setting("values", "one vector for each frame")


class NamesPerRow(Output):
    """The probability of each name for each row of a table."""

    kind: Literal["names-per-row"] = setting("names-per-row", "what is given")
    form: Literal["values"] = setting("values", "one vector for each row")
    most_residual_um: float = setting(
        4.5,  # of 58 tables, two that trace few branches lie at 5.3 and 5.5, all others below 3.6
        "embryos whose nuclei lie further from those of the mean embryo are flagged",
        unit="µm",
        gt=0,
    )


class UnknownOutput(Output):
    """A kind that only its own task knows, kept as it stands in the package."""

    model_config = ConfigDict(extra="allow")


_KINDS = {
    k.model_fields["kind"].default
    for k in (InstanceMaps, MembraneMaps, PixelClasses, Boxes, Counts, NamesPerRow)
}


def _tag(value: Any) -> str:
    if isinstance(value, Output):
        return "given"
    kind = value.get("kind") if isinstance(value, dict) else None
    return str(kind) if kind in _KINDS else "unknown"


AnyOutput = Annotated[
    Annotated[InstanceMaps, Tag("instance-maps")]
    | Annotated[MembraneMaps, Tag("membrane-maps")]
    | Annotated[PixelClasses, Tag("pixel-classes")]
    | Annotated[Boxes, Tag("boxes")]
    | Annotated[Counts, Tag("counts")]
    | Annotated[NamesPerRow, Tag("names-per-row")]
    | Annotated[UnknownOutput, Tag("unknown")]
    | Annotated[SerializeAsAny[Output], Tag("given")],
    Discriminator(_tag),
]
"""The kinds by their name; any other kind, in a file as it stands, in memory as its own class."""
