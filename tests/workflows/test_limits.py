"""Flags that were passed over: a limit that is too small, a model that is no package."""

import pytest
from tests.acquire.pictures import plain_tiff, ramp

from fatescope.base import Execution, ModelError, SettingsError
from fatescope.evaluate.settings import CompareSettings
from fatescope.predict import NucleiSettings
from fatescope.workflows import nuclei, variants
from fatescope.workflows.compare import compare_models

CLASSICAL = NucleiSettings(model="classical")


def test_a_memory_limit_that_no_process_fits_into_is_refused(tmp_path):
    path = plain_tiff(tmp_path / "a.tif", ramp(64, 64))
    little = Execution(memory="10MB")
    with pytest.raises(SettingsError, match=r"--memory: 10 MB are less than the \d+ MB"):
        nuclei.predict_nuclei(path, out=tmp_path / "out", settings=CLASSICAL, execution=little)
    with pytest.raises(SettingsError, match="Give --memory"):
        nuclei.plan_nuclei(path, settings=CLASSICAL, execution=little)
    assert not (tmp_path / "out").exists()


def test_comparing_with_the_threshold_says_what_to_do_instead(tmp_path):
    with pytest.raises(ModelError, match=r"'classical' is a threshold without a package.*evaluate"):
        compare_models(
            "nuclei", "classical", data=tmp_path, out=tmp_path / "out", settings=CompareSettings()
        )


def test_variants_leave_units_out_as_they_are_told(tmp_path, monkeypatch):
    """What each training is asked for; the training itself has tests of its own."""
    from fatescope.train import read_recipe

    asked = []

    def note(recipe, **given):
        asked.append(given["leave_out"])
        raise SettingsError("enough.")

    monkeypatch.setattr(variants, "train_model", note)
    monkeypatch.setattr(variants, "read_samples", lambda *_, **__: ["a sample"])
    with pytest.raises(SettingsError, match="enough"):
        variants.train_variants(
            read_recipe("nuclei"), ["recipe"], data=tmp_path, out=tmp_path / "out", leave_out="all"
        )
    assert asked == ["all"]
