"""A sixth task: spots are counted. All of it stands here; nothing in the package knows of it."""

from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

pytest.importorskip("onnx")
pytest.importorskip("openvino")

from fatescope.base import setting
from fatescope.evaluate import ScoreSettings
from fatescope.models import ModelDescription, Training, check_model, load_model, write_package
from fatescope.models.outputs import Output
from fatescope.numeric import bootstrap_interval
from fatescope.pages.page import Page, PageTable, Section, write_page
from fatescope.predict import plane_statistics
from fatescope.predict.normalise import normalise_plane
from fatescope.predict.tiling import make_grid, map_tiles
from fatescope.prepare import PairSettings, read_label_plane, read_plane, read_samples, seen_hashes
from fatescope.systems.training.page import write_training_page
from fatescope.systems.training.train import prepare_pairs
from fatescope.train import FitSettings, InstanceRecipe, assess_curves, export_onnx, fit
from fatescope.train.schedule_settings import Kicks

SIDE, CROP, PERCENTILES = 96, 32, (1.0, 99.8)
STEPS = {"steps": 240, "steps_per_epoch": 30, "validate_every": 1, "batch": 8}
KICKS = Kicks(metric="agreement", period=60)
FIT = FitSettings(**STEPS, learning_rate=0.02, schedule=KICKS, ema_decay=0.9)


class SpotMap(Output):
    """The probability of a spot at each pixel; its sum over the area of a spot is their number."""

    kind: Literal["spot-map"] = setting("spot-map", "what is given")
    form: Literal["maps"] = setting("maps", "one vector for each pixel")
    channels: tuple[str, ...] = setting(("spot",), "maps, in order")
    area_px: float = setting(..., "area of a spot", unit="px", gt=0)


class SpotTask:
    """Crops with the pixels of spots; scored by the number of spots."""

    seed = 5

    def __init__(self, data):
        self.training, self.validation = (read_pairs(data, s) for s in ("train", "validation"))
        n_spots = sum(labels.max() for _, labels in self.training)
        self.area_px = float(sum((labels > 0).sum() for _, labels in self.training) / n_spots)

    def build(self):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            layers = [torch.nn.Conv2d(1, 8, 5, padding=2), torch.nn.ReLU()]
            return torch.nn.Sequential(*layers, torch.nn.Conv2d(8, 1, 5, padding=2))

    def batch(self, step, size):
        rng = np.random.default_rng([self.seed, step])
        crops = np.empty((2, size, 1, CROP, CROP), np.float32)
        for i, chosen in enumerate(rng.integers(len(self.training), size=size)):
            y, x = rng.integers(SIDE - CROP, size=2)
            image, labels = (v[y : y + CROP, x : x + CROP] for v in self.training[chosen])
            crops[:, i, 0] = image, labels > 0
        return tuple(torch.from_numpy(crops))

    def loss(self, network, batch):
        image, target = batch
        return {"loss": cross_entropy(network(image), target)}

    def validate(self, network):
        wrong = []
        for image, labels in self.validation:
            with torch.no_grad():
                maps = network(torch.from_numpy(image[None, None])).sigmoid()
            wrong.append(abs(float(maps.sum()) / self.area_px / labels.max() - 1))
        return {"agreement": 1 - float(np.mean(wrong))}


def read_pairs(data, split):
    """Read images as prediction normalises them, and labels without gaps."""
    return [
        (normalise_plane(read_plane(s.image), percentiles=PERCENTILES), read_label_plane(s.labels))
        for s in read_samples(data, splits=[split])
    ]


def write_spots_package(folder, fitted, task, data):
    network = torch.nn.Sequential(fitted.network, torch.nn.Sigmoid())
    image = task.training[0][0][None, None]
    with torch.no_grad():
        output = network(torch.from_numpy(image)).numpy()
    seen = seen_hashes(read_samples(data, splits=["train", "validation"]))
    description = ModelDescription(
        name="spots",
        summary="Counts round spots.",
        task="spots",
        output=SpotMap(area_px=task.area_px),
        training=Training(units_seen=tuple(seen), seed=task.seed),
    )
    files = {"model.onnx": export_onnx(network)}
    write_package(
        folder, description=description, files=files, test_input=image, test_output=output, card="-"
    )


def count_spots(model, pixels):
    """Decode the maps of prediction's tiles."""
    percentiles = model.description.image.percentiles
    maps = map_tiles(
        model,
        pixels,
        make_grid(pixels.shape, (1.0, 1.0), model.description),
        plane_statistics(lambda: [pixels], percentiles=percentiles),
    )
    area_px = model.description.output_as(SpotMap).area_px
    return sum(float(band.sum()) for band in maps) / 255 / area_px


def write_spots(root, n):
    """Render images of round spots under noise, with a label for each."""
    y, x = np.mgrid[:SIDE, :SIDE]
    for number in range(n):
        rng = np.random.default_rng(number)
        labels = np.zeros((SIDE, SIDE), np.uint8)
        for _ in range(rng.integers(4, 40)):
            away = np.hypot(y - rng.uniform(3, SIDE - 3), x - rng.uniform(3, SIDE - 3))
            if not labels[away < 4].any():
                labels[away < 2.6] = labels.max() + 1
        pixels = 60 + 90 * (labels > 0) + rng.normal(0, 25, labels.shape)
        for kind, values in (("raw", pixels.clip(0, 255).astype(np.uint8)), ("truth", labels)):
            (root / kind).mkdir(exist_ok=True)
            Image.fromarray(values).save(root / kind / f"dish{number:02d}_f0.png")


@pytest.mark.slow
def test_spots_are_counted_from_labelled_images_to_the_page(tmp_path):
    write_spots(tmp_path, 24)
    places = {"images": str(tmp_path / "raw/*.png"), "labels": str(tmp_path / "truth/*.png")}
    shares = {"unit": "{unit}_f{frame}", "validation": 0.25, "test": 0.25}
    data = tmp_path / "pairs"
    prepare_pairs([], out=data, settings=PairSettings(**places, **shares))

    def prune(done, total, row):
        if row["agreement"] < 1 and done == 90:
            raise KeyboardInterrupt  # as a tuner ends a trial

    task = SpotTask(data)
    with pytest.raises(KeyboardInterrupt):
        fit(task, FIT, folder=tmp_path, report=prune)
    fitted = fit(task, FIT, folder=tmp_path)  # a trial that turns out to be wanted goes on
    verdict = assess_curves(fitted.history, metric="agreement")
    assert verdict.kind in ("settled", "still improving")
    page = write_training_page(
        tmp_path / "c.html",
        fitted.history,
        verdict=verdict.sentence,
        recipe=InstanceRecipe(name="spots"),
        scores={"agreement": "agreement"},
    )
    assert "agreement" in page.read_text()

    write_spots_package(tmp_path / "package", fitted, task, data)
    assert check_model(tmp_path / "package").passed
    model, test = load_model(tmp_path / "package"), read_samples(data, splits=["test"])
    true = np.array([read_label_plane(s.labels).max() for s in test])
    found = np.array([count_spots(model, read_plane(s.image)) for s in test])

    sums = np.stack([np.abs(found - true), true], axis=1)
    low, high = bootstrap_interval(sums, lambda s: s[:, 0] / s[:, 1], ScoreSettings())
    assert low < sums[:, 0].sum() / true.sum() < high < 0.15
    assert high < np.abs(true.mean() - true).sum() / true.sum() / 2, "a constant would do"

    rows = [(s.unit, str(n), f"{f:.1f}") for s, n, f in zip(test, true, found, strict=True)]
    table = PageTable(columns=("dish", "true", "found"), rows=rows)
    page = Page(title="spots", sections=[Section(title="Counts", blocks=[table])])
    text = write_page(tmp_path / "report.html", page).read_text()
    assert all(s.unit in text for s in test)
