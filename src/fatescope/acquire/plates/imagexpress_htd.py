"""The ``.HTD`` file of MetaXpress: what was to be taken of a plate."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from fatescope.base import FileFormatError, InputError, escape, explain_os_error, name_well

_MOST_BYTES = 2**24  # of a short text; not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPlate:
    """What was to be taken; not every channel at every time, which the file does not say.

    Parameters
    ----------
    wells : tuple of str
    n_sites, n_frames, n_planes : int
        Of each well.
    channels : tuple of str
        Names of the wavelengths, the first being ``w1``.
    """

    wells: tuple[str, ...]
    n_sites: int
    n_frames: int
    n_planes: int
    channels: tuple[str, ...]


def read_htd(path: Path) -> PlannedPlate:
    """Read an ``.HTD`` file.

    Raises
    ------
    FileFormatError
        If it is empty, cut, or no such file.
    """
    where = escape(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES)
    except OSError as error:
        raise FileFormatError(f"{where}: cannot be read: {explain_os_error(error)}") from error
    lines = csv.reader(data.decode("latin-1").splitlines(), skipinitialspace=True)
    try:
        values = {row[0].strip(): [v.strip() for v in row[1:]] for row in lines if row}
    except csv.Error as error:
        raise FileFormatError(f"{where}: is damaged ({error}). {_REMOVE}") from error
    if "HTSInfoFile" not in values or "EndFile" not in values:
        raise FileFormatError(f"{where}: is empty, cut, or no file of MetaXpress. {_REMOVE}")
    return PlannedPlate(
        wells=tuple(_wells(values)),
        n_sites=_n_sites(values),
        n_frames=_count(values, "TimePoints"),
        n_planes=_count(values, "ZSteps") if _is_true(values, "ZSeries") else 1,
        channels=_channels(values),
    )


_REMOVE = "Copy it again, or remove it: the names of the images then have to suffice."
_Values = dict[str, list[str]]


def _is_true(values: _Values, key: str) -> bool:
    return values.get(key, ["FALSE"])[:1] == ["TRUE"]


def _count(values: _Values, key: str) -> int:
    text = (values.get(key) or ["1"])[0]
    return max(int(text), 1) if re.fullmatch(r"\d{1,6}", text) else 1


def _selected(values: _Values, key: str) -> list[tuple[int, int]]:
    """Return row and column, from 1, of each place of a grid that is ``TRUE``."""
    rows = {k.removeprefix(key): v for k, v in values.items() if k.startswith(key)}
    return [
        (int(row), column)
        for row, flags in rows.items()
        if row.isdecimal() and len(row) < 4
        for column, flag in enumerate(flags, start=1)
        if flag == "TRUE"
    ]


def _wells(values: _Values) -> list[str]:
    wells = []
    for row, column in _selected(values, "WellsSelection"):
        try:
            wells.append(name_well(row, column))
        except InputError:
            continue
    return wells


def _n_sites(values: _Values) -> int:
    if not _is_true(values, "Sites"):
        return 1
    grid = _count(values, "XSites") * _count(values, "YSites")
    return len(_selected(values, "SiteSelection")) or grid


def _channels(values: _Values) -> tuple[str, ...]:
    n = _count(values, "NWavelengths") if _is_true(values, "Waves") else 1
    return tuple((values.get(f"WaveName{i}") or [""])[0] or f"w{i}" for i in range(1, n + 1))
