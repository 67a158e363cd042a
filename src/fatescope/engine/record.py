"""``run.json``: the record of a finished run, read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.acquire import ImageFile, gauged, read_image, read_labels
from fatescope.base import FatescopeError, RunError, escape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fatescope.base import Image


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


def open_recorded(
    out: Path, record: Mapping[str, Any], said: Mapping[str, Any]
) -> tuple[Image, Image] | None:
    """Open an input of a run, and its labels; ``None`` where one is gone or they do not fit.

    Parameters
    ----------
    out : Path
        The output folder.
    record : mapping
        Of the folder; see `read_record`.
    said : mapping
        What the record says of the input, as ``record["inputs"]`` has it.
    """
    key, paths = str(said["image"]), said.get("path") or ()
    paths = (Path(paths),) if isinstance(paths, str) else tuple(map(Path, paths))
    given = said.get("labels")  # that were measured, not found: they lie beside the image
    paths = tuple(p for p in paths if str(p) != given)
    grid = tuple((str(axis), tuple(values)) for axis, values in said.get("grid") or ())
    of_frames = len(paths) > 1 and not grid and not said.get("set")
    frames = tuple(range(len(paths))) if of_frames else ()
    zarr = out / "labels" / f"{key}.ome.zarr"
    own = zarr if zarr.is_dir() else out / "labels" / f"{key}.tif"
    try:
        image = read_image(
            ImageFile(key=key, paths=paths, frames=frames, grid=grid, scene=said.get("scene")),
            axes=(record.get("settings") or {}).get("axes"),
        )
        image = gauged(image)  # a page shows a frame that cannot be decoded as black
        labels = read_labels(Path(given) if given else own)
    except (FatescopeError, OSError, IndexError):
        return None
    return (image, labels) if image.shape[-2:] == labels.shape[-2:] else None
