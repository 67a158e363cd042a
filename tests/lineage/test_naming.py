"""Names of embryos that the atlas has not seen; what else is drawn from it asks other things."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tests.lineage.embryos import Embryo, keep_every, render_embryo

from fatescope.acquire.lineages import read_lineage
from fatescope.acquire.lineages.atlas_file import read_arrays, write_arrays
from fatescope.base import FileFormatError, InputError
from fatescope.lineage.atlas import atlas_arrays, atlas_from_arrays
from fatescope.lineage.atlas_build import build_atlas
from fatescope.lineage.atlas_cells import cells_of_lineage
from fatescope.lineage.clock import Clock
from fatescope.lineage.naming import (
    NameSettings,
    guess_spacing,
    name_embryo,
    name_frame,
    name_movie,
    name_tracked,
    too_young,
    untimely,
)
from fatescope.simulate import LineagePlan, simulate_lineage
from fatescope.track import mend_links


@pytest.fixture(scope="module")
def atlas():
    return atlas_from_arrays(*read_arrays())


@pytest.fixture(scope="module")
def embryo(atlas):
    return render_embryo(atlas, seed=3)


def right(found, embryo):
    return float(np.mean(found == embryo.name))


def test_the_shipped_atlas_knows_the_whole_tree_up_to_350_cells(atlas):
    _, count = atlas.count_curve
    assert count.max() > 350
    assert atlas.known.sum() > 800
    assert sum(atlas.metadata["poses"].values()) == len(atlas.metadata["embryos"])


def test_the_atlas_is_the_same_after_writing_and_reading(atlas, tmp_path):
    path = write_arrays(tmp_path / "a.npz", atlas_arrays(atlas), atlas.metadata)
    again = atlas_from_arrays(*read_arrays(path))
    np.testing.assert_array_equal(again.position, atlas.position)
    np.testing.assert_array_equal(again.modes, atlas.modes)
    other = write_arrays(tmp_path / "b.npz", atlas_arrays(again), again.metadata)
    assert path.read_bytes() == other.read_bytes()


def test_a_damaged_atlas_is_a_sentence(tmp_path):
    path = tmp_path / "bad.npz"
    path.write_bytes(b"PK\3\4 nothing")
    with pytest.raises(FileFormatError, match=r"bad\.npz.*lineage atlas"):
        read_arrays(path)


def test_the_body_axes_are_where_they_should_be(atlas):
    place = {n: atlas.position[atlas.index[n]].mean(0) for n in ("ABa", "P2", "MS", "C")}
    assert place["ABa"][0] < place["P2"][0]  # anterior before posterior
    assert place["MS"][1] < place["C"][1]  # C is dorsal
    left, right_ = atlas.index["ABplpa"], atlas.index["ABprpa"]
    assert atlas.position[left, 0, 2] > atlas.position[right_, 0, 2]


@pytest.fixture(scope="module")
def other_atlas():
    """The mean of six simulated embryos. Neither they nor those below come from an atlas."""
    drawn = (simulate_lineage(LineagePlan(minutes=130, pose=s % 4), seed=s) for s in range(6))
    return build_atlas([cells_of_lineage(e, title=str(i)) for i, e in enumerate(drawn)])


@pytest.fixture(scope="module", params=[11, 12])
def unseen(request, other_atlas):
    """A seventh embryo, in a pose of its own; cells that the atlas lacks are number -2."""
    lineage = simulate_lineage(LineagePlan(minutes=130), seed=request.param)
    turn = Rotation.random(rng=np.random.default_rng(request.param)).as_matrix()
    return Embryo(
        lineage.position_um()[:, ::-1] @ turn + 20,
        lineage.frame,
        lineage.parent,
        np.array([other_atlas.index.get(n, -2) for n in lineage.name]),
    )


@pytest.mark.slow
def test_a_tracked_tree_in_any_pose_gets_its_names(other_atlas, unseen):
    found = name_tracked(
        other_atlas, xyz_um=unseen.xyz_um, frame=unseen.frame, parent=unseen.parent
    )
    assert right(found.row_names(), unseen) > 0.98
    assert np.linalg.det(found.fit.matrix) > 0


@pytest.mark.slow
def test_a_tree_may_start_late_and_lack_a_quarter(other_atlas, unseen):
    first = unseen.frame.min() + 25
    gone = unseen.name == unseen.name[unseen.frame == first][0]
    part = unseen.rows((unseen.frame >= first) & ~gone)
    found = name_tracked(other_atlas, xyz_um=part.xyz_um, frame=part.frame, parent=part.parent)
    assert right(found.row_names(), part) > 0.95


@pytest.mark.slow
def test_a_movie_without_links_is_named(other_atlas, unseen):
    found, links = name_movie(other_atlas, xyz_um=unseen.xyz_um, frame=unseen.frame)
    assert np.mean(links == unseen.parent) > 0.98
    assert right(found.row_names(), unseen) > 0.9


@pytest.mark.slow
def test_single_frames_are_named_without_time_or_pose_and_never_overrated(other_atlas, unseen):
    """Frames of 40 to 100 cells; one may fail as a whole, and then says so by its confidence."""
    shares, sure = [], []
    counts = np.bincount(unseen.frame)
    for f in np.flatnonzero((counts >= 40) & (counts <= 100))[::6]:
        part = unseen.rows(unseen.frame == f)
        named = name_frame(other_atlas, xyz_um=part.xyz_um)
        shares.append(right(named.name, part))
        sure.append(float(named.confidence.mean()))
    assert np.median(shares) > 0.7
    assert np.mean(sure) < np.mean(shares) + 0.05


@pytest.mark.slow
def test_a_mirrored_embryo_does_not_get_the_names_of_its_image(other_atlas, unseen):
    """So that the shares above cannot come from names dealt out by position alone."""
    mirrored = unseen.xyz_um * [-1, 1, 1]
    found = name_tracked(other_atlas, xyz_um=mirrored, frame=unseen.frame, parent=unseen.parent)
    assert right(found.row_names(), unseen) < 0.5


def near_mothers(embryo, rows, rng):
    parent = embryo.parent.copy()
    for row in rows:
        same = np.flatnonzero(embryo.frame == embryo.frame[parent[row]])
        same = same[same != parent[row]]
        near = np.argsort(((embryo.xyz_um[same] - embryo.xyz_um[row]) ** 2).sum(1))
        parent[row] = same[near[rng.integers(min(3, len(same)))]]
    return parent


def any_mothers(embryo, rows, rng):
    parent = embryo.parent.copy()
    for row in rows:
        parent[row] = rng.choice(np.flatnonzero(embryo.frame == embryo.frame[parent[row]]))
    return parent


def no_mothers(embryo, rows, rng):
    parent = embryo.parent.copy()
    parent[rows] = -1
    return parent


def exchanged_mothers(embryo, rows, rng):
    parent = embryo.parent.copy()
    for row in rows[: len(rows) // 2]:
        same = np.flatnonzero((embryo.frame == embryo.frame[row]) & (parent >= 0))
        same = same[(parent[same] != parent[row])]
        if len(same):
            far = ((embryo.xyz_um[same] - embryo.xyz_um[row]) ** 2).sum(1)
            other = same[far.argmin()]
            parent[row], parent[other] = parent[other], parent[row]
    return parent


@pytest.mark.parametrize("wrong", [near_mothers, any_mothers, no_mothers, exchanged_mothers])
def test_wrong_links_are_mended_and_right_ones_kept(atlas, embryo, wrong):
    rng = np.random.default_rng(0)
    rows = rng.choice(np.flatnonzero(embryo.parent >= 0), len(embryo.parent) // 100, replace=False)
    parent = wrong(embryo, rows, rng)
    broken = parent != embryo.parent
    assert broken.sum() > 0.5 * len(rows)
    mended = mend_links(embryo.xyz_um, embryo.frame, parent, life_cost=too_young(embryo.frame, 1.5))
    assert np.mean(mended[broken] == embryo.parent[broken]) > 0.9
    np.testing.assert_array_equal(mended[~broken], embryo.parent[~broken])


def test_a_tree_without_fault_is_left_alone(embryo):
    mended = mend_links(
        embryo.xyz_um, embryo.frame, embryo.parent, life_cost=too_young(embryo.frame, 1.5)
    )
    np.testing.assert_array_equal(mended, embryo.parent)


def test_a_name_says_when_a_cell_is_due(atlas):
    frame = np.arange(40)
    parent = frame - 1
    cell = atlas.index["ABpla"]
    clock = Clock.line(0.0, 1.0)
    name = np.full(40, cell)
    cost = untimely(atlas, clock, frame=frame, parent=parent, name=name)
    due = round(float(atlas.life_min[cell])) - 1
    assert cost(0, due) < 0.1
    assert cost(0, due - 5) > 2
    assert cost(0, due + 7) > 2
    # A piece of a track that bears one name is judged by its age alone.
    assert cost(3, 3 + due + 7) == 0.0
    assert cost(3, 6) == too_young(frame, 1.0)(3, 6) > 2


@pytest.mark.slow
def test_names_survive_wrong_links(atlas, embryo):
    rng = np.random.default_rng(1)
    rows = rng.choice(np.flatnonzero(embryo.parent >= 0), len(embryo.parent) // 100, replace=False)
    broken = exchanged_mothers(embryo, rows, rng)
    share = {}
    for links in ("trust", "mend"):
        named = name_embryo(
            atlas,
            xyz_um=embryo.xyz_um,
            frame=embryo.frame,
            parent=broken,
            settings=NameSettings(links=links),
        )
        assert named.kind == "tracked"
        share[links] = right(named.name, embryo)
    assert share["trust"] < 0.9
    assert share["mend"] > 0.98


def name_rows(atlas, embryo, links):
    named = name_embryo(
        atlas,
        xyz_um=embryo.xyz_um,
        frame=embryo.frame,
        parent=embryo.parent,
        settings=NameSettings(links=links),
    )
    return named.name


@pytest.mark.slow
def test_lives_are_compared_with_those_of_the_same_time(atlas):
    # Up to frame 40 two of three frames were not recorded: all early lives look short at once.
    sparse = keep_every(render_embryo(atlas, seed=3, pace=1.0), 3, until=40)
    found = name_tracked(atlas, xyz_um=sparse.xyz_um, frame=sparse.frame, parent=sparse.parent)
    lives = untimely(
        atlas, found.clock, frame=sparse.frame, parent=sparse.parent, name=found.row_names()
    )
    mended = mend_links(sparse.xyz_um, sparse.frame, sparse.parent, life_cost=lives)
    np.testing.assert_array_equal(mended, sparse.parent)
    assert right(name_rows(atlas, sparse, "mend"), sparse) == 1.0


def test_one_life_that_is_short_alone_stays_unusual(atlas, embryo):
    clock = Clock.line(-2.5 / 1.5, 1 / 1.5)
    lives = untimely(atlas, clock, frame=embryo.frame, parent=embryo.parent, name=embryo.name)
    rows = np.flatnonzero(embryo.name == atlas.index["ABplaa"])
    first, last = int(rows[0]), int(rows[-1])
    assert lives(first, last) < 1.5
    assert lives(first, last - len(rows) // 2) > 5


@pytest.mark.slow
def test_mending_never_makes_the_names_of_a_whole_tree_worse(atlas, embryo):
    # Nuclei leap far in ten frames: links look wrong there, and all of them are right.
    leaping = embryo.rows(np.ones(len(embryo.frame), bool))
    now = (leaping.frame >= 20) & (leaping.frame < 30)
    leaping.xyz_um[now] += 6 * np.random.default_rng(0).standard_normal((now.sum(), 3))
    links = mend_links(
        leaping.xyz_um, leaping.frame, leaping.parent, life_cost=too_young(leaping.frame, 1.5)
    )
    assert not np.array_equal(links, leaping.parent)
    cut = name_tracked(atlas, xyz_um=leaping.xyz_um, frame=leaping.frame, parent=links)
    assert right(cut.row_names(), leaping) < 0.95
    assert right(name_rows(atlas, leaping, "mend"), leaping) == 1.0


OTHER_TABLES = (
    "CD20060506_dyf7pJIM20",
    "CD20070310_elt7_c2a",
    "CD20070403_his72_D1A",
    "CD20080224_tbx-35_6",
    "CD20089219_unc-130_9E1_8_L2",
)


@pytest.fixture(scope="module")
def atlas_of_others(data_dir):
    """The mean of five real embryos, none of which is named below."""
    tables = {t: read_lineage(data_dir / "epic_tables" / f"{t}.csv.gz") for t in OTHER_TABLES}
    return build_atlas([cells_of_lineage(e, title=t) for t, e in tables.items()])


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("title", "links", "least"),
    [
        ("CD20071210_rw10029_norfpyy", "mend", 0.99),  # all its early lives are short
        ("CD20060628_cnd1_4-2", "mend", 0.99),
        ("CD20060719_lin1_10", "mend", 0.99),
        ("CD20060719_lin1_10", "ignore", 0.9),
    ],
)
def test_real_embryos_that_the_atlas_has_not_seen_get_their_names(
    data_dir, atlas_of_others, title, links, least
):
    lineage = read_lineage(data_dir / "epic_tables" / f"{title}.csv.gz")
    assert title not in OTHER_TABLES
    xyz = lineage.position_um()[:, ::-1]
    early = np.bincount(lineage.frame)[lineage.frame] <= 350
    named = name_embryo(
        atlas_of_others,
        xyz_um=xyz * [-1, -1, 1],  # turned by half a turn
        frame=lineage.frame.astype(np.int64),
        parent=lineage.parent.astype(np.int64),
        settings=NameSettings(links=links),
    )
    text = np.array([*atlas_of_others.names, ""], dtype=object)
    assert np.mean((text[named.name] == lineage.name)[early]) > least


def test_a_lineage_that_lags_keeps_its_names(atlas):
    lagging = render_embryo(atlas, seed=3, slow=("MS", 1.25))
    found = name_tracked(atlas, xyz_um=lagging.xyz_um, frame=lagging.frame, parent=lagging.parent)
    assert right(found.row_names(), lagging) > 0.98


def test_a_lineage_that_lies_aside_as_a_whole_keeps_its_names(atlas, embryo):
    aside = embryo.rows(np.ones(len(embryo.frame), bool))
    below = np.array([atlas.names[n].startswith("MSap") for n in aside.name])
    neighbour = np.array([atlas.names[n].startswith("MSap") for n in embryo.name])
    aside.xyz_um[below] += 6.0 * (embryo.xyz_um[neighbour].mean(0) - embryo.xyz_um.mean(0)) / 10
    found = name_tracked(atlas, xyz_um=aside.xyz_um, frame=aside.frame, parent=aside.parent)
    assert right(found.row_names(), aside) > 0.99


def test_a_single_frame_says_when_it_was_taken(atlas, embryo):
    frame = embryo.rows(embryo.frame == 60)
    assert abs(name_frame(atlas, xyz_um=frame.xyz_um).minute - (60 * 1.5 + 2.5)) < 12


def test_names_depend_on_nothing_but_the_rows(atlas, embryo):
    part = embryo.rows(embryo.frame < 40)
    order = np.random.default_rng(1).permutation(len(part.frame))
    place = np.argsort(order)
    parent = part.parent[order]
    mixed = np.where(parent >= 0, place[parent], -1)
    one = name_tracked(atlas, xyz_um=part.xyz_um, frame=part.frame, parent=part.parent)
    two = name_tracked(atlas, xyz_um=part.xyz_um[order], frame=part.frame[order], parent=mixed)
    np.testing.assert_array_equal(one.row_names()[order], two.row_names())


def test_unknown_spacing_is_guessed_from_the_size_of_the_embryo(atlas, embryo):
    flat = embryo.rows(np.ones(len(embryo.frame), bool))
    # Back in a pose with the long axis in the plane of the image.
    axes = np.linalg.svd(flat.xyz_um - flat.xyz_um.mean(0), full_matrices=False)[2]
    xyz = flat.xyz_um @ axes.T
    for spacing in ((1.0, 0.09, 0.09), (0.5, 0.087, 0.087), (1.0, 0.254, 0.254)):
        position = xyz[:, ::-1] / spacing
        guess = guess_spacing(atlas, position=position, frame=flat.frame)
        assert np.allclose(np.log(np.array(guess[1:]) / spacing[1:]), 0, atol=0.3)


def test_rows_without_a_position_get_no_name(atlas, embryo):
    part = embryo.rows(embryo.frame < 30)
    part.xyz_um[5] = np.nan
    named = name_embryo(
        atlas,
        xyz_um=part.xyz_um,
        frame=part.frame,
        parent=part.parent,
        settings=NameSettings(),
    )
    assert named.name[5] == -1
    assert named.confidence[5] == 0
    with pytest.raises(InputError, match="no nucleus has a position"):
        name_embryo(
            atlas,
            xyz_um=np.full((3, 3), np.nan),
            frame=np.arange(3),
            parent=np.full(3, -1),
            settings=NameSettings(),
        )


@pytest.mark.parametrize("kind", ["tracked", "movie", "frame"])
@pytest.mark.parametrize("axis", [None, 0, 2])
def test_a_mirrored_embryo_gets_its_names_and_it_is_said(atlas, embryo, kind, axis):
    wanted = embryo.frame == 50 if kind == "frame" else embryo.frame < 45
    part = embryo.rows(wanted)
    xyz = part.xyz_um.copy()
    if axis is not None:
        xyz[:, axis] *= -1
    named = name_embryo(
        atlas,
        xyz_um=xyz,
        frame=part.frame,
        parent=part.parent if kind == "tracked" else np.full(len(xyz), -1),
        settings=NameSettings(),
    )
    assert named.kind == kind
    assert right(named.name, part) > 0.95
    assert named.mirrored is (axis is not None)


def test_four_cells_do_not_say_which_hand_they_have(atlas, embryo):
    count = np.bincount(embryo.frame)[embryo.frame]
    for mirror in (1, -1):
        for part in (embryo.rows(count <= 4), embryo.rows(embryo.frame == embryo.frame.min())):
            named = name_embryo(
                atlas,
                xyz_um=part.xyz_um * [1, 1, mirror],
                frame=part.frame,
                parent=part.parent,
                settings=NameSettings(),
            )
            assert not named.mirrored


def test_names_are_not_sure_where_both_hands_fit_alike(atlas, embryo):
    frame = embryo.rows(embryo.frame == 40)
    # Pressed flat along the one direction that tells left from right, both hands are the same.
    axes = np.linalg.svd(frame.xyz_um - frame.xyz_um.mean(0), full_matrices=False)[2]
    flat = (frame.xyz_um @ axes.T * [1, 1, 0]) @ axes
    named = name_embryo(
        atlas,
        xyz_um=flat + np.random.default_rng(0).normal(0, 4, flat.shape),
        frame=frame.frame,
        parent=np.full(len(flat), -1),
        settings=NameSettings(),
    )
    assert named.reasons
    assert not named.mirrored
    assert (named.confidence[named.name >= 0] <= 0.6).mean() > 0.9
