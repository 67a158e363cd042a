"""How a run uses the machine. Nothing here may change a result."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import field_validator

from fatescope.base.settings import Settings, setting

PROCESS_MB = 150.0
"""What a process needs before it has read anything, in 10^6 bytes; networks need more."""
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class Execution(Settings):
    """Workers, memory and device. Results are the same to the last bit for any of them."""

    workers: int | None = setting(None, "processes; default: one for each core", ge=1, le=4096)
    memory: str | None = setting(None, 'limit such as "2GB"; default: half of what is free')
    device: Literal["auto", "cpu", "cuda"] = setting("auto", "where networks run")
    cluster: str | None = setting(
        None, "address of a Dask scheduler, or a TOML file that starts one"
    )

    @field_validator("memory")
    @classmethod
    def _memory_is_a_size(cls, value: str | None) -> str | None:
        if value is not None and parse_bytes(value) < PROCESS_MB * 1e6:
            raise ValueError(
                f"{value} are less than the {PROCESS_MB:.0f} MB that one process needs; give "
                f"{PROCESS_MB:.0f}MB or more"
            )
        return value

    @property
    def memory_bytes(self) -> int | None:
        """The memory limit in bytes, or ``None`` where none was given."""
        return None if self.memory is None else parse_bytes(self.memory)


def parse_bytes(text: str) -> int:
    """Read a size such as ``"2GB"`` or ``"500 MB"`` as a number of bytes.

    Raises
    ------
    ValueError
        If the text is not a positive number with a unit out of B, kB, MB, GB, TB.

    Examples
    --------
    >>> parse_bytes("1.5GB")
    1500000000
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)I?B?\s*", text.upper())
    if not match or float(match[1]) <= 0:
        raise ValueError(f"{text!r} is not a size; write for example 2GB")
    return int(float(match[1]) * _UNITS[match[2]])
