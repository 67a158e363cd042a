"""Named tables whose coordinates are a mirror image: the same numbers as stored, and it is said."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from tests.lineage.embryo_cases import embryo

import fatescope as fs
from fatescope.acquire.lineages import LineageReading, write_lineage
from fatescope.base import Execution
from fatescope.lineage.body_axes import mirror_image
from fatescope.systems.lineages.atlas import make_atlas
from fatescope.systems.lineages.compare import compare_lineages
from fatescope.systems.lineages.draw import draw_lineages
from fatescope.systems.lineages.lint import lint_lineages
from fatescope.systems.lineages.settings import DrawSettings, LineageCompareSettings

ONE = Execution(workers=1)
UM = LineageReading(spacing_um=(1.0, 1.0, 1.0), interval_min=1.5)


def rows(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def said(out):
    return {r["file"] for r in rows(out / "findings.csv") if r["rule"] == "mirrored"}


def write_both(place, embryos):
    """Five embryos as they are, and the same with three of them turned in one axis."""
    for i, (one, axis) in enumerate(zip(embryos, ("", "z", "", "x", "y"), strict=True)):
        for kind in ("stored", "turned"):
            (place / kind).mkdir(exist_ok=True)
            turned = axis and kind == "turned"
            write_lineage(mirror_image(one, axis) if turned else one, place / kind / f"CD{i}.csv")
    return place


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return write_both(tmp_path_factory.mktemp("tables"), [embryo(seed=i) for i in range(5)])


@pytest.fixture(scope="module")
def alike(tmp_path_factory):
    one, rng = embryo(), np.random.default_rng(0)
    shaken = [one.position + rng.normal(0, 0.3, one.position.shape) for _ in range(5)]
    embryos = [replace(one, position=p) for p in shaken]
    return write_both(tmp_path_factory.mktemp("alike"), embryos)


def numbers(path):
    return {
        tuple(v for k, v in r.items() if k in ("table", "cell", "trait", "group", "neighbour")): [
            float(v) for v in r.values() if v.replace(".", "").replace("-", "").isdigit()
        ]
        for r in rows(path)
    }


def same(first, second):
    assert first.keys() == second.keys()
    for key, values in first.items():
        assert values == pytest.approx(second[key], abs=0.02, nan_ok=True)


def test_comparing_with_mirror_images_gives_what_the_embryos_give(tables, tmp_path):
    for kind in ("stored", "turned"):
        inputs = [tables / kind / f"CD{i}.csv" for i in (3, 4)]
        (tmp_path / kind).mkdir()
        for i in range(3):
            name = f"CD{i}.csv"
            (tmp_path / kind / name).write_bytes((tables / kind / name).read_bytes())
        settings = LineageCompareSettings(reference=str(tmp_path / kind))
        out = tmp_path / f"out-{kind}"
        compare_lineages(inputs, out=out, settings=settings, reading=UM, execution=ONE)
    same(*(numbers(tmp_path / f"out-{k}" / "differences.csv") for k in ("stored", "turned")))
    assert said(tmp_path / "out-stored") == set()
    assert said(tmp_path / "out-turned") == {"reference/CD1", "test/CD3", "test/CD4"}


def test_an_atlas_of_mirror_images_is_that_of_the_embryos(alike, tmp_path):
    for kind in ("stored", "turned"):
        make_atlas([alike / kind], out=tmp_path / kind, reading=UM)
    same(*(numbers(tmp_path / k / "cells.csv") for k in ("stored", "turned")))
    assert said(tmp_path / "stored") == set()
    assert said(tmp_path / "turned") == {"CD1", "CD3", "CD4"}


def test_one_row_per_cell_has_a_hand_too(alike, tmp_path):
    for kind in ("stored", "turned"):
        lines = ["table,cell,first,last,x,y,z"]
        for path in sorted((alike / kind).iterdir()):
            lineage = fs.read_lineage(path)
            for cell in dict.fromkeys(lineage.name.tolist()):
                own = np.flatnonzero(lineage.name == cell)
                z, y, x = lineage.position[own[0]].tolist()
                first, last = lineage.frame[own[[0, -1]]].tolist()
                lines.append(f"{path.stem},{cell},{first + 1},{last + 1},{x},{y},{z}")
        (tmp_path / f"{kind}.csv").write_text("\n".join(lines) + "\n")
        make_atlas([tmp_path / f"{kind}.csv"], out=tmp_path / kind, reading=UM)
    same(*(numbers(tmp_path / k / "cells.csv") for k in ("stored", "turned")))
    assert said(tmp_path / "turned") == {f"turned/CD{i}" for i in (1, 3, 4)}
    make_atlas([tmp_path / "stored.csv"], out=tmp_path / "guess")
    assert [r["rule"] for r in rows(tmp_path / "guess" / "findings.csv")] == ["assumed-scale"]


@pytest.mark.parametrize("axis", ["x", "z"])
def test_a_mirror_image_is_drawn_as_the_embryo_it_is(tables, tmp_path, axis):
    one = embryo(seed=7)
    write_lineage(one, tmp_path / "CDa.csv")
    (tmp_path / axis).mkdir()
    write_lineage(mirror_image(one, axis), tmp_path / axis / "CDa.csv")
    settings, drawn = DrawSettings(deals=1, reference=str(tables / "turned")), []
    for place in (tmp_path / "CDa.csv", tmp_path / axis):
        out = tmp_path / f"out-{place.name}"
        draw_lineages([place], out=out, settings=settings, reading=UM, execution=ONE)
        drawn.append(rows(out / "territory_nuclei.csv"))
    of_reference = {f"reference/CD{i}" for i in (1, 3, 4)}
    assert said(out) == {"CDa", *of_reference}
    assert said(tmp_path / "out-CDa.csv") == of_reference
    for column in ("posterior_um", "dorsal_um", "left_um"):
        values = [[float(r[column]) for r in table] for table in drawn]
        assert values[0] == pytest.approx(values[1], abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_a_check_of_a_mirror_image_says_that_and_finds_what_it_finds_in_the_embryo(tmp_path, axis):
    one = embryo(seed=7)
    stored = fs.lint_lineage(one)
    turned = fs.lint_lineage(mirror_image(one, axis))
    assert "mirrored" not in {f.rule for f in stored}
    assert [f for f in turned if f.rule != "mirrored"] == stored
    write_lineage(mirror_image(one, axis), tmp_path / "CDa.csv")
    lint_lineages([tmp_path / "CDa.csv"], out=tmp_path / "out", reading=UM, execution=ONE)
    assert said(tmp_path / "out") == {"CDa"}


def test_wrong_names_are_no_mirror_image():
    one = embryo(seed=7)
    names = sorted(set(one.name.tolist()))
    dealt = dict(zip(names, np.random.default_rng(0).permutation(names), strict=True))
    one.name[:] = [dealt[n] for n in one.name.tolist()]
    assert "mirrored" not in {f.rule for f in fs.lint_lineage(one)}
