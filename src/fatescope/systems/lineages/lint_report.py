"""The page of a check: errors first, then warnings, notes, tables, and what the rules mean."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

from fatescope.base import Finding
from fatescope.engine import Summary
from fatescope.pages.chart import number
from fatescope.pages.page import PageTable, Section, Text, write_page
from fatescope.pages.result import ResultFolder
from fatescope.pages.skeleton import Head, counted, result_page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base import Table

_MOST = 500  # rows of a table
_MEANT = (
    "Errors make names or positions wrong and want mending; warnings want a look; notes are for "
    "the record. Nothing in the tables was changed."
)
_TITLES = {"error": "Errors", "warning": "Warnings", "info": "Notes"}
_MEANING = {
    "unreadable": "a line or a file could not be read",
    "duplicate-row": "the same cell twice in a frame",
    "duplicate-id": "one id in several rows, or several movies in one table",
    "unknown-parent": "a link to a nucleus that is in no row",
    "links-not-read": "columns that seem to say who came from whom, and were not understood",
    "left-out": "rows that the file itself marks as not to be used",
    "not-finite": "a position that is not a number",
    "nonpositive-time": "rows before the recording began",
    "hole": "empty frames between mother and daughters, or within a life",
    "orphan": "a cell appears after the first frame without a mother, or a link cannot be",
    "cliff": "many tracks end together: from here on only some branches are annotated",
    "partial": "few of the cells that an embryo of this age has, or a sister is missing",
    "duplicate-position": "two nuclei in exactly one place",
    "outside-tree": "a name that no cell of C. elegans bears",
    "oversplit": "descendants of a cell that does not divide in the embryo, or three daughters",
    "jump": "a nucleus leaps where nothing around it does",
    "swap": "daughters named the wrong way round, by the direction of their division",
    "exchanged": "lineages bear each other's names, by where they are; or tracks trade places",
    "timing": "divisions in an unusual order, or a life far longer or shorter than in the atlas",
    "species": "cycle lengths of another species",
    "atypical": "an embryo unlike those of the atlas as a whole",
    "mirrored": "coordinates of which only the mirror image fits the embryo",
    "no-scale": "the spacing is unknown, so geometry was not checked",
    "assumed-scale": "spacing or interval are a guess",
}


def write_check(out: Path, findings: Sequence[Finding], lineages: Table | None) -> Path:
    """Write ``report.html`` of a check and return its path."""
    sections = {
        severity: _findings([f for f in findings if f.severity == severity], title)
        for severity, title in _TITLES.items()
        if any(f.severity == severity for f in findings)
    }
    page = result_page(
        Head(
            title="Check of lineages", kind="lineages checked", answer=_answer(findings, lineages)
        ),
        figures=(sections.get("error"), sections.get("warning")),
        doubt=(Text(paragraphs=(_MEANT,)),) if findings else (),
        details=(
            sections.get("info"),
            _tables(lineages) if lineages is not None and len(lineages) else None,
            _rules(findings) if findings else None,
        ),
        record=ResultFolder(out).record,
    )
    return write_page(out / "report.html", page)


def _answer(findings: Sequence[Finding], lineages: Table | None) -> str:
    n = 0 if lineages is None else len(lineages)
    checked = f"{counted(n, 'lineage')} checked"
    counts = Counter(f.severity for f in findings)
    errors, warnings = counts["error"], counts["warning"]
    if not errors and not warnings:
        return f"{checked}: no errors and no warnings."
    tables = len({f.file for f in findings if f.severity == "error"})
    where = f" (in {tables})" if errors else ""
    return f"{checked}: {counted(errors, 'error')}{where}, {counted(warnings, 'warning')}."


def _findings(findings: Sequence[Finding], title: str) -> Section:
    rules = Counter(f.rule for f in findings)
    named = ", ".join(f"{n} {rule}" for rule, n in rules.most_common())
    cut = f" The first {_MOST} are shown, findings.csv has all." if len(findings) > _MOST else ""
    decided = any(f.status != "open" for f in findings)
    columns = ("table", "frame", "rule", "what", "decision")
    rows = [
        (f.file, "" if f.frame is None else str(f.frame), f.rule, f.reason, f.status)
        for f in findings[:_MOST]
    ]
    table = PageTable(
        columns=columns if decided else columns[:-1],
        rows=rows if decided else [row[:-1] for row in rows],
    )
    return Section(
        title=f"{title} ({len(findings)})",
        blocks=(Text(paragraphs=(f"By rule: {named}.{cut}",)), table),
    )


def _tables(lineages: Table) -> Section:
    columns = {
        "table": "table",
        "errors": "errors",
        "warnings": "warnings",
        "rows": "rows",
        "cells": "cells",
        "first_frame": "first frame",
        "last_frame": "last frame",
        "species": "species",
        "spacing_um": "spacing z, y, x (µm)",
        "interval_min": "interval (min)",
    }
    worst = sorted(
        range(len(lineages)),
        key=lambda i: (-lineages["errors"][i], -lineages["warnings"][i], str(lineages["table"][i])),
    )
    rows = [tuple(_text(lineages[c][i]) for c in columns) for i in worst[:_MOST]]
    order = Text(paragraphs=("Those with most errors first. Frames count from 0.",))
    return Section(
        title="Lineages", blocks=(order, PageTable(columns=tuple(columns.values()), rows=rows))
    )


def _text(value: object) -> str:
    """Return a value of a table as a person reads it; unknown is empty."""
    if value is None or value != value:
        return ""
    return number(value) if isinstance(value, float) else str(value)


def _rules(findings: Sequence[Finding]) -> Section:
    rules = [r for r in _MEANING if any(f.rule == r for f in findings)]
    words = (
        "To accept or reject findings, set status in findings.csv and give the file with "
        "--decisions; to repair a table, use fatescope lineage edit."
    )
    table = PageTable(columns=("rule", "meaning"), rows=[(r, _MEANING[r]) for r in rules])
    return Section(title="What the rules mean", blocks=(Text(paragraphs=(words,)), table))


FailOn = Literal["error", "warning"]
_LISTED = 10  # errors on the terminal
_FAILS: dict[FailOn, frozenset[str]] = {
    "error": frozenset(["error"]),
    "warning": frozenset(["error", "warning"]),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSummary(Summary):
    """The outcome of ``lineage lint``: that of any command, and the findings themselves.

    Parameters
    ----------
    listed : tuple of Finding
        All rows of ``findings.csv``.
    fail_on : str, optional
        From which severity on an open finding makes the exit code 1.
    """

    listed: tuple[Finding, ...] = ()
    fail_on: FailOn | None = None

    @staticmethod
    def of(summary: Summary, listed: list[Finding], fail_on: FailOn | None) -> CheckSummary:
        """Return a summary together with its findings."""
        known = {f.name: getattr(summary, f.name) for f in fields(Summary)}
        return CheckSummary(**known, listed=tuple(listed), fail_on=fail_on)

    def as_lines(self) -> list[str]:
        """Return what a person reads on the terminal: errors one by one, warnings by rule."""
        errors = [f for f in self.listed if f.severity == "error"]
        lines = Summary.as_lines(self)[:1]
        if errors:
            tables = len({f.file for f in errors})
            lines.append(
                f"{len(errors)} error{'s' * (len(errors) != 1)} in {tables} of "
                f"{self.units_done + self.units_failed} "
                f"table{'s' * (self.units_done + self.units_failed != 1)}:"
            )
            lines += [
                f"  {_where(f)}: {f.reason.rpartition(f'{f.file}: ')[2]} [{f.rule}]"
                for f in errors[:_LISTED]
            ]
            if len(errors) > _LISTED:
                lines.append(f"  and {len(errors) - _LISTED} more")
        for severity, words in (("warning", "warnings"), ("info", "notes")):
            rules = Counter(f.rule for f in self.listed if f.severity == severity)
            if rules:
                named = ", ".join(f"{n} {rule}" for rule, n in rules.most_common())
                lines.append(f"{words}: {named}")
        if self.listed:
            lines.append(f"reasons: {self.out / 'report.html'} and {self.out / 'findings.csv'}")
        return lines

    @property
    def exit_code(self) -> int:
        """As for any command, and 1 for open findings if ``fail_on`` asks for it."""
        code = Summary.exit_code.__get__(self)
        if code or self.fail_on is None:
            return int(code)
        fails = _FAILS[self.fail_on]
        return int(any(f.status == "open" and f.severity in fails for f in self.listed))


def _where(finding: Finding) -> str:
    return finding.file if finding.frame is None else f"{finding.file}, frame {finding.frame}"
