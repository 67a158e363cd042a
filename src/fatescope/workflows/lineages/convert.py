"""Convert lineages between formats: read -> say what is lost -> write."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fatescope.acquire.lineages import (
    LineageFile,
    LineageFormat,
    LineageReading,
    find_lineages,
    losses,
    read_lineage_checked,
    write_lineage,
)
from fatescope.base import Execution, Finding
from fatescope.run import Run, Summary
from fatescope.workflows.execute import Progress, map_units
from fatescope.workflows.lineages.inputs import describe_lineage

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
    reading: LineageReading | None = None,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Write lineages in another format; the story behind ``lineage convert``.

    Parameters
    ----------
    inputs : sequence of paths
    out : path
        Gets one file or folder per input, and ``findings.csv``, which says what each format could
        not hold.
    to : str
        The format to write.
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
    by_key = {f.key: f for f in find_lineages(inputs)}
    asked = {**reading.model_dump(mode="json"), "to": to}
    with Run.open(out, command="lineage convert", settings=asked, fresh=fresh) as run:
        todo = run.pending(by_key, paths={k: f.files for k, f in by_key.items()})
        job = partial(convert_file, to=to, reading=reading, out=run.out)
        units = [by_key[k] for k in todo]
        workers = (execution or Execution()).workers
        for file, outcome in map_units(job, units, workers=workers, progress=progress):
            if isinstance(outcome, Exception):
                reason = str(outcome)
                run.fail(
                    file.key,
                    Finding(file=file.key, rule="unreadable", severity="error", reason=reason),
                )
                continue
            run.record(
                file.key,
                input=outcome.input,
                findings=outcome.findings,
                files=outcome.written,
                seconds={"convert": outcome.seconds},
            )
        return run.finish()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedFile:
    """What a worker hands to the driver about one lineage."""

    input: dict[str, Any]
    findings: list[Finding]
    written: list[Path]
    seconds: float


def convert_file(
    file: LineageFile, *, to: LineageFormat, reading: LineageReading, out: Path
) -> ConvertedFile:
    """Convert one lineage and say what the new format cannot hold."""
    begun = time.perf_counter()
    read = read_lineage_checked(
        file.path,
        format=reading.format,
        spacing_um=reading.spacing_um,
        interval_min=reading.interval_min,
    )
    path = out / (file.key + ENDINGS[to])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_lineage(read.lineage, path, format=to)
    findings = [
        Finding(file=file.key, rule="loss", severity="info", reason=f"{sentence}.")
        for sentence in losses(read.lineage, format=to)
    ]
    inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return ConvertedFile(
        input=describe_lineage(file, read),
        findings=[*read.findings, *findings],
        written=[p.relative_to(out) for p in inside],
        seconds=time.perf_counter() - begun,
    )
