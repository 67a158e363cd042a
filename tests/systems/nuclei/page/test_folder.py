"""A report is read back from the files of an output folder, and from nothing else."""

import json

import numpy as np
import pytest
import tifffile
from tests.systems.nuclei.page.cases import discs, image_of, render_report

from fatescope.acquire import read_image, write_labels
from fatescope.base import Finding, RunError, Spacing, Table
from fatescope.engine import Run, input_record
from fatescope.systems.nuclei.page.folder import nuclei_report_from_folder


def _rows(key, frame, labels, *, pixel_um, track=False):
    n = np.bincount(labels.ravel())
    y, x = np.nonzero(labels)
    of = labels[y, x]
    present = np.flatnonzero(n)[1:]
    columns = {
        "image": np.full(len(present), key, dtype=object),
        "label": present,
        "frame": np.full(len(present), frame),
        "z": np.zeros(len(present)),
        "y": (np.bincount(of, y) / np.maximum(np.bincount(of), 1))[present],
        "x": (np.bincount(of, x) / np.maximum(np.bincount(of), 1))[present],
        "area_px": n[present],
        "area_um2": n[present] * pixel_um**2,
    }
    return Table(columns | ({"track_id": present} if track else {}))


def _add(run, folder, key, frames, *, pixel_um=0.5, findings=(), track=False):
    """Write one input and what a command would have found in it."""
    images = np.stack([image_of(f, seed=i) for i, f in enumerate(frames)]).astype(np.uint16)
    path = folder / f"{key}.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = "TYX" if len(frames) > 1 else "YX"
    tifffile.imwrite(path, images if len(frames) > 1 else images[0], photometric="minisblack")
    image = read_image(path, axes=axes)
    spacing = Spacing.of(source="user", Y=pixel_um, X=pixel_um)
    stack = np.stack(frames) if len(frames) > 1 else frames[0]
    labels = run.out / "labels" / f"{key}.tif"
    write_labels(labels, stack, shape=stack.shape, axes=axes, dtype=stack.dtype, spacing=spacing)
    said = input_record(image, [path]) | {"spacing": spacing.as_record()}
    tables = [_rows(key, i, f, pixel_um=pixel_um, track=track) for i, f in enumerate(frames)]
    run.record(key, input=said, table=Table.concatenate(tables), findings=findings, files=[labels])


def _doubt(key, label, *, frame=0):
    return Finding(
        file=key,
        rule="doubtful",
        reason="2.6 times the median size.",
        severity="info",
        frame=frame,
        object=str(label),
        value=2.6,
        limit=1.0,
    )


@pytest.fixture
def movie_run(tmp_path):
    frames = [discs(6 + i) for i in range(4)]
    with Run.open(tmp_path / "out", command="predict nuclei", settings={"axes": "TYX"}) as run:
        run.pending(["movie"])
        _add(run, tmp_path / "in", "movie", frames, findings=[_doubt("movie", 3, frame=2)])
        run.finish()
    return tmp_path / "out"


def test_numbers_are_those_of_the_files(movie_run):
    report = nuclei_report_from_folder(movie_run)
    assert report.n_objects == 6 + 7 + 8 + 9
    assert report.images[0].counts.tolist() == [6, 7, 8, 9]
    assert report.size_unit == "µm²"
    assert report.median_size == pytest.approx(np.median(report.sizes))
    assert len(report.sizes) == 30
    assert report.columns[:3] == ("image", "label", "frame")
    assert report.images[0].spacing["X"] == {"value": 0.5, "unit": "µm", "source": "user"}


def test_images_and_labels_are_those_of_the_frames(movie_run):
    report = nuclei_report_from_folder(movie_run)
    assert [p.frame for p in report.previews] == [0, 1, 2, 3]
    np.testing.assert_array_equal(report.previews[3].labels, discs(9))
    inside = report.previews[0].image[discs(6) > 0].mean()
    assert inside > 3 * report.previews[0].image[discs(6) == 0].mean()


def test_a_doubtful_object_has_a_thumbnail_with_itself_in_the_middle(movie_run):
    (doubt,) = nuclei_report_from_folder(movie_run).doubtful
    assert (doubt.frame, doubt.label) == (2, 3)
    middle = tuple(n // 2 for n in doubt.thumbnail_labels.shape)
    assert 3 in doubt.thumbnail_labels
    assert doubt.thumbnail.shape == doubt.thumbnail_labels.shape
    assert min(middle) >= 24


def test_the_same_folder_gives_the_same_bytes(movie_run):
    first = render_report(nuclei_report_from_folder(movie_run))
    assert render_report(nuclei_report_from_folder(movie_run)) == first


def test_a_continued_run_is_reported_whole(tmp_path):
    for keys in (["a"], ["a", "b"]):
        with Run.open(tmp_path / "out", command="predict nuclei", settings={}) as run:
            for key in run.pending(keys):
                _add(run, tmp_path / "in", key, [discs(5)])
            run.finish()
    report = nuclei_report_from_folder(tmp_path / "out")
    assert [i.key for i in report.images] == ["a", "b"]
    assert report.n_objects == 10


def test_inputs_that_are_gone_are_not_shown_but_counted(movie_run):
    (movie_run.parent / "in" / "movie.tif").unlink()
    report = nuclei_report_from_folder(movie_run)
    assert report.previews == ()
    assert report.n_objects == 30
    assert b"No image can be shown" in render_report(report)


def test_failed_units_keep_their_reason(tmp_path):
    bad = Finding(file="bad", rule="unreadable", reason="The file ends early.", severity="error")
    with Run.open(tmp_path / "out", command="predict nuclei", settings={}) as run:
        run.pending(["good", "bad"])
        _add(run, tmp_path / "in", "good", [discs(5)])
        run.fail("bad", bad)
        run.finish()
    report = nuclei_report_from_folder(tmp_path / "out")
    assert [i.problem for i in report.images] == ["", "The file ends early."]
    assert report.findings[0]["severity"] == "error"


def test_a_run_in_which_everything_failed_has_a_page(tmp_path):
    bad = Finding(file="bad", rule="unreadable", reason="The file ends early.", severity="error")
    with Run.open(tmp_path / "out", command="predict nuclei", settings={}) as run:
        run.pending(["bad"])
        run.fail("bad", bad)
        run.finish()
    page = render_report(nuclei_report_from_folder(tmp_path / "out"))
    assert b"The file ends early." in page


def test_tracks_decide_colours_where_they_are_known(tmp_path):
    with Run.open(tmp_path / "out", command="predict nuclei", settings={"axes": "TYX"}) as run:
        run.pending(["m"])
        _add(run, tmp_path / "in", "m", [discs(3), discs(4)], track=True)
        run.finish()
    report = nuclei_report_from_folder(tmp_path / "out")
    assert report.colours["m", 1, 4] == 4


def test_a_large_image_is_shrunk_and_its_dense_part_is_cut_out(tmp_path):
    large = np.zeros((900, 1400), np.uint16)
    small = discs(20)
    large[700:860, 1100:1260] = small
    large[20:40, 20:40] = 77
    with Run.open(tmp_path / "out", command="predict nuclei", settings={"axes": "YX"}) as run:
        run.pending(["large"])
        _add(run, tmp_path / "in", "large", [large], findings=[_doubt("large", 77)])
        run.finish()
    whole, dense, doubted = nuclei_report_from_folder(tmp_path / "out").previews
    assert whole.step == 3
    assert whole.labels.shape == whole.image.shape == (300, 467)
    assert dense.step == 1
    assert set(np.unique(small)) <= set(np.unique(dense.labels))
    assert doubted.origin == (0, 0)
    assert 77 in doubted.labels


def test_many_images_are_a_sample_with_the_doubtful_ones_in_it(tmp_path):
    keys = [f"i{k:03d}" for k in range(40)]
    with Run.open(tmp_path / "out", command="predict nuclei", settings={}) as run:
        for key in run.pending(keys):
            findings = [_doubt(key, 2)] if key == "i017" else []
            _add(run, tmp_path / "in", key, [discs(3, size=64)], findings=findings)
        run.finish()
    report = nuclei_report_from_folder(tmp_path / "out")
    shown = [p.key for p in report.previews]
    assert len(shown) == 24
    assert {"i000", "i017", "i039"} <= set(shown)


def test_a_run_that_found_nothing_can_be_reported(tmp_path):
    with Run.open(tmp_path / "out", command="predict nuclei", settings={}) as run:
        run.pending(["dark"])
        _add(run, tmp_path / "in", "dark", [np.zeros((30, 30), np.uint8)])
        run.finish()
    page = render_report(nuclei_report_from_folder(tmp_path / "out"))
    assert b"No nucleus was found" in page


def test_a_folder_without_a_record_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"there is no run\.json"):
        nuclei_report_from_folder(tmp_path)


def test_a_damaged_record_is_refused(tmp_path):
    (tmp_path / "run.json").write_text("[1, 2")
    with pytest.raises(RunError, match="cannot be read as JSON"):
        nuclei_report_from_folder(tmp_path)


def test_a_record_without_its_table_is_refused(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"inputs": [{"image": "a", "state": "done"}]}))
    with pytest.raises(RunError, match=r"objects\.parquet: is missing"):
        nuclei_report_from_folder(tmp_path)
