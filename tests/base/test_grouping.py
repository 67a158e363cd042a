"""Findings by rule: what a terminal and a page can show of thousands."""

from __future__ import annotations

from fatescope.base import Finding, commonest_doubt, group_findings


def row(file, rule="no-scale", severity="info", reason="It gives no step."):
    return Finding(file=file, rule=rule, severity=severity, reason=reason).as_row()


def test_equal_findings_are_one_group():
    (group,) = group_findings([row(f"{i}.tif") for i in range(372)])
    assert (len(group), group.n_files, group.n_reason) == (372, 372, 372)
    assert group.reason == "It gives no step."


def test_the_most_severe_come_first_then_the_most_frequent():
    rows = [
        *(row(f"{i}.tif") for i in range(9)),
        *(row(f"{i}.tif", "dark", "warning") for i in range(2)),
        *(row(f"{i}.tif", "blurred", "warning") for i in range(3)),
        row("8.tif", "unreadable", "error"),
    ]
    found = [(g.rule, len(g)) for g in group_findings(rows)]
    assert found == [("unreadable", 1), ("blurred", 3), ("dark", 2), ("no-scale", 9)]


def test_reasons_that_differ_in_their_numbers_alone_are_one_reason():
    rows = [
        row("a", reason="Bright (0.4; at most 0.1). Look."),
        row("b", reason="Bright (3). Look."),
    ]
    rows += [row("b", reason="Torn.")]
    (group,) = group_findings(rows)
    assert (group.reason, group.n_reason, group.n_files) == ("Bright. Look.", 2, 2)
    assert [group.beyond(r) for r in rows] == ["(0.4; at most 0.1)", "(3)", "Torn."]


def test_a_run_is_in_doubt_where_most_images_are_unlike_the_training_images():
    groups = group_findings([row(f"{i}.tif", "unlike-training", "warning") for i in range(5)])
    doubt = commonest_doubt(groups, n_files=9)
    assert doubt is not None
    assert doubt.rule == "unlike-training"
    assert commonest_doubt(groups, n_files=10) is None
    assert commonest_doubt(group_findings([row("a"), row("b")]), n_files=2) is None
