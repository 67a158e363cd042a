"""Nuclei in space: divided along Z, the same for any blocks, and nothing where nothing is."""

from dataclasses import replace

import numpy as np
import pytest

from fatescope.base import Image, SettingsError
from fatescope.evaluate import score_labels
from fatescope.models.outputs import OFFSET_MAPS, InstanceMaps
from fatescope.predict import open_predictor
from fatescope.predict.decoders import solid
from fatescope.predict.decoders.solid import SolidGrid, SolidSums, add_block, join_solids
from fatescope.predict.size import shared_scale
from fatescope.systems.nuclei.outline import segment_image
from fatescope.systems.nuclei.scales import is_solid
from fatescope.systems.nuclei.settings import NucleiSettings

UM = (1.0, 0.25, 0.25)
CENTRES = ((5, 30, 30), (6, 30, 70), (13, 31, 31), (5, 64, 40), (13, 70, 74), (13, 66, 42))
RADII = (3.2, 13.0, 13.0)


def balls(shape=(21, 96, 104), centres=CENTRES, seed=1):
    """Return round nuclei, some above one another, blurred along Z, and their labels."""
    from scipy import ndimage as ndi

    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    away = np.stack([np.square((grid - c) / RADII).sum(axis=-1) for c in centres])
    truth = np.where(away.min(axis=0) <= 1, away.argmin(axis=0) + 1, 0)
    light = ndi.gaussian_filter((truth > 0) * 900.0, (1.3, 1.0, 1.0))
    return np.random.default_rng(seed).poisson(light + 60).astype(np.uint16), truth


def volume(pixels, um=UM):
    return Image(pixels=pixels, axes="ZYX", name="v").with_scale(spacing_um=um)


@pytest.fixture(scope="module")
def predictor():
    return open_predictor("nuclei")


def segment(image, predictor, **settings):
    given = NucleiSettings.from_values(settings)
    return segment_image(image, given, predictor=predictor)


def rules(result):
    return {f.rule: f for f in result.findings}


def test_nuclei_above_one_another_are_told_apart_where_joined_planes_are_one(predictor):
    pixels, truth = balls()
    found = segment(volume(pixels), predictor)
    assert found.labels.max() == len(CENTRES)
    assert score_labels(truth, found.labels.astype(int)).f1(30) == 1
    joined = segment(volume(pixels), predictor, stack="planes")
    assert score_labels(truth, joined.labels.astype(int)).merged > 0
    assert rules(found)["solid-nuclei"].severity == "info"
    assert "joined-planes" in rules(joined)


def test_the_network_of_planes_by_name_still_joins_planes(predictor):
    pixels, _ = balls()
    named = segment(volume(pixels), predictor, model="nuclei")
    joined = segment(volume(pixels), predictor, stack="planes")
    np.testing.assert_array_equal(named.labels, joined.labels)
    assert NucleiSettings.from_values({"model": "nuclei", "stack": "auto"}).stack == "auto"


def test_an_unknown_distance_of_planes_is_measured_and_said(predictor):
    pixels, truth = balls(centres=((10, 30, 30), (8, 30, 72), (11, 66, 40), (9, 68, 78)))
    found = segment(Image(pixels=pixels, axes="ZYX", name="v"), predictor)
    said = rules(found)["solid-nuclei"]
    assert said.severity == "warning"
    assert "--spacing-um" in said.reason
    assert 2 < said.value < 5  # blur makes nuclei higher: planes 4 px apart seem nearer
    assert score_labels(truth, found.labels.astype(int)).f1(30) == 1


def test_nuclei_less_than_two_planes_high_are_joined_and_why_is_said(predictor):
    pixels, _ = balls()
    found = segment(volume(pixels, (8.0, 0.25, 0.25)), predictor)
    assert "less than two planes high" in rules(found)["joined-planes"].reason


def test_core_belongs_to_planes(predictor):
    pixels, _ = balls()
    found = segment(volume(pixels), predictor, core=0.3)
    assert "as --core asks" in rules(found)["joined-planes"].reason
    with pytest.raises(SettingsError, match="--stack planes"):
        NucleiSettings.from_values({"stack": "solid", "core": 0.3})


def test_models_of_other_images_join_planes(predictor):
    pixels, _ = balls()
    cells = open_predictor("phase-cells")
    said = rules(segment(volume(pixels), cells, diameter_px=26))["joined-planes"]
    assert "as this model needs it" in said.reason


def test_a_model_that_draws_no_depth_is_refused(predictor):
    class Offsets:
        name = "offsets"
        description = predictor.description.replace(output=InstanceMaps(channels=OFFSET_MAPS))

    with pytest.raises(SettingsError, match="does not draw how deep"):
        is_solid(NucleiSettings(stack="solid"), Offsets())
    assert not is_solid(NucleiSettings(), Offsets())


@pytest.mark.parametrize("what", ["noise", "constant", "haze"])
def test_a_volume_that_holds_nothing_gives_no_nuclei(what, predictor):
    rng = np.random.default_rng(3)
    pixels = rng.poisson(100, (12, 96, 96)).astype(np.uint16)
    if what == "constant":
        pixels[:] = 7
    if what == "haze":
        pixels = rng.poisson(60 + 40 * np.linspace(0, 1, 96), pixels.shape)
        pixels = pixels.astype(np.uint16)
    assert segment(volume(pixels), predictor).labels.max() == 0


def coarse_chromatin():
    """Return the balls with a texture that a network takes for nuclei where they are enlarged."""
    from scipy import ndimage as ndi

    pixels, truth = balls()
    rng = np.random.default_rng(1)
    texture = ndi.gaussian_filter(rng.standard_normal(pixels.shape), (0.6, 1.8, 1.8))
    lit = (truth > 0) * np.clip(1 + 0.45 * texture / texture.std(), 0, None)
    light = ndi.gaussian_filter(300 * lit, (1.0, 0.8, 0.8))
    return volume(rng.poisson(light + 60).astype(np.uint16))


@pytest.mark.parametrize("diameter", [8.0, 13.0])
def test_a_volume_divided_too_finely_is_looked_at_again(predictor, diameter):
    """A size that was estimated much too small breaks nuclei, which shows in what is found."""
    plan = shared_scale(diameter, predictor.description, stretch=(1.0, 1.0))
    image = coarse_chromatin()

    def found(plan):
        settings = NucleiSettings(stack="rule")
        return segment_image(image, settings, predictor=predictor, choose=lambda _: plan)

    given = found(replace(plan, source="given"))
    assert given.frames[0].n > len(CENTRES)
    assert given.frames[0].own_px == found(plan).frames[0].own_px == 0  # the run decided it

    estimated = found(replace(plan, shared=False))
    assert estimated.frames[0].n == len(CENTRES)
    assert estimated.frames[0].own_px == pytest.approx(2 * RADII[1], rel=0.15)
    (said,) = [f.reason for f in estimated.findings if "again" in f.reason]
    assert f"larger than the estimate of {diameter:.0f} px, at which they fell into parts" in said


def test_frames_of_a_movie_of_volumes_are_each_their_own(predictor):
    one, _ = balls()
    two, _ = balls(centres=CENTRES[:4], seed=2)
    movie = Image(pixels=np.stack([one, two]), axes="TZYX", name="v").with_scale(spacing_um=UM)
    found = segment(movie, predictor, diameter_px=26)
    assert [f.n for f in found.frames] == [6, 4]
    alone = segment(volume(two), predictor, diameter_px=26)
    np.testing.assert_array_equal(found.labels[1], alone.labels)


def test_small_nuclei_are_dropped_by_their_largest_outline(predictor):
    pixels, _ = balls()
    labels = segment(volume(pixels), predictor).labels
    largest = [max((plane == n).sum() for plane in labels) for n in range(1, labels.max() + 1)]
    least = sorted(largest)[2]
    kept = segment(volume(pixels), predictor, min_area_px=least).labels
    assert kept.max() == sum(n >= least for n in largest)


def test_labels_are_numbered_by_their_first_voxel_and_scores_follow(predictor):
    pixels, _ = balls()
    found = segment(volume(pixels), predictor)
    flat = found.labels.reshape(-1)
    first = [int(np.flatnonzero(flat == n)[0]) for n in range(1, flat.max() + 1)]
    assert first == sorted(first)
    assert len(found.scores[0]) == flat.max()
    assert (found.scores[0] > 0.5).all()


def decoded(maps, grid):
    labels = np.zeros(grid.shape, np.uint32)
    sums = SolidSums()
    for own, seen in grid.blocks():
        labels[own], _ = add_block(
            sums, *(m[seen] for m in maps), grid=grid, own=own, seen=seen, least=0.4
        )
    solids = join_solids(sums, grid)
    return solids.label_of[labels], solids


@pytest.mark.parametrize(("planes", "rows", "pixels"), [(96, 32, 1), (5, 7, 1), (3, 200, 2**30)])
def test_blocks_leave_no_seam(planes, rows, pixels, monkeypatch):
    from scipy import ndimage as ndi

    rng = np.random.default_rng(5)
    shape = (24, 120, 70)
    light = ndi.gaussian_filter(rng.random(shape), (1.2, 4, 4))
    light = np.uint8(np.clip((light - light.mean()) / light.std() * 60 + 90, 0, 255))
    maps = [np.where(light > 110, 220, 0).astype(np.uint8), light, light]
    grid = SolidGrid(shape=shape, radius=6.0, radius_planes=2.0)
    monkeypatch.setattr(solid, "_BLOCK_PX", 2**30)
    whole, solids = decoded(maps, grid)
    assert solids.n > 20
    monkeypatch.setattr(solid, "_BLOCK_PX", pixels)
    monkeypatch.setattr(solid, "_BLOCK_PLANES", planes)
    monkeypatch.setattr(solid, "_BLOCK_ROWS", rows)
    parts, again = decoded(maps, grid)
    np.testing.assert_array_equal(parts, whole)
    np.testing.assert_array_equal(again.filled, solids.filled)
    np.testing.assert_array_equal(again.score, solids.score)


def test_a_deep_valley_divides_and_a_shallow_one_does_not():
    grid = SolidGrid(shape=(1, 1, 60), radius=0.5, radius_planes=0.1)
    x = np.arange(60)
    for low, n in ((0.97, 1), (0.6, 2)):
        height = np.interp(x, (0, 15, 30, 45, 59), (0, 200, 200 * low, 200, 0)).astype(np.uint8)
        maps = [
            np.full(grid.shape, 255, np.uint8),
            height[None, None],
            np.full(grid.shape, 255, np.uint8),
        ]
        assert decoded(maps, grid)[1].n == n


@pytest.mark.parametrize(("apart", "n"), [(26, 2), (10, 1)])
def test_two_maxima_close_together_in_a_large_nucleus_do_not_make_it_two(apart, n, monkeypatch):
    grid = SolidGrid(shape=(36, 60, 150), radius=8.0, radius_planes=8.0)
    place = np.indices(grid.shape, dtype=float).transpose(1, 2, 3, 0)

    def ball(x, radius):
        away = np.linalg.norm((place - (18, 30, x)) / radius, axis=-1)
        return np.where(away < 1, 1 - away / 2, 0)

    usual = [ball(x, 8) for x in (15, 42)]
    large = [ball(100 + side * apart / 2, 11) for side in (-1, 1)]
    height = np.max([*usual, *large], axis=0)
    maps = [np.where(height > 0.1, 255, 0), height * 200, np.full(grid.shape, 255)]
    maps = [m.astype(np.uint8) for m in maps]
    assert decoded(maps, grid)[1].n == 2 + n
    monkeypatch.setattr(solid, "APART", 0.0)
    assert decoded(maps, grid)[1].n == 4


def test_what_is_too_large_for_one_nucleus_is_two_and_what_is_not_stays_one():
    hump, gap = [0, 100, 200, 200, 100, 0], [0, 0, 0]
    pair = [0, 100, 200, 200, 190, 186, 190, 200, 200, 100, 0]  # a valley of 0.93
    dented = [0, 100, 200, 176, 200, 100, 0]  # one of 0.88, in a nucleus as large as the others
    row = np.repeat([*gap, *hump, *gap, *hump, *gap, *hump, *gap, *pair, *gap, *dented, *gap], 4)
    grid = SolidGrid(shape=(1, 1, len(row)), radius=0.5, radius_planes=0.1)
    full = np.full(grid.shape, 255, np.uint8)
    maps = [np.where(row > 0, 255, 0)[None, None], row[None, None], full]
    labels, solids = decoded([m.astype(np.uint8) for m in maps], grid)
    assert solids.n == 6
    two, one = (np.unique(labels[0, 0, a : a + 4 * n]) for a, n in ((120, 11), (176, 7)))
    assert len(two[two > 0]) == 2
    assert len(one[one > 0]) == 1
