"""Small plates as instruments write them. The pixel value says which file it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import tifffile

GUID = "1E94C24B-45E4-450A-9919-257C714278F7"


def write_tiff(
    path: Path,
    value: int = 0,
    *,
    shape: tuple[int, ...] = (4, 6),
    properties: dict[str, object] | None = None,
) -> None:
    """Write pages of one value; ``properties`` as MetaXpress writes them beside a plane."""
    listed = "".join(
        f'<prop id="{k}" type="{"float" if str(v)[0].isdigit() else "string"}" value="{v}"/>'
        for k, v in (properties or {}).items()
    )
    description = f"<MetaData><PlaneInfo>{listed}</PlaneInfo></MetaData>" if listed else None
    software = "MetaSeries" if listed else None
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full(shape, value, dtype=np.uint16)
    pages = pixels if pixels.ndim == 2 else list(pixels)
    with tifffile.TiffWriter(path) as tif:
        for page in [pages] if pixels.ndim == 2 else pages:
            tif.write(
                page, metadata=None, contiguous=False, description=description, software=software
            )


def write_htd(path: Path, *, wells: str = "B02 B03", sites: int = 2, **more: str) -> None:
    grid = [[f"{'ABCD'[r]}{c + 1:02d}" in wells for c in range(6)] for r in range(4)]
    lines = ['"HTSInfoFile", Version 1.0', '"TimePoints", ' + more.get("times", "1")]
    lines += ['"ZSeries", ' + ("TRUE" if "steps" in more else "FALSE")]
    lines += ['"ZSteps", ' + more.get("steps", "0"), '"XWells", 6', '"YWells", 4']
    for number, row in enumerate(grid, start=1):
        flags = ", ".join("TRUE" if flag else "FALSE" for flag in row)
        lines.append(f'"WellsSelection{number}", {flags}')
    lines += ['"Sites", TRUE', f'"XSites", {sites}', '"YSites", 1']
    lines.append('"SiteSelection1", ' + ", ".join(["TRUE"] * sites))
    names = more.get("waves", "DAPI Cy5").split()
    lines += ['"Waves", TRUE', f'"NWavelengths", {len(names)}']
    lines += [f'"WaveName{i}", "{name}"' for i, name in enumerate(names, start=1)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\r\n".join([*lines, '"Description", "µ"', '"EndFile"'])).encode("latin-1"))


def write_exported(root: Path) -> Path:
    """ImageXpress, exported: 2 wells x 2 sites x 2 waves at 2 of 3 times, one file lost."""
    write_htd(root / "P.HTD", times="3")
    for t in (1, 2):
        for well in ("B02", "B03"):
            for site in (1, 2):
                for wave in (1, 2):
                    write_tiff(root / f"TimePoint_{t}" / f"P_{well}_s{site}_w{wave}.TIF", 10 * t)
    (root / "TimePoint_2" / "P_B03_s2_w2.TIF").unlink()
    return root


def write_live(root: Path) -> Path:
    """ImageXpress, database: w1 stack and projection, w2 projection, w3 one plane; thumbnails."""
    folder = root / "2023-02-21" / "1334"
    for site in (1, 2):
        for wave, steps in ((1, (0, 1, 2, 3)), (2, (0,)), (3, (1,))):
            for z in steps:
                place = folder / f"ZStep_{z}" if z else folder
                write_tiff(place / f"Mix_C07_s{site}_w{wave}{GUID}.tif", 10 * wave + z)
                write_tiff(place / f"Mix_C07_s{site}_w{wave}_thumb{GUID}.tif", 99)
    return root


_IMAGE = """<Image><id>{n}</id><State>Ok</State><URL>{url}</URL><Row>{row}</Row><Col>{col}</Col>
<FieldID>{field}</FieldID><PlaneID>{plane}</PlaneID><TimepointID>{time}</TimepointID>
<ChannelID>{channel}</ChannelID>{more}</Image>"""


def write_operetta(root: Path, *, index: str = "Index.idx.xml", version: int = 5) -> Path:
    """Harmony: C03 and C04, 2 fields, 2 channels, 2 planes; C04 lost one file."""
    images = []
    for col in (3, 4):
        for field in (1, 2):
            for channel, name in ((1, "HOECHST 33342"), (2, "Cy5")):
                for plane in (1, 2):
                    url = f"r03c0{col}f0{field}p0{plane}-ch{channel}sk1fk1fl1.tiff"
                    write_tiff(root / "Images" / url, 100 * field + 10 * channel + plane)
                    details = f"""<ChannelName>{name}</ChannelName>
<ImageResolutionX Unit="m">6.5E-07</ImageResolutionX>
<ImageResolutionY Unit="m">6.5E-07</ImageResolutionY>"""
                    place = f"""<PositionX Unit="m">{field * 1e-4}</PositionX>
<PositionY Unit="m">2E-4</PositionY><PositionZ Unit="m">{plane * 2e-6}</PositionZ>"""
                    values = {"row": 3, "col": col, "field": field, "plane": plane, "time": 0}
                    more = place + (details if version < 6 else "")
                    images.append(
                        _IMAGE.format(n=len(images), url=url, channel=channel, more=more, **values)
                    )
    entries = ""
    if version >= 6:
        entries = "".join(
            f'<Entry ChannelID="{c}"><ChannelName>{n}</ChannelName>'
            '<ImageResolutionX Unit="m">6.5E-07</ImageResolutionX>'
            '<ImageResolutionY Unit="m">6.5E-07</ImageResolutionY></Entry>'
            for c, n in ((1, "HOECHST 33342"), (2, "Cy5"))
        )
    (root / "Images" / "r03c04f02p02-ch2sk1fk1fl1.tiff").unlink()
    (root / "Images" / index).write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<EvaluationInputData '
        f'xmlns="http://www.perkinelmer.com/PEHH/HarmonyV{version}"><Wells><Well><id>0303</id>'
        f'<Image id="1"/></Well></Wells><Maps><Map>{entries}</Map></Maps>'
        f"<Images>{''.join(images)}</Images></EvaluationInputData>",
        encoding="utf-8",
    )
    return root


_BTS = 'xmlns:bts="http://www.yokogawa.co.jp/BTS/BTSSchema/1.0"'


def write_yokogawa(root: Path) -> Path:
    """CellVoyager: D08, 2 fields, 2 channels, 3 planes; one image failed, one is lost."""
    records = []
    for field in (1, 2):
        for channel in (1, 2):
            for z in (1, 2, 3):
                name = f"P_D08_T0001F00{field}L01A0{channel}Z0{z}C0{channel}.tif"
                failed = (field, channel, z) == (2, 2, 3)
                if not failed and (field, channel, z) != (2, 1, 3):
                    write_tiff(root / name, 100 * field + 10 * channel + z)
                records.append(
                    f'<bts:MeasurementRecord bts:Type="{"ERR" if failed else "IMG"}" bts:Column="8"'
                    f' bts:Row="4" bts:TimePoint="1" bts:FieldIndex="{field}" bts:ZIndex="{z}" '
                    f'bts:TimelineIndex="1" bts:Action="3D" bts:X="{field * 100}" bts:Y="50" '
                    f'bts:Z="{z * 1.5}" bts:Ch="{channel}">'
                    f"{'no focus' if failed else name}</bts:MeasurementRecord>"
                )
    write_tiff(root / "DC_DCAM#1_CAM3.tif")  # the dark image of a camera
    (root / "MeasurementData.mlf").write_text(
        f"<bts:MeasurementData {_BTS}>{''.join(records)}</bts:MeasurementData>", encoding="utf-8"
    )
    (root / "MeasurementDetail.mrf").write_text(
        f"<bts:MeasurementDetail {_BTS}><bts:MeasurementChannel bts:Ch='1' "
        "bts:HorizontalPixelDimension='0.325' bts:VerticalPixelDimension='0.325'/>"
        "</bts:MeasurementDetail>",
        encoding="utf-8",
    )
    return root


def write_incucyte(root: Path, *, vessels: tuple[str, ...] = ("1248",)) -> Path:
    """Incucyte, raw: 3 scans two hours apart; the second channel is taken at the first alone."""
    for hour in ("0000", "0200", "0400"):
        for vessel in vessels:
            place = root / "EssenFiles" / "ScanData" / "2505" / "16" / hour / vessel
            for well in ("A1", "B12"):
                for field in (1, 2):
                    write_tiff(place / f"{well}-{field}-Ph.tif", int(hour))
                    if hour == "0000":
                        write_tiff(place / f"{well}-{field}-C1.tif", 7)
    return root


def write_ome_zarr(
    root: Path, *, version: str, size: tuple[int, ...] = (2, 2, 3, 4, 6), fields: int = 2
) -> Path:
    """OME-Zarr: A01 and B02, TCZYX, with labels and a table beside the levels of each image."""
    import zarr

    zarr_format = 2 if version == "0.4" else 3

    def group(path: Path, attributes: dict[str, object]) -> None:
        made = zarr.open_group(path, mode="a", zarr_format=zarr_format)
        if attributes and zarr_format == 3:
            attributes = {"ome": {"version": version, **attributes}}
        made.attrs.update(json.loads(json.dumps(attributes)))

    wells = [("A", "1"), ("B", "2")]
    listed = [
        {"path": f"{r}/{c}", "rowIndex": i, "columnIndex": i} for i, (r, c) in enumerate(wells)
    ]
    group(root, {"plate": {"wells": listed, "rows": [], "columns": [], "version": version}})
    axes = [{"name": n} for n in "tczyx"]
    for axis, unit in zip(axes, ("minute", None, *["micrometer"] * 3), strict=True):
        axis.update({"unit": unit} if unit else {})
    scale = [{"type": "scale", "scale": [15.0, 1.0, 2.0, 0.5, 0.5]}]
    multiscale = {
        "axes": axes,
        "datasets": [{"path": "0", "coordinateTransformations": scale}],
        "version": version,
    }
    channels = {"channels": [{"label": "BF"}, {"label": "DAPI"}]}
    for row, column in wells:
        well = root / row / column
        images = [{"path": str(f), "acquisition": 0} for f in range(fields)]
        group(root / row, {})
        group(well, {"well": {"images": images, "version": version}})
        for field in range(fields):
            place = well / str(field)
            group(place, {"multiscales": [multiscale], "omero": channels})
            array = zarr.create_array(
                store=place / "0",
                shape=size,
                chunks=(1, 1, 1, *size[-2:]),
                dtype="uint16",
                zarr_format=zarr_format,
            )
            array[:] = np.arange(np.prod(size), dtype=np.uint16).reshape(size) + field
            group(place / "labels", {})
            group(place / "labels" / "cells", {"multiscales": [multiscale]})
            group(place / "tables", {})
    return root
