"""Recordings that lie in several files, as the programs of microscopes write them."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import tifffile

SPACE = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'


def _uuid(number: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-{number:012d}"


def ome_set(
    folder: Path,
    images: dict[str, np.ndarray],
    by: str,
    *,
    companion: bool = False,
    only_first: bool = False,
    delta_s: float = 30.0,
) -> list[Path]:
    """Name -> T, C, Z, Y, X; a file for each index along ``by`` (``P``: each image).

    Each file holds the whole description; or the first alone; or a companion does.
    """
    names = list(images)
    planes: dict[str, list[tuple[int, int, int, int]]] = {}
    for number, pixels in enumerate(images.values()):
        for t, c, z in np.ndindex(*pixels.shape[:3]):
            place = {"T": t, "C": c, "Z": z, "P": number}
            name = "rec_" + "_".join(f"{a}{place[a]}" for a in by) + ".ome.tif"
            planes.setdefault(name, []).append((number, t, c, z))
    files = list(planes)
    described = ""
    for number, (name, pixels) in enumerate(images.items()):
        n_t, n_c, n_z, height, width = pixels.shape
        described += (
            '<Instrument ID="Instrument:0"><Objective ID="Objective:0" Model="Plan 40x"/>'
            "</Instrument>"
            if not number
            else ""
        )
        described += (
            f'<Image ID="Image:{number}" Name="{name}"><ObjectiveSettings ID="Objective:0"/>'
            f'<Pixels ID="Pixels:{number}" DimensionOrder="XYZCT" Type="{pixels.dtype}" '
            f'SizeX="{width}" SizeY="{height}" SizeZ="{n_z}" SizeC="{n_c}" SizeT="{n_t}" '
            'PhysicalSizeX="0.2" PhysicalSizeY="0.25" PhysicalSizeZ="1.5">'
        )
        described += "".join(
            f'<Channel ID="Channel:{number}:{c}" Name="dye {c}" SamplesPerPixel="1"/>'
            for c in range(n_c)
        )
        for file, held in planes.items():
            for ifd, (image, t, c, z) in enumerate(held):
                if image == number:
                    described += (
                        f'<TiffData FirstT="{t}" FirstC="{c}" FirstZ="{z}" IFD="{ifd}" '
                        f'PlaneCount="1"><UUID FileName="{file}">{_uuid(files.index(file))}</UUID>'
                        "</TiffData>"
                    )
        described += "".join(
            f'<Plane TheT="{t}" TheC="{c}" TheZ="{z}" DeltaT="{delta_s * t + c}" '
            f'PositionX="{100 * number}" PositionY="7" PositionXUnit="µm" PositionYUnit="µm"/>'
            for t, c, z in np.ndindex(n_t, n_c, n_z)
        )
        described += "</Pixels></Image>"
    holder = "rec.companion.ome" if companion else files[0]
    only = f'<BinaryOnly MetadataFile="{holder}" UUID="{_uuid(999 if companion else 0)}"/>'
    if companion:
        (folder / holder).write_text(
            f'<?xml version="1.0" encoding="UTF-8"?><OME {SPACE} UUID="{_uuid(999)}">'
            f"{described}</OME>"
        )
    for number, (file, held) in enumerate(planes.items()):
        whole = not companion and (not number or not only_first)
        text = f'<?xml version="1.0" encoding="UTF-8"?><OME {SPACE} UUID="{_uuid(number)}">'
        text += f"{described if whole else only}</OME>"
        with tifffile.TiffWriter(folder / file) as writer:
            for image, t, c, z in held:
                plane = images[names[image]][t, c, z]
                writer.write(plane, description=text.encode(), metadata=None, contiguous=False)
                text = ""
    return [folder / file for file in files]


def micromanager(folder: Path, pixels: np.ndarray, *, version: int, stopped: bool = False) -> Path:
    """T, C, Z, Y, X in files of single planes, as version 1.4 or 2 writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    n_t, n_c, n_z, height, width = pixels.shape
    names = ["DAPI", "GFP", "far"][:n_c]
    said: dict[str, dict] = {
        "Summary": {
            "Frames": n_t, "Channels": n_c, "Slices": n_z, "Width": width, "Height": height,
            "ChNames": names, "z-step_um": -1.5, "Interval_ms": 60000, "PixelSize_um": 0.25,
        }
    }  # fmt: skip
    for t, z, c in np.ndindex(n_t, n_z, n_c):
        if version == 1:
            file, key = f"img_{t:09d}_{names[c]}_{z:03d}.tif", f"FrameKey-{t}-{c}-{z}"
        else:
            file = f"img_channel{c:03d}_position000_time{t:09d}_z{z:03d}.tif"
            key = f"Metadata-Default/{file}"
            said[f"Coords-Default/{file}"] = {"Frame": t, "Channel": c, "Slice": z}
        said[key] = {
            "FrameIndex": t, "ChannelIndex": c, "SliceIndex": z, "PixelSizeUm": 0.25,
            "ElapsedTime-ms": 60500.0 * t + 10 * c + 1, "Camera": {"PropVal": "x"},
            "XPositionUm": 1000.5, "YPositionUm": -20.0,
            **({"FileName": file} if version == 1 else {}),
        }  # fmt: skip
        if stopped and (t, z, c) == (n_t - 1, n_z - 1, n_c - 1):
            break
        tifffile.imwrite(folder / file, pixels[t, c, z], photometric="minisblack")
    text = json.dumps(said, indent=2)
    if stopped:
        text = text[: text.rindex("SliceIndex")]
    (folder / "metadata.txt").write_text(text)
    return folder


def ndtiff(folder: Path, positions: np.ndarray) -> Path:
    """Position, T, C, Z, Y, X as NDTiff 3: the index tells where the pixels of each plane lie."""
    folder.mkdir(parents=True, exist_ok=True)
    summary = json.dumps({"z-step_um": 1.5, "Interval_ms": 30000}).encode()
    head = struct.pack("<2sHI", b"II", 42, 0) + struct.pack("<3I", 483729, 3, 0)
    stack, index = head + struct.pack("<II", 2355492, len(summary)) + summary, b""
    for p, t, c, z in np.ndindex(positions.shape[:4]):
        axes = {"position": p, "time": t, "channel": ["DAPI", "GFP"][c], "z": z}
        for text in (json.dumps(axes), "NDTiffStack.tif"):
            index += struct.pack("<I", len(text)) + text.encode()
        plane = positions[p, t, c, z]
        stage = {"XPosition_um_Intended": 100.0 * p - 7, "YPosition_um_Intended": 2.5}
        about = json.dumps({"PixelSizeUm": 0.25, **stage}).encode()
        at = len(stack)
        stack += plane.tobytes() + about
        numbers = (at, plane.shape[1], plane.shape[0], 1, 0, at + plane.nbytes, len(about), 0)
        index += struct.pack("<8I", *numbers)
    (folder / "NDTiffStack.tif").write_bytes(stack)
    (folder / "NDTiff.index").write_bytes(index)
    return folder


def deltavision(path: Path, pixels: np.ndarray, *, order: str = "<", sequence: int = 2) -> Path:
    """T, C, Z, Y, X, stored in one of three sequences."""
    n_t, n_c, n_z, height, width = pixels.shape
    stored = {0: (1, 0, 2), 1: (0, 2, 1), 2: (0, 1, 2)}[sequence]
    kinds = {"u1": 0, "i2": 1, "f4": 2, "u2": 6}
    head = bytearray(1024)
    extra = b""
    for index in np.ndindex(*(pixels.shape[i] for i in stored)):
        t = index[stored.index(0)]
        extra += struct.pack(f"{order}2i8f", 0, 0, 1.0, 90.0 * t + 5, 300.0, 40.0, 0, 0, 0, 0)
    n_planes = n_t * n_c * n_z
    struct.pack_into(f"{order}4i", head, 0, width, height, n_planes, kinds[pixels.dtype.str[1:]])
    struct.pack_into(f"{order}3f", head, 40, 0.2, 0.25, 1.5)
    struct.pack_into(f"{order}i", head, 92, len(extra))
    struct.pack_into(f"{order}h", head, 96, -16224)
    struct.pack_into(f"{order}2h", head, 128, 2, 8)
    struct.pack_into(f"{order}2h", head, 180, n_t, sequence)
    struct.pack_into(f"{order}6h", head, 196, n_c, 457, 528, 617, 0, 0)
    planes = pixels.transpose(*stored, 3, 4).astype(pixels.dtype.newbyteorder(order))
    path.write_bytes(bytes(head) + extra + planes.tobytes())
    return path
