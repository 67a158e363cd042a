"""Settings describe themselves: one source for flags, forms and the table in the docs."""

from pathlib import Path
from typing import Literal

import pytest

from fatescope.base import Settings, SettingsError, setting
from fatescope.base.steps import StepsUm


class Example(Settings):
    size_px: int = setting(12, "how large", unit="px", ge=1, le=99)
    share: float | None = setting(None, "how much", gt=0, lt=1, group="More", advanced=True)
    way: Literal["fast", "slow"] = setting("fast", "which way")
    on: bool = setting(True, "whether")
    where: Path | None = setting(None, "a place")
    ends: tuple[float, float] = setting((0.0, 1.0), "two numbers")
    name: str = setting(..., "what it is called")


def test_every_part_of_a_setting_is_told():
    size, share, way, on, where, ends, name = Example.describe()
    assert (size.flag, size.kind, size.unit, size.range) == (
        "--size-px",
        "whole number",
        "px",
        "from 1 to 99",
    )
    assert (size.default, size.group, size.advanced) == (12, "", False)
    assert (share.kind, share.range, share.default) == ("number", "above 0 below 1", None)
    assert (share.group, share.advanced) == ("More", True)
    assert (way.kind, way.choices, way.range) == ("choice", ("fast", "slow"), "fast, slow")
    assert [one.kind for one in (on, where, ends, name)] == ["switch", "path", "values", "text"]
    assert (name.required, name.default) == (True, None)
    assert not on.required


class Numbers(Settings):
    widths: tuple[int, ...] = setting((16, 32), "whole numbers")
    ends: tuple[float, float] | None = setting(None, "two numbers")
    names: tuple[str, ...] = setting((), "words")
    step: StepsUm = setting(None, "has a way of its own")


@pytest.mark.parametrize("text", ["8,16", " 8, 16 ", "(8, 16)", "8,16,"])
def test_text_for_several_numbers_is_taken_apart(text):
    assert Numbers.from_values({"widths": text}).widths == (8, 16)
    assert Numbers.from_values({"ends": text}).ends == (8.0, 16.0)
    assert Numbers.from_values({"step": "0.5,0.25"}).step == (0.5, 0.25)
    assert Numbers.from_values({"widths": ""}).widths == ()


def test_text_that_is_no_numbers_or_not_enough_is_a_sentence():
    with pytest.raises(SettingsError, match=r"widths.1 = 'x'.*integer"):
        Numbers.from_values({"widths": "8,x"})
    with pytest.raises(SettingsError, match="ends"):
        Numbers.from_values({"ends": "8"})
    with pytest.raises(SettingsError, match="names"):
        Numbers.from_values({"names": "a,b"})


def test_no_shipped_setting_of_several_numbers_refuses_its_own_default_as_text():
    from fatescope.simulate.plate import PlateSettings

    text = ",".join(map(str, PlateSettings().doses))
    assert PlateSettings.from_values({"doses": text}) == PlateSettings()
