"""A rendered movie has the truth that it says it has."""

import cc3d
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fatescope.base import SettingsError
from fatescope.evaluate import score_labels
from fatescope.measurement import find_contacts, measure_objects
from fatescope.simulate import NucleiMovieSettings, simulate_image, simulate_nuclei


@pytest.fixture(scope="module")
def movie():
    return simulate_nuclei(NucleiMovieSettings(), seed=1)


def test_the_default_is_a_small_movie_of_counts(movie):
    assert movie.pixels.shape == movie.labels.shape == (12, 320, 320)
    assert movie.pixels.dtype == np.uint16
    assert movie.spacing.um("YX") == (0.3, 0.3)
    assert movie.spacing.interval_min == 5
    assert movie.image().axes == "TYX"
    assert movie.pixels.max() < 65_535  # nothing is saturated
    assert movie.pixels.min() > 0


def test_the_same_seed_gives_the_same_bits_and_another_seed_another_movie(movie):
    again = simulate_nuclei(NucleiMovieSettings(), seed=1)
    np.testing.assert_array_equal(movie.pixels, again.pixels)
    np.testing.assert_array_equal(movie.labels, again.labels)
    other = simulate_nuclei(NucleiMovieSettings(), seed=2)
    assert (movie.labels != other.labels).any()


def test_every_spot_is_a_label_and_every_label_a_spot(movie):
    spots = movie.spots
    assert list(spots)[:7] == ["id", "frame", "z", "y", "x", "radius_um", "parent"]
    for frame, labels in enumerate(movie.labels):
        here = spots.rows(spots["frame"] == frame)
        table = measure_objects(labels, spacing_um=(0.3, 0.3))
        order = np.argsort(here["label"])
        np.testing.assert_array_equal(here["label"][order], table["label"])
        np.testing.assert_allclose(here["y"][order], table["y"])
        np.testing.assert_allclose(here["x"][order], table["x"])
        np.testing.assert_allclose(here["radius_um"][order] * 2, table["diameter_um"])


def test_parents_lead_to_earlier_frames_and_daughters_come_in_pairs(movie):
    spots = movie.spots
    row = {name: k for k, name in enumerate(spots["id"].tolist())}
    children: dict[int, list[int]] = {}
    for k, parent in enumerate(spots["parent"].tolist()):
        if parent is None:
            continue
        mother = row[parent]
        assert spots["frame"][mother] < spots["frame"][k]
        if spots["label"][mother] != spots["label"][k]:
            children.setdefault(parent, []).append(k)
    assert len(children) >= 3
    assert sum(len(c) == 2 for c in children.values()) >= 3
    assert max(len(c) for c in children.values()) == 2
    for mother, pair in children.items():
        places = [(spots["y"][k], spots["x"][k]) for k in [row[mother], *pair]]
        assert max(np.hypot(*np.subtract(places[0], p)) for p in places) < 40


def test_mitotic_phases_look_as_they_are_called(movie):
    spots, labels = movie.spots, movie.labels
    aspects: dict[str, list[float]] = {}
    for frame in range(len(labels)):
        table = measure_objects(labels[frame])
        inside = dict(zip(table["label"].tolist(), range(len(table)), strict=True))
        for label, phase in zip(
            *(spots[c][spots["frame"] == frame] for c in ("label", "phase")), strict=True
        ):
            k = inside[label]
            if not table["touches_border"][k]:
                aspects.setdefault(phase, []).append(table["aspect"][k])
    assert set(aspects) == {"interphase", "prophase", "metaphase", "anaphase", "telophase"}
    assert np.median(aspects["interphase"]) < 1.5
    assert np.median(aspects["metaphase"]) > 1.6
    assert np.median(aspects["anaphase"]) > 1.5


def test_a_nucleus_keeps_its_number_and_moves_little(movie):
    spots = movie.spots
    assert movie.labels.max() == len(np.unique(spots["label"]))
    for label in np.unique(spots["label"]).tolist():
        own = spots.rows(spots["label"] == label)
        steps = np.hypot(np.diff(own["y"]), np.diff(own["x"]))[np.diff(own["frame"]) == 1]
        assert (steps < 22).all()


@settings(max_examples=12)
@given(
    diameter=st.sampled_from([8, 14, 30, 60, 120]),
    density=st.floats(0, 0.6),
    touching=st.floats(0, 1),
    seed=st.integers(0, 10**6),
)
@example(diameter=14, density=0.4765625, touching=1.0, seed=435898)  # a tie of two pieces
def test_every_nucleus_is_one_piece_at_any_size_and_density(diameter, density, touching, seed):
    wanted = NucleiMovieSettings(
        diameter_px=diameter, density=density, touching_share=touching, height=200, width=240
    )
    pixels, labels = simulate_image(wanted, seed=seed)
    assert pixels.shape == labels.shape == (200, 240)
    pieces = cc3d.connected_components(labels, connectivity=8)
    assert pieces.max() == len(np.unique(labels[labels > 0]))


@pytest.mark.parametrize("diameter", [8, 22, 60, 120])
def test_nuclei_have_the_size_asked_for(diameter):
    side = max(320, 8 * diameter)
    wanted = NucleiMovieSettings(
        diameter_px=diameter, height=side, width=side, divisions_per_hour=0
    )
    table = measure_objects(simulate_image(wanted, seed=4)[1])
    whole = table["diameter_px"][table["touches_border"] == 0]
    assert np.median(whole) == pytest.approx(diameter, rel=0.12)


@pytest.mark.slow
def test_more_density_gives_more_nuclei_and_a_touching_share_more_contacts():
    def share_touching(touching: float) -> float:
        wanted = NucleiMovieSettings(
            touching_share=touching, density=0.25, height=640, width=640, divisions_per_hour=0
        )
        labels = simulate_image(wanted, seed=7)[1]
        contacts = find_contacts(labels)
        ends = np.concatenate([contacts["label_a"], contacts["label_b"]])
        return len(np.unique(ends)) / len(np.unique(labels[labels > 0]))

    alone, some, most = (share_touching(t) for t in (0.0, 0.4, 1.0))
    assert alone < 0.15 < some < 0.6 < most
    covered = [
        (simulate_image(NucleiMovieSettings(density=d), seed=7)[1] > 0).mean()
        for d in (0.1, 0.3, 0.5)
    ]
    assert covered[0] < covered[1] < covered[2]


def test_dark_nuclei_are_darker_than_their_ground():
    for polarity, sign in (("bright", 1), ("dark", -1)):
        pixels, labels = simulate_image(NucleiMovieSettings(polarity=polarity), seed=3)
        inside, outside = pixels[labels > 0].mean(), pixels[labels == 0].mean()
        assert sign * (inside - outside) > 200


def test_fewer_photons_give_more_noise():
    quiet, noisy = (
        simulate_image(NucleiMovieSettings(density=0, photons=p), seed=1)[0].astype(float)
        for p in (4000, 10)
    )
    assert np.diff(noisy, axis=1).std() > 3 * np.diff(quiet, axis=1).std()


def test_a_image_without_nuclei_has_no_spots():
    movie = simulate_nuclei(NucleiMovieSettings(density=0, frames=2, height=40, width=50), seed=0)
    assert len(movie.spots) == 0
    assert movie.labels.max() == 0
    assert "phase" in movie.spots


def test_a_threshold_finds_most_nuclei_that_stand_alone():
    from skimage.filters import threshold_otsu

    wanted = NucleiMovieSettings(
        touching_share=0, density=0.2, brightness_spread=0.1, divisions_per_hour=0, defocus_share=0
    )
    pixels, labels = simulate_image(wanted, seed=2)
    found = cc3d.connected_components(pixels > threshold_otsu(pixels), connectivity=4)
    score = score_labels(labels, found.astype(np.int64))
    assert score.tp[0] > 0.9 * score.n_true


def test_a_setting_out_of_range_is_named():
    with pytest.raises(SettingsError, match="diameter_px = 3"):
        NucleiMovieSettings.from_values({"diameter_px": 3})
