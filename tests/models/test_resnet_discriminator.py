import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import drawn, initialized

from resnet_jax.models import create_model
from resnet_jax.models.resnet_discriminator import ResNetDiscriminator

IMAGES = np.random.default_rng(0).normal(size=(3, 8, 8, 2)).astype(np.float32)
LABELS = np.array([0, 2, 1])
TINY = {"resolution": 8, "bottom": 4, "channels": 2, "width": 8, "extra_blocks": 1}


def shapes(model):
    return jax.eval_shape(model.init, jax.random.key(0), *model.inputs)["params"]


def test_kernels_are_drawn_as_in_the_paper():
    model = ResNetDiscriminator(8, 4, 32, 64, width=64, extra_blocks=0)
    params = initialized(model)
    block = params["block1"]
    for layer, gain, fans in (
        (block["conv1"], 2, 9 * (32 + 64)),
        (block["conv2"], 2, 9 * (64 + 64)),
        (block["shortcut"], 1, 32 + 64),
        (params["embed"], 1, 64 + 64),
    ):
        std = (2 * gain / fans) ** 0.5
        (kernel,) = (layer[leaf] for leaf in ("kernel", "embedding") if leaf in layer)
        assert kernel.std() == pytest.approx(std, rel=0.05)


def test_projection_adds_the_product_with_the_classs_embedding():
    conditional = ResNetDiscriminator(**TINY, num_classes=3, spectral=False)
    variables = drawn(conditional.init, IMAGES, LABELS)
    params = variables["params"]
    # With the head's kernel in place of the embedding it is the head's logit again.
    logits, plain = jax.jit(
        lambda v: (
            conditional.apply(v, IMAGES, LABELS),
            ResNetDiscriminator(**TINY, spectral=False).apply(v, IMAGES),
        )
    )(
        {
            "params": {
                **params,
                "embed": {"embedding": params["head"]["kernel"].T[[0] * 3]},
            }
        }
    )
    np.testing.assert_allclose(logits, 2 * plain, rtol=1e-4)


def test_sum_and_mean_pooling():
    sums, means = (
        ResNetDiscriminator(**TINY, pool=pool, spectral=False)
        for pool in ("sum", "mean")
    )
    variables = drawn(sums.init, IMAGES)
    both = jax.jit(lambda v: (sums.apply(v, IMAGES), 16 * means.apply(v, IMAGES)))
    np.testing.assert_allclose(*both(variables), rtol=1e-5)


def test_blocks_halve_first_and_then_keep_the_size():
    model = ResNetDiscriminator(64, width=(4, 8, 16, 16, 16), attention=(8, 32))
    assert model.sides == [32, 16, 8, 8, 8]
    params = shapes(model)
    assert {k for k in params if "attention" in k} == {"attention1", "attention3"}
    assert params["block2"]["conv1"]["kernel"].shape[2:] == (4, 4)
    assert params["block2"]["conv2"]["kernel"].shape[2:] == (4, 8)
    assert "shortcut" in params["block3"] and "shortcut" not in params["block4"]
    wide = shapes(model.clone(wide=True))["block2"]
    assert wide["conv1"]["kernel"].shape[2:] == (4, 8)
    same = ResNetDiscriminator(resolution=8, width=4, attention=(8,))
    assert same.sides == [8, 8] and "attention1" in shapes(same)
    assert "attention2" not in shapes(same)


def test_the_plain_twin_has_no_shortcuts():
    params = shapes(ResNetDiscriminator(**TINY, residual=False))
    assert not any("shortcut" in block for block in params.values())
    assert set(shapes(ResNetDiscriminator(**TINY))["block1"]) - set(
        params["block1"]
    ) == {"shortcut"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"resolution": 28}, "discriminator of resolution 28 .* take bottom=7."),
        ({"width": (8, 8)}, "this network has 4 stages"),
        ({"attention": (32,)}, "no feature map of side 32"),
        ({"pool": "max"}, "unknown pool 'max'"),
        ({"kernel_init": "ortho"}, "Did you mean orthogonal"),
    ],
)
def test_wrong_settings_are_refused_at_once(fields, message):
    with pytest.raises(ValueError, match=message):
        create_model("sngan_discriminator", **fields)


def test_wrong_calls():
    model = ResNetDiscriminator(**TINY, num_classes=3)
    with pytest.raises(ValueError, match="takes images of 8 x 8 x 2, not 8 x 8 x 3"):
        model.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)), LABELS)
    with pytest.raises(ValueError, match="conditional on 3 classes: call it with"):
        model.init(jax.random.key(0), IMAGES)
