"""Settings of ``lineage name``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from fatescope.base.settings import Settings, setting


class NameSettings(Settings):
    """How nuclei are named, and when no name is given."""

    method: Literal["atlas", "network"] = setting(
        "atlas",
        "the atlas gives full names; the network of `reproduce lineage-names-2020`, compact ones",
    )
    atlas: Path | None = setting(
        None, "atlas made by `lineage atlas`; the shipped one if not given"
    )
    links: Literal["mend", "trust", "ignore"] = setting(
        "mend",
        "what to do with links in the table: mend the few that can hardly be right, trust all, "
        "or ignore them",
    )
    abstain_below: float = setting(
        0.1, "confidence below which a nucleus stays without a name", ge=0, le=1
    )
    abstain_flagged: float = setting(
        0.5, "the same in embryos that do not fit the atlas", ge=0, le=1
    )


class AtlasSettings(Settings):
    """What an atlas is called."""

    title: str = setting("atlas", "name of the atlas, kept in its file")
