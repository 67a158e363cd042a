"""Members of a zip that may be hostile: never extracted, read within bounds."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING

from fatescope.base.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

MEMBERS = 100_000
MEMBER_BYTES = 64_000_000
TOTAL_BYTES = 2_000_000_000
RATIO = 200
"""Unpacked over packed size that no table of nuclei reaches; small archives may exceed it."""
_SMALL = 20_000_000  # bytes, unpacked


def check_archive(archive: zipfile.ZipFile, path: Path) -> None:
    """Raise `FileFormatError` if an archive leaves its folder, inflates or is encrypted."""
    members = archive.infolist()
    if len(members) > MEMBERS:
        raise FileFormatError(f"{path}: holds {len(members)} files; a lineage has fewer.")
    packed = unpacked = 0
    for member in members:
        parts = member.filename.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or ":" in parts[0]:
            raise FileFormatError(
                f"{path}: names a file outside itself ({member.filename!r}). It is not safe to "
                "use; ask its sender for a clean archive."
            )
        if member.flag_bits & 1:
            raise FileFormatError(f"{path}: is encrypted. Unpack it with its password first.")
        packed += member.compress_size
        unpacked += member.file_size
        if member.file_size > MEMBER_BYTES:
            raise FileFormatError(
                f"{path}: {member.filename} inflates to {member.file_size} bytes."
            )
    if unpacked > TOTAL_BYTES or (unpacked > _SMALL and unpacked > RATIO * max(packed, 1)):
        raise FileFormatError(
            f"{path}: inflates from {packed} to {unpacked} bytes, which no lineage does. Check "
            "where the archive comes from."
        )


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> str:
    """Return the text of one member.

    Raises
    ------
    FileFormatError
        If it is damaged or larger than the archive says.
    """
    try:
        with archive.open(member) as file:
            data = file.read(MEMBER_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise FileFormatError(
            f"{path}: {member.filename} is damaged ({error}). Copy the archive again."
        ) from error
    if len(data) > MEMBER_BYTES:
        raise FileFormatError(f"{path}: {member.filename} is larger than the archive says.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
