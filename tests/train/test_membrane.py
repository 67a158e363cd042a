"""The task of membranes: crops, scores, package, tuning; small rendered volumes."""

import csv
import shutil
from dataclasses import replace

import numpy as np
import pytest
import tifffile

pytest.importorskip("onnx")
pytest.importorskip("openvino")

from tests.systems.membranes.cells.cells import SPACING, embryo

from fatescope.base import (
    Execution,
    FatescopeError,
    FileFormatError,
    InputError,
    ModelError,
    SettingsError,
)
from fatescope.models import check_model, read_package
from fatescope.prepare import (
    PairSettings,
    Sample,
    SliceSettings,
    group_slices,
    read_samples,
    read_slice_volume,
    write_samples,
)
from fatescope.systems.membranes.cells import (
    MembraneSettings,
    cells_in_frame,
    level_image,
    open_membrane_model,
    plane_window,
    wall_network,
)
from fatescope.systems.membranes.compare import held_out
from fatescope.systems.membranes.sides import open_membrane_side
from fatescope.systems.membranes.slices import prepare_slices
from fatescope.systems.membranes.training.crops import (
    MembraneCropSource,
    load_membranes,
    without_rim,
)
from fatescope.systems.membranes.training.scoring import score_planes
from fatescope.systems.membranes.training.settings import MembraneRecipe
from fatescope.systems.membranes.training.task import MembraneTask
from fatescope.systems.training.train import prepare_pairs, train_model
from fatescope.systems.training.tune import plan_tuning, tune_recipe
from fatescope.train import LeaveOut, TuneSettings, find_trainable, fit, read_recipe
from fatescope.train.tune_settings import StudyExecution

SMALL = {
    "crops": {"planes": 3, "size_px": 32, "step_um": 0.3, "spacing_um": SPACING[3]},
    "network": {"widths": (8, 8, 16, 16), "blocks": (1, 1, 1, 1)},
    "fit": {
        "steps": 40,
        "batch": 4,
        "steps_per_epoch": 20,
        "validate_every": 1,
        "learning_rate": 0.01,
        "ema_decay": 0.5,
        "precision": "float32",
    },
    "validation_planes": 2,
}
RECIPE = MembraneRecipe.from_values(SMALL)


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    """Slices of five volumes: three to train, one to choose, one to test."""
    root = tmp_path_factory.mktemp("membranes")
    for time in range(5):
        pixels, labels, _ = embryo(3, seed=time)
        for kind, values in (("raw", pixels), ("labels", labels.astype(np.uint16))):
            (root / "volumes" / kind).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(root / "volumes" / kind / f"e_t{time}.tif", values[8:32:2])
    settings = SliceSettings(
        images="raw/{embryo}_t{frame}.tif",
        labels="labels/{embryo}_t{frame}.tif",
        axes="ZYX",
        spacing_um=(1.2, 0.3, 0.3),
        validation=0.2,
        test=0.2,
        guard_frames=0,
    )
    prepare_slices(
        root / "volumes", out=root / "slices", settings=settings, execution=Execution(workers=1)
    )
    return root / "slices"


@pytest.fixture(scope="module")
def trained(slices, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained")
    return out, train_model(RECIPE, data=slices, out=out)


@pytest.mark.slow
def test_a_crop_depends_on_its_number_alone_and_shows_walls_where_cells_meet(slices):
    volumes = load_membranes(read_samples(slices, splits=["train"]), settings=RECIPE.crops)
    source = MembraneCropSource(volumes, settings=RECIPE.crops, seed=3)
    image, target = source.crop(7)
    again = MembraneCropSource(volumes, settings=RECIPE.crops, seed=3).crop(7)
    assert np.array_equal(image, again[0])
    assert np.array_equal(target, again[1])
    assert image.shape == (3, 32, 32)
    assert target.shape == (3, 32, 32)
    assert not np.array_equal(image, source.crop(8)[0])
    crops = [source.crop(n) for n in range(20)]
    bright = [
        i[1][t[0] > 0.9].mean() - i[1][(t[0] < 0.1) & (t[1] > 0.9)].mean()
        for i, t in crops
        if (t[0] > 0.9).any() and ((t[0] < 0.1) & (t[1] > 0.9)).any()
    ]
    assert np.mean(bright) > 0.1, "walls are bright, and targets lie on them"


@pytest.mark.slow
def test_a_crop_is_seen_as_prediction_sees_it(slices):
    plain = RECIPE.crops.replace(
        turn=0,
        alone=0,
        zoom=(1, 1),
        stretch=0,
        gamma=(1, 1),
        gain=(1, 1),
        blur_px=0,
        noise=0,
        offset=0,
    )
    (volume, *_) = load_membranes(read_samples(slices, splits=["train"]), settings=plain)
    seen = level_image(volume_pixels(slices), plain.spacing_um)
    assert seen is not None
    assert np.array_equal(seen.on_grid(plain.step_um)[1], volume.levelled)
    window = plane_window(volume.levelled, 0, planes=3)
    assert np.array_equal(window[0], window[1]), "at an end the last plane is repeated"


@pytest.mark.slow
def test_a_plane_that_stands_alone_learns_the_walls_that_it_can_show(slices):
    alone = RECIPE.crops.replace(
        alone=1, turn=0, zoom=(1, 1), stretch=0, gamma=(1, 1), gain=(1, 1), noise=0, offset=0
    )
    volumes = load_membranes(read_samples(slices, splits=["train"]), settings=alone)
    (first, *_) = volumes
    assert (first.in_plane <= first.target[0] + 1e-6).all()
    between = MembraneCropSource(volumes, settings=alone.replace(alone=0), seed=3)
    by_itself = MembraneCropSource(volumes, settings=alone, seed=3)
    walls = [
        sum(float(source.crop(n)[1][0].sum()) for n in range(20)) for source in (between, by_itself)
    ]
    assert walls[1] < 0.9 * walls[0], "walls above and below are not asked for"


def test_weights_are_kept_by_the_share_that_is_asked_for():
    import torch

    from fatescope.train.export import mix_weights, weights_bytes
    from fatescope.train.networks import build_network

    shape = RECIPE.network.replace(n_outputs=2)
    before, after = (build_network(shape, seed=k, n_inputs=3).eval() for k in (0, 1))
    expected = {
        n: 0.75 * v + 0.25 * before.state_dict()[n].half().float()
        for n, v in after.state_dict().items()
        if v.ndim > 1
    }
    mix_weights(after, weights_bytes(before), share=0.25)
    for name, value in expected.items():
        assert torch.allclose(after.state_dict()[name], value, atol=1e-6), name


def test_rendered_cells_end_a_pixel_earlier_as_those_of_the_real_embryo_do():
    cells = np.zeros((2, 6, 7), np.int32)
    cells[:, 1:5, 1:4], cells[:, 1:5, 4:] = 1, 2
    trimmed = without_rim(cells)
    assert trimmed[0].tolist() == [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 1, 1, 2, 2, 2],  # where the image ends cells go on
        [0, 0, 1, 1, 2, 2, 2],
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]


def volume_pixels(slices):
    group = group_slices(read_samples(slices, splits=["train"]))[0]
    return read_slice_volume(group).pixels


@pytest.mark.slow
def test_training_writes_curves_baselines_film_and_a_package_that_predicts(trained):
    out, done = trained
    with (out / "log.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {"iou", "dice", "precision", "recall", "wall_f1", "learning_rate"} <= set(rows[0])
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    page = (out / "report.html").read_text()
    assert "filled silhouette" in page
    assert "The same planes over epochs" in page
    assert done.verdict in page
    assert (out / "film.mp4").stat().st_size > 0
    assert (out / "film.gif").stat().st_size > 0
    check = check_model(out / "package")
    assert check.passed, check
    package = read_package(out / "package")
    assert package.description.output.channels == ("wall", "inside")
    assert set(package.description.training.scores) == {
        *("iou", "dice", "precision", "recall", "wall_f1")
    }


@pytest.mark.slow
def test_the_package_predicts_and_a_package_of_something_else_is_refused(trained):
    out, _ = trained
    predictor = open_membrane_model(out / "package")
    pixels, _, points = embryo(3)
    network = wall_network(predictor)
    settings = MembraneSettings(surface_depth_um=0.7, outer_um=0.0)
    found = cells_in_frame(pixels, SPACING[3], settings, markers=points, network=network)
    assert len(np.unique(found.labels)) == len(points) + 1
    assert wall_network(open_membrane_model("classical")) is None
    with pytest.raises(ModelError, match="membrane-maps"):
        open_membrane_model("nuclei")


@pytest.mark.slow
def test_a_killed_training_continues_to_the_same_curve(slices, tmp_path, trained):
    class StopError(Exception):
        pass

    def stop(done, total, row):
        if done < total:
            raise StopError

    task = MembraneTask(RECIPE, data=slices)
    with pytest.raises(StopError):
        fit(task, RECIPE.fit, folder=tmp_path, report=stop)
    fit(MembraneTask(RECIPE, data=slices), RECIPE.fit, folder=tmp_path)
    assert (tmp_path / "log.csv").read_bytes() == (trained[0] / "log.csv").read_bytes()


@pytest.mark.slow
def test_no_test_unit_is_opened_by_training(slices, tmp_path):
    copy = tmp_path / "slices"
    shutil.copytree(slices, copy)
    for sample in read_samples(copy, splits=["test"]):
        sample.image.unlink()
    MembraneTask(RECIPE, data=copy)


@pytest.mark.slow
def test_the_tuning_of_membranes_maximises_their_iou(slices, tmp_path):
    said = {k: SMALL[k] for k in ("crops", "network", "validation_planes")}
    recipe = {"name": "t", "task": "membrane", **said}
    done = tune_recipe(
        recipe,
        data=slices,
        out=tmp_path,
        settings=TuneSettings(trials=2, share=0.2, score="iou", search=("fit.batch=2:4",)),
        execution=StudyExecution(),
    )
    assert done.score == "iou"
    assert done.counts["complete"] == 2
    assert read_recipe(tmp_path / "best.toml").task == "membrane"


@pytest.mark.slow
def test_the_plan_of_a_tuning_reads_one_volume_of_each_set(slices, tmp_path):
    copy = tmp_path / "slices"
    shutil.copytree(slices, copy)
    said = {k: SMALL[k] for k in ("crops", "network", "validation_planes")}
    recipe = {"name": "t", "task": "membrane", **said}
    whole = TuneSettings(trials=9, share=1, score="iou", search=("fit.batch=2:4",))

    rows = read_samples(copy, splits=["train"])
    times = sorted({s.time for s in rows})
    for sample in rows:
        if sample.time != times[1]:
            sample.image.write_bytes(b"nothing")
    plan = plan_tuning(recipe, data=copy, settings=whole, execution=StudyExecution())
    assert len(times) == 3
    assert plan.units == 9
    assert plan.cpu_seconds > 0
    with pytest.raises(FatescopeError):
        MembraneTask(RECIPE, data=copy).batch(0, 2)


def test_the_augmentation_of_2021_is_the_list_that_was_published():
    from fatescope.systems.membranes.training.published import joint_transform

    lists = {
        year: [(type(t).__name__, t.p) for t in joint_transform(year, seed=1).transforms]
        for year in ("2020", "2021")
    }
    moved = [("Transpose", 0.5), ("VerticalFlip", 0.5), ("HorizontalFlip", 0.5)]
    assert lists["2020"] == [*moved, ("RandomRotate90", 0.5)]
    assert lists["2021"] == [
        ("GridDistortion", 1.0),
        ("Transpose", 0.5),
        ("RandomRotate90", 1.0),
        ("RandomBrightnessContrast", 0.9),
        ("Affine", 0.9),  # what ShiftScaleRotate was
        ("OpticalDistortion", 1.0),
    ]


def test_the_tuning_of_2021_is_a_hundred_trials_of_an_epoch_on_a_tenth_of_membranes():
    tune = read_recipe("membrane_100x1x10").tune
    assert (tune.trials, tune.epochs, tune.share, tune.score) == (100, 1, 0.1, "iou")
    assert set(tune.search) == {"fit.learning_rate=0.0005:0.01", "fit.batch=8:64"}


def test_shipped_recipes_of_membranes_are_read_by_their_task():
    for name in ("membrane", "membrane_100x1x10"):
        recipe = read_recipe(name)
        assert isinstance(recipe, MembraneRecipe)
        assert find_trainable(recipe.task).metric == "wall_f1"
    with pytest.raises(SettingsError, match="wall and inside"):
        MembraneRecipe.from_values({"network": {"n_outputs": 3}})


def test_the_shipped_package_draws_walls_of_a_rendered_embryo_on_planes_and_volumes():
    network = wall_network(open_membrane_model("membrane"))
    pixels, true, _ = embryo(3)
    for values, labels, spacing in (
        (pixels, true, SPACING[3]),
        (pixels[20], true[20], SPACING[3][1:]),
    ):
        drawn = network.draw(level_image(values, spacing))
        assert drawn.wall.shape == labels.shape
        border = np.zeros(labels.shape, bool)
        border[..., 1:] = labels[..., 1:] != labels[..., :-1]
        inner = (labels > 0) & ~border
        assert drawn.wall[border].mean() > drawn.wall[inner].mean() + 0.3
        assert drawn.inside[inner].mean() > drawn.inside[labels == 0].mean() + 0.5


@pytest.mark.slow
def test_scores_name_their_plane(slices):
    volumes = load_membranes(read_samples(slices, splits=["validation"]), settings=RECIPE.crops)

    class Nothing:
        def run(self, batch):
            return np.zeros((len(batch), 2, *batch.shape[2:]), np.float32)

    found = list(score_planes(Nothing(), volumes, 3, 2))
    assert [name.rpartition(", ")[0] for name, _, _ in found] == [volumes[0].unit] * 2
    assert all(s.recall == 0 and s.wall_f1 == 0 for _, s, _ in found)


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    """Five volumes as files that know their scale, a label volume of the same name for each."""
    root = tmp_path_factory.mktemp("volumes")
    for time in range(5):
        pixels, labels, _ = embryo(3, seed=time)
        for kind, values in (("images", pixels), ("labels", labels.astype(np.uint16))):
            (root / kind).mkdir(exist_ok=True)
            tifffile.imwrite(
                root / kind / f"e_t{time:02d}.ome.tif",
                values[8:32:2],
                metadata={
                    "axes": "ZYX",
                    **{f"PhysicalSize{a}": s for a, s in zip("ZYX", (1.2, 0.3, 0.3), strict=True)},
                },
            )
    return root


@pytest.mark.slow
def test_volumes_are_trained_on_as_they_lie_and_know_their_own_scale(volumes, slices, tmp_path):
    splits = ("train", "train", "train", "validation", "test")
    rows = [
        Sample(
            image=volumes / "images" / f"e_t{time:02d}.ome.tif",
            labels=volumes / "labels" / f"e_t{time:02d}.ome.tif",
            unit="e",
            frame=time,
            split=split,
        )
        for time, split in enumerate(splits)
    ]
    (tmp_path / "pairs").mkdir()
    write_samples(tmp_path / "pairs" / "samples.csv", rows)
    elsewhere = RECIPE.crops.replace(spacing_um=(0.5, 0.1, 0.1))
    found = load_membranes(read_samples(tmp_path / "pairs", splits=["train"]), settings=elsewhere)
    same = RECIPE.crops.replace(spacing_um=(1.2, 0.3, 0.3))
    cut = load_membranes(read_samples(slices, splits=["train"]), settings=same)
    assert len(found) == len(cut) == 3
    for mine, other in zip(found, cut, strict=True):
        assert mine.spacing_um == pytest.approx((1.2, 0.3, 0.3))
        assert np.array_equal(mine.levelled, other.levelled)
        assert np.array_equal(mine.target, other.target)
        assert mine.planes == other.planes
    done = train_model(RECIPE, data=tmp_path / "pairs", out=tmp_path / "trained")
    training = read_package(tmp_path / "trained" / "package").description.training
    assert training.n_objects > 100, "cross-sections of all planes"
    assert training.scores["wall_f1"] > 0
    assert done.verdict


def test_a_copied_volume_on_two_sides_is_refused(volumes, tmp_path):
    for unit in "abcdef":
        for kind in ("images", "labels"):
            (tmp_path / kind).mkdir(exist_ok=True)
            shutil.copy(volumes / kind / "e_t00.ome.tif", tmp_path / kind / f"{unit}.ome.tif")
    settings = PairSettings(
        images=str(tmp_path / "images" / "*.tif"),
        labels=str(tmp_path / "labels" / "*.tif"),
        unit="{unit}",
    )
    with pytest.raises(InputError, match="identical"):
        prepare_pairs([], out=tmp_path / "out", settings=settings)


def test_planes_are_compared_and_a_volume_is_sent_to_be_cut(volumes, tmp_path):
    row = Sample(
        image=volumes / "images" / "e_t00.ome.tif",
        labels=volumes / "labels" / "e_t00.ome.tif",
        unit="e",
        split="test",
    )
    write_samples(tmp_path / "samples.csv", [row])
    with pytest.raises(InputError, match="Cut it with `fatescope prepare slices`"):
        held_out(tmp_path, [])


def test_a_training_volume_with_two_channels_is_named(volumes, tmp_path):
    pixels = np.zeros((2, 4, 32, 32), np.uint8)
    tifffile.imwrite(tmp_path / "two.ome.tif", pixels, metadata={"axes": "CZYX"})
    sample = Sample(
        image=tmp_path / "two.ome.tif", labels=volumes / "labels" / "e_t00.ome.tif", unit="e"
    )
    with pytest.raises(FileFormatError, match=r"2 along C\. Save the channel with membranes"):
        read_slice_volume([sample])


@pytest.mark.slow
def test_a_package_trained_on_all_has_the_held_out_score_of_its_twin(slices, trained, tmp_path):
    twin = read_package(trained[0] / "package")
    data, out = tmp_path / "all", tmp_path / "out"
    data.mkdir()
    rows = read_samples(slices, splits=["train", "validation", "test"])
    write_samples(data / "samples.csv", [replace(s, split="train") for s in rows])
    asked = LeaveOut(scored_by=str(trained[0] / "package"))
    train_model(RECIPE, data=data, out=out, leave_out=asked)
    package = read_package(out / "package")
    assert package.description.training.scores == twin.description.training.scores
    assert package.sha256 != twin.sha256
    card = package.files["card.md"].decode()
    assert "was trained on all 5 units" in card
    assert "trained on 4 of them" in card
    assert f"| F1 of walls at 2 px | {twin.description.training.scores['wall_f1']:.3f}" in card
    assert "--scored-by PACKAGE" in card
    # The frames that it has seen are refused, one by one, and others of this embryo are not.
    with pytest.raises(InputError, match=r"has seen 1 of the test units \(e@4\)"):
        held_out(slices, [open_membrane_side(out / "package")])
    later = tmp_path / "later"
    later.mkdir()
    moved = [replace(s, frame=9, time=9) if s.split == "test" else s for s in rows]
    write_samples(later / "samples.csv", moved)
    assert len(held_out(later, [open_membrane_side(out / "package")])) == 1


@pytest.mark.slow
def test_a_twin_is_of_the_same_recipe_and_has_seen_a_part(slices, trained, tmp_path):
    asked = LeaveOut(scored_by=str(trained[0] / "package"))

    def refused(message, recipe=RECIPE, data=slices, leave_out=asked):
        with pytest.raises(InputError, match=message):
            train_model(recipe, data=data, out=tmp_path / "out", leave_out=leave_out)

    refused("has seen all of these data")
    refused("with seed 0, not membrane with 7", recipe=RECIPE.replace(seed=7))
    part = tmp_path / "part"
    part.mkdir()
    rows = read_samples(slices, splits=["train", "validation", "test"])
    write_samples(part / "samples.csv", [s for s in rows if s.time != 0])
    refused("has seen units that these data lack", data=part)
    with pytest.raises(SettingsError, match="not both"):
        LeaveOut.from_values({"leave_out": "all", "scored_by": "membrane"})
