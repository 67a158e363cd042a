"""A network that counts: from pairs of movies and tables to a package that predicts."""

from __future__ import annotations

import numpy as np
import pytest
from tests.populations_cases import scene, write_pair

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

# ruff: noqa: E402

from fatescope.base import InputError
from fatescope.models import check_model, load_model
from fatescope.prepare import PairSettings, read_samples
from fatescope.systems.populations.inference import CountChances, cells_of_bins
from fatescope.systems.populations.training.movie_frames import (
    CountedFrame,
    FrameSource,
    read_counted,
)
from fatescope.systems.populations.training.settings import FrameSettings, PopulationRecipe
from fatescope.systems.populations.training.task import CountNetwork, PopulationTask
from fatescope.systems.training.train import prepare_pairs, train_model
from fatescope.train import parse_recipe, read_recipe

SMALL = {
    "task": "populations",
    "name": "counts",
    "network": {"widths": [4, 8, 8, 8], "hidden": 16},
    "fit": {"steps": 12, "batch": 4, "steps_per_epoch": 4, "validate_every": 3},
}
STILL = {"noise": 0, "haze": 0, "shift": 0}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("movies")
    for i, name in enumerate("abc"):
        write_pair(folder, name, scene(i, minutes=120, interval_min=4.0))
    said = ["movie,kind,split,neighbour", "a,rendered,train,0", "b,recorded,validation,"]
    (folder / "movies.csv").write_text("\n".join([*said, "c,rendered,test,1"]))
    out = folder / "pairs"
    given = {"movies": str(folder / "movies"), "tables": str(folder / "tables")}
    prepare_pairs([], out=out, settings=PairSettings(**given))
    return out


def frame_of(at, *, shape=(64, 96), kind="rendered"):
    """A frame with one bright pixel block at each place."""
    pixels = np.zeros(shape, dtype=np.uint8)
    for y, x in at:
        pixels[y - 2 : y + 3, x - 2 : x + 3] = 128
    return CountedFrame(
        pixels=pixels,
        at=np.array(at, dtype=np.float32).reshape(-1, 2),
        unit="a",
        kind=kind,
        neighbour=None,
    )


def test_the_map_of_nuclei_lies_on_their_light_however_a_frame_is_turned():
    """The places in the map, times four, are bright in the augmented frame."""
    frame = frame_of([(20, 30), (40, 60), (30, 80)])
    source = FrameSource([frame], settings=FrameSettings(**STILL, neighbour=0), seed=3)
    for step in range(5):
        images, maps, counts, beside = source.batch(step, 4)
        assert images.shape == (4, 1, 128, 192)
        assert maps.shape == (4, 1, 32, 48)
        assert maps.sum(dim=(1, 2, 3)).numpy() == pytest.approx(3, abs=1e-4)
        assert counts.tolist() == [3, 3, 3, 3]
        assert beside.tolist() == [-1] * 4
        coarse = torch.nn.functional.avg_pool2d(images, 4)
        assert float(coarse[maps > 0.3].mean()) > 10 * float(coarse[maps == 0].mean())


def test_a_neighbour_that_is_put_beside_an_embryo_is_said_and_not_counted():
    """There is light far from all nuclei that count, where and only where it is said."""
    frame = frame_of([(30, 44), (34, 52)])
    source = FrameSource([frame], settings=FrameSettings(**STILL, neighbour=0.5), seed=3)
    said = []
    for step in range(6):
        images, maps, counts, beside = source.batch(step, 4)
        assert counts.tolist() == [2, 2, 2, 2]
        assert maps.sum(dim=(1, 2, 3)).numpy() == pytest.approx(2, abs=1e-4)
        near = torch.nn.functional.max_pool2d(maps, 3, stride=1, padding=1) > 0
        brightest = torch.nn.functional.max_pool2d(images, 4)
        elsewhere = (brightest * ~near).amax(dim=(1, 2, 3))
        assert ((elsewhere > 0.02) == (beside == 1)).all(), elsewhere
        said += beside.tolist()
    assert 0 < said.count(1.0) < len(said)


def test_a_batch_follows_from_its_number_alone():
    frames = [frame_of([(20, 30)]), frame_of([(30, 40), (50, 60)], kind="recorded")]
    first, again = (FrameSource(frames, settings=FrameSettings(), seed=1) for _ in range(2))
    first.batch(0, 3)
    for a, b in zip(first.batch(5, 3), again.batch(5, 3), strict=True):
        assert torch.equal(a, b)


def test_recorded_frames_are_drawn_as_often_as_the_recipe_says():
    frames = [frame_of([(20, 30)])] * 50 + [frame_of([(30, 40), (50, 60)], kind="recorded")]
    source = FrameSource(frames, settings=FrameSettings(recorded=0.5), seed=1)
    counts = torch.cat([source.batch(step, 16)[2] for step in range(20)])
    assert float((counts == 2).float().mean()) == pytest.approx(0.5, abs=0.1)


def test_no_training_frame_is_one_sentence():
    with pytest.raises(InputError, match="no training frame"):
        FrameSource([], settings=FrameSettings(), seed=0)


@pytest.mark.slow
def test_small_frames_and_places_agree(pairs):
    frames = read_counted(read_samples(pairs, splits=["validation"])[8:20])
    for frame in frames:
        y, x = np.rint(frame.at).astype(int).T
        assert frame.pixels[y, x].mean() > 4 * frame.pixels.mean()


@pytest.mark.slow
def test_the_task_learns_from_training_movies_alone(pairs):
    task = PopulationTask(PopulationRecipe.from_values(SMALL), data=pairs)
    network = task.build().train()
    image, maps, counts, beside = task.batch(0, 4)
    parts = task.loss(network, (image, maps, counts, beside))
    assert set(parts) == {"loss", "chances", "nuclei", "neighbour"}
    assert all(torch.isfinite(v) for v in parts.values())
    assert set(task.validate(network.eval())) == {"agreement", "within_10"}


def test_the_loss_is_lowest_at_the_true_number():
    task = object.__new__(PopulationTask)
    task._stage = PopulationRecipe()
    task._cells = torch.from_numpy(np.log2(cells_of_bins())).float()

    class Says:
        def __init__(self, bin_):
            self.bin = bin_

        def both(self, image):
            logits = torch.full((1, len(cells_of_bins()) + 1), -8.0)
            logits[0, self.bin] = 4.0
            return logits, torch.zeros(1, 1, 4, 4)

    batch = torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 4, 4), torch.tensor([28.0]), torch.ones(1)
    losses = [float(task.loss(Says(b), batch)["chances"]) for b in range(len(cells_of_bins()))]
    assert cells_of_bins()[int(np.argmin(losses))] == pytest.approx(28, rel=0.04)


@pytest.mark.slow
def test_a_training_ends_in_a_package_that_counts_and_is_continued(pairs, tmp_path):
    recipe = parse_recipe(SMALL)
    train_model(recipe, data=pairs, out=tmp_path / "whole")
    package = tmp_path / "whole" / "package"
    model = load_model(package)
    output = model.description.output_as(CountChances)
    assert 0 < output.trust <= 1
    assert output.frame_errors().drift > 0
    assert model.run(np.zeros((2, 1, 64, 96), np.float32)).shape == (2, len(output.channels))
    assert check_model(package).passed
    assert sum(p.stat().st_size for p in package.iterdir()) < 3e6
    card = (package / "card.md").read_text()
    assert "## Held-out score" in card
    assert "Means over 1 movies" in card
    assert "of the movies with part of another embryo" in card  # that test movie has one

    short = parse_recipe({**SMALL, "fit": {**SMALL["fit"]}})
    stop = RuntimeError("killed")

    def kill(done, total, what):
        if done >= 8:
            raise stop

    with pytest.raises(RuntimeError, match="killed"):
        train_model(short, data=pairs, out=tmp_path / "cut", progress=kill)
    train_model(short, data=pairs, out=tmp_path / "cut")
    for name in ("model.onnx", "rdf.yaml"):
        assert (tmp_path / "cut" / "package" / name).read_bytes() == (package / name).read_bytes()


def test_the_shipped_recipe_builds_its_network():
    recipe = read_recipe("populations")
    assert isinstance(recipe, PopulationRecipe)
    weights = sum(p.numel() for p in CountNetwork(recipe.network).parameters())
    assert 2 * weights < 3e6 / 3
