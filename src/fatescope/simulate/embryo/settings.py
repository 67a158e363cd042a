"""What can be chosen about rendered embryos."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from fatescope.base.settings import Settings, setting
from fatescope.base.steps import number_parts


def _split(value: Any) -> Any:
    """Take numbers and words divided by commas, as a flag gives them."""
    if not isinstance(value, str):
        return value
    return tuple(p for p in number_parts(value, alone=False) if p)


Numbers = Annotated[tuple[int, ...], BeforeValidator(_split)]
Steps = Annotated[tuple[float, float, float], BeforeValidator(_split)]
Channel = Literal["nuclei", "membrane"]
Channels = Annotated[tuple[Channel, ...], BeforeValidator(_split)]
FrameRule = Literal[
    "black",
    "dark",
    "frozen",
    "duplicate",
    "saturated",
    "blurred",
    "cropped",
    "jump",
    "flicker",
    "torn",
    "foreign",
    "line",
    "patch",
]
FrameRules = Annotated[tuple[FrameRule, ...], BeforeValidator(_split)]
TableRule = Literal[
    "cliff", "vanished", "rise", "fall", "stretched", "after-end", "duplicate-row", "wrapped"
]
TableRules = Annotated[tuple[TableRule, ...], BeforeValidator(_split)]


class LineageSettings(Settings):
    """The lineage of a rendered embryo that no table gives: drawn from the atlas."""

    minutes: float = setting(
        190.0, "length of the recording, from the two-cell stage", unit="min", gt=5, le=260
    )
    interval_min: float = setting(1.0, "time between frames", unit="min", gt=0.1, le=30)
    pace: float = setting(
        0.0, "minutes that this embryo needs for one minute of a typical one; 0: drawn", ge=0, le=4
    )
    spread: float = setting(
        1.0, "how far embryos differ from the mean embryo; 1 as in real ones", ge=0, le=2
    )


class VolumeSettings(Settings):
    """Volumes of embryos in a fluorescence microscope: nuclei and membranes, with exact truth."""

    count: int = setting(1, "number of embryos, each drawn independently", ge=1, le=10_000)
    cells: Numbers = setting((4, 28, 100), "stages to render: numbers of cells, divided by commas")
    frames: Numbers = setting((), "frames of the table to render instead of stages")
    channels: Channels = setting(("nuclei", "membrane"), "what is stained")
    planes: int = setting(70, "planes of a volume", ge=1, le=2000)
    height: int = setting(256, "rows of a plane", unit="px", ge=16, le=16_384)
    width: int = setting(356, "columns of a plane", unit="px", ge=16, le=16_384)
    voxel_um: Steps = setting((0.43, 0.18, 0.18), "size of a voxel: z, y, x", unit="µm")
    vary: float = setting(
        1.0, "how much the look changes from embryo to embryo; 0: not at all", ge=0, le=1
    )
    place: Literal["centre", "table"] = setting(
        "centre", "the embryo in the middle of the field, or where its table says"
    )

    blur_um: float = setting(
        0.2,
        "width (standard deviation) of the point-spread function in plane",
        unit="µm",
        ge=0,
        le=5,
    )
    blur_z_um: float = setting(0.7, "the same along z", unit="µm", ge=0, le=10)
    attenuation: float = setting(
        0.025, "share of light lost per µm of embryo that it passes", unit="1/µm", ge=0, le=0.5
    )
    photons: float = setting(
        22.0,
        "photons per voxel of a typical nucleus or wall: fewer give more noise",
        gt=0.5,
        le=1e5,
    )
    nuclear_texture: float = setting(0.2, "strength of chromatin texture", ge=0, le=2)
    brightness_spread: float = setting(
        0.15,
        "spread of brightness between nuclei (standard deviation of its logarithm)",
        ge=0,
        le=2,
    )
    haze: float = setting(0.05, "light of the cytoplasm, beside that of a nucleus", ge=0, le=1)
    dark: float = setting(0.04, "light outside the embryo, beside that of a nucleus", ge=0, le=1)

    wall_blur_um: float = setting(
        0.26, "width of a membrane in plane (standard deviation)", unit="µm", ge=0, le=5
    )
    wall_blur_z_um: float = setting(0.7, "the same along z", unit="µm", ge=0, le=10)
    wall_haze: float = setting(
        0.23, "light of the cytoplasm in the membrane channel, beside that of a wall", ge=0, le=1
    )
    bend_um: float = setting(0.45, "how far walls are bent", unit="µm", ge=0, le=3)
    grain: float = setting(0.4, "unevenness along a wall", ge=0, le=3)
    outer_wall: float = setting(
        0.65, "light of a membrane at the shell, beside a wall between two cells", ge=0, le=2
    )
    membrane_look: Literal["deconvolved", "raw"] = setting(
        "deconvolved", "deconvolved: the background is exactly 0 and walls are grainy"
    )


class MovieSettings(Settings):
    """Movies of embryos: maximum projections through a codec, as recordings are published."""

    count: int = setting(1, "number of movies, each of its own embryo", ge=1, le=10_000)
    frames: int = setting(0, "number of frames; 0: as many as the lineage has", ge=0, le=100_000)
    planes: int = setting(31, "planes that are projected", ge=1, le=2000)
    height: int = setting(512, "rows of a frame", unit="px", ge=16, le=16_384, multiple_of=2)
    width: int = setting(712, "columns of a frame", unit="px", ge=16, le=16_384, multiple_of=2)
    voxel_um: Steps = setting((1.0, 0.09, 0.09), "size of a voxel: z, y, x", unit="µm")
    vary: float = setting(
        1.0, "how much the look changes from movie to movie; 0: not at all", ge=0, le=1
    )
    place: Literal["centre", "table"] = setting(
        "centre", "the embryo in the middle of the field, or where its table says"
    )

    blur_um: float = setting(
        0.26,
        "width (standard deviation) of the point-spread function in plane",
        unit="µm",
        ge=0,
        le=5,
    )
    blur_z_um: float = setting(0.75, "the same along z", unit="µm", ge=0, le=10)
    attenuation: float = setting(
        0.03, "share of light lost per µm of embryo that it passes", unit="1/µm", ge=0, le=0.5
    )
    shade: float = setting(
        0.25, "share of light that nuclei in the middle lose beside those at the rim", ge=0, le=1
    )
    brightness: float = setting(
        185.0, "grey value of a typical nucleus of a late stage", gt=0, le=1000
    )
    early: float = setting(
        0.5,
        "brightness before the embryo's own expression, beside that of later stages",
        ge=0,
        le=2,
    )
    brightness_spread: float = setting(
        0.2, "spread of brightness between nuclei (standard deviation of its logarithm)", ge=0, le=2
    )
    photons: float = setting(
        26.0, "photons per voxel of a typical nucleus: fewer give more noise", gt=0.5, le=1e5
    )
    nuclear_size: float = setting(1.0, "radius of nuclei beside that of the table", ge=0.3, le=3)
    nuclear_texture: float = setting(0.06, "strength of chromatin texture", ge=0, le=2)
    glow: float = setting(
        0.25, "light of nuclei that comes from out of focus, beside what is in focus", ge=0, le=2
    )
    haze: float = setting(0.001, "light of the cytoplasm, beside that of a nucleus", ge=0, le=1)
    dark: float = setting(0.0002, "light outside the embryo, beside that of a nucleus", ge=0, le=1)
    bleaching: float = setting(0.12, "share of light lost until the last frame", ge=0, le=0.9)
    laser_steps: float = setting(
        0.7, "how often, on average, the laser is turned up in a movie", ge=0, le=20
    )

    reporter: Literal["drawn", "none"] = setting(
        "drawn", "red: a gene that a few lineages, drawn at random, express from some time on"
    )
    speckle: float = setting(1.0, "isolated noise in red, strongest at the start", ge=0, le=10)
    debris: float = setting(1.0, "bodies beside the embryo that glow red, on average", ge=0, le=20)
    neighbour: float = setting(
        0.2, "chance that another embryo lies at the edge of the field", ge=0, le=1
    )

    codec: Literal["mpeg4", "h264", "lossless"] = setting(
        "mpeg4", "mpeg4 as in the EPIC collection, with colour at half resolution"
    )
    kbit_s: int = setting(230, "bits per second of playing", unit="kbit/s", ge=10, le=100_000)
    frames_per_second: int = setting(7, "of playing", unit="1/s", ge=1, le=120)

    faults: FrameRules = setting(
        (), "faults of frames to put in, divided by commas; the same rules as of `clean`"
    )
    faults_each: int = setting(1, "how many of each fault of frames", ge=1, le=100)
    table_faults: TableRules = setting((), "faults of annotation to put into table and counts")
    fault_strength: float = setting(1.0, "how bad faults are; 1 is plain to see", gt=0, le=2)
