"""What napari is given and gives back, without a window."""

import importlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import yaml
from tests.acquire.image_files import ome_tiff, ramp

import fatescope as fs
import fatescope.napari
from fatescope.acquire import read_labels
from fatescope.base import InputError
from fatescope.engine import Journal
from fatescope.napari.files import get_reader, write_labels_layer
from fatescope.napari.layers import OURS, _chains
from fatescope.napari.panels import keep_corrections, panel_names
from fatescope.simulate import NucleiMovieSettings, simulate_nuclei
from fatescope.systems.labels.review import journal_of
from fatescope.systems.registry import descriptions


def test_an_image_is_a_layer_for_each_channel_with_its_scale(tmp_path):
    pixels = ramp(3, 2, 20, 30)
    said = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "Channel": {"Name": ["DAPI", "GFP"]}}
    path = ome_tiff(tmp_path / "a.ome.tif", pixels, "TCYX", **said)
    layers = get_reader(str(path))(str(path))
    assert [meta["name"] for _, meta, _ in layers] == ["a DAPI", "a GFP"]
    for c, (data, meta, kind) in enumerate(layers):
        assert kind == "image"
        assert (meta["scale"], meta["axis_labels"]) == ([1.0, 0.5, 0.5], ("t", "y", "x"))
        assert (data.shape, data.ndim) == ((3, 20, 30), 3)
        np.testing.assert_array_equal(data[1], pixels[1, c])
        np.testing.assert_array_equal(data[..., 4:9], pixels[:, c, :, 4:9])
        np.testing.assert_array_equal(np.asarray(data), pixels[:, c])


def test_everything_that_the_manifest_offers_is_there():
    path = Path(fatescope.napari.__file__).with_name("napari.yaml")
    offered = yaml.safe_load(path.read_text("utf-8"))["contributions"]["commands"]
    for command in offered:
        module, _, name = command["python_name"].partition(":")
        assert callable(getattr(importlib.import_module(module), name))


def test_each_system_has_its_form_under_the_title_of_its_question():
    path = Path(fatescope.napari.__file__).with_name("napari.yaml")
    said = yaml.safe_load(path.read_text("utf-8"))["contributions"]
    titles = {
        d.predicts.name: q.title
        for d in descriptions()
        if d.predicts is not None
        for q in d.questions
        if q.command == f"predict {d.predicts.name}"
    }
    named = {f"fatescope.{panel}": titles[system] for panel, system in panel_names().items()}
    offered = {w["command"]: w["display_name"] for w in said["widgets"]}
    assert {c: t for c, t in offered.items() if ".find_" in c} == named
    assert {c["id"]: c["title"] for c in said["commands"] if ".find_" in c["id"]} == named


SIZES = [((300, 5001), [(300, 5001), (150, 2501), (75, 1251)]), ((300, 4096), None)]


@pytest.mark.parametrize(("shape", "levels"), SIZES)
def test_a_large_image_is_shown_in_smaller_copies(tmp_path, shape, levels):
    pixels = ramp(2, *shape, dtype="uint8")
    path = ome_tiff(tmp_path / "a.ome.tif", pixels, "TYX")
    ((data, meta, _),) = get_reader(str(path))(str(path))
    assert meta["multiscale"] == (levels is not None)
    if levels is None:
        assert data.shape == (2, *shape)
        return
    assert [d.shape for d in data] == [(2, *size) for size in levels]
    for k, level in enumerate(data):
        n = 2**k
        np.testing.assert_array_equal(level[1], pixels[1, ::n, ::n])
        np.testing.assert_array_equal(level[0, 3:90:2, 5:7], pixels[0, ::n, ::n][3:90:2, 5:7])
        np.testing.assert_array_equal(level[:, 7, -3:], pixels[:, ::n, ::n][:, 7, -3:])


def test_a_pyramid_is_shown_as_the_file_has_it(tmp_path):
    pixels = ramp(800, 4200, dtype="uint8")
    small = pixels[::4, ::4] // 2
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tif:
        how = {"tile": (256, 256), "photometric": "minisblack"}
        tif.write(pixels, subifds=1, metadata={"axes": "YX"}, **how)
        tif.write(small, subfiletype=1, **how)
    path = str(tmp_path / "a.ome.tif")
    ((data, _, _),) = get_reader(path)(path)
    assert [d.shape for d in data] == [pixels.shape, small.shape]
    np.testing.assert_array_equal(data[1][:, 40:50], small[:, 40:50])


def test_what_is_no_image_and_no_result_is_left_to_others(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n")
    (tmp_path / "empty").mkdir()
    assert get_reader(str(tmp_path / "a.csv")) is None
    assert get_reader(str(tmp_path / "empty")) is None


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A movie of nuclei, outlined and linked."""
    folder = tmp_path_factory.mktemp("napari")
    movie = simulate_nuclei(NucleiMovieSettings(frames=4, height=120, width=140), seed=3)
    image = ome_tiff(
        folder / "a.ome.tif", movie.pixels, "TYX", PhysicalSizeX=0.3, PhysicalSizeY=0.3
    )
    fs.predict_nuclei(
        [image],
        out=folder / "results",
        settings=fs.NucleiSettings(link=True, interval_min=5),
        execution=fs.Execution(workers=1),
    )
    return folder / "results"


def test_a_result_is_an_image_labels_and_tracks(result):
    (image, _, _), (labels, about, _), (tracks, lives, kind) = get_reader(str(result))(str(result))
    assert image.shape == labels.shape
    assert kind == "tracks"
    assert about["metadata"][OURS] == {"out": str(result), "key": "a"}
    objects = np.genfromtxt(result / "objects.csv", delimiter=",", names=True, dtype=None)
    assert tracks.shape == (len(objects), 4)
    for track, frame, y, x in tracks[::7]:
        assert labels[int(frame), round(y), round(x)] in (0, track)
    mothers = {m for own in lives["graph"].values() for m in own}
    assert mothers <= set(tracks[:, 0].astype(int))


def test_corrections_go_into_the_journal_of_the_app_and_come_back(result):
    _, (labels, about, _), _ = get_reader(str(result))(str(result))
    layer = SimpleNamespace(name="a labels", data=labels.copy(), metadata=about["metadata"])
    assert keep_corrections(layer, who="ada") == 0
    assert json.loads(journal_of(result, "a").read_text().splitlines()[0])["n"] == 0
    layer.data[2, 10:20, 10:20] = 7
    layer.data[3][layer.data[3] == labels[3].max()] = 0
    assert keep_corrections(layer, who="ada") == 2
    assert keep_corrections(layer, who="ada") == 0
    _, (again, _, _), _ = get_reader(str(result))(str(result))
    np.testing.assert_array_equal(again, layer.data)
    np.testing.assert_array_equal(read_labels(result / "review/labels/a.tif").read(), layer.data)
    np.testing.assert_array_equal(read_labels(result / "labels/a.tif").read(), labels)
    entries = Journal.read(journal_of(result, "a")).entries
    assert [(e.who, e.kind, e.body["change"]["frame"]) for e in entries] == [
        ("ada", "edit", 2),
        ("ada", "edit", 3),
    ]


def test_labels_of_no_result_and_of_another_shape_are_refused(result):
    layer = SimpleNamespace(name="mine", data=np.zeros((2, 2)), metadata={})
    with pytest.raises(InputError, match="mine: is no layer of a result"):
        keep_corrections(layer, who="ada")
    layer.metadata = {OURS: {"out": str(result), "key": "a"}}
    with pytest.raises(InputError, match=r"a: the layer has shape \(2, 2\)"):
        keep_corrections(layer, who="ada")


def test_spots_become_tracks_that_end_where_a_nucleus_divides():
    ids, parents = [10, 11, 12, 13, 14, 15], [None, 10, 11, 11, 12, None]
    track, graph = _chains(ids, parents)
    assert track[0] == track[1]
    assert track[2] == track[4]
    assert len(set(track.tolist())) == 4
    assert graph == {track[2]: [track[1]], track[3]: [track[1]]}


@pytest.mark.parametrize("name", ["a.tif", "a.ome.zarr"])
def test_labels_are_written_with_their_scale_and_read_back(tmp_path, name):
    labels = np.arange(2 * 20 * 30).reshape(2, 20, 30) % 400
    meta = {"axis_labels": ("z", "y", "x"), "scale": [1.5, 0.2, 0.2], "units": ["µm"] * 3}
    (path,) = write_labels_layer(str(tmp_path / name), labels, meta)
    image = read_labels(path)
    assert (image.axes, image.spacing.um("ZYX")) == ("ZYX", pytest.approx((1.5, 0.2, 0.2)))
    np.testing.assert_array_equal(image.read(), labels)


def test_axes_without_names_are_not_guessed(tmp_path):
    path = str(tmp_path / "a.tif")
    with pytest.raises(InputError, match="the axes of these labels have no names"):
        write_labels_layer(path, np.zeros((2, 20, 30), int), {"axis_labels": ("-3", "-2", "-1")})
    write_labels_layer(path, np.ones((20, 30), int), {"scale": [1, 1], "units": ["pixel"] * 2})
    assert read_labels(path).spacing.um("YX") is None
