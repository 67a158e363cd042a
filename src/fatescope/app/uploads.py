"""Files from the browser to the disk: in pieces, within limits, under names that were checked."""

from __future__ import annotations

import asyncio
import shutil
import sys
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from fatescope.app.context import bytes_in_words, context, person
from fatescope.app.names import check_parts
from fatescope.base import InputError, RunError
from fatescope.storage import open_beside

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from fatescope.app.context import Context

_AT_ONCE = 4_000_000
_SPARE_BYTES = 500_000_000
"""Free on the disk that a file may not take: results need room too."""


class TooLargeError(InputError):
    """A file is larger than is taken, or than there is room for."""


async def take_file(request: Request) -> Response:
    """Store the body of a request as one file among others of a person."""
    app, who = context(request), person(request)
    data = app.store.data(who, request.path_params["data"])
    asked = request.query_params
    names = check_parts([*asked.getlist("folder"), asked.get("name", "")])
    folder = app.store.folder_of(who, "data", data.id)
    path = folder.joinpath(*names)
    if not path.resolve().is_relative_to(folder.resolve()) or path.is_dir():
        raise InputError(f"{names[-1]}: this name is taken by a folder. Rename the file.")
    if who not in app.bytes_by_person:
        on_disk = await asyncio.to_thread(app.store.bytes_of, who)
        app.bytes_by_person.setdefault(who, on_disk)  # another file may have asked, and be written
    announced = request.headers.get("content-length", "")
    coming = _Coming(app, who, path)
    try:
        coming.take(int(announced) if announced.isdecimal() else 0)
        n_bytes = await _stream(request, path, coming)
    finally:
        coming.end()
    return JSONResponse({"name": "/".join(names), "bytes": n_bytes}, status_code=201)


class _Coming:
    """One file that is being sent; what was promised to it is not promised to another."""

    def __init__(self, app: Context, who: str, path: Path) -> None:
        self._app, self._who, self._path = app, who, path
        self._taken = 0
        self._free = shutil.disk_usage(path.parent if path.parent.exists() else app.store.folder)

    def take(self, n_bytes: int) -> None:
        """Raise `TooLargeError` if there is no room for so many bytes in all; else keep it."""
        if n_bytes <= self._taken:
            return
        app, who = self._app, self._who
        others = app.bytes_by_person.get(who, 0) + app.bytes_coming[who] - self._taken
        room = {
            "file": app.settings.file_bytes,
            "sum": app.settings.sum_bytes - others + self.replaced(),
            "disk": self._free.free - _SPARE_BYTES,
        }
        check_room(self._path.name, n_bytes, room)
        app.bytes_coming[who] += n_bytes - self._taken
        self._taken = n_bytes

    def put(self, n_more: int) -> None:
        """Count the file, which has taken its place."""
        if self._who in self._app.bytes_by_person:  # else all are counted for the next file
            self._app.bytes_by_person[self._who] += n_more

    def end(self) -> None:
        """Give back what was promised."""
        self._app.bytes_coming[self._who] -= self._taken

    def replaced(self) -> int:
        """Return the bytes of the file whose place this one takes."""
        return self._path.stat().st_size if self._path.is_file() else 0


def check_room(name: str, n_bytes: int, room: dict[str, int]) -> None:
    """Refuse a file for which there is no room.

    Raises
    ------
    TooLargeError
        One sentence that says which limit it is, and what to do.
    """
    why = min(room, key=lambda k: room[k])
    if n_bytes <= room[why]:
        return
    left = bytes_in_words(max(0, room[why]))
    sentences = {
        "file": f"is larger than the {left} that one file may have. Start the app with a higher "
        "--largest-file, or use the command line, which copies nothing.",
        "sum": f"{left} are left of what your files may take. Remove files that are no longer "
        "needed on the first page, or start the app with a higher --largest-sum.",
        "disk": f"{left} are left on the disk. Free some space and drop the file again.",
    }
    raise TooLargeError(f"{name}: {sentences[why]}")


async def _stream(request: Request, path: Path, coming: _Coming) -> int:
    """Write a body beside its place as it comes; nothing is left of one that is too large."""
    writing = open_beside(path)
    stream = await asyncio.to_thread(writing.__enter__)
    n_bytes, waiting = 0, bytearray()
    try:
        async for piece in request.stream():
            n_bytes += len(piece)
            coming.take(n_bytes)
            waiting += piece
            if len(waiting) >= _AT_ONCE:
                await asyncio.to_thread(stream.write, bytes(waiting))
                waiting.clear()
        await asyncio.to_thread(stream.write, bytes(waiting))
    except BaseException as error:
        try:
            await asyncio.to_thread(writing.__exit__, *sys.exc_info())
        except RunError:
            raise
        except BaseException as again:
            raise again from error
        raise
    replaced = coming.replaced()
    await asyncio.to_thread(writing.__exit__, None, None, None)
    coming.put(n_bytes - replaced)
    return n_bytes
