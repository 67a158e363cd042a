import numpy as np
import pytest
from tests.lineage.embryos import render_embryo

from fatescope.acquire.lineages import read_lineage
from fatescope.acquire.lineages.atlas_file import read_arrays
from fatescope.lineage.atlas import atlas_from_arrays
from fatescope.lineage.naming import name_frame
from fatescope.lineage.naming.cut import assign_to_cut, time_of_cut


@pytest.fixture(scope="module")
def atlas():
    return atlas_from_arrays(*read_arrays())


@pytest.fixture(scope="module")
def embryo(atlas):
    return render_embryo(atlas, seed=3)


def shares_a_cell_with_its_mother(atlas, names):
    seen = set(names.tolist())
    return [n for n in seen if n >= 0 and int(atlas.mother[n]) in seen]


# Each nucleus fits its row's best name; ABp alone is still whole.
FAMILY = ("ABa", "ABal", "ABar", "ABp")


def family(atlas, *costs):
    names = np.sort([atlas.index[n] for n in FAMILY])
    order = [[str(atlas.names[n]) for n in names].index(f) for f in FAMILY]
    cost = np.zeros((len(costs), 4))
    cost[:, order] = costs
    minute = float(atlas.division_min[atlas.index["ABa"]])
    cut = assign_to_cut(atlas, minute=minute, name=names, cost=cost)
    text = np.full(len(costs), "", dtype=object)
    text[cut.row] = atlas.names[names[cut.column]]
    return text.tolist(), cut, minute


def test_a_mother_and_her_daughter_never_occur_together(atlas):
    # One by one the first nucleus is ABa and the second ABar; together they can only be sisters.
    found, cut, minute = family(atlas, [0, 1, 9, 9], [9, 9, 0, 9], [9, 9, 9, 0])
    assert found == ["ABal", "ABar", "ABp"]
    assert dict(zip(atlas.names[cut.cell], cut.divided, strict=True))["ABa"]
    assert time_of_cut(atlas, cut, minute + np.array([-9.0, 0.0])) == minute


def test_a_missing_sister_is_dearer_than_an_undivided_mother(atlas):
    found, cut, _ = family(atlas, [1, 0, 9, 9], [9, 9, 9, 0])
    assert found == ["ABa", "ABp"]
    assert not dict(zip(atlas.names[cut.cell], cut.divided, strict=True))["ABa"]


def test_a_nucleus_that_fits_no_living_cell_stays_without_a_name(atlas):
    found, _, _ = family(atlas, [0, 9, 9, 9], [12, 30, 30, 30], [9, 9, 9, 0])
    assert found == ["ABa", "", "ABp"]


def test_no_cell_divides_by_half(atlas):
    # Half of either would be cheaper than both.
    found, _, _ = family(atlas, [0, 9, 9, 9], [5, 6, 6, 30], [9, 9, 9, 0])
    assert sorted(found) == ["ABal", "ABar", "ABp"]


@pytest.mark.parametrize("frame", [60, 84])
def test_frames_in_a_wave_of_divisions_are_named(atlas, embryo, frame):
    # A third of the cells has just divided: the count alone says the time to within 8 minutes.
    part = embryo.rows(embryo.frame == frame)
    named = name_frame(atlas, xyz_um=part.xyz_um)
    assert np.mean(named.name == part.name) > 0.97
    assert not shares_a_cell_with_its_mother(atlas, named.name)
    assert abs(named.minute - (frame * 1.5 + 2.5)) < 3
    sure = named.confidence >= 0.95
    assert np.mean(named.name[sure] == part.name[sure]) > 0.97
    assert named.reasons == []


def test_the_order_of_the_rows_of_a_frame_does_not_matter(atlas, embryo):
    part = embryo.rows(embryo.frame == 60)
    order = np.random.default_rng(2).permutation(len(part.frame))
    one, two = (name_frame(atlas, xyz_um=xyz) for xyz in (part.xyz_um, part.xyz_um[order]))
    np.testing.assert_array_equal(one.name[order], two.name)


@pytest.mark.parametrize("frame", [50, 84])
def test_a_mirrored_frame_is_doubtful_as_a_whole(atlas, embryo, frame):
    part = embryo.rows(embryo.frame == frame)
    named = name_frame(atlas, xyz_um=part.xyz_um * [1, 1, -1])
    assert any("alignment is doubtful" in r for r in named.reasons)
    assert named.confidence.max() <= 0.6


def test_four_cells_which_look_alike_from_two_sides_are_never_sure(atlas, embryo):
    part = embryo.rows(embryo.frame == embryo.frame.min())
    named = name_frame(atlas, xyz_um=part.xyz_um)
    assert len(named.name) == 4
    assert named.confidence.max() <= 0.75


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_nuclei_are_no_error(atlas, n):
    named = name_frame(atlas, xyz_um=np.eye(3)[:n] * 20.0)
    assert named.name.shape == named.confidence.shape == (n,)
    assert np.isfinite(named.confidence).all()


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    ("table", "cells"),
    [
        ("CD20060719_lin1_10", 226),
        ("CD20070725_vab-7_6", 107),
        ("CD20080412_ama-1_3A3_5", 280),
        ("CD20081024_mnm-2_7_L1", 190),
    ],
)
def test_frames_of_embryos_that_the_atlas_has_not_seen_are_named(atlas, data_dir, table, cells):
    assert table not in atlas.metadata["embryos"]
    lineage = read_lineage(data_dir / "epic_tables" / f"{table}.csv.gz")
    frames, count = np.unique(lineage.frame, return_counts=True)
    rows = lineage.frame == frames[np.abs(count - cells).argmin()]
    xyz = lineage.position_um()[rows][:, ::-1] @ np.diag([-1.0, 1.0, -1.0]) + 30.0
    named = name_frame(atlas, xyz_um=xyz)
    text = np.array([*atlas.names, ""], dtype=object)[named.name]
    assert np.mean(text == lineage.name[rows]) > 0.85
    assert named.reasons == []
