"""What a user chooses when a movie is turned into a lineage."""

from __future__ import annotations

from typing import Literal

from fatescope.base.settings import setting
from fatescope.systems.nuclei.settings import NucleiSettings


class MovieLineageSettings(NucleiSettings):
    """What decides a lineage that is made from a movie: nuclei, links, names."""

    species: Literal["c-elegans", "none"] = setting(
        "c-elegans", "animal whose cells have names; none: tracks without names"
    )
    link: bool = setting(True, "nuclei are linked through time; off, they are only found")
    divisions: bool = setting(True, "nuclei divide")
    most_missed: int = setting(
        2, "frames in which a nucleus may be missing", unit="frames", ge=0, le=100
    )
    briefest: int = setting(
        3,
        "of two daughters, one that is followed in so few frames, though the movie goes on, is "
        "none: most often part of a nucleus taken for one",
        unit="frames",
        ge=0,
        le=100,
    )
    abstain_below: float = setting(
        0.1, "confidence of a name below which a nucleus stays without one", ge=0, le=1
    )
