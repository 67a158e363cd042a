"""Small files as microscopes write them, made by hand or by the makers' own libraries."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import numpy as np
import tifffile


def numbers(*shape, dtype="uint16"):
    return (np.arange(np.prod(shape)) * 7 % 251).astype(dtype).reshape(shape)


def czi(path: Path, pixels, *, scenes=1, tiles=1, seconds=None):
    """T, C, Z, Y, X; each further scene holds 1 more, each further tile lies to the right."""
    from pylibCZIrw import czi as library

    n_t, n_c, n_z, _, width = pixels.shape
    with library.create_czi(str(path)) as document:
        for s in range(scenes):
            for m in range(tiles):
                for t, c, z in np.ndindex(n_t, n_c, n_z):
                    document.write(
                        pixels[t, c, z] + s + 10 * m,
                        plane={"T": t, "C": c, "Z": z},
                        scene=s,
                        location=(m * width + s * 1000, 0),
                    )
        document.write_metadata(
            "made",
            channel_names=dict(enumerate(["red", "green", "far"][:n_c])),
            scale_x=0.2e-6,
            scale_y=0.25e-6,
            scale_z=1.5e-6,
        )
    return path


def lif(path: Path, images, places_um=()):
    """Name -> (Z, Y, X) of 8 bits, or (T, Z, Y, X) with the seconds of each plane's stamp.

    With the stage's (y, x) of each tile the first axis is that of tiles: (M, Y, X).
    """
    elements, blocks = [], []
    for number, (name, (pixels, seconds)) in enumerate(images.items()):
        axes = [(1, 0.2e-6, "m"), (2, 0.25e-6, "m"), (3, 1.5e-6, "m"), (4, 60.0, "s")]
        axes = [*axes[:2], (10, 1.0, "")] if len(places_um) else axes
        dims, step = [], 1
        for (code, width, unit), n in zip(axes, reversed(pixels.shape), strict=False):
            length = width * (n - 1)
            dims.append(
                f'<DimensionDescription DimID="{code}" NumberOfElements="{n}" Origin="0" '
                f'Length="{length}" Unit="{unit}" BitInc="0" BytesInc="{step}"/>'
            )
            step *= n
        stamps = " ".join(f"{int(132000000000000000 + s * 1e7):x}" for s in seconds)
        times = f'<TimeStampList NumberOfTimeStamps="{len(seconds)}">{stamps} </TimeStampList>'
        tiles = "".join(
            f'<Tile FieldX="{n}" FieldY="0" PosX="{float(x) * 1e-6}" PosY="{float(y) * 1e-6}"/>'
            for n, (y, x) in enumerate(places_um)
        )
        elements.append(
            f'<Element Name="{name}" Visibility="1"><Data><Image><ImageDescription><Channels>'
            '<ChannelDescription DataType="0" ChannelTag="0" Resolution="8" '
            'NameOfMeasuredQuantity="" Min="0" Max="255" Unit="" LUTName="Green" '
            'IsLUTInverted="0" BytesInc="0" BitInc="0"/></Channels><Dimensions>'
            + "".join(dims)
            + f"</Dimensions></ImageDescription>{times if seconds else ''}"
            '<Attachment Name="HardwareSetting"><ATLCameraSettingDefinition '
            'ObjectiveName="HC PL 40x" NumericalAperture="1.1"/></Attachment>'
            f'<Attachment Name="TileScanInfo">{tiles}</Attachment></Image></Data>'
            f'<Memory Size="{pixels.size}" MemoryBlockID="MemBlock_{number}"/></Element>'
        )
        identity = f"MemBlock_{number}".encode("utf-16-le")
        blocks.append(
            struct.pack(
                "<IIBQBI", 0x70, 14 + len(identity), 0x2A, pixels.size, 0x2A, len(identity) // 2
            )
            + identity
            + pixels.astype("uint8").tobytes()
        )
    text = (
        '<LMSDataContainerHeader Version="2"><Element Name="made" Visibility="1"><Data>'
        '<Experiment/></Data><Memory Size="0" MemoryBlockID="MemBlock_x"/><Children>'
        f"{''.join(elements)}</Children></Element></LMSDataContainerHeader>"
    ).encode("utf-16-le")
    head = struct.pack("<IIBI", 0x70, 5 + len(text), 0x2A, len(text) // 2) + text
    path.write_bytes(head + b"".join(blocks))
    return path


def oif(path: Path, pixels):
    """C, Z, Y, X: a text, and a TIFF for each plane in a folder beside."""
    n_c, n_z, height, width = pixels.shape
    folder = path.with_name(path.name + ".files")
    folder.mkdir()
    for c, z in np.ndindex(n_c, n_z):
        tifffile.imwrite(folder / f"s_C{c + 1:03d}Z{z + 1:03d}.tif", pixels[c, z])
    axes = [("X", width, 0, 0.2 * width, "um"), ("Y", height, 0, 0.25 * height, "um")]
    axes += [("C", n_c, 0, 0, ""), ("Z", n_z, 0, 1500 * (n_z - 1), "nm")]
    lines = ["[ProfileSaveInfo]", 'Name="made"', "Version=1"]
    for number, (code, n, start, end, unit) in enumerate(axes):
        lines += [f"[Axis {number} Parameters Common]", f'AxisCode="{code}"', f"MaxSize={n}"]
        lines += [f"StartPosition={start}", f"EndPosition={end}", f'UnitName="{unit}"']
    lines += ["[Axis Parameter Common]", 'AxisOrder="XYCZ"']
    lines += ["[Reference Image Parameter]", f"ValidBitCounts={8 * pixels.dtype.itemsize}"]
    for c in range(n_c):
        lines += [f"[GUI Channel {c + 1} Parameters]", f'DyeName="dye {c + 1}"']
    path.write_bytes("\r\n".join([*lines, ""]).encode("utf-16"))
    return path


def oib(path: Path, pixels):
    """The same in one file: a compound document whose streams are those of an OIF."""
    with tempfile.TemporaryDirectory() as folder:
        main = oif(Path(folder, "made.oif"), pixels)
        streams = {"made.oif": main.read_bytes()}
        tiffs = sorted(Path(folder, "made.oif.files").iterdir())
        streams |= {f"Storage00001/{t.name}": t.read_bytes() for t in tiffs}
    info = ["[OibSaveInfo]", "Version=2.0.0.0", "MainFileName=Stream00000"]
    info += [f"Stream{n:05d}={name}" for n, name in enumerate(streams)]
    contents = {"OibInfo.txt": "\r\n".join([*info, ""]).encode("utf-16")}
    contents |= {f"Stream{n:05d}": data for n, data in enumerate(streams.values())}
    path.write_bytes(_compound(contents))
    return path


def _compound(streams: dict[str, bytes]) -> bytes:
    """Lay streams one after another behind directory and table of sectors (512 bytes each)."""
    end, none = 0xFFFFFFFE, 0xFFFFFFFF
    n_entries = 1 + len(streams)
    n_folder = -(-n_entries // 4)
    sizes = [max(1, -(-len(data) // 512)) for data in streams.values()]
    n_table = 1
    while n_table * 128 < n_table + n_folder + sum(sizes):
        n_table += 1
    table = [0xFFFFFFFD] * n_table
    starts = []
    for n in (n_folder, *sizes):
        starts.append(len(table))
        table += [*range(len(table) + 1, len(table) + n), end]
    table += [none] * (128 * n_table - len(table))

    def entry(name, kind, right, child, start, size):
        text = name.encode("utf-16-le")
        links = struct.pack("<BBIII", kind, 1, none, right, child)
        return (
            text.ljust(64, b"\0")
            + struct.pack("<H", len(text) + 2)
            + links
            + bytes(36)
            + struct.pack("<IQ", start, size)
        )

    entries = entry("Root Entry", 5, none, 1, end, 0)
    for n, (name, data) in enumerate(streams.items(), 1):
        right = n + 1 if n < len(streams) else none
        entries += entry(name, 2, right, none, starts[n], len(data))
    entries = entries.ljust(512 * n_folder, b"\0")
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    head += struct.pack("<5H6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<9I", 0, n_table, starts[0], 0, 0, end, 0, end, 0)
    head += struct.pack("<109I", *range(n_table), *[none] * (109 - n_table))
    body = b"".join(
        data.ljust(512 * n, b"\0") for data, n in zip(streams.values(), sizes, strict=True)
    )
    return head + struct.pack(f"<{len(table)}I", *table) + entries + body


def ims(path: Path, pixels, dates=()):
    """T, C, Z, Y, X, stored in padded chunks."""
    import h5py

    n_t, n_c, n_z, height, width = pixels.shape
    with h5py.File(path, "w") as file:
        for t, c in np.ndindex(n_t, n_c):
            padded = np.zeros((n_z + 2, height + 3, width + 5), pixels.dtype)
            padded[:n_z, :height, :width] = pixels[t, c]
            where = f"DataSet/ResolutionLevel 0/TimePoint {t}/Channel {c}/Data"
            file.create_dataset(where, data=padded, chunks=True, compression="gzip")
        image = file.create_group("DataSetInfo/Image")
        said = {"X": width, "Y": height, "Z": n_z, "Unit": "um", "LensName": "40x"}
        said |= {f"ExtMin{i}": 0 for i in range(3)}
        said |= {"ExtMax0": 0.2 * width, "ExtMax1": 0.25 * height, "ExtMax2": 1.5 * n_z}
        for name, value in said.items():
            image.attrs[name] = np.array(list(str(value)), dtype="S1")
        for c in range(n_c):
            file.create_group(f"DataSetInfo/Channel {c}").attrs["Name"] = np.array(
                list(f"dye {c}"), dtype="S1"
            )
        for t, date in enumerate(dates):
            group = file.require_group("DataSetInfo/TimeInfo")
            group.attrs[f"TimePoint{t + 1}"] = np.array(list(date), dtype="S1")
    return path


def ics(path: Path, pixels, *, packed=False, version="2.0", order="x y z"):
    """Z, Y, X of whole numbers."""
    import gzip

    bits = pixels.dtype.itemsize * 8
    data = pixels.tobytes()
    lines = [
        f"ics_version\t{version}",
        f"layout\torder\tbits\t{order.replace(' ', chr(9))}",
        "layout\tsizes\t" + "\t".join(map(str, (bits, *reversed(pixels.shape)))),
        "representation\tformat\tinteger",
        "representation\tsign\tunsigned",
        f"representation\tcompression\t{'gzip' if packed else 'uncompressed'}",
        "representation\tbyte_order\t" + "\t".join(map(str, range(1, bits // 8 + 1))),
        "parameter\tscale\t1.0\t0.2\t0.25\t1.5",
        "parameter\tunits\tbits\tmicrometers\tmicrometers\tmicrometers",
        "end",
    ]
    head = ("\t\n" + "\n".join(lines) + "\n").encode()
    data = gzip.compress(data) if packed else data
    if version == "1.0":
        path.write_bytes(head)
        path.with_suffix(".ids").write_bytes(data)
    else:
        path.write_bytes(head + data)
    return path
