"""``fatescope reproduce membranes-2021`` on a rendered embryo and on tiny volumes."""

import csv
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import tifffile
from skimage.measure import label
from tests.app.browsing import needs_chromium
from tests.pages.looking import reads_well
from tests.systems.membranes.cells.cells import embryo

from fatescope.base import InputError
from fatescope.prepare import close_gaps
from fatescope.prepare.published_slices import mask_of_2020, mask_of_2021
from fatescope.systems.membranes.reproduce.arms import membrane_arms, planes_of_arm, read_volume
from fatescope.systems.membranes.reproduce.quick import QUICK, SEED, render_embryo
from fatescope.systems.membranes.reproduce.run import MEMBRANES_2021, run_unit, volumes_by_time
from fatescope.systems.reproduction.settings import MembranesRecipe

NEEDED = ("torch", "albumentations", "segmentation_models_pytorch", "optuna")
pytestmark = pytest.mark.skipif(
    not all(find_spec(name) for name in NEEDED), reason="the extra `train` is not installed"
)
TINY = MembranesRecipe(
    epochs=1,
    batch=8,
    size_px=32,
    arm_steps=2,
    trials=1,
    corrected_steps=50,
    images="raw/{embryo}_t{frame}.tif",
    labels="labels/{embryo}_t{frame}.tif",
    spacing_um=(1.2, 0.3, 0.3),
    guard_frames=0,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five small volumes of one embryo, labels on a finer grid along Z."""
    root = tmp_path_factory.mktemp("embryo")
    for time in range(5):
        pixels, labels, _ = embryo(3, seed=time)
        (root / "raw").mkdir(exist_ok=True)
        (root / "labels").mkdir(exist_ok=True)
        for kind, values in (("raw", pixels[8:32:2]), ("labels", labels[8:32].astype(np.uint16))):
            path = root / kind / f"e_t{time}.tif"
            tifffile.imwrite(path, values, metadata={"axes": "ZYX"})
    return root


@pytest.fixture(scope="module")
def done(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "m"
    return out, MEMBRANES_2021.run(out=out, recipe=TINY, data=folder, workers=1)


def rows(path):
    with path.open() as stream:
        return list(csv.DictReader(stream))


@pytest.mark.slow
def test_the_page_holds_published_run_again_each_correction_and_corrected(done):
    out, summary = done
    assert (summary.units_done, summary.exit_code) == (12, 0)
    arms = rows(out / "arms.csv")
    assert [r["arm"] for r in arms] == [
        *("published", "old", "new", "frames", "time", "grid", "noise", "list-2020", "corrected")
    ]
    equal = {r["steps"] for r in arms if r["arm"] not in ("published", "corrected")}
    assert equal == {"2"}, "arms of the ablation have as many steps"
    page = (out / "report.html").read_text()
    for words in (
        *("0.861", "0.853", "filled silhouette", "What each correction is worth"),
        *("Old and new training data", "Input, mask, old, new", "Tuning", "Whose work it is"),
        *("Learning rate that was used", "random weights instead"),
    ):
        assert words in page, words
    assert {r["tuning"] for r in rows(out / "trials.csv")} == {"published", "corrected"}
    assert {p.name for p in (out / "films").iterdir()} == {
        *("published.mp4", "published.gif", "corrected.mp4", "corrected.gif"),
        *("old-new.mp4", "old-new.gif"),
    }
    assert not (out / "fits").exists()


@pytest.mark.slow
@needs_chromium
def test_the_page_reads_well(done):
    reads_well(done[0] / "report.html")


@pytest.mark.slow
def test_a_rendered_embryo_has_walls_that_labels_leave_out_and_closing_gives_back(tmp_path):
    volumes, _ = volumes_by_time(
        render_embryo(tmp_path, seed=SEED), MembranesRecipe().replace(**QUICK)
    )
    _, labels = read_volume(volumes[-1])
    plane = labels[len(labels) // 2]
    old, new = (label(mask(plane) > 0).max() for mask in (mask_of_2020, mask_of_2021))
    assert old == 1, "closing fills all walls"
    assert new >= 6, "lossless masks keep them"
    assert label(close_gaps(labels, QUICK["spacing_um"])[len(labels) // 2] > 0).max() <= 2


def test_the_loss_of_the_network_to_begin_with_sees_walls_that_the_published_one_hardly_does():
    torch = pytest.importorskip("torch")
    from fatescope.systems.membranes.training.published import PublishedMembraneTask, WalledTask

    mask = np.zeros((1, 1, 32, 32), np.float32)
    mask[..., 4:15, 4:28] = mask[..., 17:28, 4:28] = 1  # two cells with two pixels between
    filled = mask.copy()
    filled[..., 15:17, 4:28] = 1
    mask, filled = torch.from_numpy(mask), torch.from_numpy(filled)
    image = torch.zeros_like(mask)

    def worse(kind):
        how = {"size_px": 32, "augmentation": "2020", "noise_mean": 0.0, "is_eroded": True}
        task = kind([], [], **how, seed=0)
        right, wrong = (
            float(task.loss(lambda _, drawn=d: drawn, (image, mask))["loss"])
            for d in (mask, filled)
        )
        assert right == pytest.approx(0, abs=0.01)
        return wrong

    assert worse(PublishedMembraneTask) < 0.06
    assert worse(WalledTask) > 0.9


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_with_the_arms_that_are_not_done(folder, done, tmp_path):
    out = tmp_path / "m"

    def stopped(unit, **more):
        if unit.key == "frames":
            raise KeyboardInterrupt
        return run_unit(unit, **more)

    with pytest.raises(KeyboardInterrupt):
        replace(MEMBRANES_2021, do=stopped).run(out=out, recipe=TINY, data=folder, workers=1)
    assert not (out / "report.html").exists()
    ran = []

    def counted(unit, **more):
        ran.append(unit.key)
        return run_unit(unit, **more)

    replace(MEMBRANES_2021, do=counted).run(out=out, recipe=TINY, data=folder, workers=1)
    assert ran[0] == "frames"
    assert "published" not in ran
    assert (out / "planes.csv").read_bytes() == (done[0] / "planes.csv").read_bytes()


@pytest.mark.slow
def test_as_published_one_volume_stands_under_every_name_and_rows_are_divided_at_random(folder):
    volumes, splits = volumes_by_time(folder, TINY)
    arms = {a.key: a for a in membrane_arms(volumes, splits)}
    training, validation = planes_of_arm(arms["published"], seed=0)
    seen = {p.image.tobytes() for p in (*training, *validation)}
    assert len(seen) * 4 <= len(training) + len(validation), "each slice is there in copies"
    assert {p.image.tobytes() for p in validation} <= {p.image.tobytes() for p in training}
    training, validation = planes_of_arm(arms["time"], seed=0)
    apart = {p.image.tobytes() for p in training} & {p.image.tobytes() for p in validation}
    assert not apart, "blocks of time share nothing"


@pytest.mark.slow
def test_no_arm_trains_on_a_test_volume(folder, tmp_path):
    volumes, splits = volumes_by_time(folder, TINY)
    (test,) = [v for v, s in zip(volumes, splits, strict=True) if s == "test"]
    kept = test.image.read_bytes()
    test.image.unlink()
    try:
        for arm in membrane_arms(volumes, splits):
            if not arm.is_ours:
                planes_of_arm(arm, seed=0)
    finally:
        test.image.write_bytes(kept)


@pytest.mark.slow
def test_the_plan_writes_nothing_and_says_what_it_costs(folder):
    plan = MEMBRANES_2021.plan(recipe=MembranesRecipe(), quick=True)
    assert plan.units == 12
    assert 10 < plan.cpu_seconds < 600


def test_without_volumes_the_command_says_what_to_give(tmp_path, monkeypatch):
    monkeypatch.delenv("FATESCOPE_DATA", raising=False)
    with pytest.raises(InputError, match="no volumes to learn from"):
        MEMBRANES_2021.run(out=tmp_path / "o", recipe=TINY)
    with pytest.raises(InputError, match="holds no volume named"):
        MEMBRANES_2021.run(out=tmp_path / "o", recipe=TINY, data=tmp_path)
