"""A row for each file that another program wrote: ours against a second library's reading.

The table with Bio-Formats and with programs that are not installed here: docs/files-compared.md.
"""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.foreign_files import SHARED, SHIPPED, compare, differences, ours
from benchmarks.foreign_writers import WRITERS


def check_rows(files):
    rows = list(compare(files, None))
    compared = [row for row in rows if row[2] is not None]
    assert [(name, left) for _, name, _, left, _ in compared if left] == []
    if not compared:
        pytest.skip("only Bio-Formats is a second reader of it")


@pytest.mark.parametrize("name", WRITERS)
def test_what_another_library_writes_here(tmp_path, name):
    path = tmp_path / Path(name).name
    try:
        WRITERS[name](path)
    except ModuleNotFoundError as error:
        pytest.skip(f"needs {error.name}")
    check_rows([("written", name, path)])


@pytest.mark.parametrize(
    ("package", "name"), [(p, n) for p, names in SHIPPED.items() for n in names]
)
def test_what_an_installed_package_ships(package, name):
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / name if spec and spec.origin else None
    if path is None or not path.exists():
        pytest.skip(f"{package} ships no such file here")
    check_rows([("shipped", name, path)])


@pytest.mark.data
@pytest.mark.parametrize(
    "pattern", [pytest.param(p, marks=[pytest.mark.slow] * p.endswith(".mov")) for p in SHARED]
)
def test_what_instruments_and_other_programs_wrote(data_dir, pattern):
    paths = sorted(data_dir.glob(pattern))[:2]
    assert paths
    check_rows([("data folder", str(p), p) for p in paths])


def test_a_wrong_reading_is_a_difference(tmp_path):
    path = tmp_path / "planes.ome.tif"
    WRITERS["tifffile/planes.ome.tif"](path)
    right = ours(path)
    pixels = right.pixels.copy()
    pixels[0, 0, 0, 0, 0] += 1
    wrong = replace(
        right, pixels=pixels, um=(1.5, 0.25, 0.5), minutes=(0.0, 1.0, 2.0), channels=("DAPI", "RFP")
    )
    assert set(differences(right, wrong)) == {"pixels", "spacing", "times", "channels"}
    turned = replace(right, pixels=right.pixels.transpose(0, 2, 1, 3, 4))
    assert set(differences(right, turned)) == {"axes", "pixels"}
    assert differences(right, right) == {}
