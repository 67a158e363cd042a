"""What can be chosen about rendered plates."""

from __future__ import annotations

from typing import Literal

from fatescope.base.settings import Settings, setting

Fault = Literal["black", "dark", "saturated", "blurred"]
FAULTS: tuple[Fault, ...] = ("black", "dark", "saturated", "blurred")


class PlateSettings(Settings):
    """Plates of a live/dead assay: wells, fields, frames, stains, and how cells live and die."""

    preset: Literal["live-dead-2024", "null"] = setting(
        "live-dead-2024",
        "the published plate (24 wells, 8 double stained, 9 x 9 fields, 70 frames); null: the "
        "same, and no treatment changes anything",
    )
    scale: float = setting(
        0.01,
        "share of the pixels of the preset: fewer fields a well and fewer frames, never fewer "
        "wells; 1 is the whole, 16 gigapixels a channel",
        gt=0,
        le=1,
    )
    experiments: int = setting(
        1, "plates; two or more lie in folders plate_1, plate_2, ...", ge=1, le=20
    )
    rows: int | None = setting(None, "rows of wells; default: as the preset, 4", ge=1, le=16)
    columns: int | None = setting(None, "columns of wells; default: as the preset, 6", ge=1, le=24)
    stained: int | None = setting(
        None, "wells with Hoechst and DRAQ7, lit; default: a third of all", ge=0, le=384
    )
    field_rows: int | None = setting(
        None, "rows of fields in a well; default: as preset and scale say", ge=1, le=12
    )
    field_columns: int | None = setting(
        None, "columns of fields in a well; default: as preset and scale say", ge=1, le=12
    )
    frames: int | None = setting(
        None, "frames; default: as preset and scale say, at least 6", ge=1, le=1000
    )
    hours: float = setting(18.0, "time that the frames span", unit="h", gt=0, le=1000)
    height: int = setting(300, "rows of a field", unit="px", ge=64, le=4096)
    width: int = setting(400, "columns of a field", unit="px", ge=64, le=4096)
    overlap: float = setting(0.1, "overlap of neighbours, as a share of a field", ge=0.02, le=0.5)
    spacing_um: float = setting(1.3, "size of a pixel", unit="µm", gt=0, le=100)

    cells: int | None = setting(
        None, "typical number of cells in a well; default: by density, at least 100", ge=0, le=10**6
    )
    density: float = setting(0.22, "share of a well that cells cover", ge=0, le=0.6)
    clumped: float = setting(0.35, "share of cells that lie beside another", ge=0, le=1)
    bare: float = setting(0.12, "share of a large well that holds no cells", ge=0, le=0.8)
    empty_wells: int = setting(0, "wells without any cell", ge=0, le=384)
    diameter_px: float = setting(22.0, "diameter of a typical cell", unit="px", ge=8, le=120)
    wander_px: float = setting(
        4.0, "how far cells wander from where they live (standard deviation)", unit="px", ge=0
    )
    divisions_per_hour: float = setting(0.004, "share of cells that divide", unit="1/h", ge=0, le=1)
    detached_per_hour: float = setting(
        0.002, "share of cells that float off", unit="1/h", ge=0, le=1
    )
    dead_at_start: float = setting(0.03, "share of cells that are dead when first seen", ge=0, le=1)

    untreated_survival: float = setting(
        0.93, "share of untreated cells that live to the end", gt=0, lt=1
    )
    death_shape: float = setting(
        1.5, "shape of the Weibull distribution of times of death", gt=0.2, le=10
    )
    frailty: float = setting(
        0.3, "how wells differ by themselves (standard deviation of the log hazard)", ge=0, le=2
    )
    doses: tuple[float, ...] = setting((0.1, 0.3, 1.0, 3.0, 10.0), "doses of the compound, µM")
    ec50: float = setting(1.0, "dose at which half of the log hazard ratio is reached", gt=0)
    hill: float = setting(1.5, "slope of the dose response", gt=0, le=10)
    top_hazard_ratio: float = setting(40.0, "hazard ratio of an endless dose", ge=1, le=10_000)
    killed_hazard_ratio: float = setting(
        150.0, "hazard ratio of the positive control", ge=1, le=10_000
    )
    phototoxicity: float = setting(
        5.0,
        "log hazard ratio of dye with light at the end; it grows evenly with the light that was "
        "shed, and is 0 for dye or light alone",
        ge=0,
        le=12,
    )

    vary: float = setting(
        1.0, "how much the look changes from plate to plate; 0: not at all", ge=0, le=1
    )
    vignette: float = setting(0.3, "loss of light in the corners of a field", ge=0, le=0.9)
    focus: float = setting(1.0, "contrast of bright field, by the height of focus", ge=0, le=5)
    focus_spread: float = setting(
        0.15, "how focus differs from field to field (standard deviation, as a share)", ge=0, le=1
    )
    light_electrons: float = setting(
        5000.0, "electrons of a pixel in bright field", ge=10, le=100_000
    )
    stain_electrons: float = setting(
        400.0, "electrons of a pixel in a stained nucleus", ge=5, le=100_000
    )
    stain_background: float = setting(
        60.0, "electrons of a pixel between stained nuclei", ge=1, le=100_000
    )
    bleed: float = setting(0.02, "share of each stain seen in the other channel", ge=0, le=0.5)
    bleaching: float = setting(0.002, "share of the stain lost a frame", ge=0, le=0.5)
    dye_delay_min: float = setting(
        40.0, "time constant with which DRAQ7 enters a dead nucleus", unit="min", gt=0, le=1000
    )
    look_delay_min: float = setting(
        12.0, "time constant with which the halo of a dead cell falls", unit="min", gt=0, le=1000
    )
    debris: float = setting(0.06, "specks of dirt, beside the number of cells", ge=0, le=3)

    offset_counts: float = setting(100.0, "what the camera counts in the dark", ge=0, le=10_000)
    gain: float = setting(2.0, "counts an electron", gt=0, le=100)
    read_noise: float = setting(3.0, "noise of the camera in the dark", unit="counts", ge=0, le=500)
    jitter_px: float = setting(
        3.0, "error of the stage (standard deviation)", unit="px", ge=0, le=100
    )
    backlash_px: float = setting(
        1.5, "how far every second row of fields is off", unit="px", ge=0, le=100
    )
    drift_px: float = setting(
        0.3, "drift of the plate a frame (standard deviation)", unit="px", ge=0, le=50
    )
    fault_share: float = setting(
        0.0, "share of frames of a field that are black, dark, saturated or blurred", ge=0, le=1
    )
