"""The page of every result: the answer, the figures, what to doubt, details, Methods, settings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.pages.chart import number
from fatescope.pages.page import Code, Page, Section, Text
from fatescope.pages.settings import channel_sentence, settings_toml
from fatescope.plate.survival import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.pages.page import Block, Fact

_DOUBT = "What to doubt"


def result_page(
    *,
    title: str,
    kind: str,
    answer: str,
    figures: Sequence[Section | None],
    doubt: Sequence[Block | Section | None] = (),
    findings: tuple[Section, Section | None] | None = None,
    details: Sequence[Section | None] = (),
    methods: str = "",
    record: Mapping[str, Any] | None = None,
    again: Sequence[Code] = (),
    caution: str = "",
    facts: Sequence[Fact] = (),
    version: str = "",
) -> Page:
    """Return a page in the order in which a result is read.

    Parameters
    ----------
    title, kind : str
    answer : str
        One sentence with the number that was asked for, and how sure it is.
    figures : sequence of Section
        What shows the answer.
    doubt : sequence of Block or Section
        Limits, how sure the numbers are; of a section the blocks are taken.
    findings : (Section, Section or None), optional
        As `findings_sections` has them: what is to be doubted, and notes, which are details.
    details : sequence of Section
        Closed until they are asked for.
    methods : str
        A text for a paper.
    record : mapping, optional
        ``run.json``, or as much of it as ``{"settings": ...}``: gives the settings to copy.
    again : sequence of Code
        How to run it again, beside the settings.
    caution : str
        What makes all of the page doubtful.
    facts : sequence of Fact
    version : str
        Of fatescope.

    Notes
    -----
    ``None`` stands for a part that this result does not have.
    """
    record = record or {}
    doubts: list[Block] = []
    severe, notes = findings or (None, None)
    for one in (*doubt, severe):
        doubts += one.blocks if isinstance(one, Section) else [] if one is None else [one]
    sections = [s for s in figures if s is not None]
    sections += [Section(title=_DOUBT, blocks=doubts)] if doubts else []
    sections += [replace(s, folded=True) for s in (*details, notes) if s is not None]
    prose = f"{methods} {channel_sentence(record)}".strip()
    if prose:
        text = Code(text=prose, title="Text for a paper", kind="prose")
        sections.append(Section(title="Methods", blocks=(text,)))
    blocks: list[Block] = list(again)
    if toml := settings_toml(record):
        note = "Every setting, defaults included, as --settings takes them."
        blocks.append(Code(text=toml, title="settings.toml", note=note, file_name="settings.toml"))
    if blocks:
        sections.append(Section(title="Copy the settings", blocks=blocks, folded=True))
    return Page(
        title=title,
        kind=kind,
        lead=answer,
        caution=caution,
        facts=facts,
        sections=sections,
        version=version or str(record.get("fatescope", "")),
    )


def counted(n: int, what: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 image``, ``3 images``.

    Examples
    --------
    >>> counted(1, "row"), counted(2, "nucleus", "nuclei")
    ('1 row', '2 nuclei')
    """
    return f"{number(n)} {what if n == 1 else plural or what + 's'}"


def share_in_words(part: int, whole: int, what: str, is_so: str) -> str:
    """Say how many of all are so, and between which shares that lies, with 95 % confidence.

    Examples
    --------
    >>> share_in_words(9, 18, "cell", "dead")
    '9 of 18 cells are dead (95 % 29 to 71)'
    """
    low, high = (float(v[0]) for v in wilson_interval(np.array([part]), np.array([whole])))
    be = "is" if part == 1 else "are"
    span = f"95 % {100 * low:.0f} to {100 * high:.0f}"
    return f"{number(part)} of {counted(whole, what)} {be} {is_so} ({span})"


def none_or(n: int) -> str:
    """Return a number as it stands before ``of them``.

    Examples
    --------
    >>> none_or(0), none_or(3)
    ('none', '3')
    """
    return number(n) if n else "none"


def text_section(title: str, *paragraphs: str) -> Section:
    """Return a section of words."""
    return Section(title=title, blocks=(Text(paragraphs=paragraphs),))
