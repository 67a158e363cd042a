"""What a system found in an image, and what of it is excluded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from fatescope.acquire import (
    ImageFile,
    read_exclusions,
)
from fatescope.base import (
    Finding,
    Image,
    Table,
    excluded_frames,
)
from fatescope.predict.settings import PredictSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Raster(Protocol):
    """Whole numbers on the grid of one frame, (Y, X) or (Z, Y, X): an array, or read in blocks."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest type that holds its values."""

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        """Return a block, by slices for Y and X, and a number before them where there is Z."""


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a system finds in one image.

    Parameters
    ----------
    tables : mapping of str to Table
        Rows by the table they belong to (``"objects"``, ``"contacts"``). The key of the image is
        put in front, as the column ``image``, or where a table keeps a place for it: ``movie``
        or ``table``.
    rasters : mapping of str to sequence of Raster
        By the folder that they are written to (``"labels"``, ``"classes"``), one for each T.
    sheets : mapping of str to Table
        By the folder in which the image has a table of its own: ``<folder>/<key>.csv``.
    kind : {"tif", "zarr"}
        Format of the rasters.
    findings : sequence of Finding
    record : mapping
        What the record says of this input beside what holds for any, for instance its diameter.
    seconds : mapping of str to float
        By stage.
    close : callable
        Frees scratch space, once everything is written.
    """

    tables: Mapping[str, Table]
    rasters: Mapping[str, Sequence[Raster]] = field(default_factory=dict)
    sheets: Mapping[str, Table] = field(default_factory=dict)
    kind: Literal["tif", "zarr"] = "tif"
    findings: Sequence[Finding] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    close: Callable[[], None] = _nothing


def without_excluded(
    found: Found, file: ImageFile, image: Image, settings: PredictSettings
) -> Found:
    """Take out what was found in frames that are unknown or excluded; they stay, empty."""
    listed = read_exclusions(settings.exclude) if settings.exclude is not None else []
    out = np.zeros(image.size("T"), dtype=bool)
    for name in (file.key, *map(str, file.paths)):
        out |= excluded_frames(listed, name, len(out))
    n_excluded = int(out.sum())
    unknown = [f.frame for f in found.findings if f.rule == "unreadable" and f.frame is not None]
    out[unknown] = True
    if not out.any():
        return found
    tables = {
        name: table.rows(~out[table["frame"]]) if "frame" in table else table
        for name, table in found.tables.items()
    }
    rasters = {
        folder: [_Empty(frame) if gone else frame for frame, gone in zip(frames, out, strict=True)]
        for folder, frames in found.rasters.items()
    }
    said = Finding(
        file=image.name,
        rule="excluded",
        severity="info",
        value=float(n_excluded),
        reason=f"{n_excluded} of {len(out)} frames are excluded: they hold no objects here.",
    )
    findings = [*found.findings, said] if n_excluded else found.findings
    return replace(found, tables=tables, rasters=rasters, findings=findings)


class _Empty:
    """A frame in which nothing counts."""

    def __init__(self, frame: Raster) -> None:
        self._frame = frame
        self.dtype = frame.dtype

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        return np.zeros_like(self._frame[index])
