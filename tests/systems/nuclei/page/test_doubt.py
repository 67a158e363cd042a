import numpy as np

from fatescope.base import Table
from fatescope.systems.nuclei.page.doubt import merge_repeats, rank_doubtful
from fatescope.systems.nuclei.page.values import Doubtful


def _objects(**more):
    n = 4
    return Table(
        {
            "image": np.array(["a", "a", "a", "b"], dtype=object),
            "label": np.array([1, 2, 1, 1]),
            "frame": np.array([0, 0, 1, 0]),
            "z": np.array([0.0, 0, 0, 3.6]),
            "y": np.arange(n) * 10.0,
            "x": np.arange(n) * 5.0,
            **more,
        }
    )


def _finding(**changes):
    row = {
        "file": "a",
        "frame": 0,
        "object": "2",
        "rule": "doubtful",
        "value": 2.0,
        "limit": 1.0,
        "severity": "warning",
        "status": "open",
        "reason": "Waisted.",
    }
    return {**row, **changes}


def test_a_finding_that_names_an_object_points_at_its_place():
    (doubt,) = rank_doubtful(_objects(), [_finding()])
    assert (doubt.key, doubt.frame, doubt.label, doubt.y, doubt.x) == ("a", 0, 2, 10.0, 5.0)
    assert doubt.reason == "Waisted."


def test_the_worst_comes_first():
    findings = [
        _finding(object="1", value=1.1, reason="A."),
        _finding(object="2", value=4.0, reason="B."),
        _finding(object="1", frame=1, severity="error", value=4.0, reason="C."),
    ]
    assert [d.reason for d in rank_doubtful(_objects(), findings)] == ["C.", "B.", "A."]


def test_one_object_is_listed_once_with_all_its_reasons():
    findings = [_finding(reason="Small.", value=1.2), _finding(reason="Dim.", value=3.0)]
    (doubt,) = rank_doubtful(_objects(), findings)
    assert doubt.reason == "Dim. Small."


def test_rejected_findings_and_unknown_objects_are_passed_by():
    findings = [
        _finding(status="rejected"),
        _finding(object="99"),
        _finding(object=None),
        _finding(file="c"),
    ]
    assert rank_doubtful(_objects(), findings) == []


def test_doubts_of_the_table_count_where_there_is_a_reason():
    objects = _objects(
        doubt=np.array([np.nan, 1.5, 3.0, 2.0]),
        doubt_reason=np.array([None, "2.1 times the median size", "dim", ""], dtype=object),
    )
    ranked = rank_doubtful(objects, [])
    assert [(d.frame, d.label, d.reason) for d in ranked] == [
        (1, 1, "Dim."),
        (0, 2, "2.1 times the median size."),
    ]


def test_a_finding_without_a_frame_speaks_of_the_first():
    (doubt,) = rank_doubtful(_objects(), [_finding(file="b", frame=None, object="1")])
    assert doubt.plane == 4


def _doubt(frame, x, *, key="a", label=1):
    return Doubtful(key=key, frame=frame, label=label, y=20.0, x=x, reason="R.", rank=1.0)


def test_one_place_of_a_movie_is_listed_once_with_its_frames():
    ranked = [_doubt(7, 30.0), _doubt(3, 34.0), _doubt(5, 28.0), _doubt(6, 80.0)]
    merged = merge_repeats(ranked, radius_px=10)
    assert [(d.frame, d.x, d.also) for d in merged] == [(7, 30.0, (3, 5)), (6, 80.0, ())]


def test_two_objects_of_one_frame_and_two_images_stay_two():
    ranked = [_doubt(7, 30.0), _doubt(7, 33.0, label=2), _doubt(6, 30.0, key="b")]
    assert len(merge_repeats(ranked, radius_px=10)) == 3


def test_places_are_found_across_the_cells_of_the_search_grid():
    merged = merge_repeats([_doubt(0, 9.9), _doubt(1, 10.1)], radius_px=10)
    assert len(merged) == 1
