"""Labels of results that exist already, for other programs; and their outlines back as labels."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from fatescope.acquire import ImageFile, encode_rois, find_images, read_image, read_labels
from fatescope.acquire.images.geojson import encode_geojson
from fatescope.acquire.images.labels import write_labels
from fatescope.acquire.images.outlines_in import SUFFIXES, read_outlines
from fatescope.base import Execution, Finding, Image, InputError, Progress, WorkUnit, escape
from fatescope.engine import Run, Summary, input_record
from fatescope.engine.driver import Outcome, pending, work_through
from fatescope.storage import open_beside

OutlineFormat = Literal["rois", "geojson", "zarr", "masks", "labels"]
"""Fiji's ROI Manager; QuPath; OME-Zarr; label TIFFs as Cellpose and StarDist name them; ours."""
_ENDINGS = {
    "rois": "_rois.zip",
    "geojson": ".geojson",
    "zarr": ".ome.zarr",
    "masks": "_masks.tif",
    "labels": ".tif",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlinesFile(WorkUnit):
    """Outlines of another program, and the image that they lie on."""

    key: str
    paths: tuple[Path, ...]

    def __str__(self) -> str:
        return str(self.paths[0])


def convert_labels(
    inputs: Sequence[Path | str],
    *,
    out: Path | str,
    to: OutlineFormat | None = None,
    like: Path | None = None,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Write labels in another format, or make labels of outlines; the workflow behind ``convert``.

    Parameters
    ----------
    inputs : sequence of paths
        Output folders of fatescope, label images or folders of them; with ``like`` a zip of ROIs,
        a ROI or GeoJSON.
    out : path
        Gets one file or folder for each label image.
    to : str, optional
        The format; ``"labels"`` for outlines.
    like : Path, optional
        The image that the outlines were drawn on.
    execution : Execution, optional
    fresh : bool
    progress : callable, optional

    Raises
    ------
    InputError, RunError
        When nothing can be done. A file that cannot be converted costs a finding instead.
    """
    paths = [Path(p) for p in inputs]
    drawn = [p for p in paths if p.suffix.lower() in SUFFIXES]
    _check(paths, drawn, to, like)
    asked = {"to": to or "labels", "like": str(like) if like else None}
    with Run.open(out, command="convert", settings=asked, fresh=fresh) as run:
        units: Sequence[ImageFile | OutlinesFile]
        if drawn and like is not None:
            units = [OutlinesFile(key=p.stem, paths=(p, like)) for p in drawn]
        else:
            units = find_images([_labels_of(p) for p in paths])
        job = partial(_convert, to=to or "labels", out=run.out.absolute())
        todo = pending(run, units)
        work_through(run, todo, job, execution=execution or Execution(), progress=progress)
        run.list_images()
        return run.finish()


def _check(paths: Sequence[Path], drawn: Sequence[Path], to: str | None, like: Path | None) -> None:
    if drawn and len(drawn) < len(paths):
        raise InputError("outlines and labels were given together. Convert them by two commands.")
    if drawn and like is None:
        raise InputError(
            f"{escape(drawn[0])}: outlines do not say how large their image is. Give it with "
            "--like."
        )
    if drawn and to not in (None, "labels"):
        raise InputError(f"--to {to}: outlines become labels first; convert those afterwards.")
    if not drawn and to is None:
        raise InputError(f"the format is missing. Give --to {', '.join(_ENDINGS)}.")
    if not drawn and like is not None:
        raise InputError("--like is for outlines (.zip, .roi, .geojson); labels have their size.")


def _labels_of(folder: Path) -> Path:
    inside = folder / "labels"
    return inside if (folder / "run.json").is_file() and inside.is_dir() else folder


def _convert(unit: ImageFile | OutlinesFile, *, to: OutlineFormat, out: Path) -> Outcome:
    begun = time.perf_counter()
    name = unit.key + _ENDINGS[to]
    path = out / name
    path.parent.mkdir(parents=True, exist_ok=True)
    findings: tuple[Finding, ...] = ()
    if isinstance(unit, OutlinesFile):
        like = read_image(unit.paths[1])
        pixels, findings = read_outlines(unit.paths[0], like)
        axes = like.axes.replace("C", "")
        labels = Image(pixels=pixels, axes=axes, spacing=like.spacing.only(axes), name=str(unit))
    else:
        labels = read_labels(unit.paths[0])
    if to in ("rois", "geojson"):
        encoded = encode_rois(labels) if to == "rois" else encode_geojson(labels)
        with open_beside(path) as stream:
            stream.write(encoded)
    else:
        write_labels(
            path,
            labels.pixels,
            shape=labels.shape,
            axes=labels.axes,
            dtype=np.min_scalar_type(_highest(labels)),
            spacing=labels.spacing,
        )
    return Outcome(
        input=input_record(labels, unit.paths),
        findings=findings,
        files=[name],
        seconds={"convert": time.perf_counter() - begun},
    )


def _highest(labels: Image) -> int:
    """Return the highest number, a plane at a time."""
    planes = np.ndindex(labels.size("T"), labels.size("Z"))
    return max(int(labels.read(T=t, Z=z).max()) for t, z in planes)
