"""Run a finished result again, from its own record, and compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from fatescope.acquire import find_images, read_table
from fatescope.base import Execution, InputError, RunError, escape
from fatescope.engine import read_record
from fatescope.engine.diff import ResultDiff, diff_results
from fatescope.engine.inputs import files_of
from fatescope.engine.predict import predict_images
from fatescope.storage import hash_path
from fatescope.systems.registry import system_named

if TYPE_CHECKING:
    from fatescope.base import Progress
    from fatescope.engine.predict import System


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
    system, settings = _system(folder, record)
    inputs = _inputs(folder, record, settings)
    were_there = _paths(folder, record)
    predict_images(
        system,
        inputs,
        out=out,
        settings=settings,
        execution=execution,
        fresh=fresh,
        progress=progress,
        only=lambda file: set(file.paths) <= were_there,
    )
    return replace(diff_results(folder, out), command="replay")


def _system(folder: Path, record: Mapping[str, Any]) -> tuple[System[Any], Any]:
    """Return the system that made a result, and its settings as they were."""
    command, recorded = str(record.get("command")), dict(record.get("settings") or {})
    try:
        system = system_named(command.removeprefix("predict "))
    except InputError:
        raise RunError(
            f"{escape(folder)}: was made by `{command}`, and only results of `fatescope predict` "
            "can be run again by their record. Give the same command again with another --out, "
            "and compare with fatescope diff."
        ) from None
    if "excluded" in recorded:
        raise RunError(
            f"{escape(folder)}: was made with --exclude, and the record keeps what that file "
            "said, not the file. Give the same command again with another --out, and compare "
            "with fatescope diff."
        )
    values = {k: v for k, v in recorded.items() if v is not None}
    known = {k: v for k, v in values.items() if k in system.settings.model_fields}
    return system, system.settings.from_values(known)


def _paths(folder: Path, record: Mapping[str, Any]) -> set[Path]:
    """Return the files that a result was made from, and the label images that it passed by."""
    findings = read_table(folder / "findings.csv")
    labels = findings["file"][findings["rule"] == "label-image"]
    read = (path for said in record.get("inputs") or () for path in _named_in(said))
    return {*map(Path, labels.tolist()), *read}


def _named_in(said: Mapping[str, Any]) -> Iterator[Path]:
    path = said.get("path") or ()
    yield from map(Path, [path] if isinstance(path, str) else path)


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
    found = find_images(
        given, pattern=settings.pattern, sequence=settings.sequence, scene=settings.scene
    )
    were_there = _paths(folder, record)
    keys = {f.key for f in found if set(f.paths) <= were_there}
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
