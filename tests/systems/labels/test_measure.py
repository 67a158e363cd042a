"""Label images and their images on disk become one table, the same for any workers."""

import numpy as np
import pytest

from fatescope.acquire import read_table, write_labels
from fatescope.base import Execution, InputError, Spacing
from fatescope.measurement import MeasureSettings, measure_objects
from fatescope.pages.answer import read_answer
from fatescope.pages.chart import number
from fatescope.simulate import NucleiMovieSettings, simulate_nuclei
from fatescope.systems.labels.measure import measure_files

ALONE = Execution(workers=1)


@pytest.fixture
def folders(tmp_path):
    """Two movies of two frames, with labels; the first knows its spacing."""
    wanted = NucleiMovieSettings(frames=2, height=600, width=64)
    for seed in (1, 2):
        movie = simulate_nuclei(wanted, seed=seed)
        spacing = movie.spacing if seed == 1 else Spacing()
        for folder, pixels in (("images", movie.pixels), ("labels", movie.labels)):
            write_labels(
                tmp_path / folder / f"m{seed}.tif",
                pixels,
                shape=pixels.shape,
                axes="TYX",
                dtype=pixels.dtype,
                spacing=spacing,
            )
    return tmp_path


def measured(folder, name="out", *, settings=None, execution=ALONE):
    summary = measure_files(
        folder / "images",
        folder / "labels",
        out=folder / name,
        settings=settings or MeasureSettings(),
        execution=execution,
    )
    return summary, read_table(folder / name / "objects.csv")


def test_the_table_is_that_of_whole_frames(folders):
    summary, table = measured(folders, settings=MeasureSettings(spacing_um=(0.5,)))
    assert (summary.units_done, summary.exit_code) == (2, 0)
    assert list(table)[:6] == ["image", "label", "frame", "z", "y", "x"]
    movie = simulate_nuclei(NucleiMovieSettings(frames=2, height=600, width=64), seed=2)
    whole = measure_objects(movie.labels[1], {"0": movie.pixels[1]}, spacing_um=(0.5, 0.5), frame=1)
    own = table.rows((table["image"] == "m2") & (table["frame"] == 1))
    for name in whole:
        np.testing.assert_array_equal(own[name], whole[name])


def test_the_page_says_how_many_of_which_size_and_shows_the_outlines(folders):
    summary, table = measured(folders)
    page = summary.report.read_text("utf-8")
    known = table["area_um2"][np.isfinite(table["area_um2"])]  # one image has no micrometres
    low, median, high = (number(float(v)) for v in np.percentile(known, [25, 50, 75]))
    assert read_answer(summary.report) == (
        f"{len(table)} objects in 2 images; the area in µm² is known of {len(known)} of them: "
        f"a median of {median} µm² (half of them {low} to {high})."
    )
    assert "area (µm²)</th>" in page
    assert "area (px)</th>" in page
    cut = int(table["touches_border"].sum())
    assert f"{cut} of {len(table)} objects touch the border of their image" in page
    without = int((table["image"] == "m2").sum())
    assert f"The size of a pixel is not known for {without} of them" in page
    assert "m1" in page
    assert "m2" in page


@pytest.mark.parametrize(("spacing_um", "unit"), [(None, "px"), ((0.5,), "µm²")])
def test_one_unit_is_named_where_all_sizes_have_it(tmp_path, spacing_um, unit):
    labels = np.zeros((20, 20), np.uint8)
    labels[2:6, 2:6], labels[10:14, 2:8] = 1, 2
    for name in ("a.tif", "l.tif"):
        write_labels(
            tmp_path / name, labels, shape=(20, 20), axes="YX", dtype=np.uint8, spacing=Spacing()
        )
    settings = MeasureSettings(spacing_um=spacing_um)
    out = measure_files(
        tmp_path / "a.tif",
        tmp_path / "l.tif",
        out=tmp_path / "o",
        settings=settings,
        execution=ALONE,
    )
    median = "20 px" if unit == "px" else "5 µm²"
    assert read_answer(out.report) == f"2 objects in 1 image, of a median area of {median}."
    page = out.report.read_text("utf-8")
    assert f"area ({unit})</th>" in page
    assert ("# spacing_um is not set" in page) == (spacing_um is None)
    assert "Copy the settings" in page


def test_a_page_of_empty_labels_says_that_nothing_was_outlined(tmp_path):
    for name in ("a.tif", "l.tif"):
        pixels = np.full((8, 8), 7 if name == "a.tif" else 0, np.uint8)
        write_labels(
            tmp_path / name, pixels, shape=(8, 8), axes="YX", dtype=np.uint8, spacing=Spacing()
        )
    summary = measure_files(
        tmp_path / "a.tif",
        tmp_path / "l.tif",
        out=tmp_path / "out",
        settings=MeasureSettings(),
        execution=ALONE,
    )
    assert read_answer(summary.report) == "No object was outlined in 1 image."


def test_an_unknown_spacing_leaves_micrometres_empty(folders):
    _, table = measured(folders)
    assert np.isfinite(table["area_um2"][table["image"] == "m1"]).all()
    assert np.isnan(table["area_um2"][table["image"] == "m2"]).all()


def test_two_workers_give_the_same_bytes(folders):
    measured(folders, "one")
    measured(folders, "two", execution=Execution(workers=2))
    for name in ("objects.csv", "objects.parquet", "findings.csv"):
        one, two = (folders / which / name for which in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_a_image_without_labels_is_named_and_the_rest_is_measured(folders):
    (folders / "labels" / "m1.tif").unlink()
    summary, table = measured(folders)
    assert (summary.units_done, summary.units_failed, summary.exit_code) == (1, 1, 1)
    assert set(table["image"]) == {"m2"}
    findings = read_table(folders / "out" / "findings.csv")
    assert any("no label image has its name" in reason for reason in findings["reason"])
    images = read_table(folders / "out" / "images.csv")
    assert dict(zip(images["image"], images["state"], strict=True)) == {
        "m2": "done",
        "m1": "failed",
    }
    assert images["n_objects"][0] == len(table)


def test_labels_of_another_shape_cost_their_file_only(folders):
    other = np.ones((2, 5, 5), np.uint8)
    path = folders / "labels" / "m1.tif"
    write_labels(path, other, shape=other.shape, axes="TYX", dtype="u1", spacing=Spacing())
    summary, _ = measured(folders)
    assert (summary.units_done, summary.units_failed) == (1, 1)


def test_neighbours_are_counted_across_bands_and_planes(tmp_path):
    labels = np.zeros((2, 520, 6), np.uint8)
    labels[0, :512], labels[0, 512:], labels[1, :5, :3] = 1, 2, 3
    for folder in ("images", "labels"):
        write_labels(
            tmp_path / folder / "v.tif",
            labels,
            shape=labels.shape,
            axes="ZYX",
            dtype="u1",
            spacing=Spacing(),
        )
    _, table = measured(tmp_path)
    assert table["label"].tolist() == [1, 2, 3]
    assert table["n_neighbours"].tolist() == [2, 1, 1]


def test_a_volume_has_voxels_and_z(tmp_path):
    labels = np.zeros((3, 8, 8), np.uint8)
    labels[1:, 2:4, 2:6] = 4
    for folder in ("images", "labels"):
        write_labels(
            tmp_path / folder / "v.tif",
            labels,
            shape=labels.shape,
            axes="ZYX",
            dtype="u1",
            spacing=Spacing.of(source="file", Z=1.0, Y=0.5, X=0.5),
        )
    _, table = measured(tmp_path)
    assert table["z"].tolist() == [1.5]
    assert table["volume_px"].tolist() == [16]
    assert table["volume_um3"].tolist() == [4.0]
    assert table["mean_0"].tolist() == [4.0]


def test_three_steps_for_a_plane_cost_every_file_and_say_why(folders):
    wanted = MeasureSettings(spacing_um=(1, 1, 1))
    summary = measure_files(
        folders / "images",
        folders / "labels",
        out=folders / "out",
        settings=wanted,
        execution=ALONE,
    )
    assert (summary.units_done, summary.exit_code) == (0, 2)
    reasons = read_table(folders / "out" / "findings.csv")["reason"]
    assert "gives 3 steps" in reasons[0]


def test_a_folder_that_is_missing_is_named(folders):
    with pytest.raises(InputError, match="nowhere: there is no such file or folder"):
        measure_files(
            folders / "nowhere",
            folders / "labels",
            out=folders / "out",
            settings=MeasureSettings(),
            execution=ALONE,
        )
