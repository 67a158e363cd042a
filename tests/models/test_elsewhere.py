"""Models of others: a plain ONNX, bioimage.io packages of both versions, all without a change."""

import hashlib
import zipfile

import numpy as np
import pytest
import tifffile
import yaml
from tests.hand_built import disc_network
from tests.models.star_networks import RADIUS, ball_network, balls, discs, star_network

from fatescope.base import ModelError
from fatescope.models import check_model, import_model, load_model, open_package
from fatescope.systems.nuclei.find import predict_nuclei, segment_nuclei
from fatescope.systems.nuclei.settings import NucleiSettings

CENTRES = [(20, 22), (24, 60), (60, 30), (70, 75), (101, 15), (104, 104)]
SIX_LINES = """name = "stars"
summary = "Bright discs of one size."
rays = 32
divisor = 1
percentiles = [0.0, 100.0]
thresholds = { foreground = 0.5, most_overlap = 0.3 }
"""


def plain(folder, lines=SIX_LINES, **how):
    (folder / "net.onnx").write_bytes(star_network(**how))
    (folder / "net.toml").write_text(lines)
    return folder / "net.onnx"


def rdf_5(network: bytes, **changes):
    """The description of a package from elsewhere, version 0.5, as others write it."""
    space = [{"type": "space", "id": a, "size": {"min": 64, "step": 16}} for a in "yx"]
    like = [
        {"type": "space", "id": a, "size": {"tensor_id": "raw", "axis_id": a}, "halo": 24}
        for a in "yx"
    ]
    scale = {"id": "scale_range", "kwargs": {"axes": ["y", "x"], "max_percentile": 99.8}}
    return {
        "format_version": "0.5.3",
        "type": "model",
        "name": "Stars of Others (2D)",
        "description": "Discs.",
        "authors": [{"name": "A Laboratory"}],
        "cite": [{"text": "A paper", "doi": "10.1007/978-3-030-00934-2_30"}],
        "license": "MIT",
        "inputs": [
            {
                "id": "raw",
                "axes": [{"type": "batch"}, *space, {"type": "channel", "channel_names": ["g"]}],
                "test_tensor": {"source": "in.npy"},
                "preprocessing": [scale],
            }
        ],
        "outputs": [
            {
                "id": "maps",
                "axes": [
                    {"type": "batch"},
                    *like,
                    {"type": "channel", "channel_names": [f"c{k}" for k in range(33)]},
                ],
                "test_tensor": {"source": "out.npy"},
            }
        ],
        "weights": {
            "onnx": {
                "source": "weights.onnx",
                "sha256": hashlib.sha256(network).hexdigest(),
                "opset_version": 17,
            },
            "keras_hdf5": {"source": "weights.h5"},
        },
        "config": {"stardist": {"thresholds": {"prob": 0.47, "nms": 0.3}}},
        **changes,
    }


def rdf_4(network: bytes, **changes):
    """The same in version 0.4."""
    return {
        **rdf_5(network),
        "format_version": "0.4.9",
        "inputs": [
            {
                "name": "raw",
                "axes": "byxc",
                "shape": {"min": [1, 64, 64, 1], "step": [0, 16, 16, 0]},
                "preprocessing": [
                    {"name": "scale_range", "kwargs": {"axes": "yx", "mode": "per_sample"}}
                ],
            }
        ],
        "outputs": [
            {
                "name": "maps",
                "axes": "byxc",
                "halo": [0, 24, 24, 0],
                "shape": {"reference_tensor": "raw", "scale": [1, 1, 1, 0]},
            }
        ],
        **changes,
    }


def package(path, rdf, network, *, name="rdf.yaml"):
    files = {name: yaml.safe_dump(rdf).encode(), "weights.onnx": network, "weights.h5": b"x"}
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file, content in files.items():
                archive.writestr(file, content)
    else:
        path.mkdir()
        for file, content in files.items():
            (path / file).write_bytes(content)
    return path


def found_with(model, image=None, **settings):
    image = discs((128, 128), CENTRES) if image is None else image
    return segment_nuclei(image, axes="YX", settings=NucleiSettings(model=str(model), **settings))


def is_all_discs(found):
    labels = found.labels
    assert sorted(labels[y, x] for y, x in CENTRES) == [1, 2, 3, 4, 5, 6]
    area = np.bincount(labels.ravel())[1:]
    assert np.abs(area / (np.pi * RADIUS**2) - 1).max() < 0.1
    return True


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"outputs": 2},
        {"layout": "channels-last"},
        {"layout": "channels-last", "outputs": 2, "stride": 2},
        {"stride": 2},
    ],
    ids=str,
)
def test_six_lines_beside_a_star_convex_network_are_enough(tmp_path, how):
    lines = SIX_LINES + (f'layout = "{how["layout"]}"\n' if "layout" in how else "")
    if "stride" in how:
        lines = lines.replace("divisor = 1", "stride_px = 2\ndivisor = 2")
    found = found_with(plain(tmp_path, lines, **how))
    assert is_all_discs(found)
    (scaled,) = [f for f in found.findings if f.rule == "scaled"]
    assert (scaled.severity, scaled.value) == ("warning", 1.0)
    assert "not known" in scaled.reason


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("rdf", [rdf_4, rdf_5])
def test_a_package_of_another_program_runs_as_it_is(tmp_path, rdf, kind):
    network = star_network(layout="channels-last")
    path = package(tmp_path / ("theirs.zip" if kind == "zip" else "theirs"), rdf(network), network)
    opened = open_package(path)
    assert opened.name in ("stars-of-others-2d", "stars-of-others")
    assert opened.description.license == "MIT"
    assert opened.description.instances.rays == 32
    assert opened.description.instances.thresholds.foreground == 0.47
    assert opened.description.image.tiling.halo_px == (24, 24)
    assert is_all_discs(found_with(path))
    assert load_model(path, sha256=opened.sha256).sha256 == opened.sha256


def test_the_command_on_files_says_which_model_it_was(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", discs((128, 128), CENTRES))
    model = plain(tmp_path)
    summary = predict_nuclei(
        [tmp_path / "a.tif"], out=tmp_path / "out", settings=NucleiSettings(model=str(model))
    )
    assert summary.units_done == 1
    assert open_package(model).sha256 in (tmp_path / "out" / "run.json").read_text()
    images = (tmp_path / "out" / "images.csv").read_text()
    assert ",6," in images.splitlines()[1]


def test_it_becomes_a_package_of_ours_that_does_the_same(tmp_path):
    network = star_network(layout="channels-last")
    theirs = package(tmp_path / "theirs.zip", rdf_5(network), network)
    ours = import_model(theirs, tmp_path / "ours")
    assert check_model(tmp_path / "ours").passed
    np.testing.assert_array_equal(found_with(theirs).labels, found_with(ours.source).labels)
    with pytest.raises(ModelError, match="fatescope models import"):
        check_model(theirs)


def test_intensities_by_mean_and_deviation_are_those_of_the_whole_plane(tmp_path):
    """The sums of pixels are then known: discs of 200 on 0 become (v - mean) / deviation."""
    image = discs((128, 128), CENTRES)
    mean, spread = image.mean(), image.std()
    lines = SIX_LINES + 'normalisation = "mean-std"\n'
    model = plain(tmp_path, lines)
    from fatescope.predict import open_predictor, plane_statistics

    seen = []
    predictor = open_predictor(model)
    predictor.model.run = lambda batch: seen.append(batch)
    statistics = plane_statistics(lambda: [image], percentiles=(0, 100))
    predictor.network(lambda: [image[:50], image[50:]], statistics).run(
        (image / 200.0)[None, None].astype(np.float32)
    )
    np.testing.assert_allclose(seen[0][0, 0], (image - mean) / spread, rtol=1e-5, atol=1e-5)


def test_maps_that_a_description_does_not_name_are_named_beside_it(tmp_path):
    network = disc_network()
    rdf = rdf_5(network, config={}, name="Discs")
    for entry in (*rdf["inputs"], *rdf["outputs"]):
        entry["axes"] = [entry["axes"][0], entry["axes"][-1], *entry["axes"][1:-1]]
    path = package(tmp_path / "theirs", rdf, network, name="bioimageio.yaml")
    with pytest.raises(ModelError, match=r"does not say what its maps are.*theirs\.toml"):
        open_package(path)
    (tmp_path / "theirs.toml").write_text(
        'diameter_px = 20\noutputs = ["foreground", "distance", "border"]\n'
    )
    opened = open_package(path)
    assert opened.description.image.sized
    assert opened.description.image.tiling.divisor == (16, 16)
    assert len(found_with(path, diameter_px=18).objects) == len(CENTRES)


NETWORK = {"weights": {"torchscript": {"source": "a.pt"}}}
REFUSED = [
    (NETWORK, r"no ONNX weights.*torchscript given"),
    ({"format_version": "0.3.6"}, r"version 0\.3\.6; versions 0\.4 and 0\.5"),
    ({"weights": {"onnx": {"source": "https://x.org/w.onnx"}}}, r"w\.onnx' is not in the package"),
    ({"weights": {"onnx": {"source": "weights.onnx", "sha256": "0" * 64}}}, "wrong hash"),
    ({"inputs": []}, "takes 0 inputs"),
    ({"inputs": [{"id": "a", "axes": "none"}]}, "inputs or outputs are not those of a model"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_cannot_be_done_with_a_package_is_one_sentence(tmp_path, changes, message):
    network = star_network(layout="channels-last")
    path = package(tmp_path / "theirs", rdf_5(network, **changes), network)
    with pytest.raises(ModelError, match=message) as refused:
        open_package(path)
    assert str(path) in str(refused.value)
    assert str(refused.value).endswith(".")


def test_steps_before_the_network_that_are_not_known_are_refused(tmp_path):
    network = star_network(layout="channels-last")
    rdf = rdf_5(network)
    rdf["inputs"][0]["preprocessing"] = [{"id": "clip", "kwargs": {"min": 0, "max": 1}}]
    with pytest.raises(ModelError, match="changed by clip before the network"):
        open_package(package(tmp_path / "a", rdf, network))
    rdf["inputs"][0]["preprocessing"] = []
    rdf["outputs"][0]["postprocessing"] = [{"id": "sigmoid"}]
    with pytest.raises(ModelError, match="changed by sigmoid"):
        open_package(package(tmp_path / "b", rdf, network))


def test_a_diameter_is_refused_where_the_model_has_none(tmp_path):
    model = plain(tmp_path)
    with pytest.raises(Exception, match=r"diameter = 18.*is not known. Write diameter_px"):
        found_with(model, diameter_px=18)
    plain(tmp_path, SIX_LINES + "diameter_px = 18\n")
    image = discs((128, 128), CENTRES).repeat(2, axis=0).repeat(2, axis=1)
    found = found_with(model, image, diameter_px=36)
    assert len(found.objects) == len(CENTRES)
    np.testing.assert_allclose(found.objects["area_px"], 4 * np.pi * RADIUS**2, rtol=0.06)


def test_a_core_is_refused_for_polygons_and_foreground_is_their_least_probability(tmp_path):
    model = plain(tmp_path)
    with pytest.raises(Exception, match="draws polygons, which have no core"):
        found_with(model, core=0.4)
    assert len(found_with(model, foreground=0.999999).objects) <= len(CENTRES)


def test_rays_that_the_network_does_not_give_are_one_sentence(tmp_path):
    model = plain(tmp_path, SIX_LINES.replace("32", "16"))
    with pytest.raises(ModelError, match="gives 33 maps; with 16 rays it gives 17"):
        found_with(model)


def test_maps_in_two_arrays_stay_a_file_of_their_own(tmp_path):
    model = plain(tmp_path, outputs=2)
    with pytest.raises(ModelError, match="maps in several arrays"):
        import_model(model, tmp_path / "ours")


def boundary_network() -> bytes:
    """Foreground: the image. Boundary: where it is bright and its blur is not."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    kernel = np.full((1, 1, 5, 5), 1 / 25, np.float32)
    gain, one = np.array(3, np.float32), np.array(1, np.float32)
    nodes = [
        helper.make_node("Conv", ["plane", "kernel"], ["blur"], pads=[2] * 4),
        helper.make_node("Sub", ["one", "blur"], ["lack"]),
        helper.make_node("Mul", ["lack", "plane"], ["edge"]),
        helper.make_node("Mul", ["edge", "gain"], ["much"]),
        helper.make_node("Min", ["much", "one"], ["boundary"]),
        helper.make_node("Concat", ["plane", "boundary"], ["maps"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "boundaries",
        [helper.make_tensor_value_info("plane", TensorProto.FLOAT, ["b", 1, "y", "x"])],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["b", 2, "y", "x"])],
        [
            numpy_helper.from_array(v, n)
            for v, n in ((kernel, "kernel"), (gain, "gain"), (one, "one"))
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def test_foreground_and_boundary_become_nuclei_and_touching_ones_stay_two(tmp_path):
    (tmp_path / "net.onnx").write_bytes(boundary_network())
    (tmp_path / "net.toml").write_text(
        'name = "edges"\nsummary = "Discs."\ndivisor = 1\npercentiles = [0.0, 100.0]\n'
        'outputs = ["foreground", "boundary"]\n'
    )
    image = discs((128, 128), [(30, 30), (30, 49), (80, 70), (100, 100)])
    found = found_with(tmp_path / "net.onnx", image)
    labels = found.labels
    assert len({labels[y, x] for y, x in ((30, 30), (30, 49), (80, 70), (100, 100))} - {0}) == 4
    assert labels.max() == 4
    assert ((labels > 0) == (image > 0)).mean() > 0.99
    found = import_model(tmp_path / "net.onnx", tmp_path / "ours")
    assert found.description.instances.channels == ("foreground", "boundary")
    np.testing.assert_array_equal(found_with(found.source, image).labels, labels)


def test_one_map_too_many_for_foreground_and_boundary_is_one_sentence(tmp_path):
    (tmp_path / "net.onnx").write_bytes(disc_network())
    (tmp_path / "net.toml").write_text(
        'name = "a"\nsummary = "b"\noutputs = ["foreground", "boundary"]\n'
    )
    with pytest.raises(ModelError, match="gives 3 maps, and not foreground and boundary"):
        found_with(tmp_path / "net.onnx")


def in_space(rays_json) -> dict:
    """The description of a network of volumes, as StarDist writes its own entry."""
    rdf = rdf_5(ball_network(stride=(1, 2, 2)))
    taken, given = rdf["inputs"][0], rdf["outputs"][0]
    size = {"min": 16, "step": 8}
    for tensor, more in (
        (taken, {"size": size}),
        (given, {"size": {"tensor_id": "raw", "axis_id": "z"}}),
    ):
        batch, y, x, channel = tensor["axes"]
        tensor["axes"] = [batch, channel, {"type": "space", "id": "z", **more}, y, x]
    given["axes"][1] = {"type": "channel", "channel_names": [f"c{k}" for k in range(97)]}
    taken["preprocessing"] = [{"id": "scale_range", "kwargs": {"axes": ["z", "y", "x"]}}]
    drawn = {"thresholds": {"prob": 0.6, "nms": 0.3}, "config": {"rays_json": rays_json}}
    return {**rdf, "config": {"stardist": drawn}}


@pytest.mark.slow
def test_a_package_of_stardist_for_volumes_runs_as_it_is(tmp_path):
    spiral = {"name": "Rays_GoldenSpiral", "kwargs": {"n": 96, "anisotropy": [1.0, 1.0, 1.0]}}
    path = tmp_path / "stars.zip"
    package(path, in_space(spiral), ball_network(stride=(1, 2, 2)))
    output = open_package(path).description.instances
    assert (output.rays, output.anisotropy) == (96, (1, 1, 1))
    truth = balls((16, 48, 48), [(8, 14, 14), (8, 32, 30)])
    settings = NucleiSettings(model=str(path))
    found = segment_nuclei(np.uint8(truth > 0) * 200, axes="ZYX", settings=settings)
    assert found.labels.max() == 2
    assert ((found.labels > 0) & (truth > 0)).sum() > 0.85 * (truth > 0).sum()


def test_rays_of_another_kind_are_one_sentence(tmp_path):
    path = tmp_path / "stars.zip"
    network = ball_network(stride=(1, 2, 2))
    package(path, in_space({"name": "Rays_Cuboid", "kwargs": {}}), network)
    with pytest.raises(ModelError, match="its rays are Rays_Cuboid"):
        open_package(path)
