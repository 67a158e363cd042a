"""How scores are given an interval."""

from __future__ import annotations

from typing import Literal

from fatescope.base.settings import setting
from fatescope.numeric.settings import BootstrapSettings


class ScoreSettings(BootstrapSettings):
    """The bootstrap behind every interval."""


ComparedScore = Literal["ap_50", "ap_75", "mean_ap_50_90", "iou"]


class CompareSettings(ScoreSettings):
    """How two packages are compared."""

    score: ComparedScore = setting(
        "ap_50", "what decides: AP at 0.50 or 0.75, mean AP 0.50-0.90, or pixel IoU; all pooled"
    )
    precision: Literal["auto", "fp32", "int8"] = setting(
        "auto", "numbers of the networks; auto takes int8 where a package has it, as predict does"
    )
    shown: int = setting(8, "images on the page: those on which they differ most", ge=0, le=100)
