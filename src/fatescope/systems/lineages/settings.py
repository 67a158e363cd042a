"""Settings of the lineage commands; light to import, because the command line shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from fatescope.base.settings import Settings, setting


class DrawSettings(Settings):
    """What the figures of ``lineage draw`` show."""

    colour: str | None = setting(
        None, "column that colours the tree, such as blot; default: the lineages"
    )
    direction: Literal["right", "down"] = setting("right", "where time runs in the tree")
    groups: Literal["founder", "lineage", "compact"] = setting(
        "founder", "what territories are drawn for: founders, AB in four, or compact names"
    )
    compact_length: int = setting(3, "letters of a compact name", ge=1, le=12)
    cells: str | None = setting(
        None,
        "cells such as ABpla,MSa: their movement alone, and paths with descendants, by colour",
    )
    coordinates: Literal["body", "raw"] = setting(
        "body", "where movement is drawn: body axes in µm, or x and y as in the table"
    )
    reference: str | None = setting(
        None, "folder of typical embryos that divisions are held against; default: the atlas"
    )
    cube_um: float = setting(
        3.0, "edge of the cubes in which overlap is counted", unit="µm", gt=0.5
    )
    deals: int = setting(20, "random deals of the names, for the overlap by chance", ge=1, le=1000)
    seed: int = setting(1, "the same seed gives the same figures", ge=0)


class EditSettings(Settings):
    """What ``lineage edit`` takes back, brings back and does, by whom and why."""

    do: tuple[str, ...] = setting((), "an edit, such as 'swap ABala ABalp'")
    undo: int = setting(0, "take back so many steps first", ge=0)
    redo: int = setting(0, "bring back so many undone steps", ge=0)
    who: str | None = setting(None, "who edits; default: your user name")
    why: str = setting("", "the reason, kept with the edit")


class MatchSettings(Settings):
    """How a table is laid on a movie, and what is made of the two."""

    channel: str | None = setting(
        None, "channel with the nuclei, by name or number from 0; default: green, or the only one"
    )
    film: bool = setting(
        True, "write the film: the movie with names, the tree growing beside it (MP4)"
    )


class ExpressionSettings(Settings):
    """What is counted as nucleus, as shell and as background, and which curves are drawn."""

    radius_um: float | None = setting(
        None, "radius of every nucleus; default: that of each row of the table", unit="µm", gt=0
    )
    background: Literal["ring", "global", "none"] = setting(
        "ring",
        "what is taken off: the ring around each nucleus without its neighbours, what lies outside "
        "all nuclei of the frame, or nothing",
    )
    core: float = setting(0.5, "what counts as nucleus, in its radii", gt=0, le=1)
    ring_from: float = setting(1.5, "where the shell begins, in radii of the nucleus", ge=1, le=4)
    ring_to: float = setting(2.2, "where the shell ends, in radii of the nucleus", gt=1, le=6)
    depth_loss: float = setting(
        0.0, "share of light lost per µm of depth; brightness is made up for it", ge=0, le=0.5
    )
    depth_from: Literal["first", "last"] = setting("first", "plane next to the objective")
    axes: str | None = setting(None, "axes of the movie, such as TCZYX, where its file is silent")
    sequence: bool = setting(False, "numbered files in the folder MOVIE are one movie")
    align: Literal["clock", "birth", "division"] = setting(
        "clock", "where the curves of the page have their zero"
    )
    cells: str | None = setting(
        None, "cells such as ABpla,E whose curves are drawn; default: the brightest"
    )
    columns: Literal["plain", "epic"] = setting(
        "plain", "of the tables in measured/: ours, or those of EPIC and AceTree (none, blot ...)"
    )


class LineageCompareSettings(Settings):
    """How embryos are held against a reference."""

    reference: str | None = setting(
        None, "folder or table of typical embryos to compare with; default: the atlas"
    )
    atlas: Path | None = setting(
        None, "atlas to compare with, from lineage atlas; default: the one that ships"
    )
    fdr: float = setting(
        0.05, "share of false discoveries that is accepted (Benjamini-Hochberg)", gt=0, lt=1
    )
    expression: str | None = setting(
        None, "column of expression to compare as well, such as blot; default: none"
    )
    test_name: str = setting("test", "what the compared embryos are called in the report")
    reference_name: str = setting("reference", "what they are compared with is called")
