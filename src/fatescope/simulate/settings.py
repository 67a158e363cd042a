"""What can be chosen about rendered images."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from fatescope.base.settings import Settings, setting


class NucleiMovieSettings(Settings):
    """A fluorescence time-lapse of dividing nuclei, seen through a microscope and a camera."""

    frames: int = setting(12, "number of frames", ge=1, le=100_000)
    height: int = setting(320, "rows of a frame", unit="px", ge=16, le=16_384)
    width: int = setting(320, "columns of a frame", unit="px", ge=16, le=16_384)
    spacing_um: float = setting(0.3, "size of a pixel", unit="µm", gt=0, le=100)
    interval_min: float = setting(5.0, "time between frames", unit="min", gt=0, le=1440)

    diameter_px: float = setting(
        22.0, "diameter of a typical nucleus between divisions", unit="px", ge=6, le=200
    )
    diameter_spread: float = setting(
        0.12, "standard deviation of the diameter, as a share of it", ge=0, le=0.5
    )
    aspect: float = setting(1.25, "typical length of a nucleus over its width", ge=1, le=2.5)
    density: float = setting(0.3, "share of the image that nuclei cover", ge=0, le=0.7)
    touching_share: float = setting(
        0.4, "share of nuclei placed against another; crowding (density) can raise it", ge=0, le=1
    )

    speed_um_per_min: float = setting(
        0.07, "typical speed of a nucleus", unit="µm/min", ge=0, le=20
    )
    divisions_per_hour: float = setting(
        0.2, "share of nuclei that divide within an hour", unit="1/h", ge=0, le=5
    )

    polarity: Literal["bright", "dark"] = setting(
        "bright",
        "bright nuclei on a dark background (fluorescence), or dark ones on a light background",
    )
    brightness: float = setting(
        1600.0, "counts of a typical nucleus above the background", unit="counts", gt=0, le=40_000
    )
    brightness_spread: float = setting(
        0.35,
        "spread of brightness between nuclei (standard deviation of its logarithm)",
        ge=0,
        le=2,
    )
    texture: float = setting(
        1.0, "strength of chromatin texture and nucleoli; 0 gives even nuclei", ge=0, le=2
    )
    background: float = setting(
        260.0, "counts of the background between nuclei", unit="counts", ge=0, le=20_000
    )
    unevenness: float = setting(
        0.35, "how much background and illumination vary across the image", ge=0, le=1
    )
    haze: float = setting(
        0.18, "share of the light that comes from out of focus, as glow around nuclei", ge=0, le=0.9
    )
    blur_px: float = setting(
        1.1, "width (standard deviation) of the point-spread function", unit="px", ge=0, le=20
    )
    defocus_share: float = setting(
        0.3, "share of nuclei that lie above or below the focus and look blurred", ge=0, le=1
    )
    photons: float = setting(
        260.0, "electrons per pixel of a typical nucleus: fewer give more noise", ge=1, le=1e6
    )
    read_noise: float = setting(
        10.0, "noise of the camera without light", unit="counts", ge=0, le=5_000
    )
    bleaching: float = setting(0.012, "share of brightness lost per frame", ge=0, le=0.5)


class FieldSettings(Settings):
    """Still images of fluorescent nuclei, each with a look of its own: to learn from."""

    count: int = setting(1, "number of images", ge=1, le=10_000)
    height: int = setting(320, "rows of an image", unit="px", ge=16, le=16_384)
    width: int = setting(320, "columns of an image", unit="px", ge=16, le=16_384)
    diameter_px: float = setting(
        24.0, "diameter of a nucleus in a typical image", unit="px", ge=10, le=110
    )
    vary: float = setting(
        1.0, "how much the look changes from image to image; 0: not at all", ge=0, le=1
    )


class SectionSettings(Settings):
    """Sections of embryos in an electron microscope: bright nuclei in dark cells, bright resin."""

    count: int = setting(1, "number of images", ge=1, le=10_000)
    height: int = setting(400, "rows of an image", unit="px", ge=64, le=8192)
    width: int = setting(496, "columns of an image", unit="px", ge=64, le=8192)
    vary: float = setting(
        1.0, "how much the look changes from image to image; 0: not at all", ge=0, le=1
    )
    diameter_px: float = setting(
        32.0, "diameter of a typical nucleus in the section", unit="px", ge=8, le=400
    )
    cells: int = setting(6, "cells that the section cuts", ge=1, le=400)
    nucleus_share: float = setting(
        0.7, "share of cells whose nucleus lies in the section", ge=0, le=1
    )
    contrast: float = setting(
        0.9, "brightness of nuclei: 0 that of the cytoplasm, 1 that of resin", ge=0.15, le=1
    )
    cytoplasm: float = setting(
        0.38, "grey of the cytoplasm between black and white", ge=0.1, le=0.7
    )
    chromatin: float = setting(1.0, "amount of dark chromatin in a nucleus", ge=0, le=3)
    granules: float = setting(1.0, "amount of dark yolk granules", ge=0, le=4)
    vacuoles: float = setting(1.0, "amount of bright vacuoles", ge=0, le=4)
    dirt: float = setting(1.0, "amount of dirt, folds and scratches", ge=0, le=4)
    marks: float = setting(0.3, "share of nuclei with a number written on the print", ge=0, le=1)
    plate: bool = setting(True, "a dark plate with digits in a corner, and a frame")
    blur_px: float = setting(0.5, "width (standard deviation) of the blur", unit="px", ge=0, le=10)
    noise: float = setting(
        0.02, "standard deviation of the noise, beside the range of grey", ge=0, le=0.3
    )


class CrowdSettings(Settings):
    """Stacks of crowded nuclei in three dimensions, each with a look of its own: to learn from."""

    count: int = setting(1, "number of stacks", ge=1, le=10_000)
    kind: Literal["any", "ball", "shell", "sheet", "cloud"] = setting(
        "any", "how nuclei lie: in a ball, on a shell, on a bent sheet, anywhere; any: drawn"
    )
    least_diameter_px: float = setting(
        12.0, "smallest diameter of a typical nucleus of a stack", unit="px", ge=8, le=64
    )
    most_diameter_px: float = setting(
        36.0, "largest diameter of a typical nucleus of a stack", unit="px", ge=8, le=64
    )
    nuclei: int = setting(260, "most nuclei of a stack", ge=1, le=5000)
    planes: int = setting(90, "most planes of a stack", ge=6, le=1000)
    side_px: int = setting(340, "most rows and columns of a plane", unit="px", ge=32, le=4096)
    pixel_um: float = setting(0.2, "size of a pixel in the plane", unit="µm", gt=0, le=100)

    @model_validator(mode="after")
    def _diameters_rise(self) -> Self:
        if self.least_diameter_px > self.most_diameter_px:
            raise ValueError("least_diameter_px must not exceed most_diameter_px")
        return self
