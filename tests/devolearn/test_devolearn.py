"""DevoLearn's classes on our models: signatures, return types, and the calls of its README."""

import inspect
import logging
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage
from skimage.measure import label
from tests.populations_cases import scene, truth_of, write_pair

import fatescope as fs
from fatescope import devolearn
from fatescope.acquire.movies import write_frames
from fatescope.base import FatescopeError, InputError
from fatescope.devolearn import (
    cell_membrane_segmentor,
    cell_nucleus_segmentor,
    embryo_generator_model,
    lineage_population_model,
)
from fatescope.devolearn.note import name_new_way
from fatescope.devolearn.values import (
    centroids_of,
    check_device,
    check_size,
    draw_centroids,
    fit_labels,
    grey_frame,
    paint_map,
)
from fatescope.simulate import simulate_image
from fatescope.simulate.embryo import EmbryoScene, VolumeSettings
from fatescope.simulate.embryo.settings import LineageSettings
from fatescope.simulate.settings import NucleiMovieSettings
from fatescope.systems.simulation.rendered import read_or_draw

OF_VIDEO = ["video_path", "pred_size", "save_folder", "centroid_mode", "color_mode"]
OF_PLOT = ["video_path", "save_plot", "plot_name", "ignore_first_n_frames"]


@pytest.fixture(scope="module")
def membranes(tmp_path_factory):
    """One plane of rendered membranes, as a grey file, and its truth."""
    lives = read_or_draw(LineageSettings(minutes=60), table=None, seed=4)
    settings = VolumeSettings(planes=1, height=160, width=220, channels=("membrane",))
    plane = EmbryoScene(lives, settings, seed=4).render(40)
    path = tmp_path_factory.mktemp("membranes") / "plane.png"
    PillowImage.fromarray(plane.pixels[0, 0]).save(path)
    return path, plane.labels["membrane"][0]


@pytest.fixture(scope="module")
def nuclei(tmp_path_factory):
    pixels, truth = simulate_image(NucleiMovieSettings(height=120, width=150), seed=3)
    path = tmp_path_factory.mktemp("nuclei") / "nuclei.tif"
    tifffile.imwrite(path, pixels)
    return path, pixels, truth


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    seen = scene(5, minutes=90.0)
    return write_pair(tmp_path_factory.mktemp("movie"), "a", seen), seen


@pytest.fixture(scope="module")
def counter():
    return lineage_population_model(device="cpu")


def assert_apart(found, labels):
    """Every object is in the map, and no connected piece of the map holds two of them."""
    cells = fit_labels(labels, found.shape[::-1])[found > 0]
    pieces = label(found > 0, connectivity=2)[found > 0]
    assert set(cells.tolist()) == set(np.unique(labels).tolist()) - {0}
    assert len(set(zip(pieces.tolist(), cells.tolist(), strict=True))) == pieces.max()


def test_a_map_has_the_old_size_and_the_cells_of_the_new_way(membranes):
    path, _ = membranes
    found = cell_membrane_segmentor().predict(image_path=str(path))
    assert found.shape == (250, 350)
    assert found.dtype == np.float32
    assert set(np.unique(found)) == {0.0, 1.0}
    assert_apart(found, fs.segment_membranes(path).labels)
    assert cell_membrane_segmentor().predict(path, pred_size=(60, 40)).shape == (40, 60)


def test_centroids_lie_in_the_map_and_outlines_are_drawn_with_them(membranes):
    path, _ = membranes
    segmentor = devolearn.embryo_segmentor(device="cpu")
    drawn, centroids = segmentor.predict(str(path), centroid_mode=True)
    labels = fs.segment_membranes(path).labels
    assert len(centroids) == len(np.unique(labels)) - 1
    assert drawn.shape == (250, 350)
    assert all(drawn[y, x] == 255 for x, y in centroids)
    assert all(type(v) is int for place in centroids for v in place)
    coloured, again = segmentor.predict(str(path), centroid_mode=True, color_mode=True)
    assert again == centroids
    assert coloured.shape == (250, 350, 3)
    assert coloured[centroids[0][1], centroids[0][0]].tolist() == [0, 255, 0]


def test_a_movie_gives_an_image_for_each_frame_and_a_table_of_centroids(membranes, tmp_path):
    path, _ = membranes
    grey = np.asarray(PillowImage.open(path))
    frames = [np.stack([f] * 3, axis=-1) for f in (grey, grey[:, ::-1])]
    film = tmp_path / "film.mp4"
    write_frames(film, iter(frames), frames_per_second=7, codec="mpeg4", kbit_s=900)
    segmentor, folder = cell_membrane_segmentor(), tmp_path / "preds"
    names = segmentor.predict_from_video(
        video_path=str(film), pred_size=(110, 80), centroid_mode=False, save_folder=str(folder)
    )
    assert names == ["0.png", "1.png"]
    first = np.asarray(PillowImage.open(folder / "0.png"))
    assert first.shape == (80, 110)
    assert set(np.unique(first)) == {0, 255}
    table = segmentor.predict_from_video(
        video_path=str(film), pred_size=(110, 80), centroid_mode=True, save_folder=str(folder)
    )
    assert table["filenames"].tolist() == [f"{folder}/0.png", f"{folder}/1.png"]
    assert min(len(c) for c in table["centroids"]) > 0
    table.to_csv(tmp_path / "centroids.csv")


def test_nuclei_keep_their_number_in_the_map(nuclei):
    path, pixels, _ = nuclei
    found = cell_nucleus_segmentor().predict(str(path), pred_size=(300, 240))
    labels = fs.segment_nuclei(pixels).labels
    assert found.shape == (240, 300)
    assert found.dtype == np.float32
    assert 0 < found.max() <= 1
    assert_apart(found, labels)


def test_one_frame_is_counted_by_letter(counter, movie, tmp_path):
    _, seen = movie
    PillowImage.fromarray(seen.render(20)).save(tmp_path / "frame.png")
    counts = counter.predict(image_path=str(tmp_path / "frame.png"))
    assert list(counts) == ["A", "E", "M", "P", "C", "D", "Z"]
    assert all(type(n) is int for n in counts.values())
    truth = truth_of(seen)[20, 0]
    assert sum(counts.values()) == pytest.approx(truth, rel=0.35)


def test_a_movie_is_counted_as_the_new_way_counts_it(counter, movie, tmp_path):
    path, seen = movie
    results = counter.predict_from_video(
        video_path=str(path),
        save_csv=True,
        csv_name=str(tmp_path / "video_preds.csv"),
        ignore_first_n_frames=5,
        ignore_last_n_frames=4,
    )
    assert list(results) == ["A", "E", "M", "P", "C", "D", "Z"]
    assert results.index.tolist() == list(range(5, seen.length - 4))
    new = fs.count_populations(path).populations
    total = new["count"][new["founder"] == "total"][5 : seen.length - 4]
    assert results.sum(axis=1).tolist() == total.tolist()
    written = (tmp_path / "video_preds.csv").read_text().splitlines()
    assert written[0] == "A,E,M,P,C,D,Z"
    assert len(written) == len(results) + 1


def test_the_plot_is_pyplot_and_is_saved(counter, movie, tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    plot = counter.create_population_plot_from_video(
        video_path=str(movie[0]), save_plot=True, plot_name=str(tmp_path / "plot.png")
    )
    axes = plot.gca()
    assert [line.get_label() for line in axes.lines] == ["A", "E", "M", "P", "C", "D", "Z"]
    assert axes.get_xlabel() == "frame"
    with PillowImage.open(tmp_path / "plot.png") as written:
        assert written.width > 300
    plot.close("all")


def test_generated_images_differ_repeat_with_their_seed_and_come_with_their_truth(tmp_path):
    generator = embryo_generator_model()
    first, second = (generator.generate(image_size=(140, 100)) for _ in range(2))
    assert first.shape == (100, 140)
    assert first.dtype == np.uint8
    assert not np.array_equal(first, second)
    again = embryo_generator_model(seed=0)
    again.generate_n_images(n=2, foldername=str(tmp_path / "made"), image_size=(140, 100))
    assert np.array_equal(np.asarray(PillowImage.open(tmp_path / "made" / "0.png")), first)
    assert np.array_equal(np.asarray(PillowImage.open(tmp_path / "made" / "1.png")), second)
    counts = fs.read_table(tmp_path / "made" / "counts.csv")
    letters = np.sum([counts[x] for x in "AEMPCDZ"], axis=0)
    assert counts["image"].tolist() == ["0.png", "1.png"]
    assert letters.tolist() == counts["total"].tolist()
    assert min(letters) >= 2


@pytest.mark.parametrize(
    ("call", "first"),
    [
        (cell_membrane_segmentor.__init__, ["device"]),
        (
            cell_membrane_segmentor.predict,
            ["image_path", "pred_size", "centroid_mode", "color_mode"],
        ),
        (
            cell_membrane_segmentor.predict_from_video,
            [
                "video_path",
                "pred_size",
                "save_folder",
                "centroid_mode",
                "color_mode",
                "notebook_mode",
            ],
        ),
        (cell_nucleus_segmentor.predict, ["image_path", "pred_size"]),
        (lineage_population_model.predict, ["image_path"]),
        (
            lineage_population_model.predict_from_video,
            ["video_path", "csv_name", "save_csv", "ignore_first_n_frames", "ignore_last_n_frames"],
        ),
        (
            lineage_population_model.create_population_plot_from_video,
            [
                "video_path",
                "save_plot",
                "plot_name",
                "ignore_first_n_frames",
                "ignore_last_n_frames",
            ],
        ),
        (embryo_generator_model.generate, ["image_size"]),
        (
            embryo_generator_model.generate_n_images,
            ["n", "foldername", "image_size", "notebook_mode"],
        ),
    ],
    ids=lambda v: getattr(v, "__qualname__", ""),
)
def test_arguments_have_the_old_names_in_the_old_order(call, first):
    given = list(inspect.signature(call).parameters)[1:]
    assert given[: len(first)] == first


def test_each_call_names_the_new_way_once(caplog):
    name_new_way.cache_clear()
    generator = embryo_generator_model()
    with caplog.at_level(logging.WARNING, logger="fatescope.devolearn"):
        generator.generate((64, 48))
        generator.generate((64, 48))
    assert [r.getMessage().split(":")[0] for r in caplog.records] == [
        "embryo_generator_model.generate"
    ]
    assert "fatescope simulate movie" not in caplog.records[0].getMessage()
    assert "simulate embryo" in caplog.records[0].getMessage()


def test_the_old_first_argument_of_the_counter_still_works():
    assert lineage_population_model(mode="cpu").device == "cpu"


def test_neither_torch_nor_pickle_is_loaded():
    code = (
        "import sys, fatescope.devolearn as d\n"
        "d.embryo_generator_model().generate((64, 48)), d.cell_nucleus_segmentor()\n"
        "print(sorted({'torch', 'joblib', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: check_device("tpu"), 'device must be "cpu" or "cuda"'),
        (lambda: check_size((350,), name="pred_size"), "pred_size must be"),
        (lambda: check_size((0, 3), name="image_size"), "image_size must be"),
        (lambda: embryo_generator_model().generate_n_images(n=0), "n must be 1 or more"),
        (lambda: devolearn.Generator(128, 128, 1), "Use embryo_generator_model"),
        (lambda: cell_nucleus_segmentor().predict("missing.png"), "missing.png"),
        (
            lambda: grey_frame(fs.Image(pixels=np.zeros((2, 4, 4)), axes="ZYX", name="a")),
            "takes one plane",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(call, said):
    with pytest.raises(FatescopeError, match=said):
        call()


def test_a_movie_given_as_an_image_is_sent_to_the_other_call(counter, movie):
    with pytest.raises(InputError, match="predict_from_video"):
        counter.predict(str(movie[0]))


def test_touching_objects_are_divided_by_a_line_of_zeros_by_hand():
    labels = np.array([[1, 1, 2, 2], [1, 1, 2, 2], [0, 3, 0, 0]])
    found = paint_map(labels, np.array([0, 0.5, 0.75, 1.0]))
    assert found.tolist() == [[0.5, 0.5, 0, 0.75], [0.5, 0.5, 0, 0.75], [0, 0, 0, 0]]


def test_labels_fit_another_grid_by_their_nearest_pixel():
    labels = np.array([[1, 2], [3, 0]])
    assert fit_labels(labels, (4, 2)).tolist() == [[1, 1, 2, 2], [3, 3, 0, 0]]
    assert fit_labels(fit_labels(labels, (6, 6)), (2, 2)).tolist() == labels.tolist()


def test_centroids_are_x_and_y_of_each_object_by_hand():
    labels = np.zeros((6, 9), int)
    labels[0:3, 2:5] = 1
    labels[4, 6:9] = 4
    assert centroids_of(labels) == [(3, 1), (7, 4)]
    drawn = draw_centroids(labels, [], colour=False)
    assert drawn[1, 3] == 0
    assert drawn[0, 3] == 255
    assert centroids_of(np.zeros((2, 2), int)) == []


def test_colours_become_grey_as_the_eye_sees_them():
    pixels = np.zeros((3, 1, 3), np.uint8)
    for channel in range(3):
        pixels[channel, 0, channel] = 255
    image = fs.Image(pixels=pixels, axes="CYX", name="a", channels=("red", "green", "blue"))
    assert grey_frame(image).tolist() == [[76, 150, 29]]


@pytest.mark.slow
@pytest.mark.data
def test_the_examples_of_the_readme_run_on_its_own_samples(data_dir, tmp_path):
    sample = data_dir / "devolearn_samples"
    segmentor = devolearn.embryo_segmentor()
    assert segmentor.predict(image_path=str(sample / "seg_sample.jpg")).max() == 1
    _, centroids = segmentor.predict(image_path=str(sample / "seg_sample.jpg"), centroid_mode=True)
    assert len(centroids) > 2
    assert cell_nucleus_segmentor().predict(str(sample / "nucleus_seg_sample.png")).max() > 0.5
    model = lineage_population_model(device="cpu")
    counts = model.predict(image_path=str(sample / "embryo_sample.png"))
    assert sum(counts.values()) > 20
    movie = str(sample / "embryo_timelapse.mov")
    results = model.predict_from_video(
        video_path=movie,
        save_csv=True,
        csv_name=str(tmp_path / "video_preds.csv"),
        ignore_first_n_frames=10,
        ignore_last_n_frames=10,
    )
    assert results.index[0] == 10
    truth = fs.read_table(sample / "counts.csv")
    assert len(results) > 100
    assert len(truth) > 100
