import jax
import numpy as np
import pytest
from drawn import drawn

from resnet_jax.models import create_model
from resnet_jax.models.summary import summarize
from resnet_jax.models.vgg import FEATURE_NETWORKS, vgg

# torchvision's networks without their classifiers.
PUBLISHED = {
    "vgg16_features": 14_714_688,
    "vgg19_features": 20_024_384,
    "alexnet_features": 2_469_696,
}
TINY = {"layers": vgg((2, 1), (3, 5)), "taps": ("relu1_2", "conv2_1", "pool2")}


def maps(model, side=224):
    x = jax.ShapeDtypeStruct((2, side, side, 3), np.float32)
    return jax.eval_shape(model.init_with_output, jax.random.key(0), x)[0]


def test_published_sizes():
    assert PUBLISHED.keys() == FEATURE_NETWORKS.keys()
    for name, count in PUBLISHED.items():
        assert summarize(create_model(name))["parameters"] == count
    # torchvision: 15.47 and 19.63 with classifiers, of which 0.12 are theirs.
    assert summarize(create_model("vgg16_features"))["gmacs"] == pytest.approx(
        15.35, abs=0.01
    )


def test_the_maps_that_lpips_and_esrgan_take():
    sides = {
        n: [m.shape[1:] for m in maps(create_model(n)).values()] for n in PUBLISHED
    }
    assert sides["vgg16_features"] == [
        *((224, 224, 64), (112, 112, 128), (56, 56, 256)),
        *((28, 28, 512), (14, 14, 512)),
    ]
    assert sides["vgg19_features"] == [(14, 14, 512)]
    assert sides["alexnet_features"] == [
        *((55, 55, 64), (27, 27, 192), (13, 13, 384), (13, 13, 256), (13, 13, 256)),
    ]


def test_maps_before_and_behind_the_activation_in_the_order_of_the_call():
    model = create_model("vgg16_features", **TINY)
    x = np.random.default_rng(0).normal(size=(2, 9, 8, 3)).astype(np.float32)
    variables = drawn(model.init, x)
    found = model.apply(variables, x)
    assert list(found) == list(TINY["taps"])
    assert found["pool2"].shape == (2, 2, 2, 5)
    more = model.apply(variables, x, taps=("relu2_1", "conv2_1", "conv1_1"))
    assert list(more) == ["relu2_1", "conv2_1", "conv1_1"]
    np.testing.assert_array_equal(more["relu2_1"], np.maximum(more["conv2_1"], 0))
    np.testing.assert_array_equal(more["conv2_1"], found["conv2_1"])


def test_nothing_is_computed_behind_the_last_map():
    model = create_model("vgg16_features", **TINY)
    x = np.zeros((1, 8, 8, 3), np.float32)
    variables = drawn(model.init, x)
    first = {"params": {"features_0": variables["params"]["features_0"]}}
    assert model.apply(first, x, taps=("conv1_1",))["conv1_1"].shape == (1, 8, 8, 3)


def test_every_parameter_before_a_map_gets_a_gradient():
    model = create_model("vgg16_features", **TINY)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
    variables = drawn(model.init, x)

    def loss(variables, x):
        return sum((m**2).sum() for m in model.apply(variables, x).values())

    for leaf in jax.tree.leaves(jax.jit(jax.grad(loss, (0, 1)))(variables, x)):
        assert np.isfinite(leaf).all() and leaf.any()


def test_wrong_names_and_sizes():
    model = create_model("vgg19_features")
    with pytest.raises(
        ValueError, match=r"unknown layer 'conv5_5'\. Did you mean conv5_4"
    ):
        maps(create_model("vgg19_features", taps=("conv5_5",)))
    variables = jax.eval_shape(model.init, jax.random.key(0), *model.inputs)
    small = jax.ShapeDtypeStruct((2, 16, 16, 3), np.float32)
    assert jax.eval_shape(model.apply, variables, small)["conv5_4"].shape[1:3] == (1, 1)
    small = jax.ShapeDtypeStruct((2, 16, 15, 3), np.float32)
    with pytest.raises(ValueError, match="the images are too small for these layers"):
        jax.eval_shape(model.apply, variables, small)
    with pytest.raises(ValueError, match="Did you mean bfloat16"):
        create_model("vgg19_features", dtype="bfloat")
