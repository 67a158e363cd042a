"""Readers that many threads share: whoever looks at an image asks for many of its tiles."""

import random
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
import zarr

from fatescope.acquire import read_image
from fatescope.acquire.images import zarr_read
from fatescope.acquire.plates import PlateReading, read_field, read_plate

FRAMES = 12


def a_plate(folder):
    for t in range(FRAMES):
        path = folder / f"TimePoint_{t + 1}" / "exp_B02_s1_w1.tif"
        path.parent.mkdir(parents=True)
        tifffile.imwrite(path, np.full((32, 32), t, np.uint16))
    return read_field(read_plate(folder, PlateReading()), "B02", "1")


def a_zarr(folder):
    stored = zarr.open_group(folder / "a.zarr", mode="w", zarr_format=2)
    names = [{"name": "t", "type": "time"}, *({"name": a, "type": "space"} for a in "yx")]
    stored.attrs["multiscales"] = [
        {"version": "0.4", "axes": names, "datasets": [{"path": "0"}]},
    ]
    pixels = np.repeat(np.arange(FRAMES, dtype=np.uint16), 32 * 32).reshape(FRAMES, 32, 32)
    stored.create_array("0", shape=pixels.shape, chunks=(1, 32, 32), dtype=np.uint16)[:] = pixels
    return read_image(folder / "a.zarr")


def a_stack(folder):
    pixels = np.repeat(np.arange(FRAMES, dtype=np.uint16), 32 * 32).reshape(FRAMES, 32, 32)
    tifffile.imwrite(folder / "a.tif", pixels, metadata={"axes": "TYX"}, imagej=True)
    return read_image(folder / "a.tif")


@pytest.mark.parametrize("make", [a_plate, a_zarr, a_stack])
def test_eight_threads_get_the_frames_that_they_ask_for(tmp_path, monkeypatch, make):
    monkeypatch.setattr(zarr_read, "CACHE_BYTES", 5000)  # two chunks: the cache is always full
    image = make(tmp_path)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def wrong(seed):
        frames = random.Random(seed).choices(range(FRAMES), k=150)
        return [t for t in frames if not (image.read(T=t, Y=slice(0, 4)) == t).all()]

    try:
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(wrong, range(8))) == [[]] * 8
    finally:
        sys.setswitchinterval(before)
