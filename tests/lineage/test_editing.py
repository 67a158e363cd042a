import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fatescope.base.errors import InputError
from fatescope.base.lineage import Lineage
from fatescope.base.table import Table
from fatescope.lineage.editing import (
    Add,
    Fill,
    Group,
    History,
    Join,
    Move,
    Relink,
    Remove,
    Rename,
    Split,
    Step,
    SwapDaughters,
    action_from_record,
    action_to_record,
    editable,
    fingerprint,
    parse_command,
    spot_at,
)


def tree(rows, **extra):
    """Build a lineage from (name, frame, parent) rows; positions follow the row number."""
    n = len(rows)
    return editable(
        Lineage(
            frame=np.array([r[1] for r in rows]),
            position=np.arange(3.0 * n).reshape(n, 3),
            parent=np.array([r[2] for r in rows]),
            name=np.array([r[0] for r in rows], dtype=object),
            radius_px=np.full(n, 5.0),
            extra=Table({k: np.array(v) for k, v in extra.items()}),
        )
    )


def embryo():
    """AB divides after frame 1; each daughter divides after frame 3.

    AB AB ┬ ABa ABa ┬ ABal   rows 0 1 | 2 3 | 6
          │         └ ABar             |     | 7
          └ ABp ABp ┬ ABpl         4 5 |     | 8
                    └ ABpr             |     | 9
    """
    return tree(
        [
            ("AB", 0, -1),
            ("AB", 1, 0),
            ("ABa", 2, 1),
            ("ABa", 3, 2),
            ("ABp", 2, 1),
            ("ABp", 3, 4),
            ("ABal", 4, 3),
            ("ABar", 4, 3),
            ("ABpl", 4, 5),
            ("ABpr", 4, 5),
        ],
        blot=np.arange(10.0),
        gweight=np.arange(10),
    )


def names(lineage):
    return lineage.name.tolist()


def after(line, lineage=None):
    lineage = embryo() if lineage is None else lineage
    return parse_command(line, lineage).apply(lineage)


def test_rename_changes_the_frames_that_were_meant():
    assert names(after("rename ABa@3- ABx"))[2:4] == ["ABa", "ABx"]
    assert names(after("rename ABa 'a name'"))[2:4] == ["a name", "a name"]
    assert names(after("rename #7 ABarx"))[7] == "ABarx"


def test_swap_exchanges_two_sisters_and_all_below():
    got = after("swap ABa ABp")
    assert names(got)[2:] == ["ABp", "ABp", "ABa", "ABa", "ABpl", "ABpr", "ABal", "ABar"]
    assert got.parent.tolist() == embryo().parent.tolist()


def test_exchange_crosses_the_tracks_from_that_frame_on():
    got = after("exchange ABa ABp @3")
    assert got.parent[[3, 5]].tolist() == [4, 2]
    assert names(got)[2:] == ["ABa", "ABp", "ABp", "ABa", "ABpl", "ABpr", "ABal", "ABar"]


def test_links_are_cut_joined_and_changed():
    assert after("split ABa@3").parent[3] == -1
    assert after("join ABp@2 ABa@3", after("split ABa@3")).parent[3] == 4
    assert after("relink ABal@4 ABp@3").parent[6] == 5
    assert after("relink ABal@4 none").parent[6] == -1


def test_add_puts_a_spot_at_the_end_with_unknown_values_left_empty():
    got = after("add ABal@5 z=1 y=2 x=3.5 from ABal@4")
    spot = spot_at(got, 10)
    assert (spot.frame, spot.position, spot.parent, spot.name) == (5, (1.0, 2.0, 3.5), 6, "ABal")
    assert math.isnan(spot.radius_px)
    assert math.isnan(dict(spot.extra)["blot"])
    assert dict(spot.extra)["gweight"] is None


def named(**more):
    """The embryo as `lineage name` writes it: what it says of a name stands beside the name."""
    lineage = embryo()
    columns = {
        "compact": np.array([n[:3] for n in lineage.name], dtype=object),
        "confidence": np.full(10, 0.75),
        "second": np.array(["ABx"] * 10, dtype=object),
        "abstained": np.zeros(10, int),
    }
    return editable(replace(lineage, extra=Table({**columns, **more})))


def beside(lineage, row):
    return [dict(spot_at(lineage, row).extra)[c] for c in ("compact", "second", "abstained")]


@pytest.mark.parametrize(
    ("line", "rows", "compact"),
    [
        ("rename ABal MSa", [6], "MSa"),
        ("rename ABal ''", [6], ""),
        ("swap ABal ABar", [6, 7], "ABa"),
        ("exchange ABa ABp @3", [3, 5, 6, 7, 8, 9], None),
    ],
)
def test_a_name_that_a_person_gives_has_no_confidence_of_the_model(line, rows, compact):
    before = named()
    got = after(line, before)
    sure = got.extra["confidence"]
    assert np.flatnonzero(np.isnan(sure)).tolist() == rows
    assert set(sure[~np.isnan(sure)]) == {0.75}
    for row in rows:
        said = compact if compact is not None else got.name[row][:3]
        assert beside(got, row) == [said, None, int(not got.name[row])]
    assert beside(got, 0) == ["AB", "ABx", 0]
    undone = parse_command(line, before).inverse().apply(got)
    assert fingerprint(undone) == fingerprint(before)


def test_a_nucleus_that_is_added_has_the_short_form_of_its_name_and_no_confidence():
    got = after("add MSap@5 z=1 y=2 x=3.5", named())
    assert beside(got, 10) == ["MSa", None, 0]
    assert math.isnan(got.extra["confidence"][10])


def test_what_is_accepted_has_a_chance_of_one():
    lineage = editable(replace(embryo(), extra=Table({"link_score": np.full(10, 0.3)})))
    got = after("accept ABa@3", lineage)
    assert got.extra["link_score"].tolist() == [0.3] * 3 + [1.0] + [0.3] * 6
    with pytest.raises(InputError, match="cannot be accepted"):
        after("accept ABa@3")


def test_a_column_of_the_table_that_only_bears_the_name_of_one_of_ours_stays():
    lineage = editable(replace(embryo(), extra=Table({"second": np.arange(10.0)})))
    assert after("rename ABal MSa", lineage).extra["second"].tolist() == list(range(10))


def test_a_journal_of_before_fills_one_row():
    record = {"kind": "fill", "column": "blot", "row": 2, "old": 2.0, "new": {"float": "nan"}}
    assert np.isnan(action_from_record(record).apply(embryo()).extra["blot"][2])


def test_remove_links_what_follows_across_the_gap():
    got = after("remove ABa@3")
    assert names(got) == ["AB", "AB", "ABa", "ABp", "ABp", "ABal", "ABar", "ABpl", "ABpr"]
    assert got.parent.tolist() == [-1, 0, 1, 1, 3, 2, 2, 4, 4]
    assert after("remove ABa").parent.tolist() == [-1, 0, 1, 2, 1, 1, 3, 3]


def test_actions_on_one_line_are_one_step_in_which_each_sees_the_last():
    line = "add ABal@5 z=1 y=2 x=3.5 from ABal@4; relink #10 none; rename '#10-' 'a; b'"
    history = History(editable(embryo())).do(Step(1, parse_command(line, editable(embryo()))))
    assert (history.lineage.parent[10], history.lineage.name[10]) == (-1, "a; b")
    assert fingerprint(history.undo().lineage) == fingerprint(editable(embryo()))
    with pytest.raises(InputError, match="'paint' is no action"):
        parse_command("split ABa@3; paint ABa", embryo())


def test_nuclei_without_a_name_may_share_a_frame():
    got = after("add @5 z=1 y=2 x=3.5", after("add @5 z=1 y=2 x=3"))
    assert got.name[10:].tolist() == ["", ""]


def test_move_changes_only_what_was_said():
    got = after("move ABa@3 x=99 radius=7")
    assert got.position[3].tolist() == [9.0, 10.0, 99.0]
    assert got.radius_px[3] == 7.0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "'' is no action; known are rename"),
        ("paint ABa", "'paint' is no action"),
        ("rename ABa", "Write it like this: rename ABal@12- ABar"),
        ("rename 'ABa ABx", "Close the quotes"),
        ("rename aba ABx", "no nucleus is called 'aba'"),
        ("rename ABa@7 ABx", "it lives from frame 2 to 3"),
        ("rename ABa@x ABx", "'x' is no frame"),
        ("rename #99 ABx", r"no row 99; the table has rows #0 to #9"),
        ("split ABa", "means 2 rows, and one is needed. Give its frame, as in ABa@12"),
        ("split AB@0", "nothing to cut"),
        ("join ABp@2 ABa@3", "is linked to row 2 already"),
        ("swap AB ABa", "one descends from the other"),
        ("move ABa@3 w=1", "Write it like this: move"),
        ("move ABa@3 x=nan", "Write it like this: move"),
        ("add ABa@3 z=1 y=2 x=3", "exists already"),
        ("add ABa@9 z=1 y=2", "Write it like this: add"),
        ("exchange ABa ABp 3", "Write it like this: exchange"),
    ],
)
def test_a_line_that_cannot_be_done_says_why(line, words):
    with pytest.raises(InputError, match=words):
        parse_command(line, embryo())


def test_swap_refuses_descendants_with_other_names():
    odd = after("rename ABal Nuc1")
    with pytest.raises(InputError, match=r"Nuc1 \(row 6\) descends from ABa"):
        parse_command("swap ABa ABp", odd)


def test_an_action_made_for_another_state_is_refused():
    action = parse_command("rename ABa ABx", embryo())
    with pytest.raises(InputError, match="the name of row 2 is ABx, but the action expects ABa"):
        action.apply(action.apply(embryo()))
    with pytest.raises(InputError, match="a parent lies in an earlier frame"):
        Relink(2, 1, 6).apply(embryo())
    with pytest.raises(InputError, match="row 2 is linked to it"):
        Remove(1, spot_at(embryo(), 1)).apply(embryo())


# --- properties ---------------------------------------------------------------------------------

_NAMES = st.sampled_from(["", "AB", "ABa", "ABal", "P1", "Nuc1", "ä b"])
_KINDS = ["rename", "relink", "split", "join", "add", "remove", "move", "swap", "fill", "group"]
_FLOATS = st.floats(width=64, allow_infinity=True, allow_nan=True)


@st.composite
def lineages(draw):
    n = draw(st.integers(1, 14))
    frame = np.array(draw(st.lists(st.integers(-3, 5), min_size=n, max_size=n)))
    parent = np.full(n, -1)
    for row in range(n):
        earlier = np.flatnonzero(frame < frame[row])
        if len(earlier):
            parent[row] = draw(st.sampled_from([-1, *earlier.tolist()]))
    return editable(
        Lineage(
            frame=frame,
            position=np.array(draw(st.lists(_FLOATS, min_size=3 * n, max_size=3 * n))).reshape(
                n, 3
            ),
            parent=parent,
            name=np.array(draw(st.lists(_NAMES, min_size=n, max_size=n)), dtype=object),
            radius_px=np.array(draw(st.lists(_FLOATS, min_size=n, max_size=n))),
            extra=Table({"blot": np.arange(n) / 3, "w": np.arange(n), "s": np.full(n, "é")}),
        )
    )


@st.composite
def actions(draw, lineage):
    """Any action that this lineage allows."""
    n = len(lineage)
    row = draw(st.integers(0, n - 1))
    earlier = np.flatnonzero(lineage.frame < lineage.frame[row]).tolist()
    old = int(lineage.parent[row])
    kind = draw(st.sampled_from(_KINDS))
    if kind == "rename":
        rows = tuple(draw(st.lists(st.integers(0, n - 1), unique=True, max_size=n)))
        new = tuple(draw(_NAMES) for _ in rows)
        return Rename(rows, tuple(lineage.name[r] for r in rows), new)
    if kind == "relink":
        return Relink(row, old, draw(st.sampled_from([-1, *earlier])))
    if kind == "split" and old >= 0:
        return Split(row, old)
    if kind == "join" and old < 0 and earlier:
        return Join(row, draw(st.sampled_from(earlier)))
    if kind == "add":
        at = draw(st.integers(0, n))
        spot = spot_at(lineage, row)
        # A sister of that row, at any place of the table.
        parent = old + 1 if old >= at else old
        return Add(at, type(spot)(spot.frame, spot.position, parent, "new", math.nan, spot.extra))
    if kind == "remove":
        leaves = sorted(set(range(n)) - set(lineage.parent.tolist()))
        row = draw(st.sampled_from(leaves))
        if n > 1:
            return Remove(row, spot_at(lineage, row))
    if kind == "swap":
        a = tuple(np.flatnonzero([s.startswith("AB") for s in lineage.name]).tolist())
        b = tuple(np.flatnonzero([s.startswith("P1") for s in lineage.name]).tolist())
        return SwapDaughters("AB", "P1", a, b)
    if kind == "fill":
        column = draw(st.sampled_from(["blot", "w", "s"]))
        value = draw(_FLOATS) if column == "blot" else draw(st.sampled_from([None, 7, "x"]))
        rows = (row, (row + 1) % n)[: min(n, 2)]
        old = tuple(dict(spot_at(lineage, r).extra)[column] for r in rows)
        return Fill(column, rows, old, (value,) * len(rows))
    if kind == "group":
        first = draw(actions(lineage))
        return Group((first, draw(actions(first.apply(lineage)))), "two")
    was = (*map(float, lineage.position[row]), float(lineage.radius_px[row]))
    return Move(row, was, (draw(_FLOATS), 2.0, -0.0, draw(_FLOATS)))


@settings(max_examples=150)
@given(st.data())
def test_every_action_undone_is_the_same_tree_bit_for_bit(data):
    before = data.draw(lineages())
    action = data.draw(actions(before))
    changed = action.apply(before)
    assert fingerprint(action.inverse().apply(changed)) == fingerprint(before)
    assert fingerprint(action.inverse().inverse().apply(before)) == fingerprint(changed)


@settings(max_examples=150)
@given(st.data())
def test_every_action_survives_the_journal_unchanged(data):
    before = data.draw(lineages())
    action = data.draw(actions(before))
    record = json.loads(json.dumps(action_to_record(action), allow_nan=False))
    again = action_from_record(record)
    assert repr(again) == repr(action)
    assert fingerprint(again.apply(before)) == fingerprint(action.apply(before))


@settings(max_examples=60)
@given(st.data())
def test_any_walk_of_doing_undoing_and_redoing_ends_where_it_should(data):
    start = data.draw(lineages())
    history = History(start)
    states = [fingerprint(start)]
    for number in range(data.draw(st.integers(1, 12))):
        move = data.draw(st.sampled_from(["do", "do", "undo", "redo"]))
        if move == "do":
            history = history.do(Step(number, data.draw(actions(history.lineage))))
            states[len(history.done) :] = [fingerprint(history.lineage)]
        elif move == "undo" and history.done:
            history = history.undo()
        elif move == "redo" and history.undone:
            history = history.redo()
        assert fingerprint(history.lineage) == states[len(history.done)]
    while history.done:
        history = history.undo()
    assert fingerprint(history.lineage) == fingerprint(start)


def test_there_is_nothing_to_undo_or_redo_at_first_and_a_new_step_forgets_the_undone():
    history = History(embryo())
    with pytest.raises(InputError, match="nothing to undo"):
        history.undo()
    history = history.do(Step(1, parse_command("split ABa@3", embryo()))).undo()
    history = history.do(Step(2, parse_command("split ABp@3", history.lineage)))
    with pytest.raises(InputError, match="nothing to redo"):
        history.redo()


def test_editable_keeps_values_and_lets_long_names_in():
    short = Lineage(
        frame=np.array([0], dtype=np.int32),
        position=np.zeros((1, 3), dtype=np.float32),
        parent=np.array([-1]),
        name=np.array(["AB"]),
        radius_px=np.array([1.0]),
        extra=Table({"w": np.array([3], dtype=np.uint8)}),
    )
    got = parse_command("rename AB ABalpppap", editable(short)).apply(editable(short))
    assert names(got) == ["ABalpppap"]
    assert got.extra["w"].tolist() == [3]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"kind": "paint"}, "'paint' is not a kind of action"),
        ({"kind": "split", "row": "a", "parent": 0}, "'split' action is damaged"),
        ({"kind": "rename", "rows": [[0]]}, "'rename' action is damaged"),
        ({"kind": "move", "row": 0, "old": [None] * 4, "new": [0] * 4}, "'move' action is damaged"),
    ],
)
def test_a_damaged_record_is_named(record, words):
    with pytest.raises(InputError, match=words):
        action_from_record(record)
