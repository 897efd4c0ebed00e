from functools import partial

import jax
import numpy as np
import pytest
from drawn import FAST, drawn

from resnet_jax.models import create_model

SMALL = {"blocks": 2, "width": 4}
X = np.random.default_rng(0).normal(size=(2, 16, 24, 3)).astype(np.float32)


@pytest.mark.parametrize("resample", ["strided", "antialias", "resize"])
def test_features_are_those_that_cut_compares(resample):
    model = create_model("cyclegan_resnet9", resample=resample)
    shapes = jax.eval_shape(
        lambda x: model.init_with_output(jax.random.key(0), x, method="features")[0],
        *model.inputs,
    )
    full, half = (256, 128) if resample == "antialias" else (128, 64)
    assert [x.shape[1:] for x in shapes] == [
        (262, 262, 3),
        (full, full, 128),
        (half, half, 256),
        (64, 64, 256),
        (64, 64, 256),
    ]
    names = ["border", "down1", "down2", "block1", "block5"]
    assert [info["module"] for info in model.feature_info] == names
    for info, x in zip(model.feature_info[1:], shapes[1:], strict=True):
        assert (256 // info["reduction"], info["num_chs"]) == x.shape[2:]
    assert [
        info["module"]
        for info in create_model("cyclegan_resnet9", blocks=1).feature_info
    ][3:] == ["block1"]


def test_features_lead_to_the_output():
    model = create_model("cyclegan_resnet9", out_channels=1, **SMALL)
    variables = drawn(model.init, X)
    names = ("head", "tanh", "down1_relu", "block2", "stem_relu")
    features = model.apply(variables, X, places=names, method="features")
    stem, down, block, head, output = features
    assert stem.shape == (2, 16, 24, 4) and down.shape == (2, 8, 12, 8)
    assert block.shape == (2, 4, 6, 16) and head.shape == (2, 16, 24, 1)
    assert stem.min() == down.min() == 0 and block.min() < 0
    np.testing.assert_array_equal(output, model.apply(variables, X))
    with pytest.raises(ValueError, match=r"no layer 'block3'. Did you mean block2"):
        model.apply(variables, X, places=["block3"], method="features")


def test_what_comes_after_the_features_is_not_computed():
    model = create_model("cyclegan_resnet9", **SMALL)
    variables = jax.eval_shape(model.init, jax.random.key(0), X)
    count = {}
    for places in (["down1"], ["border"], []):
        traced = jax.make_jaxpr(
            lambda v, p=places: model.apply(v, X, places=p, method="features")
        )(variables)
        count[len(traced.jaxpr.eqns)] = str(traced).count("conv2d[")
    assert list(count.values()) == [2, 0, 0]


def test_dropout_is_apart_from_training():
    model = create_model("cyclegan_resnet9", dropout=0.5, norm="batch", **SMALL)
    variables = drawn(model.init, X)

    def run(seed, **given):
        rngs = {"dropout": jax.random.key(seed)}
        apply = partial(model.apply, rngs=rngs, mutable=["batch_stats"], **given)
        return jax.jit(apply, compiler_options=FAST)(variables, X)[0]

    plain, batch = run(0), run(0, train=True, drop=False)
    np.testing.assert_array_equal(plain, run(1))
    np.testing.assert_array_equal(batch, run(1, train=True, drop=False))
    assert (plain != batch).any()
    for given in ({"train": True}, {"drop": True}):
        assert (run(0, **given) != run(1, **given)).any()


@pytest.mark.parametrize("padding", ["reflect", "zeros"])
def test_resized_convolutions_see_the_border_they_are_told(padding):
    """Of a constant map, reflection leaves a constant map."""
    model = create_model(
        "cyclegan_resnet9", resample="resize", padding=padding, norm="none", **SMALL
    )
    variables = drawn(model.init, X)
    x = np.ones((1, 4, 4, 16), np.float32)
    up = model.apply(variables, x, method=lambda model, x: model.doubling(1)(x))
    flat = np.ptp(up, (1, 2)).max() < 1e-5
    assert flat == (padding == "reflect") and up.shape == (1, 8, 8, 8)
