"""The page *kicks*: what patience, percent and floor do to a schedule of the learning rate."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from fatescope.pages.page import Code, Page, Section, Text, write_page

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.pages.page import KicksBoard

WORDS = (
    "The learning rate falls along a cosine to a floor and waits there. Once the score has not "
    "become better for as many epochs as the patience says, the rate is kicked to a share above "
    "the floor that it stands on, and falls to a new floor, a share of the one before.",
    "The score is the one that a run measured. What it would have done under another schedule "
    "nobody knows: the page shows when kicks would come, not what they would bring.",
)


def write_kicks(path: Path, board: KicksBoard) -> Path:
    """Write the page about the score that a run measured; return its path."""
    from fatescope import __version__

    scheduler = Code(
        title="The schedule as a class of torch",
        text=(files("fatescope") / "train" / "kicks.py").read_text(encoding="utf-8"),
        note="It needs torch alone. Call step() after each step of the optimiser, and measure() "
        "with the score after each epoch.",
        file_name="kicks.py",
    )
    page = Page(
        title="Cosine annealing with kicks",
        kind="schedule",
        sections=[Section(title="", blocks=(Text(paragraphs=WORDS), board, scheduler))],
        version=__version__,
    )
    return write_page(path, page)
