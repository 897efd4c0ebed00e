"""State dicts of restorers: sizes are found, names are translated, mistakes named.

tests/parity/test_restorers.py compares what the networks then compute.
"""

import jax
import numpy as np
import pytest
from drawn import drawn
from safetensors.numpy import save_file

from resnet_jax.models import create_model
from resnet_jax.models.restorers import RESTORERS
from resnet_jax.models.vgg import FEATURE_NETWORKS, vgg
from resnet_jax.pretrained import from_torch, read_weights, to_torch
from resnet_jax.pretrained.restorers import READERS

TINY = {
    "srresnet_x3": {"blocks": 2},
    "msrresnet_x4": {"blocks": 1},
    "edsr_baseline_x2": {"blocks": 3},
    "rcan_x8": {"blocks": 1, "groups": 2, "reduction": 3},
    "rrdb_x2": {"blocks": 1, "growth": 5},
    "dncnn17": {"depth": 5},
    "dncnn20": {"depth": 3, "norm": "none"},
}
VGG = vgg((1, 2), (3, 4))


def weights_of(name, **fields):
    model = create_model(name, **fields)
    return to_torch(drawn(model.init, *model.inputs))


@pytest.mark.parametrize("name", TINY)
def test_sizes_are_those_of_the_weights(name):
    fields = {"channels": 2, "width": 6, **TINY[name]}
    weights = weights_of(name, **fields)
    model, variables = from_torch(name, weights)
    assert model == create_model(name, **fields)
    back = to_torch(variables)
    assert back.keys() == weights.keys()
    for key, value in weights.items():
        np.testing.assert_array_equal(back[key], value)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {np.dtype("float32")}


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("edsr_x3", ("body.31.conv2.weight", "upsample.0.bias", "conv_last.weight")),
        ("edsr_x4", ("conv_after_body.bias", "upsample.2.weight")),
        (
            "rcan_x2",
            (
                "body.9.residual_group.19.rcab.2.bias",
                "body.0.residual_group.0.rcab.3.attention.3.weight",
                "body.3.conv.weight",
            ),
        ),
        ("rrdb_x4", ("body.22.rdb3.conv5.weight", "conv_body.bias", "conv_up2.bias")),
        ("msrresnet_x4", ("upconv2.bias", "conv_hr.weight")),
        ("vgg19_features", ("features.0.weight", "features.34.bias")),
        ("alexnet_features", ("features.10.weight",)),
    ],
)
def test_keys_are_those_of_basicsr_and_torchvision(name, keys):
    model = create_model(name)
    variables = jax.eval_shape(model.init, jax.random.key(0), *model.inputs)
    zeros = jax.tree.map(
        lambda leaf: np.broadcast_to(np.float32(0), leaf.shape), variables
    )
    assert set(keys) <= to_torch(zeros).keys()


def test_options_that_no_weights_show_are_given():
    weights = weights_of("edsr_x3", width=4, blocks=1, resize_conv=True)
    with pytest.raises(
        ValueError, match=r"upsample\.0\.weight \[4, 4, 3, 3\] in place of"
    ):
        from_torch("edsr_x3", weights)
    model, _ = from_torch("edsr_x3", weights, resize_conv=True)
    assert model.resize_conv and model.residual_scale == 0.1


def test_weights_of_another_scale_are_refused():
    weights = weights_of("edsr_baseline_x4", width=4, blocks=1)
    with pytest.raises(
        ValueError, match=r"have upsample\.2\.bias, upsample\.2\.weight, which"
    ):
        from_torch("edsr_baseline_x2", weights)


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("rcan_x2", "conv_first.bias"),
        ("rrdb_x4", "conv_hr.weight"),
        ("dncnn17", "bn2.bias"),
    ],
)
def test_what_is_missing_or_unknown_is_named(name, lost):
    sizes = {"rcan_x2": {"groups": 1, "reduction": 2, "blocks": 1}}
    sizes |= {"rrdb_x4": {"blocks": 1}, "dncnn17": {"depth": 4}}
    weights = weights_of(name, width=4, **sizes[name])
    del weights[lost]
    weights["extra.weight"] = np.zeros(3, np.float32)
    with pytest.raises(ValueError) as caught:
        from_torch(name, weights)
    assert f"lack {lost};" in str(caught.value)
    assert "have extra.weight, which it does not know" in str(caught.value)


def test_weights_of_nothing_of_the_kind():
    for name in ("edsr_x2", "rrdb_x2", "dncnn20", "srresnet_x4"):
        with pytest.raises(ValueError, match=r"they lack .*; they have fc.weight"):
            from_torch(name, {"fc.weight": np.zeros((2, 3), np.float32)})
    with pytest.raises(ValueError, match=r"unknown model 'edsr'\. Did you mean"):
        from_torch("edsr", {})


def test_biases_before_norms_move_their_means():
    """Of KAIR's numbered layers, as the file's reader leaves them."""
    weights = weights_of("dncnn17", width=4, depth=4)
    layers = {"conv1": 0, "conv2": 2, "bn2": 3, "conv3": 5, "bn3": 6, "conv4": 8}
    kair = {}
    for key, value in weights.items():
        layer, leaf = key.split(".")
        kair[f"model.{layers[layer]}.{leaf}"] = value
    kair["model.2.bias"] = np.arange(4, dtype=np.float32)
    kair["model.5.bias"] = np.zeros(4, np.float32)
    kair["model.3.num_batches_tracked"] = np.int64(7)
    model, variables = from_torch("dncnn17", kair)
    assert (model.depth, model.width, model.channels) == (4, 4, 1)
    stats = variables["batch_stats"]
    want = weights["bn2.running_mean"] - np.arange(4, dtype=np.float32)
    np.testing.assert_array_equal(stats["bn2"]["mean"], want)
    np.testing.assert_array_equal(stats["bn3"]["mean"], weights["bn3.running_mean"])
    params = variables["params"]
    assert "bias" not in params["conv2"]
    np.testing.assert_array_equal(params["conv4"]["bias"], weights["conv4.bias"])


def test_a_file_of_kair(tmp_path):
    weights = weights_of("dncnn20", width=3, depth=4, norm="none")
    kair = {f"model.{2 * int(k[4]) - 2}.{k[6:]}": v for k, v in weights.items()}
    save_file(kair, tmp_path / "dncnn.safetensors")
    read = read_weights(tmp_path / "dncnn.safetensors")
    model, variables = from_torch("dncnn20", read)
    assert model.norm == "none" and model.depth == 4
    for key, value in to_torch(variables).items():
        np.testing.assert_array_equal(value, weights[key])


def test_the_mean_of_the_official_files():
    weights = weights_of("rcan_x2", width=4, groups=1, blocks=1, reduction=2)
    mean = np.float32([0.4690, 0.4490, 0.4036])
    for sign, name in ((-1, "sub_mean"), (1, "add_mean")):
        weights[f"{name}.weight"] = np.eye(3, dtype=np.float32)[:, :, None, None]
        weights[f"{name}.bias"] = sign * 255 * mean
    model, _ = from_torch("rcan_x2", weights)
    assert model.mean == (0.4690, 0.4490, 0.4036)
    with_range, _ = from_torch("rcan_x2", weights, value_range=1.0)
    assert with_range.mean[0] == pytest.approx(255 * 0.4690)


def test_the_head_of_a_classifier_is_left_out():
    weights = weights_of("vgg16_features", layers=VGG, taps=("conv1_1",))
    weights["classifier.0.weight"] = np.zeros((5, 4), np.float32)
    fields = {"layers": VGG, "taps": ("conv2_2",)}
    _, variables = from_torch("vgg16_features", weights, **fields)
    assert set(variables["params"]) == {"features_0", "features_3", "features_5"}


def test_every_restorer_and_feature_network_has_a_reader():
    names = [*RESTORERS, *FEATURE_NETWORKS]
    assert {name.partition("_")[0] for name in names} == READERS.keys()
