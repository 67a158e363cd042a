import numpy as np

from fatescope.base.sulston import mother_of
from fatescope.numeric import tracks_of
from fatescope.simulate import LineagePlan, simulate_lineage


def test_the_same_seed_gives_the_same_embryo():
    a, b, c = (simulate_lineage(LineagePlan(minutes=60), seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(a.position, b.position)
    assert a.name.tolist() == b.name.tolist()
    assert len(a) != len(c) or not np.array_equal(a.position, c.position)


def test_every_link_agrees_with_the_names():
    tracks = tracks_of(simulate_lineage(LineagePlan(minutes=110), seed=5))
    for t, name in enumerate(tracks.name):
        if tracks.mother[t] >= 0:
            assert tracks.name[tracks.mother[t]] == mother_of(name)
            assert tracks.first[t] == tracks.last[tracks.mother[t]] + 1


def test_known_changes_change_the_cells_they_name_and_not_others():
    plain = LineagePlan(minutes=100, cycle_spread=0.0, pace_spread=0.0)
    slow = LineagePlan(minutes=100, cycle_spread=0.0, pace_spread=0.0, slowed={"E": 1.5})
    lives = []
    for plan in (plain, slow):
        tracks = tracks_of(simulate_lineage(plan, seed=1))
        lives.append(
            {n: int(tracks.n_rows[t]) for n, t in tracks.by_name().items() if tracks.n_daughters[t]}
        )
    changed = {n for n in lives[0] if n in lives[1] and lives[0][n] != lives[1][n]}
    assert "E" in changed
    assert "EMS" not in changed
    assert all(n.startswith("E") for n in changed)
