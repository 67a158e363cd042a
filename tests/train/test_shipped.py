"""The shipped package `nuclei` does what its card says."""

import pytest

from fatescope.evaluate import pool_scores, score_labels
from fatescope.models import check_model, load_model
from fatescope.prepare import PairSettings, read_samples, seen_hashes, unit_hash
from fatescope.simulate import NucleiMovieSettings, simulate_image, simulate_nuclei
from fatescope.systems.training.train import prepare_pairs
from fatescope.train import read_recipe, recipe_names
from fatescope.train.scoring import score_samples, segment


@pytest.fixture(scope="module")
def model():
    return load_model("nuclei", precision="int8")


def test_the_package_passes_its_own_check_and_is_small():
    check = check_model("nuclei")
    assert check.passed, check
    assert check.size_mb < 8
    assert set(check.differences) == {"fp32", "int8"}


@pytest.mark.parametrize("diameter", [12, 22, 60])
def test_rendered_nuclei_of_any_size_are_found(model, diameter):
    side = max(256, diameter * 10)
    settings = NucleiMovieSettings(frames=1, height=side, width=side, diameter_px=diameter)
    movie = simulate_nuclei(settings, seed=5)
    found = segment(
        model,
        movie.pixels[0],
        description=model.description,
        thresholds=model.description.instances.thresholds,
        scale=model.description.image.diameter_px / diameter,
    )
    score = score_labels(movie.labels[0].astype(int), found)
    assert score.n_true > 20
    assert score.ap(50) >= 0.8


@pytest.mark.slow
def test_dim_nuclei_beside_bright_ones_are_found(model):
    settings = NucleiMovieSettings(height=384, width=384, diameter_px=24, brightness_spread=1.0)
    scores = []
    for seed in (21, 22, 23):
        pixels, truth = simulate_image(settings, seed=seed)
        found = segment(
            model,
            pixels,
            description=model.description,
            thresholds=model.description.instances.thresholds,
            scale=22 / 24,
        )
        scores.append(score_labels(truth.astype(int), found))
    assert pool_scores(scores).ap(50) >= 0.85


def test_every_shipped_recipe_can_be_read():
    for name in recipe_names():
        assert read_recipe(name).fit.steps > 0


@pytest.mark.data
@pytest.mark.slow
def test_held_out_fields_score_what_the_card_says(model, data_dir, tmp_path):
    folders = [data_dir / "nuclei2d_dsb2018", data_dir / "nuclei_ce_slices"]
    prepare_pairs(folders, out=tmp_path / "pairs", settings=PairSettings())
    rows = read_samples(tmp_path / "pairs", splits=["train", "validation", "test"])
    seen = set(model.description.training.units_seen)
    rendered = {unit_hash(f"rendered/field_{i:04d}") for i in range(90)}
    rendered |= {unit_hash(f"rendered-few/field_{i:04d}") for i in range(20)}
    assert seen == set(seen_hashes(read_samples(tmp_path / "pairs", splits=_ALL))) | rendered
    held_out = [s for s in rows if s.split == "test"]
    thresholds = model.description.instances.thresholds
    scored = score_samples(model, held_out, description=model.description, thresholds=thresholds)
    everything = pool_scores([s.scores for s in scored])
    assert everything.ap(50) == pytest.approx(
        model.description.training.scores["ap_50_int8"], abs=0.005
    )
    fields = pool_scores([s.scores for s in scored if "dsb2018" in s.sample.unit])
    assert fields.ap(50) >= 0.70


_ALL = ("train", "validation", "test", "unused")
