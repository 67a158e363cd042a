"""A sixth task: spots are counted. All of it stands here, and nothing in the package knows of it.

From labelled images to samples, training, package, prediction, evaluation and a page, with the
parts that every task uses.
"""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

pytest.importorskip("onnx")
pytest.importorskip("openvino")

from fatescope.evaluate import ScoreSettings, bootstrap_interval
from fatescope.models import ModelDescription, Training, check_model, load_model, write_package
from fatescope.predict import plane_statistics
from fatescope.predict.normalise import normalise_plane
from fatescope.predict.tiling import make_grid, map_rows
from fatescope.prepare import PairSettings, read_label_plane, read_plane, read_samples, seen_hashes
from fatescope.report import lineage as show
from fatescope.train import FitSettings, assess_curves, export_onnx, fit, weights_bytes
from fatescope.train.schedule_settings import Kicks
from fatescope.workflows.training import prepare_pairs

SIDE, CROP, PERCENTILES = 96, 32, (1.0, 99.8)
FIT = FitSettings(
    steps=240,
    batch=8,
    learning_rate=0.02,
    schedule=Kicks(metric="agreement", period=60),
    ema_decay=0.9,
    steps_per_epoch=30,
    validate_every=1,
)


def spots(seed):
    """Render an image of round spots under noise, and a label for each."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((SIDE, SIDE), np.uint8)
    y, x = np.mgrid[:SIDE, :SIDE]
    for label in range(1, int(rng.integers(4, 40))):
        away = np.hypot(y - rng.uniform(3, SIDE - 3), x - rng.uniform(3, SIDE - 3))
        if not labels[away < 4].any():
            labels[away < 2.6] = label
    pixels = 60 + 90 * (labels > 0) + rng.normal(0, 25, labels.shape)
    return pixels.clip(0, 255).astype(np.uint8), labels


class PrunedError(Exception):
    """What a tuner raises to end a trial."""


class SpotTask:
    """Crops with the pixels of spots; scored by the number of spots."""

    seed = 5

    def __init__(self, data):
        self.training, self.validation = (
            [
                (read_plane(s.image), read_label_plane(s.labels))
                for s in read_samples(data, splits=[w])
            ]
            for w in ("train", "validation")
        )
        area = [
            (labels > 0).sum() / len(np.unique(labels[labels > 0])) for _, labels in self.training
        ]
        self.area_px = float(np.mean(area))

    def build(self):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            layers = [torch.nn.Conv2d(1, 8, 5, padding=2), torch.nn.ReLU()]
            return torch.nn.Sequential(*layers, torch.nn.Conv2d(8, 1, 5, padding=2))

    def batch(self, step, size):
        rng = np.random.default_rng([self.seed, step])
        crops = []
        for chosen in rng.integers(len(self.training), size=size):
            pixels, labels = self.training[chosen]
            top, left = rng.integers(SIDE - CROP, size=2)
            at = np.s_[top : top + CROP, left : left + CROP]
            crops.append((normalise_plane(pixels, percentiles=PERCENTILES)[at], labels[at] > 0))
        return tuple(
            torch.tensor(np.stack(side)[:, None], dtype=torch.float32)
            for side in zip(*crops, strict=True)
        )

    def loss(self, network, batch):
        image, target = batch
        return {"loss": cross_entropy(network(image), target)}

    def validate(self, network):
        network = torch.nn.Sequential(network, torch.nn.Sigmoid())
        wrong = []
        for pixels, labels in self.validation:
            plane = torch.from_numpy(normalise_plane(pixels, percentiles=PERCENTILES))
            with torch.no_grad():
                found = float(network(plane[None, None]).sum()) / self.area_px
            wrong.append(abs(found / (len(np.unique(labels)) - 1) - 1))
        return {"agreement": 1 - float(np.mean(wrong))}


def count_spots(model, pixels, area_px):
    """Decode: the maps of prediction's tiles, added up and divided by the area of a spot."""
    maps = map_rows(
        model,
        lambda y0, y1, x0, x1: pixels[y0:y1, x0:x1],
        make_grid(pixels.shape, (1.0, 1.0), model.description),
        plane_statistics(lambda: [pixels], percentiles=model.description.percentiles),
    )
    return sum(float(band.sum()) for band in maps) / 255 / area_px


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("spots")
    for number in range(24):
        for kind, values in zip(("raw", "truth"), spots(number), strict=True):
            (root / kind).mkdir(exist_ok=True)
            Image.fromarray(values).save(root / kind / f"dish{number:02d}_f0.png")
    patterns = {"images": str(root / "raw/*.png"), "labels": str(root / "truth/*.png")}
    shares = {"unit": "{unit}_f{frame}", "validation": 0.25, "test": 0.25}
    prepare_pairs([], out=root / "pairs", settings=PairSettings(**patterns, **shares))
    return root / "pairs"


def test_spots_are_counted_from_labelled_images_to_the_page(data, tmp_path):
    task = SpotTask(data)

    def prune(done, total, row):
        if row["agreement"] < 1 and done == 90:
            raise PrunedError

    with pytest.raises(PrunedError):
        fit(task, FIT, folder=tmp_path, report=prune)
    fitted = fit(task, FIT, folder=tmp_path)  # a trial that turns out to be wanted goes on
    assert assess_curves(fitted.history, metric="agreement").kind in ("settled", "still improving")

    seen = seen_hashes(read_samples(data, splits=["train", "validation"]))
    network = torch.nn.Sequential(fitted.network, torch.nn.Sigmoid())
    description = ModelDescription(
        name="spots",
        summary="Counts round spots.",
        outputs=("spot",),
        training=Training(units_seen=tuple(seen), seed=task.seed),
    )
    image = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        files = {"model.onnx": export_onnx(network), "weights.safetensors": weights_bytes(network)}
        plain = {"test_input": image.numpy(), "test_output": network(image).numpy()}
    package = tmp_path / "package"
    write_package(package, description=description, files=files, card="# Spots\n", **plain)
    assert check_model(package).passed

    test = read_samples(data, splits=["test"])
    true = np.array([len(np.unique(read_label_plane(s.labels))) - 1 for s in test])
    model = load_model(package)
    found = np.array([count_spots(model, read_plane(s.image), task.area_px) for s in test])
    error = np.abs(found - true)
    sums = np.stack([error, true], axis=1)
    low, high = bootstrap_interval(sums, lambda s: s[:, 0] / s[:, 1], ScoreSettings())
    assert low < error.sum() / true.sum() < high < 0.15
    always = np.abs(np.mean(true) - true).sum() / true.sum()
    assert high < always / 2, "a constant would do"

    rows = [(s.unit, str(n), f"{f:.1f}") for s, n, f in zip(test, true, found, strict=True)]
    section = show.Section(title="Counts", columns=("dish", "true", "found"), rows=rows)
    lead = f"{error.sum() / true.sum():.1%} of the spots wrong [{low:.1%}, {high:.1%}]"
    page = show.build_page("spots", [section], lead=lead)
    assert all(s.unit in page for s in test)
