"""How to run it again: a command, its settings file, and the same in Python."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.pages.settings import given_settings, settings_toml
from fatescope.storage import write_beside

if TYPE_CHECKING:
    import os

    from fatescope.systems.nuclei.page.values import ImageSummary, NucleiReport

SETTINGS_NAME = "settings.toml"
_MAX_PATHS = 20  # in a command that is shown


def write_settings(path: str | os.PathLike[str], report: NucleiReport) -> Path:
    """Write the settings of a run as the TOML file that its command takes with ``--settings``."""
    target = Path(path)
    with write_beside(target) as part:
        part.write_text(settings_toml(report.record) + "\n", encoding="utf-8")
    return target


def command_line(record: dict[str, Any], images: tuple[ImageSummary, ...]) -> str:
    """Return the command that repeats the run, its settings in a file beside it."""
    paths = _paths(record, images)
    named = shlex.join(paths[:_MAX_PATHS]) + (" ..." if len(paths) > _MAX_PATHS else "")
    settings = f" --settings {SETTINGS_NAME}" if record.get("settings") else ""
    return f"fatescope {record.get('command') or 'predict nuclei'} {named} --out results{settings}"


def python_lines(record: dict[str, Any], images: tuple[ImageSummary, ...]) -> str:
    """Return three lines of Python that repeat the run."""
    paths = _paths(record, images)[:_MAX_PATHS]
    given = json.dumps(paths[0] if len(paths) == 1 else paths, ensure_ascii=False)
    settings = ", ".join(f"{k}={_as_python(v)}" for k, v in given_settings(record).items())
    kind, function = python_names(str(record.get("command") or "predict nuclei"))
    return (
        "import fatescope as fs\n"
        f"settings = fs.{kind}({settings})\n"
        f'result = fs.{function}({given}, out="results", settings=settings)'
    )


def python_names(command: str) -> tuple[str, str]:
    """Return the settings class and the function of a command ``predict ...``.

    Examples
    --------
    >>> python_names("predict phase-cells")
    ('PhaseCellsSettings', 'predict_phase_cells')
    """
    words = command.removeprefix("predict ").split("-")
    function = "predict_" + "_".join(words)
    return "".join(w.capitalize() for w in words) + "Settings", _FUNCTIONS.get(function, function)


_FUNCTIONS = {"predict_nuclei_em": "predict_nuclei"}
"""Commands whose function is that of another one: the settings alone tell them apart."""


def _as_python(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _paths(record: dict[str, Any], images: tuple[ImageSummary, ...]) -> list[str]:
    """Return the files of the run as the record names them."""
    paths: list[str] = []
    for said in record.get("inputs") or ():
        path = said.get("path") or said["image"]
        paths += [path] if isinstance(path, str) else path
    return paths or [image.key for image in images]
