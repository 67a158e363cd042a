import numpy as np
import pytest
from tests.hand_built import render_discs

from fatescope.base import Image, InputError, SettingsError, Spacing
from fatescope.predict import MemoryScratch, open_frames, open_predictor
from fatescope.simulate import NucleiMovieSettings, simulate_image
from fatescope.systems.nuclei.outline import segment_frame, segment_image
from fatescope.systems.nuclei.scales import choose_scale
from fatescope.systems.nuclei.settings import NucleiSettings

CLASSICAL = NucleiSettings(model="classical")


def render_scene(*, diameter=20.0, shape=(160, 200), seed=0, noise=0.02):
    image, labels = render_discs(shape, diameter=diameter, seed=seed)
    rng = np.random.default_rng(seed)
    noisy = 300 + 2000 * (image + noise * rng.standard_normal(shape))
    return np.clip(noisy, 0, 65535).astype(np.uint16), labels


def agreement(true, found):
    """Share of true objects with a found one of IoU 0.7 or more."""
    hits = 0
    for n in range(1, true.max() + 1):
        inside = true == n
        other = np.bincount(found[inside], minlength=2)[1:]
        if other.any():
            best = int(other.argmax()) + 1
            hits += other.max() / (inside | (found == best)).sum() >= 0.7
    return hits / true.max()


@pytest.mark.parametrize("diameter", [12, 20, 45, 110])
def test_any_size_is_found_without_being_told(diameter):
    side = max(160, 6 * diameter)
    pixels, true = render_scene(diameter=diameter, shape=(side, side))
    result = segment_image(Image(pixels=pixels, axes="YX"), CLASSICAL)
    assert agreement(true, result.labels) >= 0.9
    assert result.labels.max() == true.max()
    assert result.plan.diameter_px == pytest.approx(diameter, rel=0.25)


def test_outlines_on_the_input_grid_are_smooth_after_reduction():
    _, true = render_scene(diameter=100, shape=(400, 400))
    pixels = (true > 0).astype(np.uint16) * 900
    found = segment_image(Image(pixels=pixels, axes="YX"), CLASSICAL).labels
    steps = []
    for n in range(1, true.max() + 1):
        inside = true == n
        best = np.bincount(found[inside])[1:].argmax() + 1
        other = found == best
        iou = (inside & other).sum() / (inside | other).sum()
        assert iou > 0.965
        left = other.argmax(axis=1)[other.any(axis=1)][8:-8]
        steps.append(np.abs(np.diff(left, n=2)))
    # In a blocky outline a fifth of the rows have a step of three pixels or more, to 10.
    assert (np.concatenate(steps) >= 3).mean() < 0.02
    assert np.concatenate(steps).max() <= 5


def test_labels_do_not_depend_on_type_chunks_or_parts():
    pixels, _ = render_scene(shape=(230, 190))
    image = Image(pixels=pixels, axes="YX")
    settings = CLASSICAL.replace(diameter_px=13)
    whole = segment_image(image, settings)
    for other in (pixels.astype(np.float32), pixels.astype(np.int32), pixels.astype(np.float64)):
        again = segment_image(Image(pixels=other, axes="YX"), settings)
        np.testing.assert_array_equal(whole.labels, again.labels)
    predictor = open_predictor("classical")
    for part_px in (1, 5_000, 20_000):
        frames, _ = open_frames(image)
        plan = choose_scale(frames, predictor, settings)
        parts = segment_frame(
            frames[0], predictor, plan, settings, scratch=MemoryScratch(), part_px=part_px
        )
        np.testing.assert_array_equal(whole.labels, parts.array())
        np.testing.assert_array_equal(whole.scores[0], parts.scores)


def test_a_movie_is_segmented_frame_by_frame_and_a_stack_joined_across_planes():
    one, true = render_scene(seed=1)
    two, _ = render_scene(seed=2)
    told = CLASSICAL.replace(diameter_px=13)  # the size is one for all frames
    movie = segment_image(Image(pixels=np.stack([one, two]), axes="TYX"), told)
    alone = segment_image(Image(pixels=one, axes="YX"), told)
    assert movie.axes == "TYX"
    np.testing.assert_array_equal(movie.labels[0], alone.labels)
    stack = segment_image(Image(pixels=np.stack([one, one, one]), axes="ZYX"), CLASSICAL)
    assert stack.labels.shape == (3, *one.shape)
    assert stack.labels.max() == true.max()
    np.testing.assert_array_equal(stack.labels[0], stack.labels[2])


def test_a_nucleus_that_ends_in_z_gives_its_place_to_another():
    one, _ = render_scene(seed=1)
    two, _ = render_scene(seed=1, shape=(160, 200))
    far = np.roll(two, 16, axis=(0, 1))
    stack = segment_image(Image(pixels=np.stack([one, one, far, far]), axes="ZYX"), CLASSICAL)
    assert stack.labels.max() > segment_image(Image(pixels=one, axes="YX"), CLASSICAL).labels.max()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.bool_, np.int16, np.int64])
@pytest.mark.parametrize("value", [0, 1])
def test_a_constant_plane_has_no_nuclei_and_says_so(dtype, value):
    result = segment_image(Image(pixels=np.full((40, 30), value, dtype), axes="YX"), CLASSICAL)
    assert result.labels.shape == (40, 30)
    assert not result.labels.any()
    assert {"empty", "constant"} & {f.rule for f in result.findings}


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 3)])
def test_tiny_planes_are_no_error(shape):
    pixels = np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(shape)
    assert segment_image(Image(pixels=pixels, axes="YX"), CLASSICAL).labels.shape == shape


def test_pixels_that_are_not_finite_are_background_and_counted():
    pixels, true = render_scene()
    hurt = pixels.astype(np.float32)
    hurt[:3] = np.nan
    hurt[-2:, :4] = np.inf
    hurt[-2:, 4:8] = -np.inf
    result = segment_image(Image(pixels=hurt, axes="YX"), CLASSICAL)
    assert agreement(true, result.labels) > 0.9
    finding = next(f for f in result.findings if f.rule == "not-finite")
    assert finding.value == 3 * 200 + 16
    nothing = np.full((20, 20), np.nan, np.float32)
    assert not segment_image(Image(pixels=nothing, axes="YX"), CLASSICAL).labels.any()


def test_the_channel_is_named_numbered_or_guessed_with_a_finding():
    pixels, _ = render_scene()
    pair = np.stack([np.full_like(pixels, 7), pixels])
    named = Image(pixels=pair, axes="CYX", channels=("GFP", "Hoechst"))
    assert segment_image(named, CLASSICAL).labels.any()
    plain = segment_image(Image(pixels=pair, axes="CYX"), CLASSICAL)
    assert plain.labels.any()
    assert "assumed-channel" in {f.rule for f in plain.findings}
    assert not segment_image(named, CLASSICAL.replace(channel="GFP")).labels.any()
    assert not segment_image(named, CLASSICAL.replace(channel="0")).labels.any()
    with pytest.raises(SettingsError, match=r"no such channel; it has GFP, Hoechst, 0, 1"):
        segment_image(named, CLASSICAL.replace(channel="DAPI"))


def through_the_light(seed):
    """Cells in brightfield: a bright background, rims brighter and darker than it."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:320, :320]
    light = rng.normal(0, 400, (320, 320)) + 30_000
    for y, x in rng.integers(20, 300, (25, 2)):
        rim = np.hypot(rows - y, columns - x) - 16
        light += 5_000 * np.exp(-((rim / 2) ** 2)) - 6_000 * np.exp(-(((rim + 4) / 2) ** 2))
    return light.clip(0, 65_535).astype(np.uint16)


@pytest.fixture(scope="module")
def stained():
    """Nuclei in a stain, and the few of them that a second dye enters."""
    plan = NucleiMovieSettings(height=320, width=320, diameter_px=20, density=0.2)
    pixels, labels = simulate_image(plan, seed=8)
    few = np.where(np.isin(labels, (1, 2, 3)), pixels, np.median(pixels)).astype(pixels.dtype)
    return pixels, few


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_brightfield_beside_dyes_is_not_taken_for_nuclei(order, stained):
    channels = np.stack([through_the_light(1), *(s // 4 for s in stained)])[list(order)]
    found = segment_image(Image(pixels=channels, axes="CYX", name="well.tif"))
    finding = next(f for f in found.findings if f.rule == "assumed-channel")
    assert finding.value == order.index(1)
    given = NucleiSettings(channel=str(order.index(1)))
    np.testing.assert_array_equal(
        found.labels, segment_image(Image(pixels=channels, axes="CYX"), given).labels
    )


def test_where_no_channel_fits_each_is_named_with_how_it_looks():
    pair = np.stack([through_the_light(2), through_the_light(3)])
    image = Image(pixels=pair, axes="CYX", channels=("TL10", "TL20"), name="well.tif")
    with pytest.raises(InputError) as stopped:
        segment_image(image)
    said = str(stopped.value)
    assert said.startswith("well.tif: no channel looks like")
    assert "channel 0 (TL10): its background is brighter" in said
    assert "channel 1 (TL20): its background is brighter" in said
    assert "--channel" in said
    alone = segment_image(Image(pixels=pair[0], axes="YX"))  # not a choice: a finding
    assert "unlike-training" in [f.rule for f in alone.findings]


def test_channels_without_any_light_are_an_empty_image_and_no_fault():
    found = segment_image(Image(pixels=np.zeros((2, 40, 40), np.uint8), axes="CYX"))
    assert "empty" in [f.rule for f in found.findings]


def test_a_diameter_in_micrometres_needs_a_pixel_size():
    pixels, true = render_scene(diameter=40, shape=(240, 240))
    spacing = Spacing.of(source="file", Y=0.2, X=0.2)
    known = Image(pixels=pixels, axes="YX", spacing=spacing)
    result = segment_image(known, CLASSICAL.replace(diameter_um=8))
    assert result.plan.scale[0] == pytest.approx(22 / 40)
    assert result.plan.source == "given"
    assert agreement(true, result.labels) > 0.9
    with pytest.raises(SettingsError, match=r"diameter_um = 8.*--spacing-um"):
        segment_image(Image(pixels=pixels, axes="YX"), CLASSICAL.replace(diameter_um=8))


def test_pixels_that_are_not_square_are_made_square():
    pixels, true = render_scene(diameter=24, shape=(240, 240))
    squeezed = pixels[::2]
    spacing = Spacing.of(source="user", Y=0.4, X=0.2)
    image = Image(pixels=squeezed, axes="YX", spacing=spacing)
    result = segment_image(image, CLASSICAL)
    assert result.plan.scale[0] / result.plan.scale[1] == pytest.approx(2)
    assert agreement(true[::2], result.labels) > 0.9


def test_settings_are_read_as_a_user_writes_them():
    assert NucleiSettings.from_values({"spacing_um": "0.2,0.1"}).spacing_um == (0.2, 0.1)
    assert NucleiSettings.from_values({"spacing_um": 0.2}).spacing_um == (0.2,)
    with pytest.raises(SettingsError, match="one to three positive numbers"):
        NucleiSettings.from_values({"spacing_um": "1,2,3,4"})
    with pytest.raises(SettingsError, match="not both"):
        NucleiSettings.from_values({"diameter_px": 3, "diameter_um": 4})
