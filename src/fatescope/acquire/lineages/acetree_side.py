"""What stands beside an AceTree archive: its XML, AuxInfo (v1, v2) and TIME table.

Published XML files are not always well formed, so tags and attributes are found by pattern. No
entity is ever expanded and no path is followed except that of the nuclei.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import FileFormatError
from fatescope.base.finding import Finding
from fatescope.base.spacing import Spacing

if TYPE_CHECKING:
    from pathlib import Path

_TEXT_LIMIT = 1_000_000
_TAG = re.compile(
    r"<\s*([A-Za-z]+)((?:\s+[A-Za-z]\w*\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'|[^\s\"'<>/]+))*)"
)
_ATTRIBUTE = re.compile(r"([A-Za-z]\w*)\s*=\s*(?:\"([^\"<]*)\"|'([^'<]*)'|([^\s\"'<>/]+))")
EMBRYO_LENGTH_UM = 0.09 * 585
"""AceTree's standard ellipse: 585 px of 0.09 µm along the embryo."""
POSES = ("ADL", "AVR", "PDR", "PVL")


@dataclass(frozen=True, slots=True, kw_only=True)
class SideInformation:
    """Spacing with sources, plain values for `Lineage.metadata`, and what was odd."""

    spacing: Spacing = field(default_factory=Spacing)
    metadata: dict[str, object] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def side_information(archive: Path, *, xml: Path | None = None) -> SideInformation:
    """Collect what the files beside an archive say about it; absent files say nothing."""
    stem = archive.stem.removesuffix("-edit")
    folder = archive.parent
    found: list[Finding] = []
    metadata: dict[str, object] = {}
    spacing = Spacing()
    configuration = xml or next(
        (p for p in (folder / f"{archive.stem}.xml", folder / f"{stem}.xml") if p.is_file()), None
    )
    aux = next((p for v in ("_v2", "") if (p := folder / f"{stem}AuxInfo{v}.csv").is_file()), None)
    if aux is not None:
        values = read_auxinfo(aux)
        metadata.update(_pose(values, aux, found))
        spacing = _spacing_of_ellipse(values)
    if configuration is not None:
        tags = read_configuration(configuration)
        metadata["configuration"] = _read_text(configuration)
        spacing = spacing.replaced_by(_resolution(tags, configuration, found))
    clock = folder / f"TIME{stem}.csv"
    if clock.is_file():
        spacing = spacing.replaced_by(Spacing.of(source="file", T=_interval(clock)))
    return SideInformation(spacing=spacing, metadata=metadata, findings=found)


def read_configuration(path: Path) -> dict[str, dict[str, str]]:
    """Return the tags of a configuration with their attributes, in lower case.

    Raises
    ------
    FileFormatError
        If the file cannot be read or holds no tag.
    """
    text = re.sub(r"<!--.*?(?:-->|$)", "", _read_text(path), flags=re.DOTALL)
    tags: dict[str, dict[str, str]] = {}
    for name, attributes in _TAG.findall(text):
        pairs = _ATTRIBUTE.findall(attributes)
        tags[name.lower()] = {key.lower(): a or b or c for key, a, b, c in pairs}
    if not tags:
        raise FileFormatError(f"{path}: is not an AceTree configuration; it holds no tag.")
    return tags


def side_nuclei(path: Path) -> Path:
    """Return the archive that a configuration names, relative to the configuration.

    Raises
    ------
    FileFormatError
        If it names none, or the archive is not there.
    """
    name = read_configuration(path).get("nuclei", {}).get("file", "")
    if not name:
        raise FileFormatError(
            f'{path}: names no nuclei; expected <nuclei file="....zip"/>. Give the zip instead.'
        )
    beside = path.parent / name.replace("\\", "/").rsplit("/", 1)[-1]
    archive = next((p for p in (path.parent / name, beside) if p.is_file()), None)
    if archive is None:
        raise FileFormatError(f"{path}: names the archive {name!r}, which is not there.")
    return archive


def read_auxinfo(path: Path) -> dict[str, str]:
    """Return the one line of an AuxInfo table by its header."""
    lines = [line for line in _read_text(path).splitlines() if line.strip()]
    if len(lines) < 2:
        raise FileFormatError(f"{path}: an AuxInfo table has a header and one line.")
    header, values = ([v.strip() for v in line.split(",")] for line in lines[:2])
    return dict(zip(header, values, strict=False))


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_TEXT_LIMIT + 1)
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({error.strerror}).") from error
    if len(data) > _TEXT_LIMIT:
        raise FileFormatError(f"{path}: is larger than {_TEXT_LIMIT} bytes; side files are small.")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return data.decode(encoding, "replace")


def _positive(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _resolution(tags: dict[str, dict[str, str]], path: Path, found: list[Finding]) -> Spacing:
    resolution = tags.get("resolution", {})
    xy, z = _positive(resolution.get("xyres")), _positive(resolution.get("zres"))
    if resolution and (xy is None or z is None):
        found.append(
            Finding(
                file=path.name,
                rule="no-scale",
                severity="warning",
                reason="<resolution> holds no positive xyRes and zRes; it is not used.",
            )
        )
    return Spacing.of(source="file", Z=z, Y=xy, X=xy)


def _spacing_of_ellipse(values: dict[str, str]) -> Spacing:
    """Estimate the pixel from the length of the embryo, and the plane from zpixres."""
    major, ratio = _positive(values.get("maj")), _positive(values.get("zpixres"))
    pixel = EMBRYO_LENGTH_UM / major if major else None
    plane = pixel * ratio if pixel and ratio else None
    return Spacing.of(source="estimated", Z=plane, Y=pixel, X=pixel)


def _pose(values: dict[str, str], path: Path, found: list[Finding]) -> dict[str, object]:
    metadata: dict[str, object] = {"auxinfo": values}
    axis = values.get("axis", "").upper()
    if axis in POSES:
        metadata["pose"] = {"value": axis, "source": "file"}
    elif axis and axis != "XXX":
        found.append(
            Finding(
                file=path.name,
                rule="odd-axes",
                object=axis,
                severity="warning",
                reason=f"axis {axis!r} is none of {', '.join(POSES)}; the pose is not taken.",
            )
        )
    vectors = {k: values[k] for k in ("AP_orientation", "LR_orientation") if values.get(k)}
    parsed = {k: _vector(v) for k, v in vectors.items()}
    if parsed and all(v is not None for v in parsed.values()):
        metadata["pose"] = {"value": parsed, "source": "file"}
    return metadata


def _vector(text: str) -> list[float] | None:
    try:
        vector = [float(v) for v in text.split()]
    except ValueError:
        return None
    return vector if len(vector) == 3 and all(map(math.isfinite, vector)) else None


def _interval(path: Path) -> float | None:
    """Return the median step of a TIME table in minutes."""
    seconds = []
    for line in _read_text(path).splitlines():
        parts = re.split(r"[,\t; ]+", line.strip())
        if len(parts) >= 3 and (value := _positive(parts[2])) is not None:
            seconds.append(value)
    steps = np.diff(seconds)
    steps = steps[steps > 0]
    return round(float(np.median(steps)) / 60, 6) if len(steps) else None
