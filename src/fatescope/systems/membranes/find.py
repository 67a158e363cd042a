"""Membranes, from files on disk to 3D cells, their contacts, tables and a report.

read -> level -> ridges -> outer surface -> starting points -> watershed -> measured -> written.
What is not about membranes is in `engine/predict.py`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import check_pixels, gauged, read_markers, read_table, write_table
from fatescope.acquire.markers import CARRIED, COLUMNS
from fatescope.base import (
    Execution,
    FileFormatError,
    Finding,
    Image,
    InputError,
    Progress,
    Table,
    escape,
)
from fatescope.base.errors import SettingsError
from fatescope.engine.found import Found
from fatescope.engine.in_memory import as_image, find_in_image
from fatescope.engine.plan import Cost
from fatescope.engine.predict import System, predict_images
from fatescope.engine.waiting import KeptFrames
from fatescope.measurement import border_findings, measure_faces, measure_objects
from fatescope.storage import hash_path
from fatescope.systems.membranes.cells import (
    MembraneSettings,
    cells_in_frame,
    find_centres,
    open_membrane_model,
    wall_network,
)
from fatescope.systems.membranes.findings import (
    NAMED,
    frame_findings,
    lacking_findings,
    likeness_findings,
    marker_findings,
    shipped_membranes,
)
from fatescope.systems.membranes.times import FILE as OVER_TIME
from fatescope.systems.membranes.times import cells_over_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.acquire import ImageFile
    from fatescope.engine import Run, Summary
    from fatescope.engine.given import Inputs
    from fatescope.engine.in_memory import ImageLike, SegmentedImage
    from fatescope.engine.worker import Worker
    from fatescope.predict import Predictor, Scratch

ASSUMED_UM = {"Z": 0.43, "Y": 0.18, "X": 0.18}
"""Where nobody says it: the voxel of the volumes that the settings were chosen on."""
_GREY = 0.05
"""Mean difference of the channels of a grey image from their mean, beside its own contrast."""


def predict_membranes(
    inputs: Inputs,
    *,
    out: Path | str,
    settings: MembraneSettings | None = None,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Find the cells between membranes and measure them; what ``predict membrane`` does.

    Parameters
    ----------
    inputs : path or sequence of paths
        Volumes, planes, movies, or folders of them.
    out : path
        Output folder. The same call again continues, also with more inputs.
    settings : MembraneSettings, optional
    execution : Execution, optional
        How the machine is used; never changes a result.
    fresh : bool
        Remove what an earlier run left in ``out`` first.
    progress : callable, optional

    Returns
    -------
    Summary
        The results are in ``out``: label images, ``objects``, ``contacts`` (Parquet and CSV),
        ``over_time.csv`` where cells have names, ``images.csv``, ``findings.csv``, ``run.json``
        and ``report.html``.

    Raises
    ------
    InputError, SettingsError, RunError
        When nothing can be done. An image that cannot be processed costs a finding instead.

    Examples
    --------
    >>> predict_membranes("embryo.tif", out="results")  # doctest: +SKIP
    """
    return predict_images(
        MEMBRANES,
        inputs,
        out=out,
        settings=settings,
        execution=execution,
        fresh=fresh,
        progress=progress,
    )


def segment_membranes(
    image: ImageLike,
    *,
    axes: str | None = None,
    spacing_um: Sequence[float] | None = None,
    interval_min: float | None = None,
    markers: Table | None = None,
    settings: MembraneSettings | None = None,
) -> SegmentedImage:
    """Find the cells between membranes and measure them, in memory.

    Parameters
    ----------
    image : Image, array-like or path
    axes, spacing_um, interval_min
        See `as_image`.
    markers : Table, optional
        ``frame, z, y, x`` and optionally ``name``: one row for each cell to be found.
    settings : MembraneSettings, optional

    Returns
    -------
    SegmentedImage
        The same labels and rows, to the bit, as `predict_membranes` writes for a file of the
        image.

    Raises
    ------
    InputError, SettingsError, ModelError
    """
    from fatescope.acquire import as_markers

    whole = as_image(image, axes=axes, spacing_um=spacing_um, interval_min=interval_min)
    how = settings or MembraneSettings()
    if markers is None and how.markers is not None:
        markers = read_markers(how.markers)
    elif markers is not None:
        markers = as_markers(markers, where="markers")
    return find_in_image(MEMBRANES, whole, how, decided=markers)


def find_membranes(
    image: Image,
    settings: MembraneSettings,
    *,
    predictor: Predictor | None = None,
    scratch: Scratch | None = None,
    decided: Table | None = None,
) -> Found:
    """Find and measure the cells of one image, frame by frame; the `System.find` of membranes.

    Parameters
    ----------
    image : Image
    settings : MembraneSettings
    predictor : Predictor, optional
        Its network draws walls; without one, or with ``classical``, they are ridges.
    scratch : Scratch, optional
        Where the labels of a movie's frames wait until all are found; a frame is held whole.
    decided : Table, optional
        Markers, from `open_markers`.
    """
    image = gauged(image)
    channel, nuclei, findings = _channels(image, settings)
    spacing, assumed = _spacing(image)
    findings += assumed
    markers = None if decided is None else _markers_of(image, decided)
    if markers is not None:
        findings += marker_findings(image, markers, settings)
    labels = KeptFrames(scratch, n_frames=image.size("T"))
    objects, contacts = [], []
    network = wall_network(predictor)
    drawn = None if network is None or predictor is None else predictor.description
    known = drawn or shipped_membranes()
    findings += likeness_findings(image, channel, spacing, known)
    seconds = {"segment": 0.0, "measure": 0.0}
    lacking: list[int] = []
    for t in range(image.size("T")):
        begun = time.perf_counter()
        try:
            values = image.read(T=t, C=channel)
        except FileFormatError:
            if t == 0 or image.size("Z") > 1:
                raise
            lacking.append(t)  # a film may promise more frames than it has
            labels.append(np.zeros([image.size(a) for a in "YX"], np.uint8))
            continue
        points, told = _starts(image, t, values.ndim, markers, nuclei, spacing)
        found = cells_in_frame(values, spacing, settings, markers=points, network=network)
        findings += frame_findings(image, t, values, found, points)
        seconds["segment"] += time.perf_counter() - begun
        begun = time.perf_counter()
        frame = _measure(image, t, found.labels, spacing)
        objects.append(_named(frame[0], told))
        contacts.append(frame[1])
        seconds["measure"] += time.perf_counter() - begun
        labels.append(found.labels.astype(np.min_scalar_type(int(found.labels.max(initial=0)))))
    cells = Table.concatenate(objects)
    findings += [
        *border_findings(
            cells,
            file=image.name,
            called="cells",
            lost="volumes, surfaces and contacts",
            severity="warning",
        ),
        *lacking_findings(image, lacking),
        *check_pixels(image, channel=channel),
    ]
    return Found(
        tables={"objects": cells, "contacts": Table.concatenate(contacts)},
        rasters={"labels": labels.frames},
        kind=settings.labels,
        findings=findings,
        record={"channel": channel},
        seconds=seconds,
        close=labels.close,
    )


def open_markers(
    run: Run,
    files: Sequence[ImageFile],
    worker: Worker[MembraneSettings],
    *,
    execution: Execution,
    progress: Progress | None = None,
) -> Table | None:
    """Read the markers once for the run.

    Raises
    ------
    FileFormatError
        If the table cannot be read.
    """
    markers = worker.settings.markers
    if markers is None:
        return None
    table = read_markers(Path(markers))
    said = _unread(run, files, Path(markers), table)
    if said:
        kept = run.decided().get("unfitting", {})
        run.decide("unfitting", {**kept, str(markers): said})
    return table


def _unread(run: Run, files: Sequence[ImageFile], path: Path, markers: Table) -> str:
    """Say which columns and rows of the markers are of no use; empty where all are used."""
    said = []
    columns = [c for c in read_table(path).columns if c not in (*COLUMNS, *CARRIED)]
    if columns:
        said.append(f"Columns {', '.join(map(escape, columns[:NAMED]))} are not read.")
    if "image" in markers:
        known = set(run.decided().get("marker_images", []))
        known |= {n for f in files for n in _names_of(Path(str(f)))}
        run.decide("marker_images", sorted(known))
        lost = [n for n in markers["image"].tolist() if n not in known]
        if lost:
            said.append(
                f"{len(lost)} of {len(markers)} markers name no image that was given, such as "
                f"{escape(str(lost[0]))!r}: they are left out."
            )
    return " ".join(said)


def record_markers(settings: MembraneSettings) -> dict[str, str]:
    """Return the content of the markers for the record, so that others are refused later."""
    return {} if settings.markers is None else {"markers_sha256": hash_path(Path(settings.markers))}


def _channels(image: Image, settings: MembraneSettings) -> tuple[int, int | None, list[Finding]]:
    """Return the channel of membranes, that of nuclei or ``None``, and what was assumed."""
    nuclei = None
    if settings.nuclei_channel is not None:
        nuclei = _channel(image, settings.nuclei_channel, "nuclei_channel")
    if settings.channel is not None:
        return _channel(image, settings.channel, "channel"), nuclei, []
    others = [c for c in range(image.size("C")) if c != nuclei]
    if len(others) == 1:
        return others[0], nuclei, []
    if nuclei is None and _is_grey(image):
        said = Finding(
            file=image.name,
            rule="odd-axes",
            severity="info",
            reason="A colour image whose channels are nearly alike, as of a screen recording: its "
            "green channel was taken. Say with --channel if it is another.",
        )
        return image.channels.index("green"), None, [said]
    listed = ", ".join(image.channels) or f"0 to {image.size('C') - 1}"
    raise SettingsError(
        f"image {image.name!r} has the channels {listed}. Say with --channel which one shows "
        "membranes."
    )


def _is_grey(image: Image) -> bool:
    """Say whether the first and the middle frame of a colour image are grey but for compression."""
    if set(image.channels) != {"red", "green", "blue"}:
        return False
    middle = {a: image.size(a) // 2 for a in "Z" if image.size(a) > 1}
    for t in {0, image.size("T") // 2}:
        shown = np.stack([image.read(T=t, C=c, **middle) for c in range(3)]).astype(np.float64)
        mean = shown.mean(axis=0)
        if np.abs(shown - mean).mean(axis=(1, 2)).max() > _GREY * mean.std():
            return False
    return True


def _channel(image: Image, wanted: str, name: str) -> int:
    names = list(image.channels)
    if wanted in names:
        return names.index(wanted)
    if wanted.isdecimal() and int(wanted) < image.size("C"):
        return int(wanted)
    listed = ", ".join([*names, *(str(i) for i in range(image.size("C")))])
    raise SettingsError(
        f"{name} = {wanted!r}: image {image.name!r} has no such channel; it has {listed}."
    )


def _spacing(image: Image) -> tuple[tuple[float, ...], list[Finding]]:
    """Return the voxel in µm; what nobody said is assumed, and said to be."""
    axes = [a for a in "ZYX" if a in image.axes]
    known = {a: image.spacing.um(a) for a in axes}
    lacking = [a for a in axes if known[a] is None]
    spacing = tuple(ASSUMED_UM[a] if (s := known[a]) is None else s[0] for a in axes)
    if not lacking:
        return spacing, []
    said = ", ".join(f"{a} {ASSUMED_UM[a]:g}" for a in lacking)
    return spacing, [
        Finding(
            file=image.name,
            rule="assumed-scale",
            severity="warning",
            reason=f"The size of a pixel is not known; {said} µm was assumed to tell how wide a "
            "wall is. Sizes are in pixels. Give it with --spacing-um.",
        )
    ]


def _markers_of(image: Image, markers: Table) -> Table:
    """Return the rows for an image: those that name it, or all where none is named."""
    if "image" not in markers:
        return markers
    names = _names_of(Path(image.name))
    return markers.rows(np.array([n in names for n in markers["image"].tolist()], dtype=bool))


def _names_of(path: Path) -> set[str]:
    """Return what a table may call an image."""
    return {path.name, path.stem, path.stem.removesuffix(".ome")}


def _starts(
    image: Image,
    t: int,
    ndim: int,
    markers: Table | None,
    nuclei: int | None,
    spacing: tuple[float, ...],
) -> tuple[NDArray[np.float64] | None, Table | None]:
    """Return where the cells of a frame start, and their markers; ``None`` to find them alone."""
    if markers is not None:
        mine = markers.rows(markers["frame"] == t)
        if image.size("Z") == 1:
            mine = mine.with_columns({"z": np.zeros(len(mine))})
        elif np.isnan(mine["z"]).any():
            raise InputError(
                f"{image.name}: has {image.size('Z')} planes, and the markers have no column z. "
                "Add the plane of each marker, counted from 0."
            )
        points = np.stack([mine[a] for a in "zyx"[-ndim:]], axis=1)
        size = np.array([image.size(a) for a in "ZYX"[-ndim:]])
        beyond = (points < -0.5) | (points > size - 0.5)
        if beyond.any():
            row = points[np.flatnonzero(beyond.any(axis=1))[0]]
            raise InputError(
                f"{image.name}: the marker at {tuple(row.tolist())} of frame {t} lies outside of "
                f"the image of {tuple(size.tolist())} pixels. Markers count pixels from 0."
            )
        return points, mine
    if nuclei is not None:
        return find_centres(image.read(T=t, C=nuclei), spacing), None
    return None, None


def _measure(
    image: Image, t: int, labels: NDArray[np.int32], spacing: tuple[float, ...]
) -> tuple[Table, Table]:
    """Measure cells and contacts; without a known pixel size nothing is in µm."""
    names = image.channels or tuple(str(c) for c in range(image.size("C")))
    channels = {name: image.read(T=t, C=c) for c, name in enumerate(names)}
    known = image.spacing.um("ZYX"[-labels.ndim :])
    objects = measure_objects(labels, channels, spacing_um=known, frame=t)
    faces = measure_faces(labels, spacing)
    unknown = np.nan if known is None else 1.0
    between = faces.rows(faces["label_a"] > 0)
    contacts = Table(
        {
            "frame": np.full(len(between), t, dtype=np.int64),
            "label_a": between["label_a"],
            "label_b": between["label_b"],
            "area_um2" if labels.ndim == 3 else "length_um": between["area"] * unknown,
        }
    )
    if known is None:
        return objects, contacts
    return objects.with_columns(_surfaces(objects, faces, ndim=labels.ndim)), contacts


def _surfaces(objects: Table, faces: Table, *, ndim: int) -> Mapping[str, NDArray[Any]]:
    """Return the surface of each cell, how much of it is free, and how round the cell is."""
    n = int(objects["label"].max(initial=0)) + 1
    area = np.bincount(faces["label_a"], faces["area"], minlength=n)
    area += np.bincount(faces["label_b"], faces["area"], minlength=n)
    free = faces.rows(faces["label_a"] == 0)
    outer = np.bincount(free["label_b"], free["area"], minlength=n)
    mine, outer = area[objects["label"]], outer[objects["label"]]
    mine = np.where(mine > 0, mine, np.nan)
    if ndim == 2:
        round_ = 4 * np.pi * objects["area_um2"] / mine**2
        return {"perimeter_um": mine, "free_perimeter_um": outer, "circularity": round_}
    round_ = np.pi ** (1 / 3) * (6 * objects["volume_um3"]) ** (2 / 3) / mine
    return {"surface_um2": mine, "free_surface_um2": outer, "sphericity": round_}


def _named(objects: Table, markers: Table | None) -> Table:
    """Add what the marker says from which a cell started: name, and embryo and time if known."""
    if markers is None:
        return objects
    at = objects["label"] - 1
    known = [c for c in ("name", "embryo", "time") if c in markers]
    return objects.with_columns({c: markers[c][at] for c in known})


def _write_pages(out: Path) -> tuple[str, ...]:
    from fatescope.pages.page import write_page
    from fatescope.systems.membranes.page import membrane_page

    over_time = cells_over_time(read_table(out / "objects.csv"), read_table(out / "contacts.csv"))
    if over_time is not None:
        write_table(over_time, out / OVER_TIME)
    write_page(out / "report.html", membrane_page(out))
    return ("report.html",) if over_time is None else ("report.html", OVER_TIME)


MEMBRANES: System[MembraneSettings] = System(
    command="predict membrane",
    settings=MembraneSettings,
    cost=Cost(
        cpu_seconds=1.0,
        unit_seconds=0.5,
        memory_mb=60.0,
        output_mb=0.05,
        unit_mb=0.1,
        start_mb=150.0,
    ),
    find=find_membranes,
    write_pages=_write_pages,
    open_model=open_membrane_model,
    decide=open_markers,
    record=record_markers,
    holds="ZYX",
)
"""By megavoxel of a volume of which an embryo fills a quarter (`benchmarks/membranes.py`)."""
