"""The page of every result: the answer, the figures, what to doubt, details, Methods, settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.pages.chart import number
from fatescope.pages.page import Code, Page, Section, Text
from fatescope.pages.settings import channel_sentence, settings_toml
from fatescope.plate.survival import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import FloatArray
    from fatescope.pages.page import Block

_DOUBT = "What to doubt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a page of a result says first.

    Parameters
    ----------
    title, kind : str
    answer : str
        One sentence with the number that was asked for, and how sure it is.
    caution : str
        What makes all of the page doubtful.
    """

    title: str
    kind: str
    answer: str
    caution: str = ""


def result_page(
    head: Head,
    *,
    figures: Sequence[Section | None],
    doubt: Sequence[Block | Section | None] = (),
    findings: tuple[Section, Section | None] | None = None,
    details: Sequence[Section | None] = (),
    methods: str = "",
    record: Mapping[str, Any] | None = None,
    again: Sequence[Code] = (),
) -> Page:
    """Return a page in the order in which a result is read.

    Parameters
    ----------
    head : Head
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
    sections += settings_sections(record, again=again)
    return Page(
        title=head.title,
        kind=head.kind,
        lead=head.answer,
        caution=head.caution,
        sections=sections,
        version=str(record.get("fatescope", "")),
    )


def settings_sections(record: Mapping[str, Any], *, again: Sequence[Code] = ()) -> list[Section]:
    """Return how to run it again: what ``again`` holds, and the settings, if a run has any."""
    blocks = list(again)
    if toml := settings_toml(record):
        note = "Every setting, defaults included, as --settings takes them."
        blocks.append(Code(text=toml, title="settings.toml", note=note, file_name="settings.toml"))
    if not blocks:
        return []
    return [Section(title="Copy the settings", blocks=blocks, folded=True)]


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


def unsure(p: FloatArray, what: str, is_so: str) -> Text:
    """Say of how many it is open whether they are so."""
    n = int(((p > 0.1) & (p < 0.9)).sum())
    many = f"{number(n)} of {counted(len(p), what)}"
    text = f"The model is unsure of {many}: a probability of being {is_so} between 10 and 90 %."
    return Text(paragraphs=(text,))


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
