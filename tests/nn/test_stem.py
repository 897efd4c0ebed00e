import jax
import numpy as np
import pytest

from resnet_jax.nn.resampling import (
    avg_pool,
    avg_pool_exactly,
    blur_pool,
    max_pool,
)
from resnet_jax.nn.stem import STEMS, Stem

KEY = jax.random.key(0)


def images(height=12, width=14):
    shape = (2, height, width, 3)
    return np.random.default_rng(0).normal(size=shape).astype("f4")


@pytest.mark.parametrize(
    ("kind", "widths"),
    [
        ("imagenet", {"conv1": 8}),
        ("cifar", {"conv1": 8}),
        ("deep", {"conv1_0": 8, "conv1_3": 8, "conv1_6": 16}),
        ("deep_tiered", {"conv1_0": 6, "conv1_3": 8, "conv1_6": 16}),
    ],
)
@pytest.mark.parametrize("preact", [False, True])
def test_names_channels_and_sides(kind, widths, preact):
    stem = Stem(kind, 8, preact=preact)
    x = images()
    (before, after), variables = jax.eval_shape(
        lambda x: stem.init_with_output(KEY, x, False), x
    )
    params = variables["params"]
    kernels = {k: v["kernel"].shape[-1] for k, v in params.items() if "kernel" in v}
    assert kernels == widths
    norms = ["conv1_1", "conv1_4"] * (len(widths) > 1) + ["bn1"] * (not preact)
    assert set(params) == {*widths, *norms}
    layout, last = STEMS[kind], list(widths.values())[-1]
    assert before.shape == (2, 12 // layout.strides, 14 // layout.strides, last)
    assert after.shape[1:3] == tuple(-(-n // layout.reduction) for n in (12, 14))


@pytest.mark.parametrize(
    ("blur", "pooled"),
    [
        (None, lambda x: max_pool(x, 3, 2, padding=1)),
        (blur_pool, lambda x: blur_pool(max_pool(x, 3, 1, padding=1), 2)),
        (avg_pool_exactly, lambda x: avg_pool(x, 2)),
    ],
)
def test_pooling_with_and_without_blur(blur, pooled):
    stem, x = Stem("imagenet", 4, blur=blur), images()
    (before, after), _ = stem.init_with_output(KEY, x, False)
    np.testing.assert_array_equal(after, pooled(before))


@pytest.mark.parametrize(("blur", "norm"), [(None, 1), (blur_pool, 2)])
def test_a_convolution_in_place_of_pooling(blur, norm):
    stem, x = Stem("imagenet", 4, "conv", blur=blur), images()
    shapes = jax.eval_shape(lambda x: stem.init_with_output(KEY, x, False), x)
    (_, after), variables = shapes
    assert after.shape == (2, 3, 4, 4)
    assert variables["params"]["maxpool_0"]["kernel"].shape == (3, 3, 4, 4)
    assert set(variables["params"]) == {"conv1", "bn1", "maxpool_0", f"maxpool_{norm}"}


@pytest.mark.parametrize("kind", ["imagenet", "deep"])
def test_packed_pixels_change_nothing(kind):
    stem, x = Stem(kind, 4), images(13, 9)
    variables = stem.init(KEY, x, False)
    packed = stem.clone(space_to_depth=True).apply(variables, x, False)
    for ours, want in zip(packed, stem.apply(variables, x, False), strict=True):
        np.testing.assert_allclose(ours, want, atol=1e-5)
