"""The data sets that are known: where they come from, under which licence, and their hashes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from fatescope.base import FileFormatError, escape
from fatescope.storage import stays_inside

_TEXTS = ("what", "licence", "home")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One file to download: its path in the folder, address, SHA-256 and size."""

    path: str
    url: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A data set: what it is, its licence, whom to cite, its page, and the files with a hash."""

    name: str
    what: str
    licence: str
    home: str
    cite: str = ""
    files: tuple[DataFile, ...] = ()

    @property
    def bytes(self) -> int:
        """Return the size of the files with a hash."""
        return sum(f.bytes for f in self.files)


def known_data(registry: Path | None = None) -> dict[str, DataSet]:
    """Return the data sets by name: those that ship with fatescope, or of another registry.

    Parameters
    ----------
    registry : Path, optional
        A TOML file: by name ``what``, ``licence``, ``home`` and perhaps ``cite``; ``base``, the
        beginning of addresses, and ``files``, rows of path, SHA-256 and bytes.

    Raises
    ------
    FileFormatError
        If the registry cannot be read, or something in it is missing or unsafe.
    """
    where = "known.toml" if registry is None else escape(registry)
    try:
        if registry is None:
            text = files("fatescope.acquire.data_sets").joinpath("known.toml").read_text("utf-8")
        else:
            text = registry.read_text("utf-8")
        tables = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FileFormatError(
            f"{where}: cannot be read as a registry of data sets ({error}). Give a TOML file."
        ) from error
    return {name: _data_set(name, said, where) for name, said in tables.items()}


def _data_set(name: str, said: Any, where: str) -> DataSet:
    if not isinstance(said, Mapping) or not all(isinstance(said.get(k), str) for k in _TEXTS):
        raise FileFormatError(f"{where}: {name} lacks one of {', '.join(_TEXTS)}. Add it.")
    found = []
    for row in said.get("files", ()):
        match row:
            case [str(path), str(sha256), int(size)] if (
                stays_inside(path) and _SHA256.fullmatch(sha256) and size >= 0
            ):
                url = f"{said.get('base', '')}{path}"
                found.append(DataFile(path=path, url=url, sha256=sha256, bytes=size))
            case _:
                raise FileFormatError(
                    f"{where}: {name} has a file that is not a path inside its folder, a SHA-256 "
                    f"and a number of bytes: {row!r}. Correct it."
                )
    texts = {key: str(said[key]) for key in (*_TEXTS, "cite") if key in said}
    return DataSet(name=name, files=tuple(found), **texts)
