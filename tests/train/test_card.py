"""What a card says: the kind of image, the command that made it, the pixel IoU of all pages."""

import shlex
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fatescope.evaluate import score_labels
from fatescope.models import find_package, read_package
from fatescope.prepare import read_samples, write_samples
from fatescope.systems.nuclei.training.card import write_instance_card
from fatescope.systems.nuclei.training.package import are_unlike
from fatescope.systems.training.train import train_model
from fatescope.train import InstanceRecipe, Provenance, read_recipe
from fatescope.train.card import Card, score_table, section_of, write_card
from fatescope.train.packaging import training_facts
from fatescope.train.scoring import Scored
from fatescope.train.trainables import recipe_class

NOTHING = np.zeros((4, 4), int)


@pytest.fixture(scope="module")
def nuclei():
    return read_package(find_package("nuclei")).description


@pytest.fixture(scope="module")
def phase_pairs(pairs, tmp_path_factory):
    """The rendered pairs in another light: dark objects on a light background."""
    folder = tmp_path_factory.mktemp("phase")
    samples = read_samples(pairs, splits=["train", "validation", "test"])
    for s in samples:
        with Image.open(s.image) as plane:
            Image.fromarray(255 - np.asarray(plane)).save(folder / s.image.name)
        (folder / s.labels.name).write_bytes(s.labels.read_bytes())
    listed = [
        replace(s, image=folder / s.image.name, labels=folder / s.labels.name) for s in samples
    ]
    write_samples(folder / "samples.csv", listed)
    return folder


def card_of(description, scored):
    both = {"fp32": scored, "int8": scored}
    made = Provenance(command="fatescope train x", steps=1)
    card, _ = write_instance_card(
        description, both, recipe=InstanceRecipe(), provenance=made, n_validation=0
    )
    return card


def test_the_pixel_iou_is_pooled_as_on_the_page_of_a_comparison(nuclei, pairs):
    """An image with 100 pixels right and one with 1 of 4: pooled 101 / 104, on average 0.625."""
    truth = np.zeros((20, 20), np.int32)
    truth[2:12, 2:12] = 1
    small, half = np.zeros_like(truth), np.zeros_like(truth)
    small[0:2, 0:2] = 1
    half[0, 0] = 1
    scores = [score_labels(truth, truth), score_labels(small, half)]
    samples = read_samples(pairs, splits=["train"])[:2]
    card = card_of(
        nuclei, [Scored(s, x, 10.0, NOTHING) for s, x in zip(samples, scores, strict=True)]
    )
    (row,) = [line for line in card.splitlines() if line.startswith("| all ")]
    assert "pixel IoU, pooled" in card
    assert float(row.split("|")[-2]) == pytest.approx(101 / 104, abs=5e-4)


def test_a_kind_that_is_not_known_is_not_called_fluorescence(nuclei):
    def of_kind(**image):
        return nuclei.replace(input=nuclei.image.replace(**image))

    said = card_of(of_kind(modality="any", polarity="any"), [])
    assert "fluorescence" not in said.partition("## What it expects")[2]
    assert "bright" not in said.partition("## What it expects")[2]
    assert "One plane (phase contrast)" in card_of(of_kind(modality="phase"), [])


def test_a_card_says_how_often_other_kinds_are_noticed_or_that_nobody_measured(nuclei):
    assert nuclei.image.likeness.record in card_of(nuclei, [])
    retrained = nuclei.replace(input=nuclei.image.replace(likeness=None))
    said = section_of(card_of(retrained, []), "Images of other kinds")
    assert said.startswith("Not measured")


def test_images_in_another_light_are_unlike_the_first_package(nuclei, pairs, phase_pairs):
    assert not are_unlike(read_samples(pairs, splits=["train"]), nuclei)
    assert are_unlike(read_samples(phase_pairs, splits=["train"]), nuclei)


@pytest.mark.slow
def test_a_package_adapted_to_another_light_says_so_and_how_it_was_made(phase_pairs, tmp_path):
    pytest.importorskip("nncf")
    asked = read_recipe("adapt")
    recipe = asked.replace(fit={**asked.fit.model_dump(), "steps": 8, "steps_per_epoch": 4})
    train_model(recipe, data=phase_pairs, out=tmp_path / "out", start="nuclei", called="adapt")
    new = tmp_path / "out" / "tuned"
    package = read_package(new if new.exists() else tmp_path / "out" / "package")
    assert (package.description.image.modality, package.description.image.polarity) == (
        "any",
        "any",
    )
    card = package.files["card.md"].decode()
    assert "`fatescope train adapt --from nuclei --data DIR --out DIR`" in card
    words = shlex.split("train adapt --from nuclei --data DIR --out DIR")
    assert read_recipe(words[1]).name == "adapted"
    assert "unlike those, so their kind was not taken over" in card
    assert "fluorescence" not in card.partition("## What it expects")[2]


def test_every_task_says_and_keeps_what_the_package_before_it_had_seen(nuclei, pairs):
    rows = read_samples(pairs, splits=["train", "validation", "test"])
    made = Provenance(command="fatescope train x --from nuclei", steps=2000, start=nuclei)
    for task in (None, "membrane", "populations", "viability", "live-dead"):
        recipe = recipe_class(task).from_values({"name": "mine", "summary": "Mine.", "task": task})
        facts = training_facts(recipe, rows, made, n_objects=3)
        assert set(nuclei.training.units_seen) < set(facts.units_seen)
        assert facts.n_images == sum(s.split != "test" for s in rows)
        card = Card(expects="E.", step="2 crops", saw="9 tiles", held_out="", limits="L.")
        text = write_card(card, nuclei.replace(training=facts), recipe=recipe, provenance=made)
        headings = [line for line in text.splitlines() if line.startswith("## ")]
        assert headings[:3] == ["## What it expects", "## How it was made", "## Held-out score"]
        assert "2,000 steps of 2 crops" in text
        assert "It went on from `nuclei`" in text
        assert "its worth is unknown" in text


def test_a_score_that_is_not_known_is_not_a_number():
    rows = score_table([("of some", 0.5, (0.25, 0.75)), ("of none", float("nan"), None)])
    assert rows.splitlines()[2:] == [
        "| of some | 0.500 | 0.250 to 0.750 |",
        "| of none | unknown |  |",
    ]
