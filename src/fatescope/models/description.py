"""What a model package says about its model: one validated, versioned value."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from fatescope.base.errors import ModelError, SettingsError
from fatescope.base.settings import Settings, setting

SCHEMA_VERSION = 1
"""Version of `ModelDescription` on disk; a newer one is refused with a sentence."""

Task = Literal[
    "nuclei", "nuclei-em", "membrane", "phase-cells", "live-dead", "viability", "populations"
]
Modality = Literal["fluorescence", "electron", "phase", "bright-field", "any"]


DISTANCE_MAPS = ("foreground", "distance", "border")
"""What is climbed: distance to the outline, less the borders between nuclei that touch."""

OFFSET_MAPS = ("foreground", "down", "across")
"""What votes: 0.5 + the way to the centre of the nucleus / 64, in working pixels."""


PERCENTILES = (1.0, 99.8)
"""Intensities of the whole plane that become 0 and 1, where a package does not say others."""


class Thresholds(Settings):
    """How maps become instances; chosen on validation units, never on test units.

    All lengths and areas are in pixels of the working grid, where a nucleus is about
    ``diameter_px`` across. ``votes`` and ``apart_px`` are for models that draw offsets; ``core``,
    ``border_weight`` and ``merge_...`` for models that draw distance and border.
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
    min_area_px: int = setting(20, "smaller objects are dropped", unit="px", ge=0)
    min_score: float = setting(0.0, "objects whose mean foreground is less are dropped", ge=0, le=1)


class Citation(Settings):
    """A paper or data set to be cited with the model."""

    text: str = setting(..., "reference as it should be printed")
    url: str | None = setting(None, "address of the paper or of the data")
    doi: str | None = setting(None, "digital object identifier")


class ValueRange(Settings):
    """Lowest and highest value seen in training (or a percentile range of them)."""

    low: float = setting(..., "lower end")
    high: float = setting(..., "upper end")


class Training(Settings):
    """What the model has seen, so that no one scores it on that."""

    units_seen: tuple[str, ...] = setting((), "sha256 of the id of each unit seen in training")
    n_images: int = setting(0, "training images", ge=0)
    n_objects: int = setting(0, "labelled objects in them", ge=0)
    recipe: str = setting("", "name of the recipe")
    command: str = setting("", "the command that makes this package")
    seed: int | None = setting(None, "seed of the training")
    scores: dict[str, float] = setting({}, "held-out scores by name")


class ModelDescription(Settings):
    """Everything that prediction needs to know about a model.

    Stored under ``config.fatescope`` of ``rdf.yaml``; the bioimage.io fields beside it are made
    from the same values.
    """

    schema_version: int = setting(SCHEMA_VERSION, "version of this description", ge=1)
    name: str = setting(..., "short name, as in --model NAME", pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    version: str = setting("0.1.0", "version of the weights")
    summary: str = setting(..., "what the model does, in one sentence")
    authors: tuple[str, ...] = setting(("The fatescope developers",), "who made it")
    license: str = setting("BSD-3-Clause", "SPDX name of the licence of the weights")
    cite: tuple[Citation, ...] = setting((), "what to cite with it")
    timestamp: str = setting("2026-11-21T00:00:00+00:00", "when it was made, ISO 8601")
    opset: int = setting(17, "ONNX operator set", ge=7)

    task: Task = setting("nuclei", "what it is for")
    outputs: tuple[str, ...] = setting(DISTANCE_MAPS, "output channels, in order")
    thresholds: Thresholds = setting(Thresholds(), "how maps become instances")
    diameter_px: float = setting(
        22.0, "median object diameter on the working grid", unit="px", gt=1
    )
    diameter_range_px: tuple[float, float] = setting(
        (10.0, 40.0), "diameters seen in training, on the working grid", unit="px"
    )
    spacing_um: float | None = setting(
        None, "pixel size of the working grid, where the model has one", unit="µm", gt=0
    )
    percentiles: tuple[float, float] = setting(
        PERCENTILES, "of the whole plane, mapped to 0 and 1", unit="%"
    )
    divisor: int = setting(16, "rows and columns must be multiples of this", unit="px", ge=1)
    halo_px: int = setting(32, "border of a tile that is read but not used", unit="px", ge=0)
    tile_px: int = setting(1024, "largest tile with its halo", unit="px", ge=64)

    modality: Modality = setting("fluorescence", "kind of image")
    polarity: Literal["bright", "dark", "any"] = setting(
        "bright", "objects are brighter or darker than their background"
    )
    expected: dict[str, ValueRange] = setting(
        {}, "range of each input statistic in training (`models.describe_input`)"
    )
    training: Training = setting(Training(), "what it has seen")

    def check_batch(self, shape: tuple[int, ...]) -> None:
        """Raise `ModelError` unless the network takes an array of ``shape``."""
        if len(shape) != 4 or any(n % self.divisor for n in shape[2:]):
            raise ModelError(
                f"model {self.name!r} takes (B, 1, Y, X) with Y and X multiples of "
                f"{self.divisor}; got {shape}."
            )

    @model_validator(mode="after")
    def _consistent(self) -> ModelDescription:
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise ValueError("percentiles must rise from 0 to 100")
        if not self.diameter_range_px[0] <= self.diameter_px <= self.diameter_range_px[1]:
            raise ValueError("diameter_px must lie in diameter_range_px")
        if self.tile_px % self.divisor or self.tile_px <= 2 * self.halo_px:
            raise ValueError("tile_px must be a multiple of divisor and exceed twice halo_px")
        return self


class _Rdf(Settings):
    """The part of ``rdf.yaml`` that is read back."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["model"] = setting(..., "resource type")
    format_version: str = setting(..., "bioimage.io description", pattern=r"^0\.5\.")
    config: dict[str, Any] = Field(default_factory=dict)


def description_from_rdf(rdf: Any) -> ModelDescription:
    """Read a description from the parsed ``rdf.yaml``.

    Raises
    ------
    ModelError
        If it is no bioimage.io model 0.5, has no ``config.fatescope``, was written by a newer
        fatescope, or holds a value that is not allowed.
    """
    if not isinstance(rdf, dict):
        raise ModelError("rdf.yaml holds no mapping. Export the package again.")
    try:
        head = _Rdf.from_values(rdf)
    except SettingsError as error:
        raise ModelError(f"rdf.yaml is no bioimage.io model description 0.5: {error}") from error
    own = head.config.get("fatescope")
    if not isinstance(own, dict):
        raise ModelError(
            "rdf.yaml has no `config.fatescope`, so thresholds and size are unknown. "
            "Import the model with `fatescope models import`."
        )
    version = own.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ModelError(
            f"the package has description version {version}, this fatescope reads up to "
            f"{SCHEMA_VERSION}. Update fatescope."
        )
    try:
        return ModelDescription.from_values(own)
    except SettingsError as error:
        raise ModelError(f"`config.fatescope` of rdf.yaml is not valid: {error}") from error
