"""Whole lineages that bear each other's names are found by where they are, and no others."""

from dataclasses import replace

import numpy as np
import pytest
from tests.lineage.embryos import render_embryo

from fatescope.acquire.lineages import read_lineage
from fatescope.acquire.lineages.links import links_by_name
from fatescope.base.lineage import Lineage
from fatescope.base.spacing import Spacing
from fatescope.base.sulston import is_cell_name, sister_of
from fatescope.lineage.lint import LintSettings, lint_one_lineage
from fatescope.systems.lineages.reading import open_atlas

ATLAS = open_atlas()


def rendered(seed, *, from_cells=4):
    """A named embryo on the shipped atlas that begins when so many cells are there."""
    embryo = render_embryo(ATLAS, seed=seed)
    count = np.bincount(embryo.frame)
    keep = embryo.frame >= np.flatnonzero(count >= from_cells)[0]
    name = ATLAS.names[embryo.name[keep]]
    frame = embryo.frame[keep]
    return Lineage(
        frame=frame,
        position=embryo.xyz_um[keep][:, ::-1],
        parent=links_by_name(frame, name),
        name=name,
        radius_px=np.full(len(frame), 4.0),
        spacing=Spacing.of(source="user", T=1.5, Z=1.0, Y=1.0, X=1.0),
        metadata={"format": "csv"},
    )


def exchanged(lineage, one, other, *, start=0):
    """The lineage with two cells and their descendants under each other's names."""

    def other_name(name):
        for own, instead in ((one, other), (other, one)):
            if name.startswith(own) and is_cell_name(instead + name[len(own) :]):
                return instead + name[len(own) :]
        return name

    names = zip(lineage.name, lineage.frame, strict=True)
    name = np.array([other_name(n) if f >= start else n for n, f in names], dtype=object)
    return replace(lineage, name=name, parent=links_by_name(lineage.frame, name))


def found(lineage):
    findings = lint_one_lineage(lineage, file="t", settings=LintSettings(), atlas=ATLAS)
    return [f for f in findings if f.rule in ("exchanged", "swap")]


def sisters_at(lineage, cells):
    """Sister lineages alive when there are so many cells, and that frame; AB and MS only."""
    count = np.bincount(lineage.frame[lineage.frame >= 0])
    frame = int(np.flatnonzero(count >= cells)[0])
    alive = set(lineage.name[lineage.frame == frame])
    pairs = [(n, sister_of(n)) for n in sorted(alive) if len(n) > 2 and n < sister_of(n)]
    return [p for p in pairs if p[1] in alive and p[0] not in ("EMS", "P2")], frame


@pytest.mark.parametrize("from_cells", [4, 8, 24, 60])
def test_embryos_with_their_own_names_have_none(from_cells):
    for seed in range(3):
        assert found(rendered(seed, from_cells=from_cells)) == []


@pytest.mark.parametrize(("cells", "seed"), [(4, 1), (8, 2), (12, 3), (24, 4)])
def test_exchanged_sister_lineages_are_one_error_with_rows_and_distances(cells, seed):
    lineage = rendered(seed)
    pairs, frame = sisters_at(lineage, cells)
    one, other = pairs[seed % len(pairs)]
    (finding,) = found(exchanged(lineage, one, other, start=frame))
    assert (finding.rule, finding.severity) == ("exchanged", "error")
    assert finding.object == f"{one}|{other}"
    assert finding.frame == frame
    below = [n.startswith((one, other)) for n in lineage.name]
    inside = np.sum(np.array(below) & (lineage.frame >= frame))
    assert f"{inside} rows" in finding.reason
    assert "µm if the names are exchanged" in finding.reason


@pytest.mark.parametrize(
    ("one", "other", "from_cells"),
    [("ABpl", "ABpr", 8), ("ABal", "ABpl", 8), ("MSa", "MSp", 24), ("ABalaa", "ABplpa", 24)],
)
def test_the_first_cells_of_a_late_recording_are_judged_too(one, other, from_cells):
    """No division betrays them: ABpl and ABpr were named before the table begins."""
    lineage = rendered(7, from_cells=from_cells)
    (finding,) = found(exchanged(lineage, one, other))
    assert (finding.object, finding.severity) == (f"{one}|{other}", "error")
    assert finding.frame == lineage.frame.min()


def test_cousins_exchanged_within_a_recording_are_one_finding():
    (finding,) = found(exchanged(rendered(5), "ABala", "ABpla"))
    assert finding.object == "ABala|ABpla"


def test_two_exchanges_are_two_findings():
    both = exchanged(exchanged(rendered(6), "ABal", "ABar"), "MSa", "MSp")
    assert {f.object for f in found(both)} == {"ABal|ABar", "MSa|MSp"}


def test_a_turned_or_stretched_embryo_is_no_exchange():
    lineage = rendered(8)
    turned = replace(lineage, position=lineage.position[:, [1, 0, 2]] * [-1.0, 1.0, 1.4])
    assert found(turned) == []


def test_positions_that_fit_nothing_are_not_judged():
    lineage = rendered(9)
    anywhere = np.random.default_rng(1).uniform(0, 40, lineage.position.shape)
    shaken = replace(lineage, position=anywhere)
    assert not any("bear each other's names" in f.reason for f in found(shaken))


@pytest.mark.data
def test_no_table_has_an_exchange_but_one_whose_positions_say_so(data_dir):
    for table in ("CD20090413_nhr-2_9F1_10_L1", "CD20090218hlh1AF16", "CD20071212nob1GFP"):
        lineage = read_lineage(data_dir / "epic_tables" / f"{table}.csv.gz")
        assert [f for f in found(lineage) if f.rule == "exchanged"] == []
    lineage = read_lineage(data_dir / "epic_tables" / "CD20071217_ceh-432x3.csv.gz")
    (finding,) = found(lineage)
    assert (finding.object, finding.value) == ("Ea|Ep", pytest.approx(9.6, abs=1))


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("cells", [4, 8, 12, 24])
@pytest.mark.parametrize("table", ["CD20070308_eft3", "CD20081104_nhr-171_17_L1"])
def test_exchanges_in_real_tables_are_found(data_dir, table, cells):
    lineage = read_lineage(data_dir / "epic_tables" / f"{table}.csv.gz")
    pairs, frame = sisters_at(lineage, cells)
    one, other = pairs[cells % len(pairs)]
    findings = found(exchanged(lineage, one, other, start=frame))
    assert [f.object for f in findings if f.rule == "exchanged"] == [f"{one}|{other}"]
