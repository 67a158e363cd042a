"""Sets that are too small for a test part, and variants of a recipe: trained for real, but tiny."""

import csv
from dataclasses import replace

import pytest

from fatescope.base import InputError, SettingsError
from fatescope.models import read_package
from fatescope.prepare import read_samples, unit_hash, write_samples
from fatescope.systems.nuclei.training.task import sample_losses
from fatescope.systems.training.train import Asked, Material, train_model
from fatescope.systems.training.variants import train_variants
from fatescope.train import InstanceRecipe, LeaveOut, fit_recipe, recipe_variant, score_left_out

RECIPE = InstanceRecipe.from_values(
    {
        "name": "tiny",
        "network": {"widths": (8, 8, 16, 16)},
        "crops": {"size_px": 64},
        "fit": {
            "steps": 8,
            "batch": 2,
            "steps_per_epoch": 4,
            "validate_every": 2,
            "learning_rate": 0.01,
        },
        "variants": {"slow": {"fit": {"learning_rate": 0.0001}}},
    }
)
FEW = LeaveOut(leave_out="few")


@pytest.fixture(scope="module")
def few(pairs, tmp_path_factory):
    """Three units of kind ``few`` to learn from, and two rendered ones to choose thresholds."""
    folder = tmp_path_factory.mktemp("few")
    rows = read_samples(pairs, splits=["train", "validation"])
    learning = [replace(s, kind="few") for s in rows[:3]]
    write_samples(folder / "samples.csv", [*learning, *rows[6:8]])
    return folder


def test_units_of_a_kind_that_is_not_there_are_refused_with_the_kinds_that_are(few, tmp_path):
    with pytest.raises(InputError, match=r"--leave-out many: 0 units.*Kinds are: few; or all"):
        score_left_out(RECIPE, data=few, out=tmp_path, asked=LeaveOut(leave_out="many"))


@pytest.mark.slow
def test_each_unit_is_scored_by_a_network_that_did_not_learn_from_it(few, tmp_path):
    scored = score_left_out(RECIPE, data=few, out=tmp_path, asked=FEW)
    assert sorted(s.sample.unit for s in scored) == ["u0", "u1", "u2"]
    for number, s in enumerate(scored):
        rows = read_samples(tmp_path / f"{number:02d}", splits=["train", "validation"])
        assert s.sample.unit not in {r.unit for r in rows}
        assert len(rows) == 4
    with (tmp_path / "samples_loss.csv").open(newline="") as stream:
        losses = list(csv.DictReader(stream))
    assert [(r["unit"], r["fold"], r["seed"]) for r in losses] == [
        ("u0", "0", "0"),
        ("u1", "1", "0"),
        ("u2", "2", "0"),
    ]
    assert all((few / r["image"]).is_file() and float(r["loss"]) > 0 for r in losses)


@pytest.mark.slow
def test_an_image_with_wrong_labels_has_the_highest_loss_under_a_network_that_has_not_seen_it(
    pairs, tmp_path
):
    stage = RECIPE.replace(fit={**RECIPE.fit.model_dump(), "steps": 80})
    network = fit_recipe(stage, data=pairs, out=tmp_path).network
    held = read_samples(pairs, splits=["validation"])
    wrong = replace(held[0], labels=held[1].labels)
    right, shifted = (sample_losses(network, [s], stage=stage)[0] for s in (held[0], wrong))
    assert shifted > 1.2 * right
    assert sample_losses(network, [held[1], held[0]], stage=stage)[1] == right


@pytest.mark.slow
def test_the_card_tells_the_left_out_score_and_the_package_lists_all_units(few, tmp_path):
    pytest.importorskip("nncf")
    done = train_model(RECIPE, data=few, out=tmp_path / "out", leave_out=FEW)
    assert done.kept == ""
    package = read_package(tmp_path / "out" / "package")
    card = package.files["card.md"].decode()
    for words in ("each left out once", "| all | 3 |", "trained on all of them", "have seen"):
        assert words in card
    assert {unit_hash(f"u{i}") for i in range(3)} <= set(package.description.training.units_seen)
    assert "ap_50" in package.description.training.scores
    with pytest.raises(InputError, match=r"has seen 3 of these units \(u0\)"):
        score_left_out(RECIPE, data=few, out=tmp_path / "again", asked=FEW, start=package.source)


@pytest.mark.slow
def test_variants_are_trained_side_by_side_and_chosen_on_validation(pairs, few, tmp_path):
    pytest.importorskip("nncf")
    done = train_variants(
        Asked(recipe=RECIPE, out=tmp_path / "out"), ["recipe", "slow"], Material(data=pairs)
    )
    with (tmp_path / "out" / "variants.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [r["variant"] for r in rows] == ["recipe", "slow"]
    assert done.best in ("recipe", "slow")
    assert read_package(tmp_path / "out" / "slow" / "package").name == "tiny-slow"
    assert all(float(r["seconds_per_epoch"]) > 0 for r in rows)
    assert sum("s an epoch" in line for line in done.as_lines()) == 3
    alone = train_model(recipe_variant(RECIPE, "slow"), data=pairs, out=tmp_path / "alone")
    assert alone.exit_code == 0
    both = [tmp_path / "out" / "slow", tmp_path / "alone"]
    assert len({(folder / "log.csv").read_bytes() for folder in both}) == 1
    weights = [read_package(f / "package").files["weights.safetensors"] for f in both]
    assert weights[0] == weights[1]
    before = (tmp_path / "out" / "variants.csv").read_bytes()
    train_variants(
        Asked(recipe=RECIPE, out=tmp_path / "out"), ["recipe", "slow"], Material(data=pairs)
    )
    assert (tmp_path / "out" / "variants.csv").read_bytes() == before


@pytest.mark.slow
def test_variants_that_were_stopped_continue_to_the_same_scores(pairs, tmp_path):
    pytest.importorskip("nncf")
    names = ["recipe", "slow"]
    whole = train_variants(
        Asked(recipe=RECIPE, out=tmp_path / "whole"), names, Material(data=pairs)
    )

    def stop(done, total, what):
        assert total == 16
        if done == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_variants(
            Asked(recipe=RECIPE, out=tmp_path / "parts"), names, Material(data=pairs), progress=stop
        )
    parts = train_variants(
        Asked(recipe=RECIPE, out=tmp_path / "parts"), names, Material(data=pairs)
    )
    columns = [c for c in whole.table if "seconds" not in c]
    assert all((whole.table[c] == parts.table[c]).all() for c in columns)


@pytest.mark.slow
def test_variants_leave_units_out_as_they_are_told(few, tmp_path):
    pytest.importorskip("nncf")
    out = tmp_path / "out"
    done = train_variants(
        Asked(recipe=RECIPE, out=out), ["recipe", "slow"], Material(data=few, leave_out=FEW)
    )
    assert done.best in ("recipe", "slow")
    for name in ("recipe", "slow"):
        assert sorted(p.name for p in (out / name / "left-out").iterdir() if p.is_dir()) == [
            *("00", "01", "02")
        ]
        card = read_package(out / name / "package").files["card.md"].decode()
        assert "each left out once" in card


def test_variants_need_validation_units_and_names_that_differ(pairs, tmp_path):
    rows = read_samples(pairs, splits=["train"])
    write_samples(tmp_path / "samples.csv", rows)
    with pytest.raises(InputError, match="no validation units"):
        train_variants(
            Asked(recipe=RECIPE, out=tmp_path / "out"), ["slow"], Material(data=tmp_path)
        )
    with pytest.raises(SettingsError, match="a name is there twice"):
        train_variants(
            Asked(recipe=RECIPE, out=tmp_path / "out"), ["slow", "slow"], Material(data=pairs)
        )
