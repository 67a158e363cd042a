"""Every model has one kind of description, whatever it takes and gives."""

import json
from typing import Literal

import numpy as np
import pytest
from tests.models.toy_networks import toy_package
from typer.testing import CliRunner

from fatescope.base import ModelError
from fatescope.cli.groups import app
from fatescope.cli.main import load_commands
from fatescope.models import (
    Boxes,
    Counts,
    ImageInput,
    InstanceMaps,
    MembraneMaps,
    ModelDescription,
    NamesPerRow,
    Output,
    PixelClasses,
    RowInput,
    Tiling,
    check_model,
    export_model,
    import_model,
    list_models,
    shipped_names,
    unfold,
)
from fatescope.models.description import description_from_rdf
from fatescope.predict import open_predictor

load_commands()


class Thoughts(Output):
    kind: Literal["telepathy"] = "telepathy"
    form: Literal["maps"] = "maps"
    depth: int


SMALL = Tiling(tile_px=(64, 64), halo_px=(0, 0), divisor=(1, 1))
VOLUME = ImageInput(
    axes="ZYX",
    channels=("membrane", "nuclei"),
    spacing_um=(1.0, 0.25, 0.25),
    tiling=Tiling(tile_px=(16, 64, 64), halo_px=(2, 4, 4), divisor=(1, 1, 1)),
)
CASES = {
    "instance-maps": (ImageInput(tiling=SMALL), InstanceMaps()),
    "membrane-maps": (VOLUME, MembraneMaps(membrane=0.4)),
    "pixel-classes": (ImageInput(tiling=SMALL), PixelClasses(channels=("live", "dead", "none"))),
    "boxes": (
        ImageInput(tiling=SMALL),
        Boxes(channels=("y0", "x0", "y1", "x1", "score", "live", "dead")),
    ),
    "counts": (ImageInput(channels=("a", "b"), tiling=SMALL), Counts(channels=("AB", "MS", "E"))),
    "names-per-row": (RowInput(channels=("x", "y")), NamesPerRow(channels=("ABa", "ABp", "P1"))),
    "telepathy": (
        ImageInput(tiling=SMALL),
        Thoughts(channels=("thought",), depth=3),
    ),
}


@pytest.fixture(params=CASES, scope="module")
def package(request, tmp_path_factory):
    taken, given = CASES[request.param]
    description = ModelDescription(
        name=f"toy-{request.param}", summary="A toy.", task="toys", input=taken, output=given
    )
    return toy_package(tmp_path_factory.mktemp("kinds") / "toy", description)


def run(*words: object):
    return CliRunner().invoke(app, ["models", *(str(w) for w in words)])


def test_a_package_of_each_kind_reads_back_and_travels(package, tmp_path):
    kind = package.name.removeprefix("toy-")
    taken, given = CASES[kind]
    assert package.description.input == taken
    assert package.description.output_as(type(given)) == given
    zipped = export_model(package.source, tmp_path / "toy.zip")
    again = import_model(zipped.source, tmp_path / "again")
    assert again.sha256 == package.sha256
    assert again.description == package.description


@pytest.mark.slow
def test_the_test_tensors_of_each_kind_are_run(package, tmp_path):
    found = check_model(package.source)
    assert found.passed, found
    assert found.differences["fp32"] == 0
    assert run("check", package.source).exit_code == 0
    shown = json.loads(run("show", package.source, "--json").stdout)["models"][0]
    assert shown["output"]["kind"] == package.name.removeprefix("toy-")


def test_what_another_kind_gives_is_one_sentence(package):
    if isinstance(package.description.output, InstanceMaps):
        return
    kind = package.description.output.kind
    with pytest.raises(ModelError, match=f"gives {kind}, and instance-maps are needed here"):
        _ = package.description.instances


def test_a_model_that_takes_rows_is_refused_before_an_image_is_read(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"never opened")
    words = ["predict", "nuclei", tmp_path / "a.tif", "--out", tmp_path / "out"]
    result = CliRunner().invoke(app, [*map(str, words), "--model", "compact-names"])
    assert result.exit_code == 2
    assert result.stderr == "error: model 'compact-names' takes rows, and here are images.\n"


def test_a_model_for_volumes_is_not_shown_planes(tmp_path):
    package = toy_package(tmp_path / "toy", ModelDescription(name="v", summary="s", input=VOLUME))
    with pytest.raises(ModelError, match=r"'v' takes ZYX, and planes \(YX\) are predicted here"):
        open_predictor(package.source)


def test_a_model_that_outlines_nothing_is_refused_before_an_image_is_read(tmp_path):
    taken, given = CASES["pixel-classes"]
    description = ModelDescription(name="c", summary="s", input=taken, output=given)
    toy_package(tmp_path / "toy", description)
    (tmp_path / "a.tif").write_bytes(b"never opened")
    words = ["predict", "nuclei", tmp_path / "a.tif", "--out", tmp_path / "out"]
    result = CliRunner().invoke(app, [*map(str, words), "--model", str(tmp_path / "toy")])
    assert result.exit_code == 2
    assert result.stderr == (
        "error: model 'c' gives pixel-classes, and instance-maps are needed here.\n"
    )


def test_rows_are_not_images_and_images_are_not_rows():
    rows = ModelDescription(name="r", summary="s", input=RowInput(channels=("x", "y")))
    with pytest.raises(ModelError, match="'r' takes rows, and here are images"):
        _ = rows.image
    with pytest.raises(ModelError, match=r"rows of 2 features \(x, y\); got \(1, 1, 8, 8\)"):
        rows.input.check_batch((1, 1, 8, 8), name="r")
    with pytest.raises(ModelError, match=r"takes \(B, 2, Z, Y, X\), lengths in multiples of"):
        VOLUME.check_batch((1, 2, 8, 8), name="v")
    VOLUME.check_batch((1, 2, 4, 8, 8), name="v")


def test_a_flat_description_gives_its_pixel_size_to_both_axes():
    flat = {"name": "a", "summary": "b", "spacing_um": 0.5, "outputs": ["foreground"]}
    d = ModelDescription.from_values(unfold(flat))
    assert d.image.spacing_um == (0.5, 0.5)
    assert d.instances.channels == ("foreground",)
    assert unfold(d.model_dump()) == d.model_dump(), "what is not flat stays as it is"


def test_the_list_holds_every_shipped_package_the_names_network_too():
    images = {"nuclei", "nuclei-em", "membrane", "phase-cells", "live-dead", "viability"}
    assert set(shipped_names()) == {*images, "populations", "compact-names", "nuclei-3d"}
    for package in list_models():
        assert sum(map(len, package.files.values())) < 8e6
    listed = {m["name"]: m for m in json.loads(run("list", "--json").stdout)["models"]}
    assert listed["compact-names"]["task"] == "lineage-names"


TILING = ("tile_px", "halo_px", "divisor")
HOSTILE = {
    "an input of no kind": {"input": {"kind": "film"}, "output": {}},
    "an output that is a list": {"input": {"kind": "image"}, "output": [1]},
    "an output without a kind": {"output": {"form": "maps", "channels": ["a"]}},
    "a kind that is a path": {"output": {"kind": "../a", "form": "maps", "channels": ["a"]}},
    "a known kind in another form": {"output": {"kind": "counts", "form": "maps", "channels": "a"}},
    "a number where a name should be": {1: 2},
    "tiles of unlike length": {"input": {"kind": "image", "tiling": {"tile_px": [64]}}},
    "two numbers for three axes": {"input": {"kind": "image", "axes": "ZYX"}},
    "no channels": {"input": {"kind": "rows", "channels": []}},
    "a spacing below nothing": {"input": {"kind": "image", "spacing_um": [-1, 1]}},
    "a spacing that is no number": {"input": {"kind": "image", "spacing_um": [float("nan")] * 2}},
    "millions of tiles": {"tile_px": 1, "halo_px": 0, "divisor": 1},
    "no tiles": {"input": {"kind": "image", "tiling": {k: [] for k in TILING}}},
    "a tile of text": {"tile_px": "64"},
    "code": {"output": {"kind": "instance-maps", "decoder": "os.system"}},
}


@pytest.mark.parametrize("values", HOSTILE.values(), ids=HOSTILE)
def test_a_description_that_does_not_hold_is_one_sentence(values):
    own = {"name": "a", "summary": "b", **values}
    rdf = {"type": "model", "format_version": "0.5.4", "config": {"fatescope": own}}
    with pytest.raises(ModelError, match=r"`config.fatescope` of rdf.yaml is not valid"):
        description_from_rdf(rdf)


def test_an_imported_network_must_give_what_its_sidecar_says(tmp_path):
    from tests.models.toy_networks import toy_network

    taken, given = CASES["names-per-row"]
    wider = ModelDescription(
        name="w", summary="s", input=taken, output=given.replace(channels=("A", "B"))
    )
    (tmp_path / "net.onnx").write_bytes(toy_network(wider))
    side = 'name = "rows"\nsummary = "s"\ntask = "toys"\n'
    side += '[input]\nkind = "rows"\nchannels = ["x", "y"]\n'
    side += '[output]\nkind = "names-per-row"\nchannels = ["A", "B"]\n'
    (tmp_path / "net.toml").write_text(side)
    package = import_model(tmp_path / "net.onnx", tmp_path / "ok")
    assert check_model(package.source).passed
    assert np.isfinite(package.tensor("test_output.npy")).all()
    (tmp_path / "net.toml").write_text(side.replace('["A", "B"]', '["A", "B", "C"]'))
    with pytest.raises(ModelError, match=r"gives \(64, 2\), and not 3 values \(A, B, C\)"):
        import_model(tmp_path / "net.onnx", tmp_path / "bad")
