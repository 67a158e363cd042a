"""``fatescope prepare crops``: labelled images of plates to crops, split by well and audited."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_table
from fatescope.base import Execution, InputError, Table, imported
from fatescope.engine import OfRun, Run
from fatescope.engine.driver import Outcome, describe_files, pending, work_through
from fatescope.predict import LevelledPlane
from fatescope.prepare import (
    UNCERTAIN,
    CropStoreSettings,
    LabelledPlane,
    audit_leaks,
    audit_units,
    check_leaks,
    crop_starts,
    find_labelled,
    name_classes,
    read_labelled,
    tabulate_crops,
    write_plane,
    write_published,
    write_samples,
)
from fatescope.prepare.crop_store import PUBLISHED, PlaneCrops, write_crop_summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fatescope.base import Progress

_SIDES = ("train", "validation", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedCrops(OfRun):
    """What was done, and what ``crops.json`` holds."""

    crops: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``--json``."""
        return {**self.summary.as_json(), "crops": self.crops}

    def as_lines(self) -> list[str]:
        """Return what a person reads on the terminal."""
        return [*self.summary.as_lines(), *(crop_lines(self.crops) if self.crops else [])]


def prepare_crops(
    inputs: Sequence[Path] | Path,
    *,
    out: Path,
    settings: CropStoreSettings | None = None,
    execution: Execution | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> PreparedCrops:
    """Cut labelled images into crops, and say which are trained on.

    Parameters
    ----------
    inputs : path or sequence of paths
        Folders with ``index.csv`` (``well, field, frame, image, labels``), as ``plate labels``
        writes them; one for each plate.
    out : Path
        Takes ``samples.csv``, ``crops.parquet`` and ``.csv``, ``crops.json`` and the store:
        ``planes/`` or ``crops.h5``.
    settings : CropStoreSettings, optional
    execution : Execution, optional
    progress : callable, optional
    fresh : bool
        Remove what an earlier run left in ``out`` first.

    Raises
    ------
    InputError
        If nothing is found, classes are not named, or wells on two sides share content.
    """
    settings = settings or CropStoreSettings()
    if settings.layout == "hdf5":
        imported("h5py")  # what is missing is said before anything is computed
    folders = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    planes = find_labelled([Path(f).absolute() for f in folders], settings=settings)
    names = _names(planes, settings)
    record = settings.model_dump(mode="json") | {"inputs": [str(f) for f in folders]}
    with Run.open(out, command="prepare crops", settings=record, fresh=fresh) as run:
        todo = pending(run, planes)
        if todo:
            refuse_shared(planes, progress=progress)
        job = partial(cut_plane, out=run.out, names=names, settings=settings)
        work_through(run, todo, job, execution=execution or Execution(), progress=progress)
        write_samples(run.out / "samples.csv", [p.sample for p in planes])
        run.wrote("samples.csv")
        summary = run.finish()
        if not summary.units_done:
            return PreparedCrops(summary=summary, crops={})
        table = read_table(run.out / "crops.parquet")
        found = describe_crops(run.out, table, names, settings)
        if settings.layout == "hdf5":
            _publish(run, table, names, settings, found)
        run.wrote(write_crop_summary(run.out, found))
    return PreparedCrops(summary=summary, crops=found)


def _names(planes: Sequence[LabelledPlane], settings: CropStoreSettings) -> tuple[str, ...]:
    """Name the classes; without names, the labels of one plane of each well are looked at."""
    if settings.classes:
        return name_classes(settings.classes, 0)
    seen: dict[str, LabelledPlane] = {}
    for p in planes:
        seen.setdefault(p.sample.unit, p)
    most = 0
    for p in seen.values():
        labels = read_labelled(p)[1]
        most = max(most, int(labels[labels != UNCERTAIN].max(initial=0)))
    return name_classes("", most + 1)


def refuse_shared(planes: Sequence[LabelledPlane], *, progress: Progress | None = None) -> None:
    """Raise `InputError` where a unit, or the content of an image, stands on two sides.

    Of each field the first and the last frame are compared: its other frames belong to the same
    unit, and resemble these.
    """
    splits = [p.sample.split for p in planes]
    names = [p.key for p in planes]
    units = [p.sample.unit for p in planes]
    check_leaks(audit_units(units, [None] * len(planes), splits, names, guard_frames=0))
    ends: dict[tuple[str, str, str], list[int]] = {}
    for i, p in enumerate(planes):
        ends.setdefault((p.plate, p.well, p.field), []).append(i)
    chosen = sorted({i for own in ends.values() for i in (own[0], own[-1])})
    # An empty field is like any other, and teaches no cell.
    levelled = ((i, LevelledPlane(read_labelled(planes[i])[0])) for i in chosen)
    shown = [i for i, plane in levelled if not plane.contrast.shows_nothing]
    images = (_without_light(read_labelled(planes[i])[0]) for i in shown)
    mine, sides = [names[i] for i in shown], [splits[i] for i in shown]
    check_leaks(audit_leaks(images, mine, sides, progress=progress))


def _without_light(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return an image in which the shade of the optics, the same in all wells, is no likeness."""
    return LevelledPlane(image)[slice(0, image.shape[0]), slice(0, image.shape[1])]


def cut_plane(
    plane: LabelledPlane, *, out: Path, names: tuple[str, ...], settings: CropStoreSettings
) -> Outcome:
    """Do one unit: the crops of one plane."""
    image, labels = read_labelled(plane)
    if image.shape != labels.shape:
        raise InputError(
            f"the image is {image.shape[0]} x {image.shape[1]} px and its labels "
            f"{labels.shape[0]} x {labels.shape[1]}. Both need one grid."
        )
    beyond = (labels >= len(names)) & (labels != UNCERTAIN)
    if beyond.any():
        raise InputError(
            f"its labels hold the class {int(labels[beyond].min())}, and the classes are "
            f"{', '.join(names)} (0 to {len(names) - 1}) and {UNCERTAIN} for uncertain."
        )
    classes = labels.astype(np.uint8)
    split = plane.sample.split
    table = tabulate_crops(classes, names, split=split, settings=settings)
    n = len(table)
    head = {
        "image": plane.key,
        "unit": plane.sample.unit,
        "well": plane.well,
        "field": plane.field,
        "frame": -1 if plane.sample.frame is None else plane.sample.frame,
        "split": split,
    }
    columns = {k: np.full(n, v, None if isinstance(v, int) else object) for k, v in head.items()}
    return Outcome(
        input=describe_files(plane.paths),
        tables={"crops": Table({**columns, **table.columns})},
        files=write_plane(out, plane.key, image, classes),
    )


def describe_crops(
    out: Path, table: Table, names: Sequence[str], settings: CropStoreSettings
) -> dict[str, Any]:
    """Return what ``crops.json`` says: dimensions, counts before and after selection, batches."""
    used, split = table["used"].astype(bool), table["split"].astype(str)
    units = table["unit"].astype(str)
    n, size = int(used.sum()), settings.size_px
    keys = list(dict.fromkeys(str(k) for k in table["image"]))
    first = PlaneCrops(out, keys, table, size_px=size).plane(0)[0]
    columns = [f"n_{c}" for c in (*names, "uncertain")]
    pixels = {
        c.removeprefix("n_"): {"before": int(table[c].sum()), "after": int(table[c][used].sum())}
        for c in columns
    }
    sides = {
        s: {
            "units": len(set(units[split == s])),
            "crops_before": int((split == s).sum()),
            "crops_after": int((used & (split == s)).sum()),
            "batches": int((used & (split == s)).sum()) // settings.batch,
        }
        for s in _SIDES
    }
    shape = (first.shape[0], first.shape[1])
    grid = [
        len(crop_starts(length, size=size, stride=settings.stride_px, edge=settings.edge))
        for length in shape
    ]
    return {
        "layout": settings.layout,
        "classes": list(names),
        "uncertain": UNCERTAIN,
        "size_px": size,
        "stride_px": settings.stride_px,
        "planes": len(set(table["image"].astype(str))),
        "plane_px": list(shape),
        "crops_per_plane": grid,
        "images": {"shape": [n, 1, size, size], "dtype": str(first.dtype)},
        "labels": {"shape": [n, size, size], "dtype": "uint8"},
        "crops_before": len(table),
        "crops_after": n,
        "batch": settings.batch,
        "splits": sides,
        "pixels": pixels,
    }


def _publish(
    run: Run,
    table: Table,
    names: Sequence[str],
    settings: CropStoreSettings,
    found: dict[str, Any],
) -> None:
    """Write the published file from the planes, unless it is there with as many crops."""
    used = table.rows(table["used"].astype(bool))
    keys = list(dict.fromkeys(str(k) for k in used["image"]))
    crops = PlaneCrops(run.out, keys, used, size_px=settings.size_px)

    def every() -> Iterator[tuple[NDArray[Any], NDArray[np.uint8]]]:
        return (crops.read(i) for i in range(len(crops)))

    write_published(
        run.out / PUBLISHED,
        every(),
        used,
        dtype=np.dtype(found["images"]["dtype"]),
        classes=names,
        size_px=settings.size_px,
    )
    run.wrote(PUBLISHED)


def crop_lines(found: dict[str, Any]) -> list[str]:
    """Return dimensions and counts as a person reads them."""
    rows, columns = found["crops_per_plane"]
    height, width = found["plane_px"]
    share = found["crops_after"] / max(1, found["crops_before"])
    lines = [
        f"  planes    {found['planes']} of {height} x {width} px, "
        f"{rows} x {columns} = {rows * columns} crops each",
        f"  images    {tuple(found['images']['shape'])} {found['images']['dtype']}",
        f"  labels    {tuple(found['labels']['shape'])} {found['labels']['dtype']}",
        f"  kept      {found['crops_after']:,} of {found['crops_before']:,} crops ({share:.0%})",
    ]
    for name, side in found["splits"].items():
        lines.append(
            f"  {name:<11}{side['units']} units, {side['crops_after']:,} of "
            f"{side['crops_before']:,} crops, {side['batches']:,} batches of {found['batch']}"
        )
    total = max(1, sum(p["before"] for p in found["pixels"].values()))
    kept = max(1, sum(p["after"] for p in found["pixels"].values()))
    lines.append("  pixels    class: all crops, those kept")
    for name, p in found["pixels"].items():
        lines.append(f"    {name:<12}{p['before'] / total:8.3%}  {p['after'] / kept:8.3%}")
    return lines
