"""`simulate embryo` on files: what is written, what its truth says, and that it continues."""

import json

import numpy as np
import pytest

from fatescope.acquire import read_image, read_table
from fatescope.base import Execution, RunError
from fatescope.simulate.embryo import LineageSettings, VolumeSettings
from fatescope.systems.simulation.embryo import plan_embryo_volumes, write_embryo_volumes

SETTINGS = VolumeSettings(
    cells=(4, 8), planes=14, height=60, width=90, voxel_um=(2.0, 0.8, 0.8), vary=0.5
)
LINEAGE = LineageSettings(minutes=40.0)
ONE = Execution(workers=1)


def write(out, settings=SETTINGS, **more):
    return write_embryo_volumes(out, settings, LINEAGE, seed=1, execution=ONE, **more)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    out = tmp_path_factory.mktemp("embryo") / "out"
    assert write(out).units_done == 2
    return out


def test_volumes_have_channels_spacing_and_labels_beside(rendered):
    image = read_image(rendered / "images" / "embryo_000_t0001.tif")
    assert image.axes == "CZYX"
    assert image.shape == (2, 14, 60, 90)
    assert image.channels == ("nuclei", "membrane")
    assert image.spacing.um("ZYX") == (2.0, 0.8, 0.8)
    for channel in image.channels:
        labels = read_image(rendered / "truth" / "labels" / channel / "embryo_000_t0001.tif")
        assert labels.axes == "ZYX"
        assert len(np.unique(labels.pixels[:])) >= 8


def test_the_truth_counts_the_labels_of_each_volume(rendered):
    spots = read_table(rendered / "truth" / "spots.csv")
    assert list(spots)[:7] == ["id", "frame", "z", "y", "x", "radius_um", "parent"]
    counts = read_table(rendered / "truth" / "populations.csv")
    for frame in (0, 1):
        image = read_image(rendered / "truth/labels/nuclei" / f"embryo_000_t{frame:04d}.tif")
        mine = spots.rows(spots["frame"] == frame)
        assert set(np.unique(image.pixels[:])) == {0, *mine["label"].tolist()}
        rows = counts.rows(counts["frame"] == frame)
        total = dict(zip(rows["founder"], rows["count"], strict=True))
        assert total["total"] == len(mine) == sum(v for k, v in total.items() if k != "total")


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_for_any_number_of_workers(rendered, tmp_path):
    write_embryo_volumes(
        tmp_path / "two", SETTINGS, LINEAGE, seed=1, execution=Execution(workers=2)
    )
    files = sorted(p.relative_to(rendered) for p in rendered.rglob("*.tif"))
    files += [p.relative_to(rendered) for p in rendered.glob("truth/*.csv")]
    assert len(files) == 8
    for path in files:
        assert (tmp_path / "two" / path).read_bytes() == (rendered / path).read_bytes()


def test_a_larger_count_adds_embryos_and_leaves_the_others_alone(rendered, tmp_path):
    out = tmp_path / "out"
    write(out)
    before = (out / "images" / "embryo_000_t0000.tif").stat().st_mtime_ns
    assert write(out, SETTINGS.replace(count=2)).units_done == 4
    assert (out / "images" / "embryo_000_t0000.tif").stat().st_mtime_ns == before
    assert set(read_table(out / "truth" / "populations.csv")["movie"]) == {
        "embryo_000",
        "embryo_001",
    }


def test_other_settings_into_the_same_folder_are_refused(rendered):
    with pytest.raises(RunError):
        write(rendered, SETTINGS.replace(photons=3.0))


def test_a_stage_that_is_never_reached_costs_its_volume_and_says_why(tmp_path):
    summary = write(tmp_path / "out", SETTINGS.replace(cells=(4, 300)))
    assert (summary.units_done, summary.units_failed) == (1, 1)
    assert "300 cells" in summary.errors[0]


def test_a_table_is_rendered_in_place_of_a_drawn_embryo(tmp_path):
    rows = ["cell,time,x,y,z,size,mother ref"]
    rows += [
        f"{c},{t},{x},200,10,60,AB" for t in (1, 2, 3) for c, x in (("ABa", 200), ("ABp", 400))
    ]
    table = tmp_path / "CD.csv"
    table.write_text("\n".join(rows) + "\n")
    out = tmp_path / "out"
    write(out, SETTINGS.replace(cells=(), frames=(1,)), table=table)
    assert read_table(out / "truth" / "spots.csv")["name"].tolist() == ["ABa", "ABp"]
    assert len(json.loads((out / "run.json").read_text())["inputs"][0]["sha256"]) == 64
    found = read_table(out / "findings.csv")
    assert found["rule"].tolist() == ["links-not-read", "assumed-scale"]
    assert set(found["file"].tolist()) == {str(table)}
    assert "1, 0.09, 0.09" in found["reason"][1]


def test_the_plan_counts_volumes():
    plan = plan_embryo_volumes(SETTINGS.replace(count=5), execution=ONE)
    assert plan.units == 10
    assert plan.cpu_seconds > 0
