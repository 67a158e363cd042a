"""The atlas on disk: one compressed NumPy archive of plain arrays, and tables of cells."""

from __future__ import annotations

import json
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from fatescope.base.errors import FileFormatError
from fatescope.storage import write_beside

SHIPPED = "celegans-epic-1.npz"
IN_FOLDER = "atlas.npz"
"""What an atlas is called in the folder that ``lineage atlas`` writes."""
_LIMIT_BYTES = 200_000_000  # unpacked; the shipped one has 1 MB


def read_arrays(path: Path | None = None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read the arrays and the metadata of an atlas; without a path, of the shipped one.

    A folder stands for the atlas in it.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, absurdly large, or holds anything but plain arrays.
    """
    where = path or Path(str(files("fatescope") / "lineage/shipped" / SHIPPED))
    where = where / IN_FOLDER if where.is_dir() else where
    try:
        with zipfile.ZipFile(where) as archive:
            if sum(i.file_size for i in archive.infolist()) > _LIMIT_BYTES:
                raise FileFormatError(f"{where}: is too large for an atlas. Check the file.")
        with np.load(where, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
        metadata = json.loads(str(arrays.pop("metadata")))
    except FileFormatError:
        raise
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise FileFormatError(
            f"{where}: cannot be read as an atlas ({error}). Make one: `fatescope lineage atlas`."
        ) from error
    return arrays, metadata


def write_arrays(path: Path, arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> Path:
    """Write arrays and metadata, whole or not at all; the same content gives the same bytes."""
    import io

    with write_beside(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        text = np.array(json.dumps(metadata, sort_keys=True))
        for name, array in sorted({**arrays, "metadata": text}.items()):
            buffer = io.BytesIO()
            np.lib.format.write_array(
                buffer, np.ascontiguousarray(array) if array.ndim else array, allow_pickle=False
            )
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)),
                buffer.getvalue(),
                zipfile.ZIP_DEFLATED,
            )
    return path
