"""Corrections of a result: on disk before the answer, undone, measured, trained on."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from fatescope import read_image
from fatescope.acquire import read_labels, read_table, write_image, write_labels, write_table
from fatescope.base import InputError, RunError, SettingsError, Spacing, Table
from fatescope.engine import decide_finding, read_finding_rows
from fatescope.measurement import measure_objects
from fatescope.prepare import read_samples
from fatescope.simulate import NucleiMovieSettings, simulate_nuclei
from fatescope.systems.labels import review as corrected
from fatescope.systems.labels.edit import LabelEdit
from fatescope.systems.labels.pairs import save_pairs, shares_for
from fatescope.systems.labels.review import LabelReview, journal_of

SPACING = Spacing.given((0.25,), None)


def result(folder, frames=1, seed=0, key="a"):
    """A result as a run leaves it: an image, its labels, the table of objects."""
    settings = NucleiMovieSettings(frames=frames, height=96, width=96)
    movie = simulate_nuclei(settings, seed=seed)
    axes = "TYX" if frames > 1 else "YX"
    pixels, labels = (a if frames > 1 else a[0] for a in (movie.pixels, movie.labels))
    out = folder / "out"
    how = {"shape": labels.shape, "axes": axes, "spacing": SPACING}
    write_image(folder / f"{key}.tif", movie.pixels, dtype=pixels.dtype, **how)
    write_labels(out / f"labels/{key}.tif", labels, dtype=np.uint16, **how)
    table = Table.concatenate(
        [
            measure_objects(
                movie.labels[t], {"0": movie.pixels[t]}, spacing_um=(0.25, 0.25), frame=t
            )
            for t in range(frames)
        ]
    )
    extra = {"score": np.full(len(table), 0.5)}
    columns = {k: v for k, v in table.columns.items() if k != "n_neighbours"}
    named = {"image": np.full(len(table), key, dtype=object), **columns, **extra}
    write_table(Table(named), out / "objects.parquet")
    return out, folder / f"{key}.tif"


def opened(out, image, key="a"):
    file = out / f"labels/{key}.tif"
    return LabelReview.open(out, key, image=read_image(image), labels=read_labels(file), file=file)


@pytest.fixture
def review(tmp_path):
    found = opened(*result(tmp_path))
    yield found
    found.close()


def some_labels(review, n=2):
    return [int(v) for v in np.unique(review.frame(0)) if v][:n]


def test_edits_outlive_the_program_and_can_be_undone_when_opened_again(tmp_path):
    out, image = result(tmp_path)
    first = opened(out, image)
    before = first.frame(0)
    one, two = some_labels(first)
    first.edit(LabelEdit(do="merge", label=one, other=two), who="owner")
    first.edit(LabelEdit(do="remove", label=one), who="owner")
    after = first.frame(0)
    first.close()
    second = opened(out, image)
    np.testing.assert_array_equal(second.frame(0), after)
    assert second.state["undo"] == f"remove {one}"
    second.undo(who="owner")
    second.undo(who="guest")
    np.testing.assert_array_equal(second.frame(0), before)
    assert second.write_labels().read_bytes() == (out / "labels/a.tif").read_bytes()
    second.redo(who="guest")
    assert [(e["who"], e["text"], e["holds"]) for e in second.listed()] == [
        ("owner", f"merge {two} into {one}", True),
        ("owner", f"remove {one}", False),
        ("owner", f"undo remove {one}", False),
        ("guest", f"undo merge {two} into {one}", False),
        ("guest", f"redo merge {two} into {one}", False),
    ]
    second.close()


KILLED = """
import os, sys
from tests.systems.labels.test_review import opened, LabelEdit
from pathlib import Path
review = opened(Path(sys.argv[1]), Path(sys.argv[2]))
for n in range(300):
    label = review.edit(LabelEdit(do="paint", points=[(n % 96, n // 96)], radius_px=0.5), who="x")
    print(label, flush=True)
"""


@pytest.mark.parametrize("n", [1, 7])
def test_a_killed_program_loses_no_edit_that_was_answered(tmp_path, n):
    out, image = result(tmp_path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", KILLED, str(out), str(image)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        answered = [int(process.stdout.readline()) for _ in range(n)]
        process.kill()
        answered += [int(line) for line in process.stdout.read().splitlines()]
    review = opened(out, image)
    assert set(answered) <= set(np.unique(review.frame(0)).tolist())
    assert len(review.listed()) - len(answered) in (0, 1)
    review.close()


def test_a_line_torn_by_the_kill_is_cut_off(tmp_path):
    out, image = result(tmp_path)
    review = opened(out, image)
    one, two = some_labels(review)
    review.edit(LabelEdit(do="remove", label=one), who="x")
    review.close()
    with journal_of(out, "a").open("ab") as stream:
        stream.write(b'{"n":2,"time":"2026')
    review = opened(out, image)
    review.edit(LabelEdit(do="remove", label=two), who="x")
    assert review.state["edits"] == 2
    review.close()


def test_one_program_at_a_time_has_the_labels_open(review):
    with pytest.raises(RunError, match="another program"):
        opened(review.out, review.out.parent / "a.tif")


def test_a_journal_of_other_labels_is_refused(tmp_path):
    out, image = result(tmp_path)
    review = opened(out, image)
    review.edit(LabelEdit(do="remove", label=some_labels(review)[0]), who="x")
    review.close()
    result(tmp_path, seed=9)
    with pytest.raises(RunError, match="about"):
        opened(out, image)


def test_an_edit_that_cannot_be_done_leaves_no_trace(review):
    before = review.frame(0)
    for edit in (
        LabelEdit(do="remove", label=9999),
        LabelEdit(do="remove", label=1, frame=5),
        LabelEdit(do="paint", label=9999, points=[(1, 1)]),
        LabelEdit(do="draw", points=[(1, 1)]),
    ):
        with pytest.raises(InputError):
            review.edit(edit, who="x")
    with pytest.raises(InputError, match="nothing to undo"):
        review.undo(who="x")
    np.testing.assert_array_equal(review.frame(0), before)
    assert review.listed() == []


@pytest.mark.parametrize(
    "wrong",
    [{"do": "explode"}, {"do": "remove", "label": -1}, {"do": "paint", "radius_px": 0}, {}],
)
def test_a_wrong_edit_is_refused_by_the_name_of_its_setting(wrong):
    with pytest.raises(SettingsError, match=r"do|label|radius_px"):
        LabelEdit.from_values(wrong)


def test_corrected_objects_are_measured_and_the_others_keep_their_rows(tmp_path):
    out, image = result(tmp_path, frames=3)
    review = opened(out, image)
    one, two = some_labels(review)
    review.edit(LabelEdit(do="merge", label=one, other=two, frame=0), who="x")
    new = review.edit(
        LabelEdit(do="draw", points=[(0, 0), (0, 3), (3, 3), (3, 0)], frame=2), who="x"
    )
    table = read_table(review.write_objects())
    run = read_table(out / "objects.parquet")
    assert list(table) == list(run)
    rows = {(f, n): i for i, (f, n) in enumerate(zip(table["frame"], table["label"], strict=True))}
    assert (0, two) not in rows
    labels = review.frame(0)
    assert table["area_px"][rows[0, one]] == (labels == one).sum()
    assert np.isnan(table["score"][rows[0, one]])
    pixels = read_image(image).read(T=2)
    there = review.frame(2) == new
    assert table["mean_0"][rows[2, new]] == pytest.approx(pixels[there].mean())
    assert len(table) == len(run) - 1 + 1
    same = (run["frame"] == 1).nonzero()[0]
    for row in same.tolist():
        mine = rows[1, run["label"][row]]
        assert all(table[c][mine] == run[c][row] for c in run)
    written = read_labels(review.write_labels())
    np.testing.assert_array_equal(written.read(T=0), labels)
    np.testing.assert_array_equal(written.read(T=1), read_labels(out / "labels/a.tif").read(T=1))
    assert written.spacing.um("YX") == (0.25, 0.25)
    now = review.as_image()
    np.testing.assert_array_equal(now.read(T=0, Y=slice(3, 50)), labels[3:50])
    np.testing.assert_array_equal(now.read(), written.read())
    assert review.write_objects().with_suffix(".csv").read_text().startswith("image,label,frame")
    review.close()


def test_all_objects_of_a_frame_can_be_removed(review):
    for label in some_labels(review, n=1000):
        review.edit(LabelEdit(do="remove", label=label), who="x")
    assert len(read_table(review.write_objects())["label"]) == 0
    for _ in range(review.state["edits"]):
        review.undo(who="x")
    run = read_table(review.out / "objects.parquet")
    np.testing.assert_array_equal(read_table(review.write_objects())["label"], run["label"])


def test_corrected_frames_become_pairs_that_training_reads(tmp_path):
    reviews = []
    for n in range(4):
        (tmp_path / f"{n}").mkdir()
        out, image = result(tmp_path / f"{n}", seed=n, key=f"im age{n}")
        reviews.append(opened(out, image, key=f"im age{n}"))
    with pytest.raises(InputError, match="two are needed"):
        save_pairs(reviews, out=tmp_path / "none")
    for review in reviews[:2]:
        review.edit(LabelEdit(do="remove", label=some_labels(review)[0]), who="x")
    reviews[2].check(0, 0, yes=True, who="x")
    reviews[1].check(0, 0, yes=False, who="x")
    assert [bool(r.checked()) for r in reviews] == [True, False, True, False]
    reviews[1].check(0, 0, yes=True, who="x")
    save_pairs(reviews, out=tmp_path / "made")
    samples = read_samples(tmp_path / "made/pairs", splits=["train", "validation", "test"])
    assert sorted(s.split for s in samples) == ["test", "train", "validation"]
    assert {s.unit for s in samples} == {f"corrected/im_age{n}" for n in range(3)}
    by_name = {s.image.stem: s for s in samples}
    first = by_name["im_age0"]
    np.testing.assert_array_equal(read_labels(first.labels).read(), reviews[0].frame(0))
    np.testing.assert_array_equal(read_image(first.image).read(), reviews[0].image.read())
    assert first.pixel_size == (0.25, 0.25)
    for review in reviews:
        review.close()


def test_frames_of_one_movie_are_divided_by_time(tmp_path):
    out, image = result(tmp_path, frames=12)
    review = opened(out, image)
    for frame in range(12):
        review.check(frame, 0, yes=True, who="x")
    save_pairs([review], out=tmp_path / "made")
    every = read_samples(tmp_path / "made/pairs", splits=["train", "validation", "test", "unused"])
    splits = [s.split for s in sorted(every, key=lambda s: s.frame)]
    assert splits[0] == "train"
    assert splits[-1] == "test"
    assert "validation" in splits
    review.close()


def test_few_units_still_choose_and_test():
    assert shares_for(1) == shares_for(4) == (0.25, 0.25)
    assert shares_for(2) == (0.5, 0.0)


def findings(path):
    path.write_text(
        "file,frame,object,rule,value,limit,severity,status,reason\n"
        'a.tif,1,,dark,0.010,1.50,warning,open,"dark, and cold"\n'
        "b.tif,,,empty,,,error,open,nothing\n"
    )
    return path


def test_a_decision_changes_one_word_of_the_table_of_findings(tmp_path):
    path = findings(tmp_path / "findings.csv")
    before = path.read_text()
    decide_finding(path, 0, "accepted", rule="dark")
    assert path.read_text() == before.replace("warning,open", "warning,accepted")
    decide_finding(path, 0, "open")
    assert path.read_text() == before
    assert read_finding_rows(path)[1]["rule"] == "empty"


@pytest.mark.parametrize(
    ("row", "status", "rule"),
    [(0, "maybe", ""), (2, "open", ""), (-1, "open", ""), (1, "open", "dark")],
)
def test_a_decision_that_means_nothing_is_refused(tmp_path, row, status, rule):
    path = findings(tmp_path / "findings.csv")
    before = path.read_text()
    with pytest.raises(InputError):
        decide_finding(path, row, status, rule=rule)
    assert path.read_text() == before


def test_an_entry_of_the_journal_is_plain_text(review):
    review.edit(LabelEdit(do="remove", label=some_labels(review)[0]), who="owner")
    line = json.loads(journal_of(review.out, "a").read_text().splitlines()[1])
    assert line["kind"] == "edit"
    assert set(line["body"]["change"]) == {"frame", "runs"}


def test_objects_are_measured_in_bands_to_the_bits_of_the_whole_frame(review, monkeypatch):
    monkeypatch.setattr(corrected, "_BAND_ROWS", 10)  # objects lie in several of them
    one, two, three = some_labels(review, 3)
    review.edit(LabelEdit(do="merge", label=one, other=two), who="x")
    review.edit(LabelEdit(do="paint", points=((0.0, 0.0), (40.0, 60.0)), radius_px=3), who="x")
    review.edit(LabelEdit(do="remove", label=three), who="x")
    labels = review.frame(0)
    whole = measure_objects(labels, {"0": review.image.read()}, spacing_um=(0.25, 0.25), frame=0)
    found = read_table(review.write_objects())
    assert found["label"].tolist() == whole["label"].tolist()
    touched = np.isin(whole["label"], [one, labels.max()])
    assert touched.sum() == 2
    for column in found:
        if column in whole:
            np.testing.assert_array_equal(found[column][touched], whole[column][touched])


def test_a_frame_that_is_too_large_is_refused_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(corrected, "_LARGEST_FRAME", 9000)
    review = opened(*result(tmp_path))
    with pytest.raises(InputError, match="too large to be corrected here; the most is 0"):
        review.edit(LabelEdit(do="remove", label=1), who="x")
    assert review.listed() == []
    review.close()


@pytest.mark.slow  # half a gigabyte
def test_a_frame_of_more_than_a_hundred_megapixels_is_corrected(tmp_path):
    size, out = 10_500, tmp_path / "out"
    labels = np.zeros((size, size), np.uint16)
    labels[100:140, 100:150], labels[9000:9020, 10_000:10_040] = 1, 2
    how = {"shape": labels.shape, "axes": "YX", "spacing": SPACING}
    write_image(tmp_path / "a.tif", [(labels > 0).astype(np.uint8)], dtype=np.uint8, **how)
    write_labels(out / "labels/a.tif", labels, dtype=np.uint16, **how)
    table = measure_objects(labels[:10, :10], {"0": labels[:10, :10]}, spacing_um=(0.25, 0.25))
    named = {"image": np.full(len(table), "a", dtype=object), **table.columns}
    write_table(Table(named), out / "objects.parquet")
    review = opened(out, tmp_path / "a.tif")
    review.edit(LabelEdit(do="cut", label=1, points=((90.0, 125.0), (150.0, 125.0))), who="x")
    review.edit(LabelEdit(do="remove", label=2), who="x")
    found = read_table(review.write_objects())
    assert found["label"].tolist() == [1, 3]
    assert found["area_px"].sum() == 2000
    written = read_labels(review.write_labels())
    assert np.unique(written.read(Y=slice(100, 140), X=slice(100, 150))).tolist() == [1, 3]
    assert not written.read(Y=slice(9000, 9020), X=slice(10_000, 10_040)).any()
    review.close()
