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
from fatescope.train import FitSettings, assess_curves, export_onnx, fit
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
    for _ in range(rng.integers(4, 40)):
        away = np.hypot(y - rng.uniform(3, SIDE - 3), x - rng.uniform(3, SIDE - 3))
        if not labels[away < 4].any():
            labels[away < 2.6] = labels.max() + 1
    pixels = 60 + 90 * (labels > 0) + rng.normal(0, 25, labels.shape)
    return pixels.clip(0, 255).astype(np.uint8), labels


def read_pairs(data, split):
    """Read images as prediction normalises them, and labels without gaps."""
    return [
        (normalise_plane(read_plane(s.image), percentiles=PERCENTILES), read_label_plane(s.labels))
        for s in read_samples(data, splits=[split])
    ]


class SpotTask:
    """Crops with the pixels of spots; scored by the number of spots."""

    seed = 5

    def __init__(self, data):
        self.training, self.validation = (
            read_pairs(data, side) for side in ("train", "validation")
        )
        self.area_px = sum((labels > 0).sum() for _, labels in self.training) / sum(
            labels.max() for _, labels in self.training
        )

    def build(self):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            layers = [torch.nn.Conv2d(1, 8, 5, padding=2), torch.nn.ReLU()]
            return torch.nn.Sequential(*layers, torch.nn.Conv2d(8, 1, 5, padding=2))

    def batch(self, step, size):
        rng = np.random.default_rng([self.seed, step])
        images, targets = [], []
        for chosen in rng.integers(len(self.training), size=size):
            top, left = rng.integers(SIDE - CROP, size=2)
            at = np.s_[top : top + CROP, left : left + CROP]
            image, labels = self.training[chosen]
            images.append(image[at][None])
            targets.append(np.float32(labels[at] > 0)[None])
        return torch.tensor(np.stack(images)), torch.tensor(np.stack(targets))

    def loss(self, network, batch):
        image, target = batch
        return {"loss": cross_entropy(network(image), target)}

    def validate(self, network):
        with torch.no_grad():
            found = [network(torch.from_numpy(i[None, None])).sigmoid() for i, _ in self.validation]
        wrong = [
            abs(float(maps.sum()) / self.area_px / labels.max() - 1)
            for maps, (_, labels) in zip(found, self.validation, strict=True)
        ]
        return {"agreement": 1 - np.mean(wrong).item()}


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
            raise KeyboardInterrupt  # as a tuner ends a trial

    with pytest.raises(KeyboardInterrupt):
        fit(task, FIT, folder=tmp_path, report=prune)
    fitted = fit(task, FIT, folder=tmp_path)  # a trial that turns out to be wanted goes on
    assert assess_curves(fitted.history, metric="agreement").kind in ("settled", "still improving")

    seen = seen_hashes(read_samples(data, splits=["train", "validation"]))
    training = Training(units_seen=tuple(seen), seed=task.seed)
    network = torch.nn.Sequential(fitted.network, torch.nn.Sigmoid())
    image = task.training[0][0][None, None]
    with torch.no_grad():
        output = network(torch.from_numpy(image)).numpy()
    package = write_package(
        tmp_path / "package",
        description=ModelDescription(
            name="spots", summary="Counts round spots.", outputs=("spot",), training=training
        ),
        files={"model.onnx": export_onnx(network)},
        test_input=image,
        test_output=output,
        card="# Spots\n",
    ).source
    assert check_model(package).passed

    test = read_samples(data, splits=["test"])
    true = np.array([read_label_plane(s.labels).max() for s in test])
    model = load_model(package)
    found = np.array([count_spots(model, read_plane(s.image), task.area_px) for s in test])
    sums = np.stack([np.abs(found - true), true], axis=1)
    low, high = bootstrap_interval(sums, lambda s: s[:, 0] / s[:, 1], ScoreSettings())
    wrong = sums[:, 0].sum() / true.sum()
    assert low < wrong < high < 0.15
    assert high < np.abs(true.mean() - true).sum() / true.sum() / 2, "a constant would do"

    rows = [(s.unit, str(n), f"{f:.1f}") for s, n, f in zip(test, true, found, strict=True)]
    section = show.Section(title="Counts", columns=("dish", "true", "found"), rows=rows)
    lead = f"{wrong:.1%} of the spots wrong [{low:.1%}, {high:.1%}]"
    page = show.build_page("spots", [section], lead=lead)
    assert all(s.unit in page for s in test)
