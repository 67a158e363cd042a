"""What is said once about each old call: the new way, and what should be known of a result."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fatescope.base import Finding

_LOG = logging.getLogger("fatescope.devolearn")


@cache
def name_new_way(call: str, new: str) -> None:
    """Name the new way of a call, the first time it is made in this process."""
    _LOG.warning("%s: works as before. The new way, which gives more: %s", call, new)


def tell_findings(findings: Iterable[Finding]) -> None:
    """Log what is doubtful about a result; the old interface has no place for it."""
    for finding in findings:
        if finding.severity != "info":
            _LOG.warning("%s: %s", finding.file, finding.reason)
