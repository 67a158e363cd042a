"""Tables of centres: matched one to one within a distance, by image and frame, in µm."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from typer.testing import CliRunner

from fatescope.base import InputError
from fatescope.cli.groups import app
from fatescope.cli.main import load_commands
from fatescope.evaluate import CentreSettings, match_centres
from fatescope.systems.labels.centres import evaluate_centres

load_commands()
TRUE = "image,frame,z,y,x\na,0,1,10,10\na,0,5,10,10\nb,0,1,40,40\nb,1,1,40,40\n"
FOUND = "image,frame,z,y,x\na.tif,0,3,10,10\nb.tif,0,1,42,40\nb.tif,1,1,40,49\nc.tif,0,0,0,0\n"


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "true.csv").write_text(TRUE)
    (tmp_path / "found.csv").write_text(FOUND)
    return tmp_path / "true.csv", tmp_path / "found.csv"


places = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=6, unique=True)


@given(true=places, pred=places, within=st.sampled_from([1.0, 2.5, 4.0]))
def test_matches_are_the_most_and_of_these_the_nearest(true, pred, within):
    ours, theirs = np.array(true, float).reshape(-1, 2), np.array(pred, float).reshape(-1, 2)
    pairs = match_centres(ours, theirs, within=within)
    away = np.linalg.norm(ours[:, None] - theirs[None], axis=2)
    worth = np.where(away <= within, 1000 - away, 0)
    best = worth[linear_sum_assignment(worth, maximize=True)]
    assert len(pairs) == (best > 0).sum()
    assert away[tuple(pairs.T)].sum() == pytest.approx((1000 - best[best > 0]).sum())
    assert (away[tuple(pairs.T)] <= within).all()


def test_frames_are_scored_apart_and_distances_are_physical(tables):
    settings = CentreSettings(within_um=2.5, spacing_um=(1, 0.25, 0.25))
    done = evaluate_centres(*tables, settings)
    # a: two true centres two planes from the found one, which is the partner of one of them;
    # b: half a µm off in frame 0, 2.25 µm off in frame 1.
    assert (done.scores["n_true"], done.scores["n_pred"], done.scores["n_matched"]) == (4, 3, 3)
    assert done.scores["f1"] == 6 / 7
    assert done.scores["count_error"] == pytest.approx(0.5 / 3)
    assert done.scores["mean_distance_um"] == pytest.approx((2 + 0.5 + 2.25) / 3)
    assert done.scores["n_units"] == 2
    assert done.unused == ("c",)


def test_planes_count_as_much_as_the_spacing_says(tables):
    far = CentreSettings(within_um=2.5, spacing_um=(2, 0.25, 0.25))
    assert evaluate_centres(*tables, far).scores["n_matched"] == 2


def test_an_unknown_spacing_and_foreign_names_are_refused(tables, tmp_path):
    with pytest.raises(InputError, match="--spacing-um"):
        evaluate_centres(*tables, CentreSettings(within_um=2.5))
    (tmp_path / "other.csv").write_text("image,frame,z,y,x\nq,0,0,0,0\n")
    known = CentreSettings(within_um=2.5, spacing_um=(1, 1, 1))
    with pytest.raises(InputError, match="none of its images"):
        evaluate_centres(tables[0], tmp_path / "other.csv", known)


def test_a_result_folder_brings_its_spacing(tables, tmp_path):
    result = tmp_path / "result"
    result.mkdir()
    (result / "objects.csv").write_text(FOUND)
    (result / "images.csv").write_text('image,spacing_um\na,"1,0.25,0.25"\nb,"1,0.25,0.25"\n')
    words = ["evaluate", "centres", tables[0], result, "--within-um", 2.5, "--json"]
    done = CliRunner().invoke(app, [str(w) for w in words])
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["f1"] == 6 / 7
    assert [i["n_matched"] for i in document["images"]] == [1, 1, 1]


def test_units_are_those_of_the_table(tables, tmp_path):
    (tmp_path / "units.csv").write_text("image,unit\na,one\nb,one\n")
    known = CentreSettings(within_um=2.5, spacing_um=(1, 0.25, 0.25))
    done = evaluate_centres(*tables, known, units=tmp_path / "units.csv")
    assert (done.scores["n_units"], done.scores["low"]) == (1, None)
