"""Convert lineages between formats: read -> say what is lost -> write."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from fatescope.acquire.lineages import (
    LineageFile,
    LineageFormat,
    LineageReading,
    files_of_lineage,
    find_lineages,
    losses,
    write_lineage,
)
from fatescope.base import Execution, Finding, InputError, Progress
from fatescope.engine import Run, Summary
from fatescope.engine.driver import Outcome, pending, work_through
from fatescope.lineage.body_axes import MirrorAxis, mirror_image
from fatescope.systems.lineages.reading import describe, read, record_reading

ENDINGS: dict[str, str] = {
    "epic": ".csv",
    "csv": ".csv",
    "acetree": ".zip",
    "newick": ".nwk",
    "ctc": "",
    "geff": ".geff",
    "trackmate": ".xml",
}
"""The ending of each format; tracks with masks become a folder."""


def convert_lineages(
    inputs: Sequence[Path | str],
    *,
    out: Path | str,
    to: LineageFormat,
    mirror: MirrorAxis | None = None,
    images: Path | None = None,
    reading: LineageReading | None = None,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Write lineages in another format; the workflow behind ``lineage convert``.

    Parameters
    ----------
    inputs : sequence of paths
    out : path
        Gets one file or folder per input, and ``findings.csv``, which says what each format could
        not hold.
    to : str
        The format to write.
    mirror : str, optional
        Turn this axis about the middle of its range in each table, as `mirror_image` says.
    images : path, optional
        The first image file of the movie, which the XML beside an AceTree archive names; of one
        lineage alone.
    reading : LineageReading, optional
        Scale and format of the inputs, where the files do not say them.
    execution : Execution, optional
    fresh : bool
    progress : callable, optional

    Raises
    ------
    InputError, RunError
        When nothing can be done. A file that cannot be converted costs a finding instead.
    """
    reading = reading or LineageReading()
    files = find_lineages(inputs)
    if images is not None:
        check_images(images, to=to, n=len(files))
    asked = {**record_reading(reading), "to": to, **({"mirror": mirror} if mirror else {})}
    asked |= {"images": str(images)} if images else {}
    with Run.open(out, command="lineage convert", settings=asked, fresh=fresh) as run:
        job = partial(
            convert_file,
            to=to,
            mirror=mirror,
            images=images and images.absolute(),
            reading=reading,
            out=run.out.absolute(),
        )
        todo = pending(run, files)
        work_through(run, todo, job, execution=execution or Execution(), progress=progress)
        return run.finish()


def check_images(images: Path, *, to: LineageFormat, n: int) -> None:
    """Raise where a movie's images are given and nothing can name them.

    Raises
    ------
    InputError
    """
    if to != "acetree":
        raise InputError(f"--images belongs to --to acetree: a file of {to} names no images.")
    if n > 1:
        raise InputError(f"--images is one movie's, and there are {n} lineages. Give one of them.")
    if not images.is_file():
        raise InputError(f"--images {images}: is no file. Give the image of the first frame.")


def convert_file(
    file: LineageFile,
    *,
    to: LineageFormat,
    mirror: MirrorAxis | None,
    images: Path | None,
    reading: LineageReading,
    out: Path,
) -> Outcome:
    """Convert one lineage and say what the new format cannot hold."""
    begun = time.perf_counter()
    got = read(file, reading)
    if mirror:
        got = replace(got, lineage=mirror_image(got.lineage, mirror))
    path = out / (file.key + ENDINGS[to])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_lineage(got.lineage, path, format=to, images=images, origin=file.path)
    findings = [
        Finding(file=file.key, rule="loss", severity="info", reason=f"{sentence}.")
        for sentence in losses(got.lineage, format=to)
    ]
    return Outcome(
        input=describe(file, got),
        findings=[*got.findings, *findings],
        files=[p.relative_to(out) for p in files_of_lineage(path, format=to)],
        seconds={"convert": time.perf_counter() - begun},
    )
