"""Findings in the words of cells: much of what finds nuclei finds other cells too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fatescope.base import Finding
from fatescope.pages import CELL_WORDS, in_other_words


def of_cells(finding: Finding) -> Finding:
    """Return a finding about nuclei as one about cells; names of models and commands stay."""
    rule = "no-cells" if finding.rule == "no-nuclei" else finding.rule
    names = {finding.file, Path(finding.file).name} - {""}
    reason = in_other_words(finding.reason, CELL_WORDS, names=names)
    return replace(finding, rule=rule, reason=reason)
