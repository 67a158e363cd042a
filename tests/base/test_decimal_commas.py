"""Numbers with a decimal comma: understood or refused, in every flag and field."""

import subprocess
import sys

import numpy as np
import pytest
import tifffile

from fatescope.acquire.reading import ImageReading
from fatescope.base import SettingsError
from fatescope.base.steps import number_parts
from fatescope.simulate.embryo.settings import VolumeSettings
from fatescope.simulate.plate.settings import PlateSettings
from fatescope.systems.nuclei.settings import NucleiSettings
from fatescope.train.search_space import read_space


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("0.2", ["0.2"]),
        ("1,0.2,0.2", ["1", "0.2", "0.2"]),
        ("2,1,1", ["2", "1", "1"]),
        ("1.0,5.0", ["1.0", "5.0"]),
        ("1,5;0,2;0,2", ["1.5", "0.2", "0.2"]),
        ("1;5", ["1", "5"]),
        ("1e-3,1e-2", ["1e-3", "1e-2"]),
    ],
)
def test_numbers_are_divided_by_commas_or_semicolons(text, parts):
    assert number_parts(text, alone=True) == parts


@pytest.mark.parametrize("text", ["1,5", "0,2", "0,05", " 1,5 ", "0,5,0,05"])
def test_a_comma_that_may_stand_before_decimals_is_refused(text):
    with pytest.raises(ValueError, match=r"may be .* Write decimals with a point"):
        number_parts(text, alone=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ImageReading.from_values({"spacing_um": "1,5"}),
        lambda: ImageReading.from_values({"spacing_um": "0,2"}),
        lambda: ImageReading.from_values({"interval_min": "1,5"}),
        lambda: NucleiSettings.from_values({"diameter_px": "12,5"}),
        lambda: VolumeSettings.from_values({"voxel_um": "1,0,24,0,24"}),
        lambda: PlateSettings.from_values({"doses": "0,5"}),
        lambda: read_space(["fit.learning_rate=0,001"], {}),
    ],
)
def test_no_setting_takes_half_a_number_for_two(make):
    with pytest.raises(SettingsError, match=r"1,5|0,2|12,5|at most 3|0,001|0,5"):
        make()


def test_pixel_size_with_semicolons_is_understood():
    assert ImageReading.from_values({"spacing_um": "1,5;0,2;0,2"}).spacing_um == (1.5, 0.2, 0.2)


@pytest.mark.parametrize("flags", [("--spacing-um", "1,5"), ("--diameter-px", "12,5")])
def test_a_command_refuses_in_one_line(tmp_path, flags):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((32, 32), np.uint8))
    words = ["predict", "nuclei", tmp_path / "a.tif", "--out", tmp_path / "o", *flags]
    command = [sys.executable, "-m", "fatescope", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert flags[0][2:] in done.stderr.replace("_", "-")
    assert done.stderr.strip().count("\n") == 0
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("text", ["a", "1,b", "", "0.2;x"])
def test_what_is_no_spacing_is_told_what_one_looks_like(text):
    with pytest.raises(SettingsError, match=r"spacing_um.*one to three positive numbers"):
        NucleiSettings.from_values({"spacing_um": text})
