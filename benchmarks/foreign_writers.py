"""Files that other programs write on this machine, for `foreign_files`.

    PYTHON -m benchmarks.foreign_writers FOLDER [--bioformats JAR] [--imagej JAR]

Needs nothing of fatescope, so that an environment with other libraries than ours can run it; what
is not installed is named and left out.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

UM = {"Z": 1.5, "Y": 0.25, "X": 0.25}
CHANNELS = ("DAPI", "GFP")


def pixels(*shape: int, dtype: str = "uint16", seed: int = 0) -> Any:
    """Return numbers without a pattern, so that no wrong order looks right."""
    return np.random.default_rng(seed).integers(0, 250, shape).astype(dtype)


def imagej_hyperstack(path: Path) -> None:
    import tifffile

    about = {"axes": "TZCYX", "spacing": UM["Z"], "unit": "um", "finterval": 30.0}
    how = {"resolution": (4, 4), "metadata": about | {"Labels": list("abcdefghijkl")}}
    tifffile.imwrite(path, pixels(2, 3, 2, 40, 50), imagej=True, **how)


def tifffile_ome(path: Path, axes: str = "TCZYX", **how: Any) -> None:
    import tifffile

    sizes = dict(zip("TCZYX", (3, 2, 4, 40, 50), strict=True))
    about = {"axes": axes, "TimeIncrement": 20.0, "Channel": {"Name": list(CHANNELS)}}
    about |= {f"PhysicalSize{a}": v for a, v in UM.items()}
    tifffile.imwrite(path, pixels(*(sizes[a] for a in axes)), ome=True, metadata=about, **how)


def tifffile_tiled(path: Path) -> None:
    tifffile_ome(path, "TZCYX", tile=(16, 32), compression="zlib", predictor=True, bigtiff=True)


_PLANES: dict[str, Any] = {"metadata": {"axes": "ZYX"}, "photometric": "minisblack"}


def tifffile_shaped(path: Path) -> None:
    import tifffile

    data = pixels(3, 40, 50, dtype="float32")
    tifffile.imwrite(path, data, compression="zstd", byteorder=">", **_PLANES)


def scikit_image_tiff(path: Path) -> None:
    from skimage.io import imsave

    imsave(path, pixels(40, 50), check_contrast=False)


def pillow_tiff(path: Path, mode: str = "I;16", compression: str = "tiff_lzw") -> None:
    from PIL import Image

    kind = {"I;16": "uint16", "L": "uint8", "F": "float32"}[mode]
    image = Image.fromarray(pixels(40, 50, dtype=kind))
    image.save(path, compression=compression, dpi=(25400 / UM["X"], 25400 / UM["Y"]))


def pillow_packbits(path: Path) -> None:
    pillow_tiff(path, "L", "packbits")


def pillow_float(path: Path) -> None:
    pillow_tiff(path, "F", "tiff_adobe_deflate")


def pillow_png(path: Path) -> None:
    from PIL import Image

    Image.fromarray(pixels(40, 50)).save(path)


def pillow_palette(path: Path) -> None:
    from PIL import Image

    smooth = np.indices((40, 50)).sum(0).astype("uint8")
    Image.fromarray(np.stack([smooth, 2 * smooth, 255 - smooth], -1)).quantize(16).save(path)


def pillow_jpeg(path: Path) -> None:
    from PIL import Image

    Image.fromarray(pixels(40, 50, dtype="uint8")).save(path, progressive=True)


def opencv_still(path: Path) -> None:
    import cv2

    data = pixels(40, 50, 3) if path.suffix != ".jpg" else pixels(40, 50, dtype="uint8")
    cv2.imwrite(str(path), data)


def opencv_film(path: Path) -> None:
    import cv2

    code = cv2.VideoWriter_fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))  # type: ignore[attr-defined]
    film = cv2.VideoWriter(str(path), code, 10, (64, 48))
    for t in range(6):
        film.write(
            np.ascontiguousarray(
                np.broadcast_to(pixels(48, 64, 1, dtype="u1", seed=t), (48, 64, 3))
            )
        )
    film.release()


def ffmpeg_film(path: Path) -> None:
    import av

    with av.open(str(path), "w") as film:
        stream = film.add_stream("ffv1" if path.suffix == ".avi" else "libx264", rate=5)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "gray" if path.suffix == ".avi" else "yuv420p"
        for t in range(6):
            frame = av.VideoFrame.from_ndarray(pixels(48, 64, dtype="u1", seed=t), format="gray")
            film.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        film.mux(stream.encode())


def scipy_mat(path: Path) -> None:
    from scipy.io import savemat

    savemat(path, {"volume": pixels(40, 50, 6)}, do_compression=True)


def zeiss_czi(path: Path, how: str = "uncompressed:") -> None:
    """Frames, channels, planes."""
    from pylibCZIrw import czi

    data = pixels(2, 2, 3, 40, 50)
    with czi.create_czi(str(path), compression_options=how) as document:
        for t, c, z in np.ndindex(2, 2, 3):
            document.write(data[t, c, z], plane={"T": t, "C": c, "Z": z})
        names = dict(enumerate(CHANNELS))
        scale = {f"scale_{a.lower()}": v * 1e-6 for a, v in UM.items()}
        document.write_metadata("made", channel_names=names, **scale)


def zeiss_czi_packed(path: Path) -> None:
    """The same, packed as ZEN packs."""
    zeiss_czi(path, "zstd1:ExplicitLevel=1;PreProcess=HiLoByteUnpack")


def zeiss_czi_tiles(path: Path) -> None:
    """A mosaic of two tiles that lie side by side, not packed."""
    from pylibCZIrw import czi

    data = pixels(40, 100)
    with czi.create_czi(str(path)) as document:
        for x in (0, 50):
            document.write(np.ascontiguousarray(data[:, x : x + 50]), location=(x, 0))
        document.write_metadata("made", scale_x=2e-7, scale_y=2e-7)


def h5py_array(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("exported_data", data=pixels(40, 50), chunks=(16, 16), compression=4)


def micromanager_ndtiff(path: Path) -> None:
    """Written by the library that Micro-Manager and Pycro-Manager use."""
    from ndstorage import NDTiffDataset

    about = {"PixelSizeUm": UM["X"], "z-step_um": UM["Z"]}
    kept = NDTiffDataset(
        str(path.parent), name=path.name[:-2], summary_metadata=about, writable=True
    )
    data = pixels(3, 2, 2, 40, 50)
    for t, c, z in np.ndindex(3, 2, 2):
        said = {"PixelSizeUm": UM["X"], "ElapsedTime-ms": 30_000 * t}
        kept.put_image({"time": t, "channel": CHANNELS[c], "z": z}, data[t, c, z], said)
    kept.finish()
    kept.close()


def mrc_deltavision(path: Path) -> None:
    import mrc

    mrc.imsave(str(path), pixels(6, 40, 50), resolution=[UM[a] for a in "XYZ"])


def vips_tiff(path: Path, **how: Any) -> None:
    import pyvips

    image = pyvips.Image.new_from_array(pixels(400, 500))
    per_mm = {"xres": 1000 / UM["X"], "yres": 1000 / UM["Y"]}
    image.copy(**per_mm).tiffsave(str(path), resunit="cm", **how)


def vips_pyramid(path: Path) -> None:
    vips_tiff(
        path, tile=True, pyramid=True, subifd=True, compression="deflate", predictor="horizontal"
    )


def vips_strips(path: Path) -> None:
    vips_tiff(path, compression="lzw", bigtiff=True)


def vips_png(path: Path) -> None:
    import pyvips

    pyvips.Image.new_from_array(pixels(40, 50)).pngsave(str(path), interlace=True)


def _stream(path: Path, how: str) -> None:
    import ome_writers as ome

    names = [ome.Channel(name=n) for n in CHANNELS]
    planes = ome.Dimension(name="z", count=3, scale=UM["Z"], unit="micrometer", type="space")
    rows, columns = (
        ome.Dimension(name=a, count=n, scale=UM["X"], unit="micrometer", type="space")
        for a, n in (("y", 40), ("x", 50))
    )
    colours = ome.Dimension(name="c", count=2, type="channel", coords=names)
    times = ome.Dimension(name="t", count=2, scale=30.0, unit="second", type="time")
    dimensions = [times, colours, planes, rows, columns]
    about = ome.AcquisitionSettings(
        root_path=str(path), dimensions=dimensions, dtype="uint16", format=how
    )
    data = pixels(2, 2, 3, 40, 50)
    with ome.create_stream(about) as stream:
        for at in np.ndindex(2, 2, 3):
            stream.append(data[at])


def acquisition_ome_tiff(path: Path) -> None:
    """As pymmcore-plus records."""
    _stream(path, "ome-tiff")


def acquisition_ome_zarr(path: Path) -> None:
    """As pymmcore-plus records."""
    _stream(path, "ome-zarr")


def ngio_zarr(path: Path, version: str = "0.4") -> None:
    """Written by the library of Fractal."""
    import ngio

    scale = {"pixelsize": UM["X"], "z_spacing": UM["Z"], "time_spacing": 30.0}
    how = {"ngff_version": version, "channels_meta": list(CHANNELS), "levels": 2}
    data = pixels(2, 2, 3, 64, 64)
    ngio.create_ome_zarr_from_array(str(path), data, axes_names=list("tczyx"), **scale, **how)


def ngio_zarr_5(path: Path) -> None:
    """The same, in the newer version."""
    ngio_zarr(path, "0.5")


WRITERS: dict[str, Callable[[Path], None]] = {
    "tifffile/hyperstack.tif": imagej_hyperstack,
    "tifffile/planes.ome.tif": tifffile_ome,
    "tifffile/tiles.ome.btf": tifffile_tiled,
    "tifffile/shaped.tif": tifffile_shaped,
    "scikit-image/plane.tif": scikit_image_tiff,
    "Pillow/lzw.tif": pillow_tiff,
    "Pillow/packbits.tif": pillow_packbits,
    "Pillow/float.tif": pillow_float,
    "Pillow/deep.png": pillow_png,
    "Pillow/palette.png": pillow_palette,
    "Pillow/progressive.jpg": pillow_jpeg,
    "OpenCV/colour.tif": opencv_still,
    "OpenCV/colour.png": opencv_still,
    "OpenCV/grey.jpg": opencv_still,
    "OpenCV/film.avi": opencv_film,
    "OpenCV/film.mp4": opencv_film,
    "FFmpeg/lossless.avi": ffmpeg_film,
    "FFmpeg/film.mp4": ffmpeg_film,
    "FFmpeg/film.mov": ffmpeg_film,
    "SciPy/volume.mat": scipy_mat,
    "libCZI/stack.czi": zeiss_czi,
    "libCZI/packed.czi": zeiss_czi_packed,
    "libCZI/tiles.czi": zeiss_czi_tiles,
    "h5py/array.h5": h5py_array,
    "ndstorage/recording_1": micromanager_ndtiff,
    "mrc/stack.dv": mrc_deltavision,
    "libvips/pyramid.tif": vips_pyramid,
    "libvips/strips.tif": vips_strips,
    "libvips/interlaced.png": vips_png,
    "ome-writers/recording.ome.tiff": acquisition_ome_tiff,
    "ome-writers/recording.ome.zarr": acquisition_ome_zarr,
    "ngio/old.zarr": ngio_zarr,
    "ngio/new.zarr": ngio_zarr_5,
}
"""Where a file goes below the folder (the program first), and what writes it."""

_FAKE = (
    "made&pixelType=uint16&sizeX=50&sizeY=40&sizeZ=3&sizeC=2&sizeT=2"
    "&physicalSizeX=0.2&physicalSizeY=0.25&physicalSizeZ=1.5"
)
_CONVERTED = {
    "planes.ics": _FAKE,
    "planes.ome.tiff": _FAKE,
    "big.ome.tf8": _FAKE,
    "split_t%t_c%c.ome.tiff": _FAKE,
    "plane.tif": "made&pixelType=uint8&sizeX=50&sizeY=40",
    "plane.png": "made&pixelType=uint16&sizeX=50&sizeY=40",
    "plane.jpg": "made&pixelType=uint8&sizeX=50&sizeY=40",
    "film.avi": "made&pixelType=uint8&sizeX=52&sizeY=40&sizeT=5",
    "film.mov": "made&pixelType=uint8&sizeX=52&sizeY=40&sizeT=5",
}
_MACRO = """
newImage("a", "16-bit ramp", 50, 40, 12);
run("Add Specified Noise...", "stack standard=2000");
run("Stack to Hyperstack...", "order=xyczt(default) channels=2 slices=3 frames=2 display=Grayscale");
size = "pixel_width=0.2 pixel_height=0.25 voxel_depth=1.5 frame=[30 sec]";
run("Properties...", "channels=2 slices=3 frames=2 unit=um " + size);
saveAs("Tiff", "{0}/hyperstack.tif");
newImage("b", "8-bit ramp", 50, 40, 4); saveAs("Tiff", "{0}/slices.tif");
newImage("c", "32-bit ramp", 50, 40, 1); saveAs("Tiff", "{0}/float.tif");
newImage("d", "RGB ramp", 50, 40, 1);
run("Add Specified Noise...", "standard=30");
saveAs("Tiff", "{0}/colour.tif");
newImage("e", "8-bit ramp", 50, 40, 1);
run("Fire");
saveAs("PNG", "{0}/fire.png"); saveAs("Jpeg", "{0}/fire.jpg");
"""  # noqa: E501 (a line of ImageJ)


def write_all(folder: Path) -> dict[str, str]:
    """Write what can be written; return why a file was not."""
    left: dict[str, str] = {}
    for name, write in WRITERS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            continue
        try:
            write(path)
        except ModuleNotFoundError as error:
            left[name] = f"needs {error.name}"
    return left


def main() -> None:
    """Write into the folder and say what was left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bioformats", type=Path)
    parser.add_argument("--imagej", type=Path)
    given = parser.parse_args()
    for name, reason in write_all(given.folder).items():
        print(f"{name}: {reason}", file=sys.stderr)
    if given.bioformats:
        out = given.folder / "Bio-Formats"
        out.mkdir(exist_ok=True)
        for name, fake in _CONVERTED.items():
            source = given.folder / f"{fake}.fake"
            source.touch()
            tool = ["java", "-cp", str(given.bioformats), "loci.formats.tools.ImageConverter"]
            subprocess.run(
                [*tool, "-overwrite", str(source), str(out / name)], check=True, capture_output=True
            )
            source.unlink()
    if given.imagej:
        out = given.folder / "ImageJ"
        out.mkdir(exist_ok=True)
        macro = given.folder / "macro.ijm"
        macro.write_text(_MACRO.replace("{0}", str(out.resolve())))
        tool = ["xvfb-run", "-a", "java", "-cp", str(given.imagej), "ij.ImageJ"]
        subprocess.run([*tool, "-batch", str(macro)], check=True, capture_output=True, timeout=120)
        macro.unlink()


if __name__ == "__main__":
    main()
