"""Training without the samples that an exclusion names."""

import pytest

from fatescope.acquire import write_exclusions
from fatescope.base import Exclusion, InputError
from fatescope.models import read_package
from fatescope.prepare import read_samples, unit_hash
from fatescope.systems.training.train import train_model
from fatescope.train import InstanceRecipe

RECIPE = InstanceRecipe.from_values(
    {
        "name": "tiny",
        "network": {"widths": (8, 8, 16, 16)},
        "crops": {"size_px": 64},
        "fit": {"steps": 4, "batch": 2, "steps_per_epoch": 2, "validate_every": 2},
    }
)


def exclusion(folder, *files):
    write_exclusions([Exclusion(file=f, rule="loss") for f in files], folder / "exclusion.csv")
    return folder / "exclusion.csv"


@pytest.mark.slow
def test_a_package_has_not_seen_what_an_exclusion_names(pairs, tmp_path):
    pytest.importorskip("nncf")
    out = tmp_path / "out"
    train_model(RECIPE, data=pairs, out=out, exclude=exclusion(tmp_path, "p2.png", "p8.png"))
    left = read_samples(out / "samples", splits=["train", "validation", "test"])
    assert sorted(s.unit for s in left) == ["u0", "u1", "u3", "u4", "u5", "u6", "u7", "u8"]
    seen = set(read_package(out / "package").description.training.units_seen)
    assert unit_hash("u2") not in seen
    assert unit_hash("u3") in seen


def test_an_exclusion_of_other_files_is_refused_before_training(pairs, tmp_path):
    with pytest.raises(InputError, match=r"names no training or validation sample"):
        train_model(
            RECIPE, data=pairs, out=tmp_path / "out", exclude=exclusion(tmp_path, "elsewhere.png")
        )
    assert not (tmp_path / "out").exists()


def test_an_exclusion_that_leaves_nothing_to_learn_from_is_refused(pairs, tmp_path):
    names = [f"p{i}.png" for i in range(6)]
    with pytest.raises(InputError, match=r"leaves no training sample"):
        train_model(RECIPE, data=pairs, out=tmp_path / "out", exclude=exclusion(tmp_path, *names))
