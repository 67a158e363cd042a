"""``run.json``: the record of a finished run, read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fatescope.base import RunError, escape


def read_record(folder: Path) -> dict[str, Any]:
    """Return ``run.json`` of an output folder.

    Raises
    ------
    RunError
        If there is none, or it cannot be read.
    """
    path = folder / "run.json"
    try:
        record = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise RunError(
            f"{escape(folder)}: there is no run.json. Give the output folder of a run."
        ) from error
    except (OSError, ValueError) as error:
        raise RunError(f"{escape(path)}: cannot be read as JSON. Run the command again.") from error
    if not isinstance(record, dict):
        raise RunError(f"{escape(path)}: is not the record of a run. Run the command again.")
    return record
