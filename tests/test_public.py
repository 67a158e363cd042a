"""The public names: lazy, typed, and the same results on values as the commands give on files."""

import subprocess
import sys

import numpy as np
import pytest
import tifffile

import fatescope as fs
from fatescope.base import Execution, InputError
from fatescope.simulate import simulate_image
from fatescope.simulate.settings import NucleiMovieSettings

CLASSICAL = fs.NucleiSettings(model="classical", diameter_px=18)


@pytest.fixture(scope="module")
def image():
    return simulate_image(NucleiMovieSettings(height=120, width=150, diameter_px=18), seed=3)


def test_importing_loads_no_array_library():
    code = "import fatescope, sys; print(sorted({'numpy', 'torch', 'duckdb'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_resolves_and_has_a_docstring():
    for name in fs.__all__:
        assert getattr(fs, name) is not None, name
        assert name in ("base", "__version__") or getattr(fs, name).__doc__, name


def test_measure_is_a_function_whatever_was_imported_before(image):
    import fatescope.measurement

    assert fatescope.measurement is not None
    pixels, truth = image
    table = fs.measure(pixels, truth, spacing_um=(0.2, 0.2))
    assert len(table) == len(np.unique(truth)) - 1
    assert table["area_um2"] == pytest.approx(table["area_px"] * 0.04)


def test_an_array_gives_what_the_command_gives_for_its_file(image, tmp_path):
    pixels, _ = image
    stack = np.stack([pixels, pixels[::-1]])
    tifffile.imwrite(tmp_path / "a.tif", stack, metadata={"axes": "TYX"})
    found = fs.segment_nuclei(stack, axes="TYX", settings=CLASSICAL)
    fs.predict_nuclei(
        tmp_path / "a.tif", out=tmp_path / "out", settings=CLASSICAL, execution=Execution(workers=1)
    )
    labels = tifffile.imread(tmp_path / "out" / "labels" / "a.tif")
    assert np.array_equal(found.labels, labels)
    assert found.axes == "TYX"
    rows = fs.read_table(tmp_path / "out" / "objects.parquet")
    for column in found.objects:
        assert found.objects[column].tolist() == rows[column].tolist(), column
    assert {f.rule for f in found.findings} >= {"scaled"}


def test_labels_are_evaluated_in_memory_as_on_disk(image, tmp_path):
    _, truth = image
    worse = np.where(truth == 1, 0, truth).astype(np.uint8)
    for name, labels in (("true", truth), ("pred", worse)):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "a.tif", labels.astype(np.uint8))
    one = fs.evaluate_labels(truth, worse)
    two = fs.evaluate_labels(tmp_path / "true", tmp_path / "pred")
    assert one["ap"] == two["ap"]
    assert 0 < one["ap"]["0.50"] < 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda a: fs.segment_nuclei(np.zeros((2, 9, 9))), r"shape \(2, 9, 9\) needs its axes"),
        (lambda a: fs.segment_nuclei(a, spacing_um=(1, 1, 1)), "3 steps, but the image has"),
        (lambda a: fs.measure(a, np.zeros((3, 3), int)), "grid of the image"),
        (lambda a: fs.measure(a, a * 0.5), "whole numbers"),
        (lambda a: fs.evaluate_labels(a, a[:3]), "shape"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(image, call, said):
    with pytest.raises(InputError, match=said):
        call(image[1])


def test_a_lineage_is_named_and_checked_in_memory(embryo_table, tmp_path):
    lineage = fs.read_lineage(embryo_table)
    named = fs.name_lineage(lineage)
    given = lineage.name.tolist()
    kept = [a == b for a, b in zip(named.lineage.name, given, strict=True) if a]
    assert len(kept) > 0.8 * len(given)
    assert np.mean(kept) > 0.95
    assert named.table["name_given"].tolist() == given
    fs.lint_lineages([embryo_table], out=tmp_path / "lint", execution=Execution(workers=1))
    written = fs.read_table(tmp_path / "lint" / "findings.csv")
    found = fs.lint_lineage(lineage)
    assert [f.rule for f in found] == [r for r in written["rule"].tolist() if r != "assumed-scale"]


@pytest.fixture(scope="module")
def embryo_table(tmp_path_factory):
    from fatescope.simulate import LineagePlan, simulate_lineage

    path = tmp_path_factory.mktemp("embryo") / "embryo.csv"
    fs.write_lineage(simulate_lineage(LineagePlan(minutes=120), seed=5), path)
    return path
