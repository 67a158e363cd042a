"""Old against new on membranes: the answer, strata, regressions, films, a plain FPN-ResNet18."""

import csv
import json
from importlib.util import find_spec

import numpy as np
import pytest
import tifffile
from tests.systems.membranes.cells.cells import embryo

from fatescope.acquire.movies import read_frames
from fatescope.base import Execution, InputError, ModelError, SettingsError
from fatescope.evaluate import CompareSettings
from fatescope.prepare import SliceSettings, unit_hash
from fatescope.systems.comparison.compare import compare_models
from fatescope.systems.membranes.compare import held_out
from fatescope.systems.membranes.sides import WallSide
from fatescope.systems.membranes.slices import prepare_slices

SPACING = (1.2, 0.3, 0.3)
HOW = CompareSettings(spacing_um=SPACING)


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    """Two volumes to learn from, two to test."""
    root = tmp_path_factory.mktemp("membranes")
    for time in range(4):
        pixels, labels, _ = embryo(3, seed=time)
        for kind, values in (("raw", pixels), ("labels", labels.astype(np.uint16))):
            (root / "v" / kind).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(root / "v" / kind / f"e_t{time}.tif", values[6:34:2])
    settings = SliceSettings(
        images="raw/{embryo}_t{frame}.tif",
        labels="labels/{embryo}_t{frame}.tif",
        axes="ZYX",
        spacing_um=SPACING,
        validation=0,
        test=0.5,
        guard_frames=0,
    )
    alone = Execution(workers=1)
    prepare_slices(root / "v", out=root / "slices", settings=settings, execution=alone)
    return root / "slices"


@pytest.fixture(scope="module")
def fpn(tmp_path_factory):
    """A plain untrained FPN on ResNet18, as ONNX with six lines."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    if find_spec("segmentation_models_pytorch") is None:
        pytest.skip("the extra `train` is not installed")
    from fatescope.train import export_onnx
    from fatescope.train.library_networks import segmentation_library

    torch.manual_seed(0)
    smp = segmentation_library()
    network = smp.FPN(
        "resnet18", encoder_weights=None, in_channels=1, classes=1, activation="sigmoid"
    )
    path = tmp_path_factory.mktemp("fpn") / "fpn.onnx"
    path.write_bytes(export_onnx(network))
    path.with_suffix(".toml").write_text(
        'name = "fpn-resnet18"\ntask = "membrane"\nsize_px = 64\nchannel = 0\n'
        'normalisation = "divide-255"\noutput = "interior"\n'
    )
    return path


@pytest.mark.slow
def test_a_plain_fpn_on_resnet18_is_worse_than_ridges_and_every_output_is_there(
    slices, fpn, tmp_path
):
    out = tmp_path / "out"
    done = compare_models("classical", fpn, data=slices, out=out, settings=HOW)
    d = done.difference
    assert (d.score, d.outcome, d.n_units) == ("wall_f1", "worse", 2)
    assert done.names == ("classical", "fpn-resnet18")
    with (out / "planes.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == d.n_images
    assert {"stage", "depth", "cells", "wall_f1_old", "wall_f1_new"} <= set(rows[0])
    worst = sorted((out / "regressions").glob("*.png"))
    assert 1 <= len(worst) <= 10
    change = [float(r["wall_f1_new"]) - float(r["wall_f1_old"]) for r in rows]
    assert rows[int(np.argmin(change))]["image"] in worst[0].name
    first = [r for r in rows if r["unit"] == rows[0]["unit"]]
    assert len(list(read_frames(out / "film.mp4"))) == len(first)
    assert (out / "film.gif").is_file()
    page = (out / "report.html").read_text()
    for words in ("By stage", "By depth", "By density", "Worst regressions", "silhouette"):
        assert words in page
    assert "2 volumes, within one embryo" in done.as_lines()[-1]
    assert json.dumps(done.as_json())
    again = compare_models("classical", fpn, data=slices, out=out, settings=HOW)
    assert again.difference == d


@pytest.mark.slow
def test_the_shipped_package_against_itself_cannot_be_told_apart(slices, tmp_path):
    d = compare_models("membrane", "membrane", data=slices, out=tmp_path, settings=HOW).difference
    assert (d.difference, d.low, d.high, d.outcome) == (0, 0, 0, "cannot-tell")
    assert "On no plane" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("known", ["e@3", "e"])
def test_units_that_a_model_has_seen_are_refused_by_name(slices, known):
    side = WallSide(name="knowing", sha256="", seen=(unit_hash(known),))
    with pytest.raises(InputError, match=r"knowing has seen . of the test units \(e@"):
        held_out(slices, [side])
    assert [u.key for u in held_out(slices, [])] == ["e@2", "e@3"]


@pytest.mark.slow
def test_models_of_other_things_and_scores_of_other_things_are_refused(slices, tmp_path):
    with pytest.raises(ModelError, match="membrane-maps"):
        compare_models("membrane", "nuclei", data=slices, out=tmp_path, settings=HOW)
    wrong = CompareSettings(spacing_um=SPACING, score="ap_75")
    with pytest.raises(SettingsError, match="ap_75: not measured on membranes"):
        compare_models("membrane", "classical", data=slices, out=tmp_path, settings=wrong)
    walls = CompareSettings(score="wall_f1")
    with pytest.raises(SettingsError, match="wall_f1"):
        compare_models("nuclei", "classical", data=slices, out=tmp_path, settings=walls)


def test_without_a_test_unit_there_is_nothing_to_compare_on(tmp_path):
    (tmp_path / "samples.csv").write_text("image,labels,unit,frame,split,role\n")
    with pytest.raises(InputError, match="no test unit to compare on"):
        compare_models("membrane", "classical", data=tmp_path, out=tmp_path / "o", settings=HOW)
