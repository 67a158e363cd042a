"""Run a finished result again, from its own record, and compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import fatescope
from fatescope.acquire import find_images
from fatescope.base import Execution, InputError, RunError, escape
from fatescope.engine import read_record
from fatescope.engine.diff import ResultDiff, diff_results
from fatescope.engine.inputs import files_of
from fatescope.storage import hash_path

if TYPE_CHECKING:
    from fatescope.base import Progress, Settings

_CALLS = {
    "predict nuclei": ("predict_nuclei", "NucleiSettings"),
    "predict nuclei-em": ("predict_nuclei", "NucleiEmSettings"),
    "predict membrane": ("predict_membranes", "MembraneSettings"),
    "predict phase-cells": ("predict_phase_cells", "PhaseCellsSettings"),
    "predict live-dead": ("predict_live_dead", "LiveDeadSettings"),
    "predict viability": ("predict_viability", "ViabilitySettings"),
    "predict populations": ("predict_populations", "PopulationSettings"),
}
"""What made a result, and with which settings, by the command in its record; public names."""


def replay_result(
    folder: Path | str,
    *,
    out: Path | str,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> ResultDiff:
    """Run a result of `predict` again, with the inputs and settings of its record, and compare.

    Parameters
    ----------
    folder : path
        A finished output folder. Paths in its record are looked up from where you are.
    out : path
        Folder for the new results. A call that was stopped continues.
    execution : Execution, optional
        How the machine is used; never changes a result.
    fresh : bool
        Remove what an earlier call left in ``out`` first.
    progress : callable, optional
        Called as ``progress(done, total, what)``.

    Returns
    -------
    ResultDiff
        ``folder`` against ``out``.

    Raises
    ------
    InputError
        If an input is gone or no longer what it was.
    RunError
        If there is no record, or it is that of another command.
    """
    folder = Path(folder)
    record = read_record(folder)
    run, settings = _call(folder, record)
    inputs = _inputs(folder, record, settings)
    run(inputs, out=out, settings=settings, execution=execution, fresh=fresh, progress=progress)
    return replace(diff_results(folder, out), command="replay")


def _call(folder: Path, record: Mapping[str, Any]) -> tuple[Callable[..., Any], Settings]:
    """Return the function that made a result, and its settings as they were."""
    command, recorded = str(record.get("command")), dict(record.get("settings") or {})
    if command not in _CALLS:
        raise RunError(
            f"{escape(folder)}: was made by `{command}`, and only results of `fatescope predict` "
            "can be run again by their record. Give the same command again with another --out, "
            "and compare with fatescope diff."
        )
    if "excluded" in recorded:
        raise RunError(
            f"{escape(folder)}: was made with --exclude, and the record keeps what that file "
            "said, not the file. Give the same command again with another --out, and compare "
            "with fatescope diff."
        )
    function, cls = (getattr(fatescope, name) for name in _CALLS[command])
    values = {k: v for k, v in recorded.items() if k in cls.model_fields and v is not None}
    if command == "predict nuclei-em":  # one function has two commands
        function = partial(function, command=command)
    return function, cls.from_values(values)


def _inputs(folder: Path, record: Mapping[str, Any], settings: Any) -> list[Path]:
    """Return files and folders to give again, once each image is known to be what it was."""
    said = [i for i in record.get("inputs") or () if i.get("state") == "done"]
    given: dict[Path, None] = {}
    for one in said:
        files = files_of(one)
        for path, sha256, _, _ in files:
            if not path.exists():
                raise InputError(
                    f"{escape(path)}: is not there, and {escape(folder)} was made from it. Call "
                    "from the folder that the first command was given in, or put the file back."
                )
            if hash_path(path) != sha256:
                raise InputError(
                    f"{escape(path)}: is no longer the file that {escape(folder)} was made from. "
                    "Put that one back; or predict again, and compare with fatescope diff."
                )
        if files:
            given[_given(files[0][0], str(one["image"]), alone=len(files) == 1)] = None
    found = find_images(given, pattern=settings.pattern, sequence=settings.sequence)
    keys = {f.key for f in found}
    missing = [str(i["image"]) for i in said if i["image"] not in keys]
    if missing or not said:
        named = missing[0] if missing else "any image"
        raise InputError(
            f"{escape(folder)}: its record does not say how {escape(named)} was given. Give the "
            "same command again with another --out, and compare with fatescope diff."
        )
    return list(given)


def _given(path: Path, key: str, *, alone: bool) -> Path:
    """Return what was given for an image: the file, or the folder below which its key begins."""
    parts = PurePosixPath(key).parts
    if alone and len(parts) == 1:
        return path
    return path.parents[len(parts) - 1]
