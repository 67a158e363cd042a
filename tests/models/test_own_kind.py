"""A kind of output that only this file knows: described, packaged, checked, decoded, counted."""

import json
from typing import Literal

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree
from skimage.feature import peak_local_max
from tests.hand_built import disc_network, render_discs, run_reference
from typer.testing import CliRunner

from fatescope.base import ModelError, setting
from fatescope.cli.groups import app
from fatescope.cli.main import load_commands
from fatescope.models import (
    Boxes,
    ImageInput,
    ModelDescription,
    Output,
    Tiling,
    load_model,
    write_package,
)
from fatescope.predict import plane_statistics
from fatescope.predict.tiling import make_grid, map_tiles

load_commands()


class Spots(Output):
    """A point for each spot: where the second map is highest."""

    kind: Literal["spots"] = setting("spots", "what is given")
    form: Literal["maps"] = setting("maps", "one vector for each pixel")
    channels: tuple[str, ...] = setting(("near", "far", "none"), "maps, in order")
    least: float = setting(0.5, "least height of a spot", gt=0, lt=1)
    apart_px: int = setting(5, "spots are highest within this distance", unit="px", ge=1)


def decode_spots(maps, kind):
    """Return rows and columns of spots, shape (n, 2)."""
    height = gaussian_filter(maps[kind.channels.index("far")] / 255, kind.apart_px)
    return peak_local_max(
        height,
        threshold_abs=kind.least,
        min_distance=kind.apart_px,
        exclude_border=False,
    )


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    network = disc_network()
    image = render_discs((64, 64), diameter=20, seed=1)[0][None, None]
    return write_package(
        tmp_path_factory.mktemp("spots") / "package",
        description=ModelDescription(
            name="my-spots",
            summary="Spots, found by a blur.",
            task="spots",
            input=ImageInput(
                tiling=Tiling(tile_px=(96, 128), halo_px=(16, 16), divisor=(1, 1)),
                percentiles=(0.0, 100.0),
            ),
            output=Spots(least=0.1),
        ),
        files={"model.onnx": network},
        test_input=image,
        test_output=run_reference(network, image),
        card="# my-spots\n",
    )


def test_spots_are_decoded_by_a_function_of_this_file(package):
    model = load_model(package.source)
    image, labels = render_discs((300, 250), diameter=20, seed=3, pitch=2.0)
    grid = make_grid(image.shape, (1.0, 1.0), model.description)
    assert len(grid.tiles[0].starts) > 1, "more than one tile, of unequal sides"
    statistics = plane_statistics(lambda: [image], percentiles=model.description.image.percentiles)
    bands = map_tiles(model, image, grid, statistics)
    kind = model.description.output_as(Spots)
    assert (kind.least, kind.apart_px) == (0.1, 5)

    found = decode_spots(np.concatenate(list(bands), axis=1), kind)
    true = np.array([np.argwhere(labels == n).mean(axis=0) for n in range(1, labels.max() + 1)])
    distance, _ = cKDTree(found).query(true)
    assert len(found) == len(true) > 20
    assert distance.max() < 5


def test_the_commands_take_a_kind_that_they_do_not_know(package, tmp_path):
    def answer(*words):
        result = CliRunner().invoke(app, ["models", *map(str, words), "--json"])
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)["models"][0]

    assert answer("check", package.source)["differences"]["fp32"] < 1e-3
    assert answer("show", package.source)["output"]["least"] == 0.1
    zipped = answer("export", package.source, "--out", tmp_path / "spots.zip")
    again = answer("import", tmp_path / "spots.zip", "--out", tmp_path / "again")
    assert package.sha256 == zipped["sha256"] == again["sha256"]


def test_settings_of_the_kind_are_validated_where_it_is_decoded(package):
    output = package.description.output
    assert "least=0.1" in repr(output), "kept as it stands in the package"
    too_high = package.description.replace(output=output.replace(least=2))
    with pytest.raises(ModelError, match=r"'my-spots', output spots: least = 2"):
        too_high.output_as(Spots)
    with pytest.raises(ModelError, match="gives spots, and boxes are needed here"):
        package.description.output_as(Boxes)
