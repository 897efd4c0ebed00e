import jax
import numpy as np
import pytest

from resnet_jax.explain import feature_maps, filters, layer_statistics
from resnet_jax.models.resnet import ResNet

MODEL = ResNet((1, 2), block="basic", width=4, stem="cifar", num_classes=5)
IMAGES = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def variables():
    return jax.jit(MODEL.init)(jax.random.key(0), IMAGES)


def test_feature_maps_by_name(variables):
    maps = feature_maps(MODEL, variables, IMAGES)
    assert {name: x.shape for name, x in maps.items()} == {
        info["module"]: (2, 8 // info["reduction"], 8 // info["reduction"], channels)
        for info in MODEL.feature_info
        for channels in [info["num_chs"]]
    }
    logits = MODEL.apply(variables, list(maps.values())[-1], method="head")
    known = MODEL.apply(variables, IMAGES)
    np.testing.assert_allclose(logits, known, rtol=1e-5, atol=1e-6)


def test_filters_are_small_images(variables):
    kernel = variables["params"]["layer2_0"]["conv1"]["kernel"]
    found = filters(variables, "layer2_0/conv1")
    assert found.shape == (8, 3, 3, 4)
    np.testing.assert_array_equal(found[5], kernel[..., 5])
    assert filters(variables).shape == (4, 3, 3, 3)
    with pytest.raises(ValueError, match=r"no convolution 'conv2'. Did you mean"):
        filters(variables, "conv2")


def test_statistics_of_each_array():
    tree = {
        "layer10": {"kernel": np.array([[3.0, 0.0], [0.0, -4.0]], np.float32)},
        "layer9": {"scale": np.ones(3, np.float32), "bias": np.zeros(3, np.float32)},
    }
    bias, scale, kernel = layer_statistics(tree)
    assert kernel == {
        "layer": "layer10/kernel",
        "shape": "2x2",
        "count": 4,
        "mean": -0.25,
        "std": pytest.approx(np.std([3, 0, 0, -4])),
        "norm": 5.0,
        "zeros": 0.5,
    }
    assert [bias["layer"], scale["layer"]] == ["layer9/bias", "layer9/scale"]
    assert (
        bias["zeros"] == 1
        and scale["zeros"] == 0
        and scale["norm"] ** 2 == (pytest.approx(3))
    )


def test_statistics_count_every_parameter(variables):
    rows = layer_statistics(variables["params"])
    leaves = jax.tree.leaves(variables["params"])
    assert sum(row["count"] for row in rows) == sum(x.size for x in leaves)
    assert len(rows) == len(leaves) == len({row["layer"] for row in rows})
