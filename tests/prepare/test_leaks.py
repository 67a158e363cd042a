"""The audit finds each kind of leak that is put in, and is silent on a clean set."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from fatescope.base import InputError
from fatescope.prepare import audit_leaks, audit_units, check_leaks


def field(seed, shape=(160, 160)):
    """Render one field: blurred blobs and camera noise, 8 bit."""
    rng = np.random.default_rng(seed)
    spots = rng.random(shape) > 0.992
    smooth = ndi.gaussian_filter(spots * rng.uniform(0.5, 1.5, shape), 4.0)
    noisy = smooth / max(smooth.max(), 1e-9) * 180 + rng.normal(10, 3, shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def audit(*images):
    """Audit twelve clean fields with the given ones added; every second is on another side."""
    planes = [field(seed) for seed in range(12)] + list(images)
    names = [f"clean{i}" for i in range(12)] + [f"added{i}" for i in range(len(images))]
    splits = ["train", "test"] * (len(planes) // 2 + 1)
    return audit_leaks(planes, names, splits[: len(planes)])


def only(leaks):
    assert len(leaks) == 1, leaks
    return leaks[0]


def test_a_clean_set_is_clean():
    assert audit() == []
    assert audit(*[field(seed) for seed in range(100, 130)]) == []


def test_identical_images_are_found():
    leak = only(audit(field(50), field(50)))
    assert (leak.kind, leak.first, leak.second) == ("identical", "added0", "added1")


@pytest.mark.parametrize("change", ["brighter", "noisy", "mirrored", "turned", "shrunk", "shifted"])
def test_near_duplicates_are_found(change):
    image = field(50)
    rng = np.random.default_rng(1)
    copies = {
        "brighter": np.clip(image * 1.3 + 8, 0, 255).astype(np.uint8),
        "noisy": np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8),
        "mirrored": image[:, ::-1].copy(),
        "turned": np.rot90(image).copy(),
        "shrunk": ndi.zoom(image, 0.75, order=1),
        "shifted": np.roll(image, 1, axis=0),
    }
    assert only(audit(image, copies[change])).kind in ("near-duplicate", "overlapping")


@pytest.mark.parametrize("axis", [0, 1])
def test_adjoining_tiles_are_found(axis):
    whole = field(50, (320, 160) if axis == 0 else (160, 320))
    first, second = np.split(whole, 2, axis)
    assert only(audit(first, second)).kind == "adjoining"
    assert audit(first, np.flip(second, axis).copy()) == []


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_overlapping_crops_are_found_at_any_offset(dtype):
    whole = field(50, (128, 200)).astype(dtype)
    leak = only(audit(whole[:96, :96], whole[13:109, 59:155]))
    assert leak.kind == "overlapping"


def test_two_samples_of_one_side_are_no_leak():
    planes = [field(50), field(50)]
    assert audit_leaks(planes, ["a", "b"], ["train", "train"]) == []
    assert audit_leaks(planes, ["a", "b"], ["train", "unused"]) == []


def test_empty_and_constant_images_are_no_adjoining_or_overlapping_tiles():
    planes = [np.zeros((64, 64), np.uint8), np.full((64, 64), 9, np.uint8)]
    assert audit_leaks(planes, ["a", "b"], ["train", "test"]) == []


def test_a_unit_on_two_sides_needs_a_guard_band_in_time():
    names = ["a", "b", "c"]
    two_sides = ["train", "unused", "test"]
    assert audit_units(["e"] * 3, [0, 1, 2], two_sides, names, guard_frames=1) == []
    leak = only(audit_units(["e"] * 3, [0, 1, 2], two_sides, names, guard_frames=2))
    assert (leak.kind, leak.first, leak.second, leak.value) == ("unit", "a", "c", 1)
    unknown = audit_units(["e"] * 3, [None, None, None], two_sides, names, guard_frames=0)
    assert only(unknown).kind == "unit"
    assert audit_units(["e", "f", "g"], [None] * 3, two_sides, names, guard_frames=9) == []


def test_the_refusal_names_the_pairs_and_what_to_do():
    check_leaks([])
    with pytest.raises(InputError, match=r"added0 and added1 \(identical, 1.00\).*one unit"):
        check_leaks(audit(field(50), field(50)))
