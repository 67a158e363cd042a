"""How scores are given an interval."""

from __future__ import annotations

from typing import Literal

from fatescope.base.settings import setting
from fatescope.base.steps import StepsUm
from fatescope.numeric.settings import BootstrapSettings


class ScoreSettings(BootstrapSettings):
    """The bootstrap behind every interval."""


ComparedScore = Literal["ap_50", "ap_75", "mean_ap_50_90", "iou", "wall_f1"]


class CompareSettings(ScoreSettings):
    """How two packages are compared."""

    score: ComparedScore = setting(
        "ap_50",
        "what decides: AP at 0.50 or 0.75, mean AP 0.50-0.90, or pixel IoU; all pooled. Of "
        "membranes: F1 of walls (there the default), pixel IoU, or AP at 0.50",
    )
    precision: Literal["auto", "fp32", "int8"] = setting(
        "auto", "numbers of the networks; auto takes int8 where a package has it, as predict does"
    )
    spacing_um: StepsUm = setting(
        "0.43,0.18,0.18", "voxel of slices of membranes, Z,Y,X", unit="µm"
    )
    shown: int = setting(8, "images on the page: those on which they differ most", ge=0, le=100)


class CentreSettings(ScoreSettings):
    """When a found centre is that of a true nucleus."""

    within_um: float = setting(..., "greatest distance of a pair of centres", unit="µm", gt=0)
    spacing_um: StepsUm = setting(
        None, "voxel of the tables, Z,Y,X; default: what the result's images.csv says", unit="µm"
    )
