"""What a model package says about its model: one validated, versioned value for every task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import ConfigDict, Field

from fatescope.base.errors import ModelError, SettingsError
from fatescope.base.settings import Settings, setting
from fatescope.models.inputs import ImageInput, RowInput
from fatescope.models.outputs import AnyOutput, InstanceMaps, Output, ShortName, star_maps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

SCHEMA_VERSION = 2
"""Version of `ModelDescription` on disk; an older one is unfolded, a newer one is refused."""

_Kind = TypeVar("_Kind", bound=Output)


class Citation(Settings):
    """A paper or data set to be cited with the model."""

    text: str = setting(..., "reference as it should be printed")
    url: str | None = setting(None, "address of the paper or of the data")
    doi: str | None = setting(None, "digital object identifier")


class Training(Settings):
    """What the model has seen, so that no one scores it on that."""

    units_seen: tuple[str, ...] = setting((), "sha256 of the id of each unit seen in training")
    n_images: int = setting(0, "training images, or tables", ge=0)
    n_objects: int = setting(0, "labelled objects, or rows, in them", ge=0)
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
    name: ShortName = setting(..., "short name, as in --model NAME")
    version: str = setting("0.1.0", "version of the weights")
    summary: str = setting(..., "what the model does, in one sentence")
    authors: tuple[str, ...] = setting(("The fatescope developers",), "who made it")
    license: str = setting("BSD-3-Clause", "SPDX name of the licence of the weights")
    cite: tuple[Citation, ...] = setting((), "what to cite with it")
    timestamp: str = setting("2026-11-21T00:00:00+00:00", "when it was made, ISO 8601")
    opset: int = setting(17, "ONNX operator set", ge=7)

    task: ShortName = setting("nuclei", "what it is for")
    input: ImageInput | RowInput = setting(
        ImageInput(), "what the network takes", discriminator="kind"
    )
    output: AnyOutput = setting(InstanceMaps(), "what it gives, and how that is decoded")
    training: Training = setting(Training(), "what it has seen")

    @property
    def image(self) -> ImageInput:
        """The input of a network that takes images; `ModelError` where it takes none."""
        if isinstance(self.input, ImageInput):
            return self.input
        raise ModelError(f"model {self.name!r} takes {self.input.kind}, and here are images.")

    @property
    def instances(self) -> InstanceMaps:
        """The output of a network whose maps become objects; `ModelError` where it is another."""
        return self.output_as(InstanceMaps)

    def join_outputs(self, given: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the output of a network, (B, C, *axes) where it gives maps.

        Maps may come in several arrays, as those of star-convex networks do: where the first alone
        is not all of them, they are put together, the one with fewest channels first.
        """
        import numpy as np

        if self.output.form != "maps":
            return given[0]
        maps = [self.input.from_network(g) for g in given]
        if len(maps) == 1 or maps[0].shape[1:2] == (len(self.output.channels),):
            return maps[0]
        if len({m.shape[:1] + m.shape[2:] for m in maps}) > 1:
            return maps[0]
        return np.concatenate(sorted(maps, key=lambda m: m.shape[1]), axis=1)

    def output_as(self, kind: type[_Kind]) -> _Kind:
        """Return the output as the kind that is decoded here, one of `src` or of your own.

        Raises
        ------
        ModelError
            If the model gives another kind, or its settings are not those of this kind.
        """
        if isinstance(self.output, kind):
            return self.output
        needed = kind.model_fields["kind"].default
        if self.output.kind != needed:
            raise ModelError(
                f"model {self.name!r} gives {self.output.kind}, and {needed} are needed here."
            )
        try:
            return kind.from_values(self.output.model_dump())
        except SettingsError as error:
            raise ModelError(f"model {self.name!r}, output {needed}: {error}") from error


_OF_INPUT = (
    "axes",
    "percentiles",
    "normalisation",
    "layout",
    "diameter_px",
    "diameter_range_px",
    "modality",
    "polarity",
    "expected",
)
_OF_TILES = ("tile_px", "halo_px", "divisor")
_OF_OUTPUT = {
    "outputs": "channels",
    "thresholds": "thresholds",
    "stride_px": "stride_px",
    "anisotropy": "anisotropy",
}
_VOLUME_TILES = {"tile_px": (64, 256, 256), "halo_px": (16, 48, 48), "divisor": (8, 16, 16)}
"""Of a network of volumes that says none."""


def unfold(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a description from the flat form that a plane of nuclei had.

    Version 1 on disk, and the sidecar of an ONNX file, where ``rays`` names the maps of a
    star-convex network. Values that have ``input`` or ``output`` are returned as they are.
    """
    if "input" in values or "output" in values:
        return values
    rest = {k: v for k, v in values.items() if k != "schema_version"}
    image = {k: rest.pop(k) for k in _OF_INPUT if k in rest}
    ndim = len(image.get("axes", "YX"))
    tiling: dict[str, Any] = dict(_VOLUME_TILES) if ndim == 3 else {}
    each = {k: v for k in (*_OF_TILES, "spacing_um") if (v := rest.pop(k, None)) is not None}
    each = {k: v if isinstance(v, list | tuple) else (v,) * ndim for k, v in each.items()}
    if "spacing_um" in each:
        image["spacing_um"] = each.pop("spacing_um")
    tiling |= each
    output = {new: rest.pop(old) for old, new in _OF_OUTPUT.items() if old in rest}
    if isinstance(rest.get("rays"), int) and "channels" not in output:
        output["channels"] = star_maps(rest.pop("rays"))
    return {
        **rest,
        "input": {"kind": "image", **image, "tiling": tiling},
        "output": {"kind": "instance-maps", **output},
    }


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
        return ModelDescription.from_values(unfold(own))
    except SettingsError as error:
        raise ModelError(f"`config.fatescope` of rdf.yaml is not valid: {error}") from error
