"""Settings describe themselves: one source for flags, forms and the table in the docs."""

from pathlib import Path
from typing import Literal

from fatescope.base import Settings, setting


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
