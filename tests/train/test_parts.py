"""The parts of training, each held to what it promises."""

import cv2
import numpy as np
import pytest
import torch

from fatescope.base import InputError, ModelError, SettingsError
from fatescope.models.inputs import PERCENTILES
from fatescope.predict.normalise import normalise_plane
from fatescope.prepare import read_label_plane, read_plane, read_samples
from fatescope.prepare.store import Sample
from fatescope.systems.nuclei.training.losses import nucleus_loss
from fatescope.train import (
    CropSettings,
    CropSource,
    InstanceRecipe,
    build_network,
    export_onnx,
    load_weights,
    read_recipe,
    recipe_names,
    weights_bytes,
)
from fatescope.train.crops import plane_weights, unequal_brightness
from fatescope.train.export import drawing_only
from fatescope.train.planes import load_planes, median_diameter
from fatescope.train.preview import draw_preview, draw_versions
from fatescope.train.published import DiceFpn
from fatescope.train.settings import LossSettings, NetworkSettings

SMALL = NetworkSettings(widths=(8, 8, 16, 16))


@pytest.fixture(scope="module")
def planes(pairs):
    return load_planes(read_samples(pairs, splits=["train"]), working_px=22.0)


def test_a_crop_depends_on_seed_and_number_alone(planes):
    one = CropSource(planes, settings=CropSettings(size_px=64), seed=3)
    two = CropSource(planes, settings=CropSettings(size_px=64), seed=3)
    for n in (5, 0, 5):  # whatever was cut before
        assert all((a == b).all() for a, b in zip(one.crop(n), two.crop(n), strict=True))
    assert (one.crop(1)[0] != one.crop(2)[0]).any()
    other = CropSource(planes, settings=CropSettings(size_px=64), seed=4)
    assert (one.crop(1)[0] != other.crop(1)[0]).any()


def test_crops_and_targets_lie_on_one_grid(planes):
    plain = CropSettings(size_px=64, noise=0, offset=0, blur_px=0, gamma=(1, 1), gain=(1, 1))
    source = CropSource(planes, settings=plain, seed=0)
    inside, outside = [], []
    for n in range(12):
        image, target = source.crop(n)
        assert image.shape == (1, 64, 64)
        assert target.shape == (8, 64, 64)
        counts = target[5] > 0
        inside.append(image[0][(target[0] > 0) & counts].mean())
        outside.append(image[0][(target[0] == 0) & counts].mean())
        assert (target[1] > 0)[counts].tolist() == (target[0] > 0)[counts].tolist()
        assert not target[5:, 0].any()  # the rim does not count
    assert min(inside) > max(outside) + 0.1


def test_kinds_are_balanced_by_a_power_of_their_nuclei(planes):
    from dataclasses import replace

    many = [replace(p, kind="many", n_nuclei=100) for p in planes[:4]]
    few = [replace(p, kind="few", n_nuclei=100) for p in planes[4:5]]
    weights = plane_weights([*many, *few], balance=0.5)
    assert weights.sum() == pytest.approx(1)
    assert weights[:4].sum() / weights[4] == pytest.approx(2)
    assert plane_weights([*many, *few], balance=0)[4] == pytest.approx(0.5)


def test_nuclei_are_dimmed_one_by_one_and_the_ground_stays():
    labels = np.zeros((60, 90), np.int32)
    labels[20:40, 10:30], labels[20:40, 30:50] = 1, 2
    image = np.where(labels > 0, 0.6, 0.1).astype(np.float32)
    out = unequal_brightness(image, labels, most=1.0, rng=np.random.default_rng(3))
    same = np.random.default_rng(3)
    factor = np.exp(same.normal(0, same.uniform(0, 1.0), 3))[1:]
    assert out[30, 20] == pytest.approx(0.1 + 0.5 * factor[0], abs=1e-4)
    assert out[30, 40] == pytest.approx(0.1 + 0.5 * factor[1], abs=1e-4)
    assert np.array_equal(out[:, 70:], image[:, 70:])
    assert np.array_equal(unequal_brightness(image, labels * 0, most=1, rng=None), image)


def test_only_images_whose_dim_nuclei_have_labels_are_dimmed(planes):
    from dataclasses import replace

    plain = CropSettings()
    dimmed = plain.replace(unequal=1.0)
    partial = [replace(p, complete=False) for p in planes]
    runs = [(planes, plain), (planes, dimmed), (partial, dimmed)]
    image, target, *_ = zip(*[_crops(some, s, 12) for some, s in runs], strict=True)
    assert not np.array_equal(image[0], image[1])
    assert np.array_equal(target[1], target[2])
    changed = np.array([not np.array_equal(a, b) for a, b in zip(image[1], image[2], strict=True)])
    assert 2 <= changed.sum() <= 10


def _crops(planes, settings, n):
    crops = [CropSource(planes, settings=settings, seed=5).crop(i) for i in range(n)]
    return [image for image, _ in crops], [target for _, target in crops]


def test_the_median_diameter_is_that_of_the_circle_of_equal_area():
    labels = np.zeros((40, 40), int)
    labels[:10, :10], labels[20:24, 20:24] = 5, 9
    expected = np.median([2 * np.sqrt(100 / np.pi), 2 * np.sqrt(16 / np.pi)])
    assert median_diameter(labels) == pytest.approx(expected)
    assert np.isnan(median_diameter(np.zeros((4, 4), int)))


def test_the_network_keeps_the_grid_and_stays_between_0_and_1():
    network = build_network(SMALL, seed=0).eval()
    with torch.no_grad():
        maps = network(torch.randn(2, 1, 48, 80))
    assert maps.shape == (2, 5, 48, 80)
    assert maps.min() >= 0
    assert maps.max() <= 1


def test_weights_follow_from_the_seed_and_leave_the_global_generator_alone():
    torch.manual_seed(11)
    expected = torch.rand(1)
    torch.manual_seed(11)
    one, two = build_network(SMALL, seed=5), build_network(SMALL, seed=5)
    assert torch.rand(1) == expected
    assert torch.equal(one.head.weight, two.head.weight)
    assert not torch.equal(one.head.weight, build_network(SMALL, seed=6).head.weight)


def test_the_shipped_network_is_within_two_million_parameters():
    n = sum(p.numel() for p in build_network(InstanceRecipe().network, seed=0).parameters())
    assert n == 1_197_364


def test_ignored_pixels_do_not_change_the_loss():
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 8, 8, generator=rng)
    target = torch.rand(2, 8, 8, 8, generator=rng).round()
    target[:, 5:, :, :4] = 0
    target[:, 5:, :, 4:] = 1
    before = nucleus_loss(logits, target, settings=LossSettings())["loss"]
    degraded = logits.clone()
    degraded[:, :, :, :4] += 5
    assert torch.equal(before, nucleus_loss(degraded, target, settings=LossSettings())["loss"])
    degraded[:, :, :, 4:] += 5
    assert before != nucleus_loss(degraded, target, settings=LossSettings())["loss"]


def test_a_perfect_answer_has_almost_no_loss_and_border_pixels_weigh_more():
    target = torch.zeros(1, 8, 8, 8)
    target[:, 0, 2:6, 2:6] = target[:, 1, 2:6, 2:6] = 1
    target[:, 2, :, 4] = 1
    target[:, 3:5] = torch.rand(1, 2, 8, 8)
    target[:, 5:] = 1
    perfect = (target[:, :3] - 0.5) * 40
    perfect = torch.cat([perfect, torch.logit(target[:, 3:5])], dim=1)
    settings = LossSettings()
    assert nucleus_loss(perfect, target, settings=settings)["loss"] < 0.01
    missed, invented = perfect.clone(), perfect.clone()
    missed[0, 2, 0, 4] = -20  # one border pixel not seen
    invented[0, 2, 0, 0] = 20  # one that is none
    worse = nucleus_loss(missed, target, settings=settings)["border"]
    better = nucleus_loss(invented, target, settings=settings)["border"]
    assert float(worse) == pytest.approx(settings.border_class * float(better), rel=1e-3)


def test_where_the_distance_is_open_entropy_asks_for_the_mean_and_the_absolute_error_does_not():
    target = torch.ones(1, 8, 1, 10)
    target[:, 1, :, :4] = 0  # of ten alike pixels, four lie between two nuclei
    pulls = {}
    for kind in ("entropy", "absolute"):
        logit = torch.logit(torch.tensor(0.6)).requires_grad_()
        logits = torch.stack([torch.zeros(10), logit.expand(10), torch.zeros(10)])[None, :, None]
        nucleus_loss(logits, target, settings=LossSettings(distance_error=kind))[
            "distance"
        ].backward()
        pulls[kind] = float(logit.grad)
    assert pulls["entropy"] == pytest.approx(0, abs=1e-6)
    assert pulls["absolute"] < -0.04  # onwards to 1, the answer of six pixels


def test_offsets_count_in_whole_nuclei_only_and_in_units_of_a_radius():
    target = torch.full((1, 8, 8, 8), 0.5)
    target[:, 0] = target[:, 5:7] = 1
    target[:, 2] = target[:, 7] = 0
    target[:, 7, :, :4] = 1  # a nucleus seen whole, beside one that is cut
    logits = torch.zeros(1, 5, 8, 8)
    assert nucleus_loss(logits, target, settings=LossSettings())["offset"] == 0
    target[:, 3, :, 4:] = 1.0  # where nothing is known
    assert nucleus_loss(logits, target, settings=LossSettings())["offset"] == 0
    target[:, 3, :, :4] = 0.5 + 11 / 64  # eleven pixels down: the radius of a usual nucleus
    found = nucleus_loss(logits, target, settings=LossSettings())
    assert float(found["offset"]) == pytest.approx(0.5)  # and none across
    without = nucleus_loss(logits[:, :3], target, settings=LossSettings())
    assert without["offset"] == 0
    assert float(found["loss"] - without["loss"]) == pytest.approx(LossSettings().offset * 0.5)


def test_only_some_maps_are_exported_and_they_are_the_same():
    network = build_network(SMALL, seed=1).eval()
    plane = torch.randn(1, 1, 32, 48)
    with torch.no_grad():
        every, some = network(plane), drawing_only(network, [0, 3, 4], n_outputs=5)(plane)
    torch.testing.assert_close(some, every[:, [0, 3, 4]])


def test_a_image_is_as_large_as_its_unit_says(tmp_path):
    labels = np.zeros((64, 64), np.uint16)
    labels[2:5, 2:5] = 1  # a cap
    whole = np.zeros((64, 64), np.uint16)
    for n in range(3):
        cv2.circle(whole, (12 + 20 * n, 30), 8, n + 1, -1)
    samples = []
    for name, truth in {"cap": labels, "whole": whole, "empty": whole * 0}.items():
        for kind, array in (("image", truth * 9), ("labels", truth)):
            cv2.imwrite(str(tmp_path / f"{name}_{kind}.png"), array.astype(np.uint16))
        paths = {k: tmp_path / f"{name}_{k}.png" for k in ("image", "labels")}
        samples.append(Sample(**paths, unit="embryo", split="train"))
    planes = load_planes(samples, working_px=22.0)
    assert {p.diameter_px for p in planes} == {median_diameter(whole)}


def test_weights_go_through_safetensors_and_fit_only_their_own_network():
    network = build_network(SMALL, seed=1)
    again = build_network(SMALL, seed=2)
    load_weights(again, weights_bytes(network))
    for name, value in again.state_dict().items():
        torch.testing.assert_close(value, network.state_dict()[name], atol=1e-3, rtol=1e-3)
    with pytest.raises(ModelError, match="belong to another network"):
        load_weights(
            build_network(NetworkSettings(widths=(8, 8, 8, 8)), seed=0), weights_bytes(again)
        )
    with pytest.raises(ModelError, match="cannot be read"):
        load_weights(again, b"nothing")


def test_a_network_of_the_library_gets_all_its_weights_the_first_layer_too():
    pytest.importorskip("segmentation_models_pytorch")
    first, again = (DiceFpn(seed=seed, weights=None).build() for seed in (1, 2))
    load_weights(again, weights_bytes(first))
    for name, value in again.state_dict().items():
        torch.testing.assert_close(value, first.state_dict()[name], atol=1e-3, rtol=1e-3)


def test_weights_of_a_network_that_draws_more_or_fewer_maps_are_a_beginning():
    few = build_network(SMALL.replace(n_outputs=3), seed=1).eval()
    more = build_network(SMALL, seed=2).eval()
    load_weights(few, weights_bytes(few))  # as fp16, which both now hold
    load_weights(more, weights_bytes(few))
    plane = torch.randn(1, 1, 32, 48)
    with torch.no_grad():
        torch.testing.assert_close(more(plane)[:, :3], few(plane))
    again = build_network(SMALL.replace(n_outputs=3), seed=3).eval()
    load_weights(again, weights_bytes(more))
    with torch.no_grad():
        torch.testing.assert_close(again(plane), few(plane))


def test_onnx_has_free_axes_and_gives_what_torch_gives():
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto
    from onnx.reference import ReferenceEvaluator

    network = build_network(SMALL, seed=1).eval()
    data = export_onnx(network)
    kinds = {t.data_type for t in onnx.load_from_string(data).graph.initializer if len(t.dims) > 1}
    assert kinds == {TensorProto.FLOAT16}
    for shape in ((1, 1, 32, 48), (3, 1, 16, 16)):
        plane = np.random.default_rng(0).random(shape, dtype=np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(plane)).numpy()
        (maps,) = ReferenceEvaluator(data).run(None, {"plane": plane})
        np.testing.assert_allclose(maps, expected, atol=2e-3)


def test_recipes_are_read_by_name_and_by_path(tmp_path):
    assert "nuclei" in recipe_names()
    assert read_recipe("nuclei").name == "nuclei"
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\n[fit]\nsteps = 7\n')
    assert read_recipe(path).fit.steps == 7
    path.write_text("[fit]\nsteps = 0\n")
    with pytest.raises(SettingsError, match=r"fit\.steps = 0"):
        read_recipe(path)
    path.write_text("[fit\n")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_recipe(path)
    with pytest.raises(SettingsError, match=r"no recipe 'nothing'.*nuclei"):
        read_recipe("nothing")


def test_the_preview_shows_originals_beside_augmented_crops_and_their_targets(pairs):
    samples = read_samples(pairs, splits=["train"])
    side, step = 64, 68
    sheet = draw_preview(samples, settings=CropSettings(size_px=side), seed=0)
    assert sheet.shape == (4 * step, (1 + 2 * 4) * step, 3)
    assert sheet.dtype == np.uint8
    # The first column is the first image, shrunk: nothing else on the sheet is as near to it.
    small = cv2.resize(
        normalise_plane(read_plane(samples[0].image), percentiles=PERCENTILES),
        (side, side),
        interpolation=cv2.INTER_AREA,
    )
    tiles = [sheet[:side, x : x + side, 2] / 255 for x in range(0, sheet.shape[1], step)]
    alike = [np.corrcoef(t.ravel(), small.ravel())[0, 1] for t in tiles]
    assert np.argmax(alike) == 0
    assert alike[0] > 0.8
    assert draw_preview(samples[:1], settings=CropSettings(size_px=side), seed=0).shape[0] == step
    with pytest.raises(InputError, match="no training image"):
        draw_preview([], settings=CropSettings(), seed=0)


def test_fifty_versions_of_one_image_lie_below_it_and_differ(pairs):
    sample = read_samples(pairs, splits=["train"])[1]
    sheet = draw_versions(sample, settings=CropSettings(size_px=32), seed=0)
    step, head = 36, 3 * 32 + 4
    assert sheet.shape == (head + 5 * step, 10 * step, 3)
    tiles = {
        sheet[head + r * step :][:32, c * step :][:, :32].tobytes()
        for r in range(5)
        for c in range(10)
    }
    assert len(tiles) == 50
    original = sheet[:96, :96]
    assert ((original == (0, 158, 115)).all(axis=2)).mean() > 0.01  # outlines of its labels
    assert (sheet[:96, 120:] == 255).all()


def test_nothing_to_learn_from_is_said():
    with pytest.raises(InputError, match="no sample to learn from"):
        load_planes([], working_px=22.0)


def test_regions_that_are_unsure_do_not_count(pairs):
    from dataclasses import replace

    (sample,) = read_samples(pairs, splits=["train"])[:1]
    labels = read_label_plane(sample.labels)
    label = int(np.argmax(np.bincount(labels.ravel())[1:])) + 1
    settings = CropSettings(size_px=160, on_nucleus=0, on_touching=0, turn=0, zoom=(1, 1.0001))
    counted, hidden, drawn = 0, 0, 0
    for n in range(4):
        known, unsure = (
            CropSource(load_planes([s], working_px=22.0), settings=settings, seed=0).crop(n)[1]
            for s in (sample, replace(sample, unsure_label=label))
        )
        counted += known[5].sum()
        hidden += unsure[5].sum()
        drawn += (unsure[0] * (1 - unsure[5]))[2:-2, 2:-2].sum()
    assert hidden < counted
    assert drawn == 0
