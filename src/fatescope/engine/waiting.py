"""Labels of a movie that wait on disk, frame by frame, until the last is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fatescope.engine.found import Raster
    from fatescope.predict import Scratch


class KeptFrames:
    """Frames that were found: in memory, or those of a large movie on disk.

    Parameters
    ----------
    scratch : Scratch or None
        Where they wait; ``None`` keeps them in memory. A single frame is in memory anyway.
    n_frames : int
        Of the movie.

    Attributes
    ----------
    frames : list of Raster
    """

    def __init__(self, scratch: Scratch | None, *, n_frames: int) -> None:
        self._scratch = scratch if n_frames > 1 else None
        self.frames: list[Raster] = []

    def append(self, values: NDArray[Any]) -> None:
        """Keep a frame, (Y, X) or (Z, Y, X)."""
        kept = values if self._scratch is None else _WaitingFrame(values, self._scratch)
        self.frames.append(kept)

    def close(self) -> None:
        """Free the space on disk; no frame may be read after this."""
        for frame in self.frames:
            if isinstance(frame, _WaitingFrame):
                frame.close()


class _WaitingFrame:
    def __init__(self, values: NDArray[Any], scratch: Scratch) -> None:
        self.dtype: np.dtype[Any] = values.dtype
        self._rows_of_plane = values.shape[-2]
        rows = values.reshape(-1, values.shape[-1])
        self._waiting = scratch.rows(rows.shape, rows.dtype)
        self._waiting.write(0, rows)

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        *plane, rows, columns = index
        first, stop, _ = rows.indices(self._rows_of_plane)
        before = sum(plane) * self._rows_of_plane
        return self._waiting.read(before + first, before + stop)[:, columns]

    def close(self) -> None:
        self._waiting.close()
