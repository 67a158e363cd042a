"""The page of trust says no number that the page it leads to does not say."""

import re

import pytest
from tests.docs.test_pages import DOCS, ROOT

TEXT = (DOCS / "trust.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([^|]+\]\((\S+\.md)\)[^|]*)\|([^|]+)\|([^|]+)\|", TEXT, re.MULTILINE)
CARD = ROOT / "src/fatescope/models/shipped/nuclei/card.md"


@pytest.mark.parametrize(("system", "page", "units", "scores"), ROWS, ids=[r[1] for r in ROWS])
def test_every_number_of_a_row_stands_where_the_row_leads(system, page, units, scores):
    said = (DOCS / page).read_text(encoding="utf-8")
    if "models show nuclei`" in system:
        said += CARD.read_text(encoding="utf-8")
    numbers = re.findall(r"\d+\.\d+", scores)
    assert numbers or page == "cleaning.md" or page == "survival.md"
    for number in numbers:
        if number not in ("0.50", "0.75"):
            assert re.search(rf"(?<![\d.]){re.escape(number)}(?!\d)", said), f"{page}: {number}"


def test_every_system_has_a_row():
    pages = {row[1] for row in ROWS}
    assert pages >= {
        "models.md",
        "nuclei-em.md",
        "phase-cells.md",
        "live-dead.md",
        "viability.md",
        "membranes.md",
        "populations.md",
        "lineage-naming.md",
        "cleaning.md",
        "stain-labels.md",
        "survival.md",
    }
