import csv

import numpy as np
import pytest

import fatescope as fs
from fatescope.acquire import read_exclusions, read_table
from fatescope.acquire.losses import read_losses
from fatescope.base import Exclusion, Finding, InputError
from fatescope.clean import highest
from fatescope.prepare import Sample, obey_exclusions
from fatescope.systems.cleaning.clean import clean_files
from fatescope.systems.cleaning.page import stretches

ONE = fs.Execution(workers=1)


def write_losses(path, rows, columns=("image", "unit", "fold", "seed", "loss")):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([columns, *rows])
    return path


@pytest.fixture
def losses(tmp_path):
    """Twenty images of four units, two seeds; images 3 and 14 are hard for both."""
    rows = []
    for seed in (0, 1):
        for k in range(20):
            loss = 0.2 + 0.01 * k + 0.05 * seed + (2.0 if k in (3, 14) else 0)
            rows.append((f"images/a{k:02d}.tif", f"u{k // 5}", k // 5, seed, loss))
    return write_losses(tmp_path / "run" / "samples_loss.csv", rows)


def test_the_highest_tenth_is_dropped_and_applied_as_an_exclusion(losses, tmp_path):
    out = tmp_path / "out"
    clean_files([losses], out=out, drop=0.10, apply=True, execution=ONE)
    found = read_table(out / "findings.csv")
    assert found["file"].tolist() == ["images/a14.tif", "images/a03.tif"]
    assert set(found["rule"]) == {"loss"}
    assert set(found["severity"]) == {"warning"}
    cut = read_exclusions(out / "exclusion.csv")
    assert {e.file for e in cut} == {"images/a14.tif", "images/a03.tif"}
    assert all(e.first_frame is None and e.last_frame is None for e in cut)


def test_without_drop_they_are_shown_and_nothing_is_excluded(losses, tmp_path):
    out = tmp_path / "out"
    clean_files([losses], out=out, apply=True, execution=ONE)
    assert set(read_table(out / "findings.csv")["severity"]) == {"info"}
    assert read_exclusions(out / "exclusion.csv") == []
    page = (out / "report.html").read_text()
    assert "Loss per sample, the highest 10% in red" in page
    assert "#D50000" in page


def test_a_sample_has_the_mean_loss_of_its_seeds(losses):
    table = read_losses(losses)
    assert len(table) == 20
    assert table["loss"][0] == pytest.approx(0.225)


def test_frames_of_a_movie_are_dropped_one_by_one(tmp_path):
    rows = [("m.mov", "m", t, 0.9 if t in (7, 30) else 0.1) for t in range(40)]
    path = write_losses(tmp_path / "samples_loss.csv", rows, ("image", "unit", "frame", "loss"))
    out = tmp_path / "out"
    clean_files([path], out=out, drop=0.05, apply=True, execution=ONE)
    cut = {(e.file, e.first_frame, e.last_frame) for e in read_exclusions(out / "exclusion.csv")}
    assert cut == {("m.mov", 7, 7), ("m.mov", 30, 30)}
    assert "Loss per frame, the highest 5% in red" in (out / "report.html").read_text()


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
def test_a_share_that_is_none_is_refused(losses, tmp_path, share):
    with pytest.raises(InputError, match="above 0 and below 1"):
        clean_files([losses], out=tmp_path / "out", drop=share, execution=ONE)


def test_drop_without_losses_says_where_losses_come_from(tmp_path):
    table = tmp_path / "counts.csv"
    table.write_text("frame,A,E,M,P,C,D,Z\n0,1,1,1,1,1,1,1\n")
    with pytest.raises(InputError, match=r"samples_loss.csv.*--leave-out all"):
        clean_files([table], out=tmp_path / "out", drop=0.1, execution=ONE)


@pytest.mark.parametrize("wrong", ["", "nan", "high"])
def test_a_loss_that_is_no_number_is_named_by_its_row(tmp_path, wrong):
    rows = [("a.tif", "u", 0.5), ("b.tif", "u", wrong)]
    path = write_losses(tmp_path / "samples_loss.csv", rows, ("image", "unit", "loss"))
    with pytest.raises(InputError, match="row 3"):
        read_losses(path)


def test_a_table_of_losses_without_rows_is_refused(tmp_path):
    path = write_losses(tmp_path / "samples_loss.csv", [], ("image", "unit", "loss"))
    with pytest.raises(InputError, match="holds no losses"):
        read_losses(path)


def test_of_equal_losses_the_first_are_the_highest():
    assert highest(np.ones(10), 0.2).tolist() == [True, True] + [False] * 8


def sample(tmp_path, name, split="train", frame=None):
    image = tmp_path / name
    return Sample(image=image, labels=image, unit=name, split=split, frame=frame)


def test_training_and_validation_obey_an_exclusion_and_test_samples_stay(tmp_path):
    samples = [
        sample(tmp_path, "a.tif"),
        sample(tmp_path, "b.tif"),
        sample(tmp_path, "c.tif", "validation"),
        sample(tmp_path, "d.tif", "test"),
        sample(tmp_path, "m.mov", frame=3),
        sample(tmp_path, "m.mov", frame=4),
    ]
    cut = [
        Exclusion(file="b.tif"),
        Exclusion(file="c.tif"),
        Exclusion(file="d.tif"),
        Exclusion(file=str(tmp_path / "m.mov"), first_frame=4, last_frame=4),
        Exclusion(file="a.tif", objects=("7",)),
    ]
    kept = obey_exclusions(samples, cut)
    assert [(s.image.name, s.frame) for s in kept] == [
        ("a.tif", None),
        ("d.tif", None),
        ("m.mov", 3),
    ]


def test_the_highest_losses_stand_apart_where_their_frames_do_not_follow_each_other():
    found = [
        Finding(file="a.mp4", frame=t, rule="loss", severity="info", reason="hard")
        for t in (32, 31, 30, 40, 41)
    ]
    assert [[f.frame for f in s] for s in stretches(found)] == [[32], [31], [30], [40, 41]]
