"""What a user chooses when nuclei are outlined."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import model_validator

from fatescope.base.settings import setting
from fatescope.predict.settings import SizedSettings


class NucleiSettings(SizedSettings):
    """What decides the result of a nuclei prediction; how it is executed is said elsewhere."""

    model: str = setting(
        "nuclei", "name of a shipped model, path of a package or ONNX file, or classical"
    )
    same_size: bool = setting(
        False,
        "one estimate of the diameter for all images of a run with one pixel size and channel",
    )
    foreground: float | None = setting(
        None, "least foreground of a pixel of a nucleus; default: of the model", gt=0, lt=1
    )
    core: float | None = setting(
        None,
        "least distance in a nucleus's core: lower splits less; default: of the model",
        gt=0,
        lt=1,
    )
    min_area_px: float | None = setting(
        None,
        "smaller nuclei are dropped, in pixels of the image; default: of the model",
        unit="px",
        ge=0,
    )
    min_area_um2: float | None = setting(None, "smaller nuclei are dropped", unit="µm²", ge=0)
    stack: Literal["auto", "solid", "rule", "planes"] = setting(
        "auto",
        "how nuclei of a Z stack are made: divided in space by a network or by a rule, or outlined "
        "in each plane and joined by overlap; auto takes a network in space where a fluorescence "
        "network sees the planes and nuclei are two planes high or more, and joins planes where "
        "--model nuclei or --core is given",
    )
    link: bool = setting(
        False,
        "link movies: an object keeps one number through time, daughters get their own, and "
        "tracks are listed",
    )
    labels: Literal["tif", "zarr"] = setting("tif", "format of the label images")

    @model_validator(mode="before")
    @classmethod
    def _planes_if_named(cls, given: Any) -> Any:
        """Join planes where the network of planes is asked for by name, and no way is."""
        if isinstance(given, dict) and given.get("model") == "nuclei" and "stack" not in given:
            return {**given, "stack": "planes"}
        return given

    @model_validator(mode="after")
    def _core_of_planes(self) -> Self:
        if self.stack in ("solid", "rule") and self.core is not None:
            raise ValueError("--core divides outlines in planes; give it with --stack planes")
        return self

    @model_validator(mode="after")
    def _one_area(self) -> Self:
        if self.min_area_px is not None and self.min_area_um2 is not None:
            raise ValueError("give --min-area-px or --min-area-um2, not both")
        return self
