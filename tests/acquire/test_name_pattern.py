"""Names with placeholders: what they stand for, and never by trying all ways."""

import random
import re
import time

import numpy as np
import pytest
import tifffile

from fatescope.acquire import find_images
from fatescope.acquire.name_pattern import NamePattern
from fatescope.acquire.plates import PlateReading
from fatescope.base import InputError
from fatescope.systems.plates.show import show_plate

DIGITS = {"frame": "digits", "plane": "digits"}
THIRTY = "".join(f"{{p{chr(97 + i // 26)}{chr(97 + i % 26)}}}_" for i in range(29))


@pytest.mark.parametrize(
    ("pattern", "name", "values"),
    [
        ("{well}_{frame}.tif", "B02_s1_007.tif", {"well": "B02_s1", "frame": "007"}),
        ("{a}{b}.tif", "xyz.tif", {"a": "x", "b": "yz"}),
        ("{a}_{b}", "1_2_3", {"a": "1", "b": "2_3"}),
        ("{a}_{b}.tif", "x_.tif", None),
        ("{d}/{a}.tif", "d/e/a.tif", None),
        ("t{frame}{a}", "t12", {"frame": "1", "a": "2"}),
        ("{a}.tif", "a.tiff", None),
        ("[{a}] 'x'(1)+.{frame}", "[b] 'x'(1)+.3", {"a": "b", "frame": "3"}),
    ],
)
def test_each_placeholder_takes_the_least_and_digits_the_most(pattern, name, values):
    assert NamePattern.of(pattern, DIGITS).read(name) == values


def test_it_reads_as_the_regular_expression_would():
    rng = random.Random(0)
    words = {"frame": r"(?P<frame>\d+)", "a": "(?P<a>[^/]+?)", "b": "(?P<b>[^/]+?)"}
    greedy = {"frame": r"(\d+)", "a": "([^/]+)", "*": "([^/]*)"}
    fitted = 0
    for _ in range(4000):
        name = "".join(rng.choice("ab1_/") for _ in range(rng.randint(0, 9)))
        parts = rng.sample(["{a}", "{b}", "{frame}", "_", "a", "1", "/"], rng.randint(1, 5))
        oracle = "".join(words.get(p.strip("{}"), p) if len(p) > 1 else p for p in parts)
        found = re.fullmatch(oracle, name)
        got = NamePattern.of("".join(parts), DIGITS).read(name)
        assert got == (found.groupdict() if found else None), (parts, name)
        fitted += bool(found)
        parts = rng.sample(["{a}", "*", "{frame}", "_", "*", "1", "/"], rng.randint(1, 5))
        oracle = "".join(greedy.get(p.strip("{}"), p) for p in parts)
        kinds = {"frame": "digits", "a": "text", "*": "any"}
        got = NamePattern.of("".join(parts), kinds, greedy=True, only=True).read(name)
        match = re.fullmatch(oracle, name)
        assert (got is None) == (match is None), (parts, name)
        once = [p.strip("{}") for p in parts if p in greedy or p.strip("{}") in greedy]
        if got is not None and once.count("*") < 2:
            assert [got[n] for n in once] == list(match.groups())
    assert fitted > 100


def seconds_of(do):
    begun = time.process_time()
    with pytest.raises(InputError, match="fits"):
        do()
    return time.process_time() - begun


def test_thirty_placeholders_are_answered_at_once(tmp_path):
    """Six took more than 160 s, in the command and in the app, and could not be stopped."""
    name = "_".join("a" * 2 for _ in range(60)) + "_x.png"
    tifffile.imwrite(tmp_path / f"{name}.tif", np.zeros((8, 8), np.uint8))
    for pattern in (THIRTY + "{frame}.tif", THIRTY.replace("_", "") + "{frame}.tif"):
        assert seconds_of(lambda p=pattern: find_images([tmp_path], pattern=p)) < 0.2
        reading = PlateReading(pattern="{well}" + pattern)
        assert seconds_of(lambda r=reading: show_plate(tmp_path, reading=r)) < 0.2


def test_quotes_and_brackets_of_a_name_stand_for_themselves(tmp_path):
    for frame in (1, 2):
        path = tmp_path / f'A\'s [film] "(1)" t{frame}.tif'
        tifffile.imwrite(path, np.zeros((8, 8), np.uint8))
    found = find_images([tmp_path], pattern='A\'s [film] "(1)" t{frame}.tif')
    assert [f.frames for f in found] == [(1, 2)]
