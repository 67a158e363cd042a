"""The sentence with which a page answers, read from its head."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_ANSWER = re.compile(rb'<meta name="description" content="([^"]*)">')


def read_answer(page: Path) -> str:
    """Return the sentence, for the terminal and the app; empty where there is no page or answer."""
    try:
        with page.open("rb") as stream:
            found = _ANSWER.search(stream.read(20_000))  # the head of a page of ours
    except OSError:
        return ""
    return unescape(found[1].decode("utf-8")) if found else ""
