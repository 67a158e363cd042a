"""The findings of a run on its page: by rule, with the places each names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fatescope.base import commonest_doubt, group_findings
from fatescope.pages.chart import number
from fatescope.pages.page import Cell, PageTable, Section, Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import FindingGroup

MAX_PLACES = 50  # of one rule: room on the page


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
        Rows of findings.csv, as `ResultFolder.findings` has them.
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
    clause = _shortened(group.reason.partition(": ")[2] or group.reason)
    clause = clause if most else clause[:1].upper() + clause[1:]
    then = so or f"do not rely on the {doubtful} below before you have looked at the outlines"
    return f"{which} unlike those that the model {model} was trained on, so {then}. {most}{clause}"


def _shortened(reason: str) -> str:
    """Leave out all but two of the ways in which images differ; the findings have them all."""
    ways, dot, rest = reason.partition(". ")
    each = ways.split("); ")
    if len(each) < 4:
        return reason
    return f"{'); '.join(each[:2])}); and {len(each) - 2} more differences{dot}{rest}"


def findings_sections(
    findings: Sequence[Mapping[str, Any]], *, images: str = "images", cell: str = "cell"
) -> tuple[Section, Section | None]:
    """Return what is to be doubted, and what is only to be known: findings by rule.

    Each rule has the places it names, the first 50 of them.

    Parameters
    ----------
    findings : sequence of mapping
        Rows of findings.csv, as `ResultFolder.findings` has them.
    images, cell : str
        What files and objects are called on the page.
    """
    notes = [f for f in findings if f["severity"] == "info"]
    others = [f for f in findings if f["severity"] != "info"]
    text = f"Nothing unusual was found in these {images}."
    severe = Section(title="Findings", blocks=(Text(paragraphs=(text,)),))
    if others:
        order = "By rule, the most severe first; findings.csv has all."
        note = Text(paragraphs=(order,), tone="aside")
        severe = Section(title="Findings", blocks=(note, _table(others, images, cell)))
    if not notes:
        return severe, None
    return severe, Section(title="Notes", blocks=(_table(notes, images, cell),))


def _table(findings: Sequence[Mapping[str, Any]], images: str, cell: str) -> PageTable:
    columns = ("severity", "rule", "how often", "what it says, and where")
    rows = [_of_rule(group, images, cell) for group in group_findings(findings)]
    return PageTable(columns=columns, rows=rows)


def _of_rule(group: FindingGroup, images: str, cell: str) -> tuple[str | Cell, ...]:
    places = _places(group, cell)
    if len(places) > MAX_PLACES:
        more = f"and {number(len(places) - MAX_PLACES)} more, in findings.csv"
        places = [*places[:MAX_PLACES], more]
    often = number(len(group))
    if 1 < group.n_files < len(group):
        often += f" in {number(group.n_files)} {images}"
    only_most = "" if group.n_reason == len(group) else f"{number(group.n_reason)} of them: "
    severity = Cell(text=group.severity, kind=group.severity)
    return severity, group.rule, often, Cell(text=only_most + group.reason, more=places)


def _places(group: FindingGroup, cell: str) -> list[str]:
    """Return where findings are and what they say that the group does not; frames together."""
    frames: dict[tuple[str, ...], list[int]] = {}
    for row in group.rows:
        status = "" if row["status"] == "open" else f" ({row['status']})"
        object_ = f", {cell} {row['object']}" if row.get("object") else ""
        beyond = group.beyond(row)
        place = str(row["file"]), object_ + status + (f": {beyond}" if beyond else "")
        frames.setdefault(place, []).extend([] if row["frame"] is None else [int(row["frame"])])
    return [f"{file}{in_runs(found)}{rest}" for (file, rest), found in frames.items()]


def in_runs(frames: Sequence[int]) -> str:
    """Return frames as a person writes them, after a comma; nothing where there is none.

    Examples
    --------
    >>> in_runs([3]), in_runs([0, 1, 2, 9])
    (', frame 3', ', frames 0-2, 9')
    """
    known = sorted(set(frames))
    starts = [f for f in known if f - 1 not in known]
    ends = [f for f in known if f + 1 not in known]
    runs = [f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True)]
    return f", frame{'s' if len(known) > 1 else ''} {', '.join(runs)}" if runs else ""
