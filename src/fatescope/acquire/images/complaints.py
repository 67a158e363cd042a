"""What other libraries only log about a file: heard here, and kept from the terminal."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

_log = logging.getLogger(__name__)

_MOST = 50
"""A damaged chain of pages can complain for hours; after this many the file is given up."""


@contextlib.contextmanager
def overheard(library: str) -> Iterator[list[str]]:
    """Collect what ``library`` logs instead of passing it on; with ``--debug`` it is shown.

    Raises
    ------
    ValueError
        In the middle of the library's work, when it complains too often.
    """
    logger = logging.getLogger(library)
    collector = _Collector()
    logger.addFilter(collector)
    try:
        yield collector.found
    finally:
        logger.removeFilter(collector)


class _Collector(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        _log.debug("%s: %s", record.name, text)
        self.found.append(text)
        if len(self.found) > _MOST:
            raise ValueError(text)
        return False
