"""``fatescope doctor FILE``: what was understood of files, and what was not, as a table."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fatescope._version import __version__
from fatescope.acquire import find_images, read_image
from fatescope.acquire.images.formats import named_format
from fatescope.base import FatescopeError, Image, escape, missing_extra
from fatescope.engine import peak_memory_mb
from fatescope.systems.doctor import Diagnosis, diagnose

_NOT_SAID = "not said by the file"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What was understood of one image: rows of (what, value), and what was not, in sentences."""

    image: str
    path: str
    rows: tuple[tuple[str, str], ...] = ()
    doubts: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReports:
    """The answer of ``fatescope doctor FILE``."""

    reports: tuple[FileReport, ...]
    seconds: float
    peak_memory_mb: float

    @property
    def errors(self) -> Sequence[str]:
        """Return nothing: what cannot be read stands in its table."""
        return ()

    @property
    def exit_code(self) -> int:
        """0 all can be read, 1 some, 2 none."""
        failed = sum(bool(r.error) for r in self.reports)
        return 0 if not failed else 2 if failed == len(self.reports) else 1

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        failed = sum(bool(r.error) for r in self.reports)
        return {
            "command": "doctor",
            "out": None,
            "units_done": len(self.reports) - failed,
            "units_failed": failed,
            "findings": sum(len(r.doubts) for r in self.reports),
            "seconds": round(self.seconds, 3),
            "peak_memory_mb": round(self.peak_memory_mb, 1),
            "images": [
                {
                    "image": r.image,
                    "path": r.path,
                    "understood": dict(r.rows),
                    "not_understood": [*r.doubts, *([r.error] if r.error else [])],
                }
                for r in self.reports
            ],
        }

    def as_lines(self) -> list[str]:
        """Return a table in Markdown for each image, which can be pasted into a question."""
        lines = []
        for r in self.reports:
            rows = [*r.rows, *(("in doubt", d) for d in r.doubts)]
            if r.error:
                rows.append(("cannot be read", r.error))
            width = max(len(name) for name, _ in rows)
            lines += [f"**{r.image}** ({r.path}), fatescope {__version__}", ""]
            lines += [f"| {'':{width}} | |", f"|{'-' * (width + 2)}|--|"]
            lines += [f"| {name:{width}} | {value.replace('|', '/')} |" for name, value in rows]
            lines.append("")
        return lines[:-1]


def examine(files: Sequence[Path] = ()) -> Diagnosis | FileReports:
    """Describe files, or without any the installation: what ``fatescope doctor`` runs."""
    return report_files(files) if files else diagnose()


def report_files(inputs: Sequence[Path | str]) -> FileReports:
    """Say of each image in files and folders what was understood and what was not.

    Returns
    -------
    FileReports

    Raises
    ------
    InputError
        If there is no image at all.

    Notes
    -----
    No pixels are read but those that tell grey from colour.
    """
    begun = time.monotonic()
    reports = []
    for file in find_images(inputs):
        path = file.paths[0]
        report = FileReport(image=escape(file.key), path=escape(path))
        try:
            image = read_image(file)
        except (FatescopeError, OSError, ModuleNotFoundError) as error:
            said = " ".join(str(missing_extra(error) or error).split())
            report = replace(report, error=said.removeprefix(f"{escape(path)}: "))
        else:
            rows = (("format", named_format(path)), *_rows(image))
            report = replace(report, rows=rows, doubts=tuple(_doubts(image)))
        reports.append(report)
    return FileReports(
        reports=tuple(reports),
        seconds=time.monotonic() - begun,
        peak_memory_mb=peak_memory_mb(),
    )


def _rows(image: Image) -> Iterator[tuple[str, str]]:
    words = {"T": "frames", "C": "channels", "Z": "planes", "Y": "rows", "X": "columns"}
    sizes = [f"{n} {words[a]}" for a, n in zip(image.axes, image.shape, strict=True)]
    yield "axes", f"{image.axes}: {', '.join(sizes)}"
    yield "type", str(image.dtype)
    steps = image.spacing.as_record()
    for axis, name in (("X", "pixel width"), ("Y", "pixel height"), ("Z", "step between planes")):
        if axis in image.axes:
            step = steps.get(axis)
            yield name, f"{step['value']:.6g} µm" if step else _NOT_SAID
    if "T" in image.axes:
        step = steps.get("T")
        yield "interval", f"{step['value']:.6g} min" if step else _NOT_SAID
        if image.minutes:
            since = [f"{m - image.minutes[0]:.4g}" for m in image.minutes[:6]]
            more = ", ..." if len(image.minutes) > 6 else ""
            yield "frames taken at", f"{', '.join(since)}{more} min"
    if "C" in image.axes or image.channels:
        yield "channels", ", ".join(image.channels) or _NOT_SAID
    yield "objective", image.objective or _NOT_SAID


def _doubts(image: Image) -> Iterator[str]:
    yield from (note.reason for note in getattr(image.pixels, "notes", ()))
