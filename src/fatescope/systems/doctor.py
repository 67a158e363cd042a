"""What is wrong with an installation, in words: packages, extras, memory, disk, models."""

from __future__ import annotations

import importlib
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import psutil

from fatescope._version import __version__
from fatescope.base import PROCESS_MB
from fatescope.base.extras import EXTRA_OF, installing
from fatescope.engine import peak_memory_mb
from fatescope.engine.environment import environment
from fatescope.engine.portable import tried
from fatescope.models.quiet import import_openvino

_LEAST_PYTHON = (3, 11)
_LEAST_DISK_MB, _FREE_MEMORY_MB = 500.0, 1000.0
_FAST = ("avx2", "asimd")
"""Instructions without which networks run several times slower."""
_IMPORTED = (
    *("numpy", "scipy", "skimage", "tifffile", "imagecodecs", "zarr", "av", "duckdb", "openvino"),
    *("cc3d", "edt", "fastremap", "pydantic", "PIL", "safetensors", "jinja2", "yaml"),
)
"""Modules of the light installation that hold compiled code or that nothing works without."""
State = Literal["good", "note", "wrong"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    name : str
    state : {"good", "note", "wrong"}
        A note is worth knowing; only what is wrong makes the exit code 1.
    words : str
        What was found.
    remedy : str
        What to do; empty where nothing is to be done.
    """

    name: str
    state: State
    words: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All checks of an installation: what ``fatescope doctor`` answers."""

    checks: tuple[Check, ...]
    seconds: float
    peak_memory_mb: float

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is wrong."""
        return all(check.state != "wrong" for check in self.checks)

    @property
    def exit_code(self) -> int:
        """0 healthy, 1 something is wrong."""
        return 0 if self.is_healthy else 1

    @property
    def errors(self) -> Sequence[str]:
        """Return nothing: what is wrong stands among the checks."""
        return ()

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        n_wrong = sum(c.state == "wrong" for c in self.checks)
        return {
            "command": "doctor",
            "out": None,
            "units_done": len(self.checks) - n_wrong,
            "units_failed": n_wrong,
            "findings": sum(c.state != "good" for c in self.checks),
            "seconds": round(self.seconds, 3),
            "peak_memory_mb": round(self.peak_memory_mb, 1),
            "healthy": self.is_healthy,
            "checks": [asdict(check) for check in self.checks],
        }

    def as_lines(self) -> list[str]:
        """Return what a person reads: a line for each check, what is wrong with its remedy."""
        marks = {"good": "good ", "note": "note ", "wrong": "WRONG"}
        lines = []
        for check in self.checks:
            lines.append(f"{marks[check.state]}  {check.name}: {check.words}")
            if check.remedy:
                lines.append(f"       {check.remedy}")
        wrong = [c.name for c in self.checks if c.state == "wrong"]
        end = "Everything that fatescope needs is there."
        if wrong:
            end = f"Wrong: {', '.join(wrong)}. What to do stands above."
        return [*lines, end]


def diagnose(*, folder: Path | None = None) -> Diagnosis:
    """Look at everything that an installation needs, and try a small prediction.

    Parameters
    ----------
    folder : Path, optional
        Where results would be written; the current folder.

    Returns
    -------
    Diagnosis

    Notes
    -----
    Nothing is written but a file that is removed again, and nothing is sent.
    """
    begun = time.monotonic()
    where = Path(folder or Path.cwd())
    each: tuple[Callable[[], Iterator[Check]], ...] = (
        _python,
        _packages,
        _extras,
        _processor,
        _memory,
        lambda: _disk(where),
        _models,
        _prediction,
    )
    checks = [check for looked in each for check in looked()]
    return Diagnosis(
        checks=tuple(checks),
        seconds=time.monotonic() - begun,
        peak_memory_mb=peak_memory_mb(),
    )


def _python() -> Iterator[Check]:
    words = f"{platform.python_version()} at {sys.executable}, fatescope {__version__}"
    old = sys.version_info < _LEAST_PYTHON
    wanted = ".".join(map(str, _LEAST_PYTHON))
    remedy = f"Install Python {wanted} or later and make a new environment." if old else ""
    yield Check(name="Python", state="wrong" if old else "good", words=words, remedy=remedy)


def _packages() -> Iterator[Check]:
    faults = {}
    for module in _IMPORTED:
        got = tried(
            import_openvino if module == "openvino" else partial(importlib.import_module, module)
        )
        if isinstance(got, Exception):
            faults[module] = f"{module} ({type(got).__name__}: {got})"
    if faults:
        yield Check(
            name="packages",
            state="wrong",
            words=f"cannot be loaded: {'; '.join(faults.values())}",
            remedy="Install fatescope again into a new environment.",
        )
    else:
        yield Check(name="packages", state="good", words=f"{len(_IMPORTED)} can be loaded")
    old = [said for said in _requirements() if said]
    if old:
        yield Check(
            name="versions",
            state="wrong",
            words="; ".join(old),
            remedy="Install fatescope again; pip brings the versions that it needs.",
        )


def _requirements() -> Iterator[str]:
    """Say which packages of the light installation are missing or older than is needed."""
    try:
        listed = metadata.requires("fatescope") or []
    except metadata.PackageNotFoundError:
        return
    for line in listed:
        found = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*(?:>=\s*([0-9.]+))?", line)
        if "extra ==" in line or found is None:
            continue
        name, least = found[1], found[2]
        try:
            here = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield f"{name} is missing"
            continue
        if least and _number(here) < _number(least):
            yield f"{name} is {here}, {least} or later is needed"


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version)[:4])


def _extras() -> Iterator[Check]:
    modules: dict[str, list[str]] = {}
    for module, extra in EXTRA_OF.items():
        modules.setdefault(extra, []).append(module)
    absent = {
        extra: missing
        for extra, wanted in sorted(modules.items())
        if (missing := [m for m in wanted if importlib.util.find_spec(m) is None])
    }
    there = ", ".join(e for e in sorted(modules) if e not in absent) or "none"
    words = f"installed: {there}"
    if not absent:
        yield Check(name="extras", state="good", words=words)
        return
    half = [e for e, missing in absent.items() if len(missing) < len(modules[e])]
    words += f"; not installed: {', '.join(absent)}"
    words += f" (a part is there of {', '.join(half)})" if half else ""
    yield Check(
        name="extras",
        state="note",
        words=words,
        remedy=f"If you need one: {installing(next(iter(absent)))}",
    )


def _processor() -> Iterator[Check]:
    processor = environment()["processor"]
    flags = list(processor["flags"])
    words = f"{processor['name'] or platform.machine()}, {psutil.cpu_count()} cores"
    words += f", {' '.join(flags)}" if flags else ""
    slow = bool(flags) and not set(flags) & set(_FAST)
    remedy = "Networks run slowly without AVX2; the results are right." if slow else ""
    yield Check(name="processor", state="note" if slow else "good", words=words, remedy=remedy)


def _memory() -> Iterator[Check]:
    memory = psutil.virtual_memory()
    free = memory.available / 1e6
    words = f"{free / 1e3:.1f} GB free of {memory.total / 1e9:.1f} GB"
    if free < PROCESS_MB * 2:
        remedy = "Close other programs: one process cannot begin."
        yield Check(name="memory", state="wrong", words=words, remedy=remedy)
    elif free < _FREE_MEMORY_MB:
        remedy = "Close other programs, or give --workers 1."
        yield Check(name="memory", state="note", words=words, remedy=remedy)
    else:
        yield Check(name="memory", state="good", words=words)


def _disk(folder: Path) -> Iterator[Check]:
    for name, place in (("disk", folder), ("temporary folder", Path(tempfile.gettempdir()))):
        try:
            with tempfile.TemporaryFile(dir=place) as stream:
                stream.write(b"fatescope")
            free = shutil.disk_usage(place).free / 1e6
        except OSError as error:
            words = f"{place} cannot be written ({error.strerror})"
            remedy = "Work in another folder." if name == "disk" else "Set TMPDIR to another one."
            yield Check(name=name, state="wrong", words=words, remedy=remedy)
            continue
        words = f"{free / 1e3:.1f} GB free in {place}"
        low = free < _LEAST_DISK_MB
        remedy = "Free some space: results need room." if low else ""
        yield Check(name=name, state="wrong" if low else "good", words=words, remedy=remedy)


def _models() -> Iterator[Check]:
    """Check the hashes of each shipped model, and that its networks give their stored outputs."""
    from fatescope.models import check_model, shipped_names

    for name in shipped_names():
        words, fault = "whole, and computes what it did when it was made", ""
        checked = tried(check_model, name)
        if isinstance(checked, Exception):
            fault = " ".join(str(checked).split())
        elif not checked.passed:
            fault = f"gives other numbers than it should ({checked.differences})"
        yield Check(
            name=f"model {name}",
            state="wrong" if fault else "good",
            words=fault or words,
            remedy="Install fatescope again." if fault else "",
        )


def _prediction() -> Iterator[Check]:
    """Outline the nuclei of a rendered image, and count them against the truth."""
    from fatescope.simulate import NucleiMovieSettings, simulate_nuclei
    from fatescope.systems.nuclei.find import segment_nuclei

    name = "a small prediction"
    settings = NucleiMovieSettings(frames=1, height=192, width=192)
    movie = simulate_nuclei(settings, seed=0)
    true = len(set(movie.labels[0].ravel().tolist()) - {0})
    begun = time.monotonic()
    found = tried(segment_nuclei, movie.pixels[0], axes="YX", spacing_um=(0.3, 0.3))
    if isinstance(found, Exception):
        words = f"failed ({type(found).__name__}: {found})"
        remedy = "Report it, with all that stands above."
        yield Check(name=name, state="wrong", words=words, remedy=remedy)
        return
    n = len(found.objects)
    words = f"{n} nuclei found where {true} were rendered, in {time.monotonic() - begun:.1f} s"
    near = abs(n - true) <= max(2, 0.25 * true)
    remedy = "" if near else "The processor or a package computes wrongly. Report it."
    yield Check(name=name, state="good" if near else "wrong", words=words, remedy=remedy)
