"""Images for tests, written by Pillow, tifffile and imagecodecs rather than by our own writer."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import PIL.Image
import tifffile


def ramp(*shape: int, dtype: str = "uint16") -> np.ndarray:
    """Return values that are all different, as far as the type allows."""
    return (np.arange(np.prod(shape)) % 60000).reshape(shape).astype(dtype)


def png_bytes(pixels: np.ndarray, mode: str | None = None, **options: object) -> bytes:
    stream = io.BytesIO()
    image = PIL.Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(stream, "PNG", **options)
    return stream.getvalue()


def ome_tiff(path: Path, pixels: np.ndarray, axes: str, *, layout: dict | None = None, **meta):
    """Write OME-TIFF by tifffile."""
    tifffile.imwrite(path, pixels, ome=True, metadata={"axes": axes, **meta}, **(layout or {}))
    return path


def imagej_tiff(path: Path, pixels: np.ndarray, axes: str, *, pixels_per_unit=None, **meta):
    """Write an ImageJ hyperstack by tifffile."""
    resolution = None if pixels_per_unit is None else (pixels_per_unit, pixels_per_unit)
    tifffile.imwrite(
        path, pixels, imagej=True, resolution=resolution, metadata={"axes": axes, **meta}
    )
    return path


def plain_tiff(path: Path, pixels: np.ndarray, **options):
    """Write TIFF without any description."""
    options.setdefault("photometric", "minisblack")
    tifffile.imwrite(path, pixels, metadata=None, **options)
    return path
