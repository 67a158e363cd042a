"""Whether an output folder can be used: made, not a stranger's, asked for the same thing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fatescope._version import __version__
from fatescope.base import RunError, escape, explain_os_error
from fatescope.engine.ledger import LAYOUT, LEDGER_NAME, SCHEMA, Ledger
from fatescope.engine.lock import LOCK_NAME
from fatescope.storage import PART_SUFFIX, list_files, remove, remove_files


def utc_now() -> str:
    """Return the time in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def make_folder(out: Path) -> Path:
    """Make the folder if it is not there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise RunError(f"{escape(out)}: is a file. Give a folder with --out.") from error
    except OSError as error:
        raise RunError(f"{escape(out)}: cannot be made: {explain_os_error(error)}") from error
    return out


def refuse_strangers(folder: Path, keeps: Sequence[str] = ()) -> None:
    """Raise where a folder without a ledger holds files: they are not ours to write beside."""
    if (folder / LEDGER_NAME).exists():
        return
    strangers = sorted(
        p.name for p in folder.iterdir() if not p.name.startswith(".") and p.name not in keeps
    )
    if strangers:
        raise RunError(
            f"{escape(folder)}: holds files that fatescope did not write ({escape(strangers[0])}"
            f"{', ...' if len(strangers) > 1 else ''}). Choose a new or empty folder."
        )


def agree(
    folder: Path,
    ledger: Ledger,
    command: str,
    settings: Mapping[str, Any],
    model: Mapping[str, str] | None,
) -> None:
    """Store what was asked for, or raise where the folder was begun with something else."""
    asked = {
        "command": command,
        "version": __version__,
        "layout": LAYOUT,
        "settings": json.dumps(settings, sort_keys=True, ensure_ascii=False),
        "model": json.dumps(model, sort_keys=True, ensure_ascii=False),
    }
    if ledger.meta("command") is None:
        ledger.set_meta({**asked, "started": utc_now(), "schema": str(SCHEMA)})
        return
    for name, value in asked.items():
        before = ledger.meta(name) or ""
        if before != value:
            raise RunError(
                f"{escape(folder)}: was begun with {_difference(name, before, value)}. Use the "
                "same, choose another --out, or start over with --fresh."
            )


def _difference(name: str, before: str, now: str) -> str:
    """Say in words what differs from the first call."""
    if name == "settings":
        old, new = json.loads(before), json.loads(now)
        keys = [k for k in sorted({*old, *new}) if old.get(k) != new.get(k)]
        parts = [f"{k} = {old.get(k)!r} (now {new.get(k)!r})" for k in keys[:3]]
        return "other settings: " + ", ".join(parts) + (", ..." if len(keys) > 3 else "")
    if name == "model":
        old, new = (json.loads(t) or {} for t in (before, now))
        if {**old, "device": None} == {**new, "device": None}:
            return f"another device: {old.get('device')} (now {new.get('device')})"
        return f"another model: {old.get('name')} (now {new.get('name')})"
    if name == "layout":
        return "a ledger of another layout (by an earlier fatescope)"
    return f"{'fatescope' if name == 'version' else 'the command'} {before!r} (now {now!r})"


def holds_nothing(folder: Path, ledger: Ledger) -> bool:
    """Say whether a folder was begun and nothing came of it, so that nothing would be lost.

    No unit is done, and there is no file but what the ledger lists (findings, the record). A file
    beside it, such as the checkpoint of a training, is work.
    """
    if ledger.meta("command") is None or any(u.state == "done" for u in ledger.units()):
        return False
    listed = set(ledger.paths())
    there = {f.relative_to(folder).as_posix() for f in list_files(folder)}
    ours = (LEDGER_NAME, f"{LEDGER_NAME}-wal", f"{LEDGER_NAME}-shm", LOCK_NAME)
    return all(f in listed or f in ours or f.endswith(PART_SUFFIX) for f in there)


def clear_folder(folder: Path, ledger: Ledger) -> Ledger:
    """Remove what the ledger lists and the ledger itself, and nothing else."""
    listed = ledger.paths()
    ledger.close()
    remove_files(folder, listed)
    ledger.path.unlink(missing_ok=True)
    return Ledger(ledger.path)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed run left unfinished; the lock says that nobody writes now."""
    for path in list(folder.rglob(f"*{PART_SUFFIX}")):
        remove(path)
