import numpy as np
import pytest

from fatescope.base import InputError, Lineage
from fatescope.simulate.embryo import Lives

SPACING = (1.0, 0.1, 0.1)


def two_daughters() -> Lineage:
    """AB in frames 0 to 3, its daughters in frames 4 and 5, parting along x."""
    rows = [(f, 10, 50, 60 + f, f - 1, "AB") for f in range(4)]
    rows += [(4, 10, 50, 43, 3, "ABa"), (4, 10, 50, 83, 3, "ABp")]
    rows += [(5, 10, 50, 40, 4, "ABa"), (5, 10, 50, 86, 5, "ABp")]
    frame, z, y, x, parent, name = zip(*rows, strict=True)
    return Lineage(
        frame=np.array(frame),
        position=np.stack([z, y, x], axis=1).astype(float),
        parent=np.array(parent),
        name=np.array(name, dtype=object),
        radius_px=np.full(len(rows), 20.0),
    )


def lives() -> Lives:
    return Lives(two_daughters(), spacing_um=SPACING, interval_min=2.0)


def test_rows_become_lives_with_mothers():
    embryo = lives()
    assert embryo.name.tolist() == ["AB", "ABa", "ABp"]
    assert embryo.mother.tolist() == [-1, 0, 0]
    frames, count = embryo.count()
    assert frames.tolist() == [0, 1, 2, 3, 4, 5]
    assert count.tolist() == [1, 1, 1, 1, 2, 2]


def test_between_frames_a_nucleus_is_between_its_places():
    moment = lives().at(1.5)
    np.testing.assert_allclose(moment.centre_um, [[10.0, 5.0, 6.15]])
    np.testing.assert_allclose(moment.radius_um, [2.0])


def test_minutes_to_and_from_a_division_count_from_half_way_between_the_frames():
    embryo = lives()
    assert embryo.at(3).left_min.tolist() == [1.0]  # the division lies at frame 3.5, 2 min a frame
    assert embryo.at(4).age_min.tolist() == [1.0, 1.0]
    assert np.isinf(embryo.at(4).left_min).all()
    assert np.isinf(embryo.at(0).age_min).all()


def test_chromosomes_part_along_the_line_between_the_daughters():
    embryo = lives()
    for frame in (3, 4):
        assert np.abs(embryo.at(frame).axis[:, 2]).min() > 0.999


def test_daughters_share_the_volume_of_their_mother():
    embryo = lives()
    assert embryo.at(0).share.tolist() == [1.0]
    assert embryo.at(4).share.tolist() == [0.5, 0.5]


def test_an_empty_table_is_refused():
    empty = Lineage(
        frame=np.zeros(0, int),
        position=np.zeros((0, 3)),
        parent=np.zeros(0, int),
        name=np.zeros(0, object),
        radius_px=np.zeros(0),
    )
    with pytest.raises(InputError, match="no rows"):
        Lives(empty, spacing_um=SPACING, interval_min=1.0)
