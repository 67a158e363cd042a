"""Elements of an XML index as flat records, read as a stream.

Entities are refused, nothing outside the file is opened, and no tree is built: an index of a
million images costs what one of its records costs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

from fatescope.base import FileFormatError, escape, explain_os_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BYTE_LIMIT = 4_000_000_000
DEPTH_LIMIT = 64
TEXT_LIMIT = 10_000
"""Characters of one value; what is longer, such as a flat-field profile, is cut."""

Record = dict[str, str]
"""Attributes and the texts of children by local name, and the element's own text under ``""``."""


@dataclass(slots=True)
class _Collector:
    """Where the parser is: inside which record, inside which child of it."""

    take: dict[str, Callable[[Record], None]]
    depth: int = 0
    record: Record | None = None
    record_depth: int = 0
    child: str = ""
    text: list[str] = field(default_factory=list)
    length: int = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > DEPTH_LIMIT:
            raise ValueError(f"more than {DEPTH_LIMIT} elements inside each other")
        if self.record is None:
            if _local(tag) in self.take:
                self.record = {_local(k): v for k, v in attributes.items()}
                self.record_depth = self.depth
                self._begin("")
        elif self.depth == self.record_depth + 1:
            self._begin(_local(tag))

    def _begin(self, child: str) -> None:
        self.child, self.text, self.length = child, [], 0

    def characters(self, text: str) -> None:
        if self.record is not None and self.length < TEXT_LIMIT:
            self.text.append(text)
            self.length += len(text)

    def end(self, tag: str) -> None:
        if self.record is not None and self.depth == self.record_depth + 1:
            self.record.setdefault(self.child, "".join(self.text).strip()[:TEXT_LIMIT])
            self._begin("")
        elif self.record is not None and self.depth == self.record_depth:
            self.record.setdefault("", "".join(self.text).strip()[:TEXT_LIMIT])
            record, self.record = self.record, None
            self.take[_local(tag)](record)
        self.depth -= 1


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


def read_records(path: Path, take: dict[str, Callable[[Record], None]]) -> None:
    """Call ``take[tag]`` with each element of that local name, in the order of the file.

    Parameters
    ----------
    path : Path
    take : dict of str to callable
        By the name of the element without its namespace.

    Raises
    ------
    FileFormatError
        If the file is empty, is cut or not well formed, defines entities, or is too large.
    """
    where = escape(path)
    collector = _Collector(take)
    parser = expat.ParserCreate()
    parser.StartElementHandler = collector.start
    parser.EndElementHandler = collector.end
    parser.CharacterDataHandler = collector.characters

    def refuse(*_: object) -> None:
        raise FileFormatError(f"{where}: defines entities, which no index of a plate does.")

    parser.EntityDeclHandler = refuse
    try:
        size = path.stat().st_size
        if size == 0:
            raise FileFormatError(f"{where}: is empty (0 bytes). Copy or export it again.")
        if size > BYTE_LIMIT:
            raise FileFormatError(f"{where}: is larger than {BYTE_LIMIT} bytes.")
        with path.open("rb") as stream:
            parser.ParseFile(stream)
    except (expat.ExpatError, LookupError, ValueError) as error:  # also an unknown encoding
        raise FileFormatError(
            f"{where}: is cut or not well-formed XML ({escape(str(error))}). Copy or export it "
            "again."
        ) from error
    except OSError as error:
        raise FileFormatError(f"{where}: cannot be read: {explain_os_error(error)}") from error
