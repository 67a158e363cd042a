"""Frames that wait on disk read back as they were kept, in any block."""

import numpy as np
import pytest

from fatescope.acquire import label_tiles
from fatescope.engine import FileScratch
from fatescope.engine.waiting import KeptFrames


@pytest.mark.parametrize("shape", [(40, 31), (5, 40, 31), (3, 600, 1100)])
def test_blocks_of_frames_on_disk_are_those_of_frames_in_memory(tmp_path, shape):
    rng = np.random.default_rng(1)
    frames = [rng.integers(0, 60000, shape).astype(kind) for kind in (np.uint16, np.uint32)]
    on_disk = KeptFrames(FileScratch(tmp_path), n_frames=2)
    in_memory = KeptFrames(None, n_frames=2)
    for frame in frames:
        on_disk.append(frame)
        in_memory.append(frame)
    for waiting, held, true in zip(on_disk.frames, in_memory.frames, frames, strict=True):
        assert waiting.dtype == held.dtype == true.dtype
        assert held is true
        assert not isinstance(waiting, np.ndarray)
        for index in [*label_tiles(shape), (*[0] * (len(shape) - 2), slice(None), slice(None))]:
            np.testing.assert_array_equal(waiting[index], true[index])
    on_disk.close()
    in_memory.close()
    assert list(tmp_path.iterdir()) == []


def test_the_only_frame_of_an_image_does_not_wait(tmp_path):
    kept = KeptFrames(FileScratch(tmp_path), n_frames=1)
    frame = np.ones((4, 5), np.uint8)
    kept.append(frame)
    assert kept.frames[0] is frame
