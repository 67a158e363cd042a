"""Names after corrections: only what depends on them changes, and one undo takes both back."""

import numpy as np
import pytest

from fatescope.acquire.lineages import LineageReading, find_lineages, write_lineage
from fatescope.base import Table
from fatescope.lineage.editing import History, Step, editable, fingerprint, parse_command
from fatescope.simulate import LineagePlan, simulate_lineage
from fatescope.systems.lineages.name_again import new_names, rows_touched
from fatescope.systems.lineages.review import LineageReview

LINES = (
    "relink #26 none",
    "remove #5",
    "add Nuc2@30 z=1 y=2 x=3 from #20; relink #40 #20",
    "remove #9-",
    "move #1 x=3",
    "rename #60- Nuc3",
)


@pytest.fixture(scope="module")
def embryo():
    return editable(simulate_lineage(LineagePlan(minutes=70), seed=5))


def done(lineage, lines):
    history = History(lineage)
    for number, line in enumerate(lines, start=1):
        history = history.do(Step(number, parse_command(line, history.lineage), line))
    return history


def test_rows_are_touched_where_links_and_places_changed_however_they_are_numbered(embryo):
    extra = Table({"was": np.arange(len(embryo), dtype=float)})
    lineage = type(embryo)(
        **{f: getattr(embryo, f) for f in ("frame", "position", "parent", "name", "radius_px")},
        spacing=embryo.spacing,
        extra=extra,
    )
    after = done(lineage, LINES).lineage
    was = after.extra["was"]
    place = {float(w): row for row, w in enumerate(was) if np.isfinite(w)}
    wanted = set()
    for row, w in enumerate(was):
        if not np.isfinite(w):
            wanted.add(row)  # added
            continue
        old = int(lineage.parent[int(w)])
        linked = place.get(float(old), -1) if old >= 0 else -1
        moved = not np.array_equal(after.position[row], lineage.position[int(w)])
        if linked != after.parent[row] or moved:
            wanted.add(row)
    assert wanted <= rows_touched(step.action for step in done(lineage, LINES).done)
    renamed = done(lineage, LINES[-1:])
    assert rows_touched(step.action for step in renamed.done) == set()


@pytest.mark.slow
def test_only_what_depends_on_a_correction_is_named_again(embryo, tmp_path):
    path = write_lineage(embryo, tmp_path / "embryo.csv")
    (file,) = find_lineages([path])
    reading = LineageReading(spacing_um=embryo.spacing.um("ZYX"), interval_min=1)
    wrong = ["swap ABal ABar", "swap ABpl ABpr"]
    with LineageReview.open(file, journal=tmp_path / "j.jsonl", reading=reading) as book:
        whole = book.lineage
        names = done(whole, wrong).lineage
        row = int(np.flatnonzero(names.name == "ABal")[3])
        parent = int(names.parent[row])
        cut = parse_command(f"split #{row}; join #{parent} #{row}", names)
        lines = new_names(names, [cut], kept=set())
        mended = done(names, lines).lineage
        was = whole.name != mended.name  # of the pair that nobody touched
        assert set(whole.name[was]) == {n for n in whole.name if n.startswith(("ABpl", "ABpr"))}
        assert new_names(names, [cut], kept={"ABal"}) != lines  # a person said so

        book.commit([f"split #{row}"], who="A")
        before = fingerprint(book.lineage)
        far = int(np.flatnonzero(book.lineage.name == "MS")[0])
        book.commit([f"relink #{far} none"], who="A")
        book.name_again(lambda lineage: lineage, who="A", seen=2)
        assert book.steps_back == book.revision - 1  # 2 where a name changed, else 1
        book.commit(undo=book.steps_back, who="A")
        assert fingerprint(book.lineage) == before
