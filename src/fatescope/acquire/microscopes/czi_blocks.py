"""Where the planes of a CZI lie in its file, and whether the lengths that they claim can be.

Zeiss's library asks for the memory that a block claims before it reads it, and takes what is
missing of a block that claims too little for black: both are compared with the file before.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fatescope.base import FileFormatError, escape

_HEAD, _ENTRY, _DIMENSION = 32, 32, 20
_DIRECTORY_AT, _ENTRIES_AT = 32 + 52, 32 + 128
_BYTES = {0: 1, 1: 2, 2: 4, 3: 3, 4: 6}
"""Of a pixel by its type: grey of 8, 16 and 32 bits, colours of 8 and 16."""

_Place = tuple[int, int, int]  # T, C, Z


@dataclass(slots=True)
class CziBlocks:
    """The blocks of a file by plane; each plane is looked at once, when it is first read."""

    path: Path
    _by_plane: dict[_Place, list[tuple[int, int]]] | None = None  # place, least bytes of pixels
    _checked: set[_Place] = field(default_factory=set)

    def check(self, plane: Mapping[str, int]) -> None:
        """Raise `FileFormatError` where a block of a plane claims more or less than there can be.

        Parameters
        ----------
        plane : mapping of str to int
            Indices along T, C and Z; 0 of what is left out.
        """
        at = (plane.get("T", 0), plane.get("C", 0), plane.get("Z", 0))
        if at in self._checked:
            return
        if self._by_plane is None:
            self._by_plane = _listed(self.path)
        size = self.path.stat().st_size
        with self.path.open("rb") as stream:
            for place, least in self._by_plane.get(at, ()):
                stream.seek(place)
                head = stream.read(_HEAD + 16)
                if len(head) < _HEAD + 16:
                    continue  # the library says that it is not there
                lengths = struct.unpack_from("<iiq", head, _HEAD)
                room = size - place - _HEAD
                if min(lengths) < 0 or sum(lengths) > room or lengths[2] < least:
                    raise FileFormatError(
                        f"{escape(self.path)}: plane T {at[0]}, C {at[1]}, Z {at[2]} is damaged: "
                        f"it claims {lengths[2]} bytes of pixels and {lengths[0] + lengths[1]} of "
                        f"others, needs {least} and has room for {room}. Copy or export it again."
                    )
        self._checked.add(at)


def _listed(path: Path) -> dict[_Place, list[tuple[int, int]]]:
    """Read the directory: of each plane where its blocks lie, and what their pixels take."""
    found: dict[_Place, list[tuple[int, int]]] = defaultdict(list)
    with path.open("rb") as stream:
        (place,) = struct.unpack("<q", stream.read(_DIRECTORY_AT + 8)[_DIRECTORY_AT:])
        stream.seek(max(0, place))
        head = stream.read(_ENTRIES_AT)
        if not head.startswith(b"ZISRAWDIRECTORY") or len(head) < _ENTRIES_AT:
            return found
        _, used, count = struct.unpack_from("<qqi", head, 16)
        entries = stream.read(min(max(0, used), path.stat().st_size))
    at = 0
    for _ in range(count):
        if at + _ENTRY > len(entries):
            break
        kind, block, part, compression = struct.unpack_from("<iqii", entries, at + 2)
        (n,) = struct.unpack_from("<i", entries, at + 28)
        first = at + _ENTRY
        at = first + _DIMENSION * n
        if n < 0 or at > len(entries):
            break
        steps = range(first, at, _DIMENSION)
        size = {entries[k : k + 1]: struct.unpack_from("<iifi", entries, k + 4) for k in steps}
        none = (0, 0, 0.0, 0)
        pixels = size.get(b"X", none)[3] * size.get(b"Y", none)[3]
        least = pixels * _BYTES.get(kind, 0) if compression == 0 else 0
        t, c, z = (size.get(axis, none)[0] for axis in (b"T", b"C", b"Z"))
        if part == 0:  # else it lies in another file
            found[t, c, z].append((block, least))
    return found
