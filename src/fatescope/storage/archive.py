"""Zip files of data: written with the same bytes whenever, read within bounds, every file hashed.

A zip from elsewhere is refused if a name could leave its folder, if it holds a link, or if it would
inflate beyond bounds. Nothing in it is run.
"""

from __future__ import annotations

import contextlib
import hashlib
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fatescope.base.errors import FileFormatError
from fatescope.base.messages import escape

HASH_FILE = "SHA256SUMS"
_CHUNK = 2**20
_STORED = frozenset((".png", ".jpg", ".jpeg", ".mov", ".mp4", ".parquet", ".zip", ".gz"))
"""What is compressed already is put in as it is."""
_UNIX = 3  # the system in a zip whose permissions are those of Unix
_LARGEST_SUMS = 2**28  # bytes: 2.7 million files at 100 a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a zip may hold; ``what`` says in a message what is smaller than that.

    Parameters
    ----------
    files, bytes : int
        At most, unpacked.
    flat : bool
        No folders inside, but one around everything.
    what : str
    """

    files: int
    bytes: int
    flat: bool
    what: str

    def check(self, n_files: int, n_bytes: int, *, where: str) -> None:
        """Raise where there is more."""
        if n_files > self.files or n_bytes > self.bytes:
            raise FileFormatError(
                f"{where}: more than {self.files} files or {self.bytes // 2**20} MB unpacked; "
                f"{self.what} is smaller. Do not use this file."
            )


def read_zip(path: Path, bounds: Bounds) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Pass each file of a zip: its name, and its content in parts that must be taken in turn.

    Raises
    ------
    FileFormatError
        If it is no zip, is damaged, or holds what it may not.
    """
    where = escape(path)
    with _readable(where), zipfile.ZipFile(path) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        bounds.check(len(infos), sum(i.file_size for i in infos), where=where)
        prefix = _common_folder(infos) if bounds.flat else ""
        seen: set[str] = set()
        left = bounds.bytes
        for info in infos:
            name = _safe_name(info, prefix, where=where, seen=seen, flat=bounds.flat)
            yield name, _inflate(archive, info, left, bounds, where=where)
            left -= info.file_size


@contextlib.contextmanager
def _readable(where: str) -> Iterator[None]:
    wrong = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, zlib.error)
    try:
        yield
    except wrong as error:
        raise FileFormatError(f"{where}: not a readable zip file: {error}.") from error


def _common_folder(infos: list[zipfile.ZipInfo]) -> str:
    """Return the one folder that holds everything (zips made by a file manager have one)."""
    heads = {info.filename.split("/", 1)[0] for info in infos if "/" in info.filename}
    whole = len(heads) == 1 and all("/" in info.filename for info in infos)
    head = next(iter(heads)) if whole else ""
    return f"{head}/" if head not in ("", ".", "..") else ""


def _safe_name(
    info: zipfile.ZipInfo, prefix: str, *, where: str, seen: set[str], flat: bool
) -> str:
    name = info.filename.removeprefix(prefix)
    if stat.S_ISLNK(info.external_attr >> 16):
        raise FileFormatError(f"{where}: {info.filename!r} is a link. A package is plain files.")
    if not stays_inside(name) or (flat and ("/" in name or name.startswith("."))):
        raise FileFormatError(
            f"{where}: {info.filename!r} leaves the package's folder. Do not use this file."
        )
    if name.casefold() in seen:  # on some systems, A is a
        raise FileFormatError(f"{where}: {name!r} is there twice. Do not use this file.")
    seen.add(name.casefold())
    return name


def stays_inside(name: str) -> bool:
    """Say whether a path with ``/`` stays in its folder on every system."""
    parts = name.split("/")
    plain = name.isprintable() and not set(name) & set('\\:<>"|?*')
    return plain and all(part.strip(". ") for part in parts)


def _inflate(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, left: int, bounds: Bounds, *, where: str
) -> Iterator[bytes]:
    with _readable(where), archive.open(info) as stream:
        while chunk := stream.read(_CHUNK):
            left -= len(chunk)
            bounds.check(1, bounds.bytes - left, where=where)
            yield chunk


Content = Callable[[], Iterator[bytes]]
"""Gives the bytes of a file in parts, each time that it is called."""


def file_content(path: Path, change: Callable[[bytes], bytes] | None = None) -> Content:
    """Return the content of a file on disk, each line changed where ``change`` is given."""

    def parts() -> Iterator[bytes]:
        with path.open("rb") as stream:
            if change is not None:
                yield from map(change, stream)
                return
            while chunk := stream.read(_CHUNK):
                yield chunk

    return parts


def write_zip(path: Path, files: Mapping[str, Content]) -> str:
    """Write files and their ``SHA256SUMS`` as one zip: the same files give the same bytes.

    Returns
    -------
    str
        The text of ``SHA256SUMS``.
    """
    lines = []
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
        for name in sorted(files):
            digest = hashlib.sha256()
            with archive.open(_info(name), "w", force_zip64=True) as stream:
                for chunk in files[name]():
                    digest.update(chunk)
                    stream.write(chunk)
            lines.append(f"{digest.hexdigest()}  {name}\n")
        archive.writestr(_info(HASH_FILE), "".join(lines))
    return "".join(lines)


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)  # of 1980, like all
    info.create_system = _UNIX
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    is_small = Path(name).suffix.lower() in _STORED
    info.compress_type = zipfile.ZIP_STORED if is_small else zipfile.ZIP_DEFLATED
    return info


def unpack_zip(path: Path, bounds: Bounds, folder: Path | None) -> int:
    """Read a zip with ``SHA256SUMS``, compare every file, and write them below ``folder``.

    Parameters
    ----------
    folder : path or None
        An empty folder; ``None`` only compares.

    Returns
    -------
    int
        How many files there are.

    Raises
    ------
    FileFormatError
        As `read_zip`; and if a file is missing, is not listed, or has another hash.
    """
    found: dict[str, str] = {}
    sums = b""
    for name, parts in read_zip(path, bounds):
        digest = hashlib.sha256()
        with _writing(folder, name) as write:
            for part in parts:
                digest.update(part)
                write(part)
                if name == HASH_FILE and len(sums) < _LARGEST_SUMS:
                    sums += part
        if name != HASH_FILE:
            found[name] = digest.hexdigest()
    _compare(found, sums.decode("utf-8", "replace"), where=escape(path))
    return len(found)


@contextlib.contextmanager
def _writing(folder: Path | None, name: str) -> Iterator[Callable[[bytes], object]]:
    if folder is None:
        yield len
        return
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as stream:
        yield stream.write


def _compare(found: Mapping[str, str], sums: str, *, where: str) -> None:
    if not sums:
        raise FileFormatError(
            f"{where}: {HASH_FILE} is missing, so nobody can tell whether it is whole. Ask for a "
            "file made by fatescope data pack."
        )
    pairs = [line.split("  ", 1) for line in sums.splitlines() if "  " in line]
    said = {name: digest for digest, name in pairs}
    wrong = sorted(n for n in {*said, *found} if said.get(n) != found.get(n))
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise FileFormatError(
            f"{where}: wrong hash of {', '.join(map(escape, wrong[:3]))}{more}. The file is "
            "damaged or was changed; get it again."
        )
