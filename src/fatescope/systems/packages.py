"""Model packages for a person: what there is, what is in it, whether it is whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fatescope.base import ModelError
from fatescope.engine import peak_memory_mb
from fatescope.models import (
    ModelPackage,
    check_model,
    export_model,
    import_model,
    list_models,
    open_package,
)
from fatescope.predict import Classical


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsResult:
    """The answer of a ``fatescope models`` command.

    Parameters
    ----------
    command : str
    out : Path or None
        What was written, if anything.
    models : tuple of dict
        One for each model that was looked at.
    lines : tuple of str
        What a person reads.
    units_failed : int
    seconds, peak_memory_mb : float
    errors : tuple of str
        One sentence for each model that failed.
    """

    command: str
    out: Path | None
    models: tuple[dict[str, Any], ...]
    lines: tuple[str, ...]
    units_failed: int
    seconds: float
    peak_memory_mb: float
    errors: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 all well, 1 some model failed, 2 all failed."""
        if not self.units_failed:
            return 0
        return 1 if self.models else 2

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``--json``."""
        return {
            "command": self.command,
            "out": None if self.out is None else str(self.out),
            "units_done": len(self.models),
            "units_failed": self.units_failed,
            "findings": 0,
            "seconds": round(self.seconds, 3),
            "peak_memory_mb": round(self.peak_memory_mb, 1),
            "models": list(self.models),
        }

    def as_lines(self) -> list[str]:
        """Return what a person reads."""
        return list(self.lines)


def list_packages() -> ModelsResult:
    """List the models that come with fatescope."""
    begun = time.perf_counter()
    classical = Classical()
    rows = [_row(p) for p in list_models()]
    rows.append(
        {
            "name": classical.name,
            "task": "nuclei",
            "summary": classical.description.summary,
            "sha256": classical.sha256,
            "size_mb": 0.0,
        }
    )
    lines = [f"{r['name']:14} {r['size_mb']:5.1f} MB  {r['summary']}" for r in rows]
    return _result("models list", rows, lines, begun)


def show_package(name_or_path: str) -> ModelsResult:
    """Show the description and the card of a model."""
    begun = time.perf_counter()
    package = open_package(name_or_path)
    row = {**_row(package), **package.description.model_dump(mode="json")}
    text = package.files.get("card.md", f"# {package.name}\n\n{row['summary']}".encode())
    card = text.decode("utf-8", "replace").splitlines()
    return _result("models show", [row], [f"sha256 {package.sha256}", "", *card], begun)


def check_packages(names_or_paths: Sequence[str]) -> ModelsResult:
    """Check packages: hashes, test tensors in each precision, bioimage.io description."""
    begun = time.perf_counter()
    rows: list[dict[str, Any]] = []
    lines: list[str] = []
    errors: list[str] = []
    for name in names_or_paths:
        try:
            found = check_model(name)
        except ModelError as error:
            errors.append(str(error))
            continue
        differences = ", ".join(f"{p} differs by {d:.1e}" for p, d in found.differences.items())
        text = f"{name}: {differences}; bioimage.io: {found.bioimageio}"
        if not found.passed:
            errors.append(f"{text}. Export the package again.")
            continue
        lines.append(f"{text}; passed")
        rows.append({"name": found.name, "sha256": found.sha256, "differences": found.differences})
    return _result("models check", rows, lines, begun, errors=tuple(errors))


def export_package(name_or_path: str, *, out: Path) -> ModelsResult:
    """Copy a package into a folder, or a zip where ``out`` ends in ``.zip``."""
    return _exchanged("models export", lambda: export_model(name_or_path, out), out)


def import_package(source: Path, *, out: Path) -> ModelsResult:
    """Make a package folder of a zip, or of an ONNX file with its sidecar."""
    return _exchanged("models import", lambda: import_model(source, out), out)


def _exchanged(command: str, make: Callable[[], ModelPackage], out: Path) -> ModelsResult:
    begun = time.perf_counter()
    package = make()
    line = f"{command}: {package.name} {package.sha256[:12]} -> {out}"
    return _result(command, [_row(package)], [line], begun, out=out)


def _row(package: ModelPackage) -> dict[str, Any]:
    return {
        "name": package.name,
        "task": package.description.task,
        "summary": package.description.summary,
        "sha256": package.sha256,
        "size_mb": round(sum(map(len, package.files.values())) / 1e6, 2),
    }


def _result(
    command: str,
    rows: list[dict[str, Any]],
    lines: list[str],
    begun: float,
    *,
    out: Path | None = None,
    errors: tuple[str, ...] = (),
) -> ModelsResult:
    return ModelsResult(
        command=command,
        out=out,
        models=tuple(rows),
        lines=tuple(lines),
        units_failed=len(errors),
        seconds=time.perf_counter() - begun,
        peak_memory_mb=peak_memory_mb(),
        errors=errors,
    )
