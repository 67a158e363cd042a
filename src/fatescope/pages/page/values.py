"""What a page is made of: sections, and in them blocks, as plain values.

A page knows nothing of HTML: `fatescope.pages.page.write` turns it into one file that needs no
network. Every report, comparison, training and reproduction is written with these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fatescope.pages.chart.values import Chart
from fatescope.pages.page.images import ImageViewer
from fatescope.pages.page.kicks import KicksBoard
from fatescope.pages.page.solid import SolidViewer
from fatescope.pages.page.space import SpaceViewer
from fatescope.pages.page.text import Code, PageTable, Text

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """An ``<svg>`` element that is no chart, such as a lineage tree; ``title`` says what it shows.

    It keeps its own size, so that its words stay readable, and scrolls where there is no room.
    """

    svg: str
    title: str
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Blocks side by side where there is room, else one below the other."""

    blocks: Sequence[Block]


Block = (
    Text
    | Code
    | PageTable
    | Chart
    | Drawing
    | ImageViewer
    | SolidViewer
    | SpaceViewer
    | KicksBoard
    | Beside
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and what stands under it; empty where the title of the page says it all.

    One that is ``folded`` is closed until it is asked for: a detail.
    """

    title: str
    blocks: Sequence[Block]
    folded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page.

    Parameters
    ----------
    title : str
    sections : sequence of Section
    kind : str
        What sort of page it is, such as ``"comparison"``; stands beside the name of the program.
    lead : str
        One sentence under the title: the answer, as the terminal and the app give it too.
    caution : str
        What makes all of the page doubtful; stands above the lead.
    version : str
        Of fatescope, where the page names it.
    """

    title: str
    sections: Sequence[Section]
    kind: str = ""
    lead: str = ""
    caution: str = ""
    version: str = ""
