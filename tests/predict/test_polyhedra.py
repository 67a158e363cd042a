"""Star-convex polyhedra: ellipsoids with exact distances, and a network of volumes made by hand."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.star_networks import ball_network, balls

from fatescope.acquire import read_labels
from fatescope.base import Image, InputError, ModelError, SettingsError
from fatescope.models import open_package
from fatescope.predict.decoders.polyhedra import Polyhedra, golden_rays, paint_polyhedra
from fatescope.predict.decoders.stars import distinct_stars
from fatescope.predict.frames import ImageFrame, Plane
from fatescope.predict.scratch import MemoryScratch
from fatescope.systems.nuclei.find import predict_nuclei, segment_nuclei
from fatescope.systems.nuclei.settings import NucleiSettings

ROUND = golden_rays(96, (1.0, 1.0, 1.0))
FLAT = golden_rays(96, (2.0, 1.0, 1.0))


def frame_of(shape) -> ImageFrame:
    image = Image(pixels=np.zeros(shape, np.uint8), axes="ZYX")
    planes = tuple(Plane(image, {"T": 0, "C": 0, "Z": z}) for z in range(shape[0]))
    return ImageFrame(0, planes, True)


def ellipsoids(shape, rows) -> np.ndarray:
    """Labels of ellipsoids given as centre and half axes; a later one gives way."""
    at = np.moveaxis(np.indices(shape), 0, -1)
    labels = np.zeros(shape, int)
    for i, (centre, half) in enumerate(rows, start=1):
        inside = np.square((at - centre) / np.array(half)).sum(axis=-1) <= 1
        labels[inside & (labels == 0)] = i
    return labels


def proposals(shape, rows, mesh, *, noise=0.0, seed=0, thinned=(1, 1, 1)) -> Polyhedra:
    """Of every voxel inside of an ellipsoid, the exact distance along each ray to its surface."""
    rng = np.random.default_rng(seed)
    labels = ellipsoids(shape, rows)[tuple(slice(None, None, k) for k in thinned)]
    centres, distances, scores = [], [], []
    for i, (centre, half) in enumerate(rows, start=1):
        at = np.argwhere(labels == i) * np.array(thinned)
        p = (at - np.array(centre)) / half
        u = mesh.directions / half
        a, b, c = np.square(u).sum(axis=1), p @ u.T, np.square(p).sum(axis=1)[:, None] - 1
        centres.append(at)
        distances.append((np.sqrt(b**2 - a * c) - b) / a)
        scores.append(1 - 0.6 * np.sqrt(np.square(p).sum(axis=1)))
    distance = np.concatenate(distances)
    distance = distance * (1 + noise * rng.standard_normal(distance.shape))
    score = np.concatenate(scores) + noise / 4 * rng.standard_normal(len(distance))
    order = np.argsort(-score, kind="stable")
    return Polyhedra(
        np.concatenate(centres)[order].astype(float),
        np.maximum(distance, 1e-3)[order].astype(np.float32),
        score[order],
        mesh,
    )


def labels_of(found: Polyhedra, shape, *, most_overlap=0.3) -> np.ndarray:
    kept = found.rows(distinct_stars(found, most_overlap=most_overlap))
    return paint_polyhedra(kept, frame_of(shape), scale=(1, 1, 1), scratch=MemoryScratch()).array()


def worst_iou(labels, truth) -> float:
    """The least IoU of a true object with the label that covers most of it."""
    least = 1.0
    for i in range(1, truth.max() + 1):
        mine = np.bincount(labels[truth == i]).argmax()
        either = (labels == mine) | (truth == i)
        least = min(least, ((labels == mine) & (truth == i)).sum() / either.sum())
    return float(least)


SHAPE = (36, 58, 64)
APART = [((12, 18, 18), (7, 10, 10)), ((24, 44, 20), (6, 8, 12)), ((17, 30, 52), (9, 12, 9))]
TOUCHING = [
    ((10, 20, 20), (8, 10, 10)),
    ((26, 20, 20), (8, 10, 10)),  # above the first, surfaces meet
    ((10, 40, 20), (8, 10, 10)),  # beside it
    ((18, 28, 48), (11, 9, 12)),
    ((18, 46, 48), (11, 9, 12)),
]


@pytest.mark.parametrize("mesh", [ROUND, FLAT], ids=["round", "flat"])
@pytest.mark.parametrize("rows", [APART, TOUCHING], ids=["apart", "touching"])
def test_ellipsoids_with_exact_distances_come_back(rows, mesh):
    truth = ellipsoids(SHAPE, rows)
    labels = labels_of(proposals(SHAPE, rows, mesh, thinned=(2, 2, 2)), SHAPE)
    assert labels.max() == len(rows)
    assert worst_iou(labels, truth) >= 0.9


def test_noise_of_a_tenth_leaves_touching_nuclei_apart():
    truth = ellipsoids(SHAPE, TOUCHING)
    found = proposals(SHAPE, TOUCHING, ROUND, noise=0.1, thinned=(2, 2, 2))
    labels = labels_of(found, SHAPE)
    assert labels.max() == len(TOUCHING)
    assert worst_iou(labels, truth) >= 0.8


def test_the_volume_is_that_of_the_ball_but_for_its_corners():
    one = Polyhedra(np.zeros((1, 3)), np.full((1, 96), 10.0), np.ones(1), ROUND)
    assert one.size[0] == pytest.approx(4 / 3 * np.pi * 1000, rel=0.07)
    assert 8.5 < one.inner()[0] < 10
    same = one.part_within(one)[0]
    away = Polyhedra(np.array([[0, 0, 25.0]]), one.distance, one.score, ROUND)
    assert (same, away.part_within(one)[0]) == (1, 0)


@given(st.floats(0.0, 21.0), st.floats(3.0, 10.0))
@settings(max_examples=25)
def test_the_shared_part_is_that_of_balls(apart, radius):
    """Balls are the one case with a formula: 10 and any radius, so far apart."""
    one = Polyhedra(np.zeros((1, 3)), np.full((1, 96), 10.0), np.ones(1), ROUND)
    at = apart * np.array([[0.48, 0.6, 0.64]])
    other = Polyhedra(at, np.full((1, 96), radius), np.ones(1), ROUND)
    lens = other.shared_by_balls(10.0, np.array([radius]), np.array([max(apart, 1e-6)]))[0]
    share = lens / (4 / 3 * np.pi * radius**3)
    assert other.part_within(one)[0] == pytest.approx(share, abs=0.08)


def test_rays_lie_as_stardist_has_them():
    rays3d = pytest.importorskip("stardist.rays3d")
    for anisotropy in ((1.0, 1.0, 1.0), (2.0, 1.0, 1.0)):
        theirs = rays3d.Rays_GoldenSpiral(96, anisotropy=anisotropy)
        ours = golden_rays(96, anisotropy)
        np.testing.assert_allclose(ours.directions, theirs.vertices, atol=1e-6)
        assert {frozenset(t) for t in ours.triangles.tolist()} == {
            frozenset(t.tolist()) for t in theirs.faces
        }


def test_the_first_rays_are_those_worked_out_by_hand():
    """The spiral begins at -z and turns by the golden angle; long planes press rays down."""
    turn = (3 - 5**0.5) * np.pi
    around = (1 - (2 / 95 - 1) ** 2) ** 0.5
    expected = [2 / 95 - 1, around * np.sin(turn), around * np.cos(turn)]
    np.testing.assert_allclose(ROUND.directions[:2], [[-1, 0, 0], expected], atol=1e-12)
    pressed = np.array([expected[0] / 2, *expected[1:]])
    np.testing.assert_allclose(FLAT.directions[1], pressed / np.linalg.norm(pressed), atol=1e-12)
    assert len(ROUND.triangles) == 2 * 96 - 4


LINES = """name = "balls"
summary = "Bright balls of one size."
axes = "ZYX"
rays = 96
divisor = 2
tile_px = [24, 64, 64]
halo_px = 6
percentiles = [0.0, 100.0]
thresholds = { foreground = 0.6, most_overlap = 0.3 }
"""
WHOLE = (20, 48, 72)
CENTRES = [(5, 10, 12), (6, 14, 40), (13, 36, 20), (6, 40, 62), (14, 10, 12), (13, 20, 60)]


def network_of_volumes(folder: Path, lines: str = LINES, **how) -> Path:
    (folder / "net.onnx").write_bytes(ball_network(**how))
    (folder / "net.toml").write_text(lines)
    return folder / "net.onnx"


def is_all_balls(labels) -> bool:
    truth = balls(WHOLE, CENTRES)
    centre = {labels[c] for c in CENTRES}
    n = len(CENTRES)
    return labels.max() == n and centre == set(range(1, n + 1)) and worst_iou(labels, truth) >= 0.85


@pytest.mark.slow
@pytest.mark.parametrize("stride", [(1, 1, 1), (1, 2, 2)], ids=["all", "thinned"])
def test_the_command_runs_a_network_of_volumes(tmp_path, stride):
    model = network_of_volumes(tmp_path, stride=stride)
    image = (balls(WHOLE, CENTRES) > 0).astype(np.uint8) * 200
    tifffile.imwrite(tmp_path / "a.tif", image, imagej=True, metadata={"axes": "ZYX"})
    found = predict_nuclei(
        [tmp_path / "a.tif"], out=tmp_path / "out", settings=NucleiSettings(model=str(model))
    )
    assert found.units_done == 1
    labels = read_labels(tmp_path / "out/labels/a.tif")
    assert is_all_balls(np.asarray(labels.pixels))
    assert "as one volume" in (tmp_path / "out/findings.csv").read_text()


@pytest.mark.slow
def test_tiles_do_not_change_a_bit(tmp_path):
    image = (balls(WHOLE, CENTRES) > 0).astype(np.uint8) * 200
    found = []
    for name, tile in (("whole", "[40, 96, 96]"), ("tiles", "[24, 64, 64]")):
        (tmp_path / name).mkdir()
        lines = LINES.replace("tile_px = [24, 64, 64]", f"tile_px = {tile}")
        model = network_of_volumes(tmp_path / name, lines)
        nuclei = segment_nuclei(image, axes="ZYX", settings=NucleiSettings(model=str(model)))
        found.append(nuclei.labels)
    np.testing.assert_array_equal(*found)


def test_what_does_not_fit_a_network_of_volumes_is_one_sentence(tmp_path):
    model = str(network_of_volumes(tmp_path))
    plane = np.zeros((90, 90), np.uint8)
    with pytest.raises(InputError, match="is a plane, and the model 'balls' takes volumes"):
        segment_nuclei(plane, axes="YX", settings=NucleiSettings(model=model))
    stack = np.zeros((8, 90, 90), np.uint8)
    with pytest.raises(SettingsError, match="takes whole volumes"):
        segment_nuclei(stack, axes="ZYX", settings=NucleiSettings(model=model, stack="planes"))
    (tmp_path / "net.toml").write_text(LINES.replace("rays = 96", 'outputs = ["a", "b"]'))
    with pytest.raises(ModelError, match="takes ZYX"):
        segment_nuclei(stack, axes="ZYX", settings=NucleiSettings(model=model))


def test_anisotropy_is_part_of_the_sidecar(tmp_path):
    model = network_of_volumes(tmp_path, LINES + "anisotropy = [2.0, 1.0, 1.0]\n")
    output = open_package(model).description.instances
    assert (output.rays, output.anisotropy) == (96, (2.0, 1.0, 1.0))
