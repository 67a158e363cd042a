"""What the columns of a table mean, under the names that the programs of the field give them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from fatescope.acquire.images.scale import MIN, UM, unit_in
from fatescope.acquire.lineages.text import Kinds
from fatescope.base.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAMES: dict[str, str] = {
    "frame": "frame framenumber frameno framenum frameindex frameidx frameid spotframe timeframe "
    "timeindex timeidx",
    "time": "time t timepoint timestep timepointindex timepointid tp spottimepoint slicen",
    "clock": "positiont elapsedtime timestamp acquisitiontime",
    **{
        a: f"{a} position{a} pos{a} {a}position {a}pos {a}coord {a}coordinate coord{a} "
        f"coordinate{a} centroid{a} {a}centroid center{a} centre{a} {a}center {a}centre "
        f"location{a} locationcenter{a} spotposition{a} spotcenter{a} "
        f"centeroftheobject{'xyz'.index(a)} objectcenter{'xyz'.index(a)}"
        for a in "zyx"
    },
    "size": "size diameter radius spotradius spotdiameter",
    "id": "id spotid nodeid cellid nucleusid objectid detectionid spot cellnumber",
    "parent": "parent parentid mother motherid parentspotid parentnodeid parentcellid parentcell "
    "mothercell mothercellid motherspotid parentindex pred predid predecessor predecessorid prev "
    "previd previous previousid source sourceid sourcespotid spotsourceid idparent idmother "
    "parentlabel motherlabel parentspot parentnode parentrow parentname mothername",
    "track": "trackid track tracknumber trackno trackn tracklabel trackindex spottrackid tracklet "
    "trackletid trajectory trajectoryid particle particleid idtrack",
    "parent_track": "parenttrackid parenttrack mothertrackid mothertrack trackparent "
    "trackparentid trackidparent parenttrackletid parenttracklet parenttracklabel",
    "name": "name cell cellname",
    "movie": "movie movieid moviename image imageid imagename file filename video videoname "
    "embryo embryoid embryoname fov fieldofview position positionid series seriesid dataset "
    "experiment sample well stage site scene",
}
"""What is meant: its names in lower case without blanks and marks, the preferred one first."""

_MEANT = {n: (meaning, i) for meaning, names in NAMES.items() for i, n in enumerate(names.split())}
_IN_BRACKETS = re.compile(r"^(.*\S)[\s_]*[\[(]([^\])]*)[\])]$")
_SUFFIX = re.compile(r"^(.+)[_ .]([A-Za-zµμ]+)$")
_PIXELS = frozenset(["px", "pixel", "pixels", "voxel", "voxels", "plane", "planes"])
_FRAMES = frozenset(["frame", "frames", "timepoint", "timepoints", "tp"])
_LINK_LIKE = re.compile(
    r"parent|mother|pred(ecessor)?(id)?$|daughter|child|progen|ancest|offspring|successor|succ\d*$"
)
TREE_LIKE = re.compile(r"(tree|lineage|root|clone|family)(id)?$")
"""Columns that say which tracks are of one tree."""
_TRACK_LIKE = re.compile(r"track(ing)?(id|no|number|label|index)?\d*$|lineage(id)?$|traj")


class Column(NamedTuple):
    """A column of a table: its name in the file, and in which unit it says that it is."""

    header: str
    unit: str = ""
    key: str = ""


def columns_of(
    header: tuple[str, ...], units: Mapping[str, str] | None = None
) -> dict[str, Column]:
    """Return the column of each meaning (see `NAMES`); of several the preferred one.

    A column without unit, or in pixels, wins over the same in a physical unit, and numbers of
    frames over times. ``label`` is an id only beside a column of parents, and ``centroid-0``
    counts the axes.
    """
    found: dict[str, tuple[int, Column]] = {}
    counted = sorted(h for h in header if re.fullmatch(r"centroid[-_. ]?\d", h.lower()))
    axes = dict(zip(counted, "zyx"[3 - len(counted) :], strict=False)) if len(counted) > 1 else {}
    for h in header:
        column, meaning, rank = _meaning(axes.get(h, h), (units or {}).get(h, ""))
        if not meaning:
            continue
        if meaning == "time" and column.unit in MIN:
            meaning = "clock"
        rank += 100 * (column.unit in UM)
        if meaning not in found or rank < found[meaning][0]:
            found[meaning] = rank, column._replace(header=h)
    used = {meaning: column for meaning, (_, column) in found.items()}
    for m, better in (("time", {"frame"}), ("clock", {"frame", "time"})):
        if better & set(used):
            used.pop(m, None)
    label = next((h for h in header if h.lower() == "label"), None)
    if label and {"parent", "parent_track"} & set(used) and not {"id", "track"} & set(used):
        used["id"] = Column(label)
    return used


def _meaning(header: str, unit: str) -> tuple[Column, str, int]:
    key = key_of(header)
    if key in _MEANT:
        return Column(header, unit, key), *_MEANT[key]
    for pattern in (_IN_BRACKETS, _SUFFIX):
        if match := pattern.match(header):
            key, given = key_of(match[1]), _unit(match[2])
            if key in _MEANT and (pattern is _IN_BRACKETS or given in {*UM, *MIN, *_PIXELS}):
                return Column(header, given, key), *_MEANT[key]
    return Column(header), "", 0


def meaning_of(header: str) -> str:
    """Return what a column means by its name alone; empty where that is not known."""
    return _meaning(header, "")[1]


def key_of(header: str) -> str:
    """Return a name of a column in lower case, without blanks and marks."""
    return re.sub(r"[\W_]", "", header.lower())


def _unit(text: str) -> str:
    """Return a unit as the tables of units spell it."""
    text = text.strip().strip(".")
    return text if text in UM or text in MIN else text.lower()


def time_of(used: Mapping[str, Column]) -> Column | None:
    """Return the column that says when, if there is one."""
    return used.get("frame") or used.get("time") or used.get("clock")


def is_lineage_header(header: tuple[str, ...]) -> bool:
    """Tell whether the columns of a table are those of a lineage: when, x and y."""
    used = columns_of(header)
    return time_of(used) is not None and {"y", "x"} <= set(used)


def kinds_of(header: tuple[str, ...]) -> Kinds:
    """Return which columns must hold numbers, and which are ids."""
    used = columns_of(header)
    time = time_of(used)
    return Kinds(
        numeric=frozenset(used[m].header for m in ("z", "y", "x", "size") if m in used),
        required=frozenset([time.header] if time else []),
        exact=frozenset(
            used[m].header for m in ("id", "parent", "track", "parent_track", "name") if m in used
        ),
    )


def like_links(header: tuple[str, ...], used: Mapping[str, Column]) -> list[str]:
    """Return the columns that seem to say who came from whom, and are not among those used."""
    taken = {c.header for c in used.values()}
    patterns = [_LINK_LIKE] if {"track", "parent_track"} & set(used) else [_LINK_LIKE, _TRACK_LIKE]
    return [h for h in header if h not in taken and any(p.search(key_of(h)) for p in patterns)]


def unknown_units(file: str, *, space: Iterable[str], time: str) -> list[Finding]:
    """Say which units of a file are none that is known; what stands in them is taken as it is."""
    odd = [u for u in space if u and unit_in(u, UM) is None and u.strip().lower() not in _PIXELS]
    if time and unit_in(time, MIN) is None and time.strip().lower() not in _FRAMES:
        odd.append(time)
    if not odd:
        return []
    reason = (
        f"the unit {', '.join(dict.fromkeys(odd))} is not known, so numbers in it are taken as "
        "pixels, planes or frames. Give --spacing-um and --interval-min, or write the table in µm."
    )
    return [Finding(file=file, rule="no-scale", severity="warning", reason=reason)]
