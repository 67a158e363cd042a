"""Pages made of text, tables and figures, in one file without network."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from fatescope.report.lineage.tree_page import asset

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a page: heading, paragraphs, an optional table, figures (SVG), links.

    ``rows`` are shown under ``columns``; numbers are given as text, ready to read. ``links`` are
    (address, words) pairs.
    """

    title: str
    paragraphs: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    figures: Sequence[str] = ()
    links: Sequence[tuple[str, str]] = field(default=())


def build_page(title: str, sections: Sequence[Section], *, lead: str = "") -> str:
    """Return a self-contained page.

    Parameters
    ----------
    title : str
    sections : sequence of Section
    lead : str
        One paragraph under the title that gives the answer first.
    """
    body = "".join(_section(s) for s in sections)
    first = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><meta name='viewport' content='width=device-width'>"
        f"<style>{asset('page.css')}</style></head><body><main><h1>{escape(title)}</h1>{first}"
        f"{body}</main></body></html>\n"
    )


def _section(section: Section) -> str:
    parts = [f"<section><h2>{escape(section.title)}</h2>"]
    parts += [f"<p>{escape(p)}</p>" for p in section.paragraphs]
    if section.rows:
        head = "".join(f"<th scope='col'>{escape(c)}</th>" for c in section.columns)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(v)}</td>" for v in row) + "</tr>" for row in section.rows
        )
        parts.append(
            f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
            f"<tbody>{rows}</tbody></table></div>"
        )
    parts += [f'<div class="wide">{svg}</div>' for svg in section.figures]
    if section.links:
        items = "".join(f'<li><a href="{escape(a)}">{escape(w)}</a></li>' for a, w in section.links)
        parts.append(f"<ul>{items}</ul>")
    return "".join(parts) + "</section>"
