"""ImageXpress: as MetaXpress exports it, and as its database keeps it.

Exported: ``[TimePoint_t/][ZStep_z/]NAME_B02_s1_w2.TIF`` with a ``.HTD`` file. Database:
``date/id/[TimePoint_t/][ZStep_z/]NAME_B02_s1_w2<GUID>.tif``. Site and wave may be absent,
thumbnails lie beside the images, and the 36 characters of the GUID follow the last number without a
gap. Where some images are in ``ZStep_n``, one beside these folders or in ``ZStep_0`` is a
projection.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path, PurePosixPath

from fatescope.acquire.plates.assemble import FoundPlate
from fatescope.acquire.plates.frame_times import date_frames
from fatescope.acquire.plates.imagexpress_htd import PlannedPlate, read_htd
from fatescope.acquire.plates.imagexpress_tiff import (
    copied_plane,
    illumination,
    minutes_taken,
    stated_z_step,
    z_distance,
)
from fatescope.acquire.plates.listing import Listing
from fatescope.base import (
    PROJECTION,
    FileFormatError,
    PlateImage,
    Spacing,
    escape,
    is_well,
    parse_well,
)

_GUID = r"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}"
_NAME = re.compile(
    r"(?:(?P<name>.*?)_)?(?P<well>[A-Z]{1,2}\d{2})(?:_s(?P<site>\d{1,4}))?(?:_w(?P<wave>\d{1,2}))?"
    rf"(?P<thumb>_thumb)?(?P<guid>{_GUID})?\.tiff?",
    re.IGNORECASE,
)
_STEP = re.compile(r"(TimePoint|ZStep)_(\d{1,6})", re.IGNORECASE)


def _match(name: str) -> re.Match[str] | None:
    match = _NAME.fullmatch(name.rpartition("/")[2])
    return match if match and not match["thumb"] and is_well(match["well"]) else None


def is_imagexpress(listing: Listing) -> bool:
    """Tell whether a folder holds an ``.HTD`` file, or files that only MetaXpress names so."""
    if any(n.casefold().endswith(".htd") for n in listing.names):
        return True
    matches = (m for n in listing.names if (m := _match(n)))
    return any(m["guid"] or (m["name"] and (m["site"] or m["wave"])) for m in matches)


def read_imagexpress(listing: Listing) -> FoundPlate:
    """Read a plate of an ImageXpress.

    Raises
    ------
    FileFormatError
        If there are several plates, or the ``.HTD`` file is damaged.
    """
    found = FoundPlate(root=listing.root, format="imagexpress")
    plan = _read_plan(listing)
    images = [(n, m, *_steps(n)) for n in listing.names if (m := _match(n))]
    _refuse_several(listing.root, {folder for *_, folder in images})
    has_stacks = any(z is not None and z > 0 for _, _, _, z, _ in images)
    names = _channel_names(plan, [(m, listing.root / n) for n, m, *_ in images])
    alone = PROJECTION if has_stacks or (plan and plan.n_planes > 1) else 0
    for name, match, frame, z, _ in images:
        found.images.append(
            PlateImage(
                path=listing.root / name,
                well=parse_well(match["well"]),
                field=str(int(match["site"] or 1)),
                frames=(max(frame - 1, 0),),
                channels=(names[_wave(match)],),
                planes=(alone if not z else z - 1,),
            )
        )
    found.images = _without_copies(found.images)
    found.spacing = _stack_spacing(found.images)
    date_frames(found, _times(found.images))
    found.channels = [names[w] for w in sorted(names)]
    if plan is not None:
        found.lacking = _count_lacking(plan, found)
    return found


def _times(images: list[PlateImage]) -> dict[int, float]:
    """Return the minutes of each frame: of one file, at the place that most frames have."""
    if len({i.frames for i in images}) < 2:
        return {}
    counts = Counter(_place(i) for i in images)
    most = max(counts.values(), default=0)
    place = next((p for p in counts if counts[p] == most), None)
    first: dict[int, PlateImage] = {}
    for image in images:
        if image.frames[0] not in first or _place(image) == place:
            first[image.frames[0]] = image
    times = {frame: minutes_taken(image.path) for frame, image in first.items()}
    return {frame: at for frame, at in times.items() if at is not None}


def _place(image: PlateImage) -> tuple[object, ...]:
    return image.well, image.field, image.channels, image.planes


def _wave(match: re.Match[str]) -> int:
    return int(match["wave"] or 1)


def _steps(name: str) -> tuple[int, int | None, str]:
    """Return time point, z step (``None`` outside such folders) and the folder of the plate."""
    frame, z = 1, None
    plate = []
    for part in PurePosixPath(name).parent.parts:
        step = _STEP.fullmatch(part)
        if step is None:
            plate.append(part)
        elif step[1].casefold() == "timepoint":
            frame = int(step[2])
        else:
            z = int(step[2])
    return frame, z, "/".join(plate)


def _refuse_several(root: Path, folders: set[str]) -> None:
    if len(folders) > 1:
        first, second, *_ = sorted(folders)
        raise FileFormatError(
            f"{escape(root)}: holds {len(folders)} plates, such as {escape(first) or '.'} and "
            f"{escape(second)}. Give one of them."
        )


def _read_plan(listing: Listing) -> PlannedPlate | None:
    """Read the ``.HTD`` nearest to the root: MetaXpress puts copies beside the images."""
    plans = [n for n in listing.names if n.casefold().endswith(".htd")]
    if not plans:
        return None
    return read_htd(listing.root / min(plans, key=lambda n: n.count("/")))


def _channel_names(
    plan: PlannedPlate | None, images: list[tuple[re.Match[str], Path]]
) -> dict[int, str]:
    """Name each wave as the plan does, else as its first image does, else ``w1``."""
    names = dict(enumerate(plan.channels, start=1)) if plan else {}
    for match, path in images:
        wave = _wave(match)
        if wave not in names:
            names[wave] = illumination(path) or f"w{wave}"
    twice = {n for n, count in Counter(names.values()).items() if count > 1}
    return {w: f"{n} w{w}" if n in twice else n for w, n in names.items()}


def _without_copies(images: list[PlateImage]) -> list[PlateImage]:
    """Return the images with copies of one plane under the number of that plane."""
    original: dict[str, int | None] = {}
    for image in images:
        if image.planes[0] > 0 and image.channels[0] not in original:
            original[image.channels[0]] = copied_plane(image.path)
    return [
        image
        if (plane := original.get(image.channels[0])) is None
        else replace(image, planes=(plane,))
        for image in images
    ]


def _stack_spacing(images: list[PlateImage]) -> Spacing:
    """Return the z step that a projection states, else that between planes of the first stack."""
    projection = next((i for i in images if i.planes == (PROJECTION,)), None)
    step = projection and stated_z_step(projection.path)
    if step:
        return Spacing.of(source="file", Z=step)
    first = next((i for i in images if i.planes[0] > 0), None)
    if first is None:
        return Spacing()
    stack = [
        i
        for i in images
        if i.planes[0] >= 0
        and (i.well, i.field, i.frames, i.channels)
        == (first.well, first.field, first.frames, first.channels)
    ]
    low, high = min(stack, key=lambda i: i.planes), max(stack, key=lambda i: i.planes)
    distance = z_distance(low.path, high.path)
    steps = high.planes[0] - low.planes[0]
    z = float(f"{distance / steps:.4g}") if distance and steps else None
    return Spacing.of(source="file", Z=z)


def _count_lacking(plan: PlannedPlate, found: FoundPlate) -> int:
    """Count the planned images that are not there.

    A channel that has projections alone, or one plane where others have more, was taken so: the
    plan does not tell this. Of the times it says that all were to be taken.
    """
    places = {(i.well, i.frames[0], i.channels[0], i.planes[0], i.field) for i in found.images}
    present = Counter(place[:-1] for place in places)
    planes: dict[str, set[int]] = {}
    for image in found.images:
        planes.setdefault(image.channels[0], set()).add(image.planes[0])
    deepest = max((max(taken) for taken in planes.values()), default=0)
    wells = plan.wells or tuple({i.well for i in found.images})
    lacking = 0
    for number, name in enumerate(plan.channels, start=1):
        channel = name if plan.channels.count(name) == 1 else f"{name} w{number}"
        taken = planes.get(channel, set())
        whole = not taken or (max(taken) == deepest and deepest >= 0)
        wanted = set(range(plan.n_planes)) if whole or max(taken) > 0 else taken
        lacking += sum(
            max(0, plan.n_sites - present[well, frame, channel, plane])
            for well in wells
            for frame in range(plan.n_frames)
            for plane in wanted
        )
    return lacking
