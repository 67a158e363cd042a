"""One file over https: resumed where it stopped, and in its place only when it is what was stated.

This is the only module of fatescope that opens a connection, and only `data fetch` calls it.
"""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fatescope.base import InputError, RunError, escape
from fatescope.storage import hash_path

_TIMEOUT_S = 30  # of silence; a guess
_HERE = ("localhost", "127.0.0.1", "::1")
_PARTIAL, _RANGE_BEYOND = 206, 416  # HTTP status codes


def check_address(url: str) -> None:
    """Raise unless an address is https, or http on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE):
        return
    raise InputError(f"{escape(url)}: only addresses that begin with https:// are fetched.")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Redirects stay on https."""

    def redirect_request(self, *given: Any) -> urllib.request.Request | None:
        """Check the new address, which comes last."""
        check_address(given[-1])
        return super().redirect_request(*given)


def download(
    url: str,
    target: Path,
    *,
    sha256: str | None,
    most_bytes: int,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Download a file.

    What has come so far waits in ``.<name>.download`` beside ``target``; the same call continues.

    Parameters
    ----------
    url : str
    target : Path
        Must not exist.
    sha256 : str, optional
        What the file must have; else nothing is put in its place, and what came is kept beside it
        as ``<name>.wrong``.
    most_bytes : int
        A larger file is refused.
    progress : callable, optional
        Called with the bytes that are there and those in all (0: not said).

    Raises
    ------
    RunError
        If the address cannot be reached or answers otherwise, or the file is not what was stated.
    """
    check_address(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.download")
    try:
        _receive(url, part, most_bytes, progress)
    except urllib.error.HTTPError as error:
        raise RunError(
            f"{escape(url)}: the server answers {error.code} ({error.reason}). Check the address."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # the disk, not the network
        reason = getattr(error, "reason", None) or error
        raise RunError(
            f"{escape(url)}: cannot be reached ({str(reason) or type(error).__name__}). Look "
            "whether the network is on; the same command continues where it stopped."
        ) from error
    if sha256 is not None and (came := hash_path(part)) != sha256.lower():
        wrong = target.with_name(f"{target.name.lstrip('.')}.wrong")
        part.replace(wrong)
        raise RunError(
            f"{escape(url)}: what came has the SHA-256 {came[:12]}..., and "
            f"{sha256[:12].lower()}... was stated. It is kept as {escape(wrong)}; nothing else was "
            "changed. Try again, or ask where the hash comes from."
        )
    part.replace(target)


def _receive(
    url: str, part: Path, most_bytes: int, progress: Callable[[int, int], None] | None
) -> None:
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "fatescope", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    opener = urllib.request.build_opener(_SafeRedirects)
    try:
        answer = opener.open(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != _RANGE_BEYOND:
            raise
        whole = error.headers.get("Content-Range", "").rpartition("/")[2]
        if whole != str(have):  # else it had come to its end
            part.unlink()
            _receive(url, part, most_bytes, progress)
        return
    with answer:
        begins = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if answer.status != _PARTIAL or not begins:
            have = 0
        said = answer.headers.get("Content-Length", "")
        total = have + int(said) if said.isdecimal() else 0
        _refuse_more(url, total, most_bytes)
        with part.open("ab" if have else "wb") as stream:
            while chunk := answer.read(2**18):
                have += len(chunk)
                _refuse_more(url, have, most_bytes)
                stream.write(chunk)
                if progress is not None:
                    progress(have, total)
            stream.flush()
            os.fsync(stream.fileno())
    if have < total:
        raise ConnectionError("it ended early")


def _refuse_more(url: str, n_bytes: int, most_bytes: int) -> None:
    if n_bytes > most_bytes:
        raise RunError(
            f"{escape(url)}: is larger than the {most_bytes / 1e6:,.0f} MB that were expected. "
            "Check the address, or raise --max-gb."
        )
