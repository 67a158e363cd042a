"""Numbers that were fitted to data: TOML files inside the package, with their hash and recipe."""

from __future__ import annotations

import hashlib
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from fatescope.base.errors import FileFormatError
from fatescope.storage.archive import HASH_FILE


@cache
def read_fitted(path: str) -> dict[str, dict[str, Any]]:
    """Read fitted numbers by section, once; the hash must be that of ``SHA256SUMS`` beside them.

    Parameters
    ----------
    path : str
        Inside the package, such as ``"lineage/shipped/celegans-names-1.toml"``. Each section holds
        ``recipe``, a sentence that says which data and which command gave its numbers.

    Raises
    ------
    FileFormatError
        If the file is missing or is not the one that was shipped.
    """
    where = files("fatescope") / path
    name = path.rpartition("/")[2]
    try:
        content = where.read_bytes()
        sums = (files("fatescope") / path.removesuffix(name) / HASH_FILE).read_text("utf-8")
    except OSError as error:
        raise FileFormatError(f"{where}: cannot be read ({error}). Install again.") from error
    if f"{hashlib.sha256(content).hexdigest()}  {name}" not in sums.splitlines():
        raise FileFormatError(f"{where}: is not the file that was shipped. Install again.")
    return tomllib.loads(content.decode())
