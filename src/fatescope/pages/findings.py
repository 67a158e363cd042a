"""The findings of a run on its page: by rule, with the places each names."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from fatescope.base import commonest_doubt, group_findings
from fatescope.pages.chart import number
from fatescope.pages.page import Cell, PageTable, Section, Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fatescope.base import FindingGroup

MAX_PLACES = 50


def read_findings(out: Path, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of ``findings.csv`` in an output folder, as a page shows them.

    Numbers are numbers, and ``file`` is the name that the tables of the run use where it is the
    path of an input. A folder without the file has no rows.
    """
    if not (out / "findings.csv").is_file():
        return []
    inputs = record.get("inputs") or ()
    name_of = {str(said.get("path")): str(said["image"]) for said in inputs}
    with (out / "findings.csv").open(encoding="utf-8", newline="") as stream:
        rows: list[dict[str, Any]] = [dict(row) for row in csv.DictReader(stream)]
    for row in rows:
        for column, kind in (("frame", int), ("value", float), ("limit", float)):
            row[column] = kind(row[column]) if row[column] else None
        row["file"] = name_of.get(row["file"], row["file"])
    return rows


def caution_sentence(
    findings: Sequence[Mapping[str, Any]],
    record: Mapping[str, Any],
    *,
    n_images: int,
    doubtful: str = "numbers",
    image: str = "image",
    so: str = "",
) -> str:
    """Say what makes all numbers of a page doubtful; empty where nothing does.

    Parameters
    ----------
    findings : sequence of mapping
        Rows of `read_findings`.
    record : mapping
        Of the run, with its model.
    n_images : int
        Images that were finished.
    doubtful, image : str
        What the numbers of the page and its units are called.
    so : str
        What follows, where it is not that numbers are doubtful before one has looked at outlines.
    """
    group = commonest_doubt(group_findings(findings), n_files=n_images)
    if group is None:
        return ""
    which = (
        f"This {image} is"
        if n_images == 1
        else f"{number(group.n_files)} of {number(n_images)} {image}s are"
    )
    model = str((record.get("model") or {}).get("name") or "this model")
    most = "" if group.n_reason == len(group) else f"Most often ({number(group.n_reason)} times): "
    clause = group.reason.partition(": ")[2] or group.reason
    then = so or f"do not rely on the {doubtful} below before you have looked at the outlines"
    return f"{which} unlike those that the model {model} was trained on, so {then}. {most}{clause}"


def findings_section(
    findings: Sequence[Mapping[str, Any]], *, images: str = "images", cell: str = "cell"
) -> Section:
    """Return the findings by rule, each with the places it names, the first 50 of them.

    Parameters
    ----------
    findings : sequence of mapping
        Rows of `read_findings`.
    images, cell : str
        What files and objects are called on the page.
    """
    if not findings:
        text = f"Nothing unusual was found in these {images}."
        return Section(title="Findings", blocks=(Text(paragraphs=(text,)),))
    note = "By rule, the most severe first. findings.csv has a row for each."
    columns = ("severity", "rule", "how often", "what it says, and where")
    rows = [_of_rule(group, images, cell) for group in group_findings(findings)]
    blocks = (Text(paragraphs=(note,), tone="aside"), PageTable(columns=columns, rows=rows))
    return Section(title="Findings", blocks=blocks)


def _of_rule(group: FindingGroup, images: str, cell: str) -> tuple[str | Cell, ...]:
    places = [_place(row, group.beyond(row), cell) for row in group.rows[:MAX_PLACES]]
    if len(group) > len(places):
        places.append(f"and {number(len(group) - len(places))} more, in findings.csv")
    often = number(len(group))
    if 1 < group.n_files < len(group):
        often += f" in {number(group.n_files)} {images}"
    only_most = "" if group.n_reason == len(group) else f"{number(group.n_reason)} of them: "
    severity = Cell(text=group.severity, kind=group.severity)
    return severity, group.rule, often, Cell(text=only_most + group.reason, more=places)


def _place(finding: Mapping[str, Any], reason: str, cell: str) -> str:
    """Return where a finding is, and what it says that the group does not."""
    parts = [str(finding["file"])]
    parts += [] if finding["frame"] is None else [f"frame {finding['frame']}"]
    parts += [f"{cell} {finding['object']}"] if finding.get("object") else []
    status = "" if finding["status"] == "open" else f" ({finding['status']})"
    return ", ".join(parts) + status + (f": {reason}" if reason else "")
