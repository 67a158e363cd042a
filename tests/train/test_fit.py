"""A run that is killed and continued has the curve and the weights of an unbroken one."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from fatescope.base import SettingsError
from fatescope.train import Recipe, fit_recipe
from fatescope.train.export import load_weights, weights_bytes
from fatescope.train.fit import fit_stage
from fatescope.train.networks import build_network
from fatescope.train.settings import Stage

TINY = {
    "network": {"widths": (8, 8, 8, 8)},
    "crops": {"size_px": 64},
    "fit": {"steps": 30, "batch": 2, "steps_per_epoch": 5, "validate_every": 3, "rate": 0.01},
}
SCRIPT = """
import sys
from pathlib import Path
from fatescope.train import Recipe, fit_recipe
fit_recipe(Recipe.from_values({recipe!r}), data=Path(sys.argv[1]), out=Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def unbroken(pairs, tmp_path_factory):
    out = tmp_path_factory.mktemp("unbroken")
    return out, fit_recipe(Recipe.from_values(TINY), data=pairs, out=out)


def test_the_loss_falls_and_the_log_holds_the_curve(unbroken):
    out, fitted = unbroken
    losses = [row["loss"] for row in fitted.history]
    assert len(losses) == 6
    assert losses[-1] < 0.8 * losses[0]
    assert "ap50" in fitted.history[2]
    assert "ap50" in fitted.history[-1]
    assert "ap50" not in fitted.history[0]
    lines = (out / "log.csv").read_text().splitlines()
    assert lines[0].startswith("epoch,step,rate,loss")
    assert len(lines) == 7


def test_killed_and_continued_is_the_same_curve_bit_for_bit(unbroken, pairs, tmp_path):
    whole, fitted = unbroken
    script = SCRIPT.format(recipe=TINY)
    run = subprocess.Popen([sys.executable, "-c", script, str(pairs), str(tmp_path)])
    log = tmp_path / "log.csv"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and run.poll() is None:
        if log.exists() and log.read_text().count("\n") >= 3:
            break
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    assert 3 <= log.read_text().count("\n") < 7, "killed too early or too late to tell"
    kept = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert 0 < kept["n_steps"] < TINY["fit"]["steps"]
    kept_rows = len(kept["history"])
    steps = []
    recipe = Recipe.from_values(TINY)
    again = fit_recipe(
        recipe, data=pairs, out=tmp_path, progress=lambda done, total, what: steps.append(done)
    )
    assert len(steps) == 6 - kept_rows, "it began anew instead of continuing"
    assert again.history == fitted.history
    assert log.read_bytes() == (whole / "log.csv").read_bytes()
    weights = fitted.network.state_dict()
    for name, value in again.network.state_dict().items():
        assert torch.equal(value, weights[name]), name


def test_stages_branch_and_their_weights_are_averaged(pairs, tmp_path):
    short = TINY | {"fit": TINY["fit"] | {"steps": 5}}
    branches = [short | {"seed": 1, "after": 1}, short | {"seed": 2, "after": 1}]
    fitted = fit_recipe(
        Recipe.from_values(short | {"then": branches, "mean_of": [2, 3]}), data=pairs, out=tmp_path
    )
    kept = [
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["averaged"]
        for folder in (tmp_path / "stage-1", tmp_path / "stage-2", tmp_path)
    ]
    one, two = (
        fit_stage(
            Stage.from_values(branch),
            data=pairs,
            out=tmp_path / f"again-{branch['seed']}",
            weights=weights_bytes(_network_with(kept[0])),
        )
        for branch in branches
    )
    for name, value in fitted.network.state_dict().items():
        a, b = one.network.state_dict()[name], two.network.state_dict()[name]
        assert torch.equal(a, kept[1][name])
        if value.is_floating_point():
            assert torch.allclose(value, (a + b) / 2)


def _network_with(state):
    network = build_network(Recipe.from_values(TINY).network, seed=0)
    network.load_state_dict(state)
    return network


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"then": [{"after": 2}]}, "stage 2 cannot begin after stage 2"),
        ({"mean_of": [1, 2]}, "stages from 1 to 1"),
        ({"then": [{"network": {"blocks": [1, 1, 1, 1]}}], "mean_of": [1, 2]}, "one network"),
    ],
)
def test_numbers_of_stages_that_make_no_sense_are_refused(changes, said):
    with pytest.raises(SettingsError, match=said):
        Recipe.from_values(changes)


def test_kinds_that_are_left_out_are_not_learnt_from(unbroken, pairs, tmp_path):
    from dataclasses import replace

    from fatescope.prepare.store import SPLITS, read_samples, write_samples

    samples = read_samples(pairs, splits=SPLITS)
    first = next(s for s in samples if s.split == "train")
    mixed = [*samples, replace(first, kind="strange", image=tmp_path / "not-there.png")]
    (tmp_path / "data").mkdir()
    write_samples(tmp_path / "data" / "samples.csv", mixed)
    recipe = Recipe.from_values({**TINY, "crops": {**TINY["crops"], "without": ["strange"]}})
    fitted = fit_recipe(recipe, data=tmp_path / "data", out=tmp_path / "out")
    assert fitted.history == unbroken[1].history


def test_test_units_are_not_opened(pairs, tmp_path):
    import shutil

    folder = shutil.copytree(pairs, tmp_path / "data")
    (folder / "p8.png").write_bytes(b"not a picture")
    (folder / "p8_labels.png").unlink()
    recipe = Recipe.from_values({**TINY, "fit": {**TINY["fit"], "steps": 5}})
    assert len(fit_recipe(recipe, data=folder, out=tmp_path / "out").history) == 1


def test_stages_follow_each_other_and_a_deeper_network_begins_as_the_same_function(pairs, tmp_path):
    shallow = {**TINY["network"], "blocks": (1, 1, 1, 1)}
    first = {**TINY, "network": shallow, "fit": {**TINY["fit"], "steps": 10}}
    deeper = {**first, "network": {**TINY["network"], "blocks": (1, 2, 1, 3)}, "seed": 1}
    whole = fit_recipe(
        Recipe.from_values({**first, "then": [deeper]}), data=pairs, out=tmp_path / "whole"
    )
    one = fit_recipe(Recipe.from_values(first), data=pairs, out=tmp_path / "one")
    assert (tmp_path / "whole/stage-1/log.csv").read_bytes() == (
        tmp_path / "one/log.csv"
    ).read_bytes()
    start = weights_bytes(one.network)
    two = fit_stage(Recipe.from_values(deeper), data=pairs, out=tmp_path / "two", weights=start)
    assert whole.history == two.history
    networks = [build_network(Recipe.from_values(r).network, seed=3) for r in (first, deeper)]
    for network in networks:
        load_weights(network, start)
    picture = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, after = (network.eval()(picture) for network in networks)
    assert torch.equal(before, after)


def test_stages_of_two_working_sizes_are_refused():
    with pytest.raises(SettingsError, match="diameter_px"):
        Recipe.from_values({**TINY, "then": [{"crops": {"diameter_px": 30}}]})
