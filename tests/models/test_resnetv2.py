import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.models import create_model
from resnet_jax.models.resnetv2 import BLOCKS, ResNetV2
from resnet_jax.models.resnetv2_variants import RESNETS_V2
from resnet_jax.nn.stem import STEMS
from resnet_jax.pretrained import to_torch
from resnet_jax.pretrained.torch_weights import shapes

KEY = jax.random.key(0)
tiny = partial(ResNetV2, stage_sizes=(1, 1), width=8, num_classes=5, stem="cifar")


def images(batch=4, side=8):
    return np.random.default_rng(0).normal(size=(batch, side, side, 3)).astype("f4")


def drawn(model):
    """Variables without compiling the model's own initializers."""
    rng = np.random.default_rng(1)

    def values(path, leaf):
        middle = 1 if len(leaf.shape) == 1 else 0
        return np.abs(rng.normal(middle, 0.2, leaf.shape)).astype("f4")

    return jax.tree.map_with_path(values, shapes(model))


def loss(model, variables, params, train=True):
    logits, new = model.apply(
        {**variables, "params": params},
        images(),
        train,
        mutable="batch_stats",
        rngs={"dropout": KEY},
    )
    return -jax.nn.log_softmax(logits)[:, 0].mean(), new


def largest(tree):
    return max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("stem", STEMS)
def test_features_are_as_announced(stem, block):
    model = tiny(block=block, stem=stem)
    x = jax.ShapeDtypeStruct((2, 32, 32, 3), jnp.float32)
    outputs = jax.eval_shape(partial(model.apply, method="features"), shapes(model), x)
    found = [(y.shape[3], 32 // y.shape[1]) for y in outputs]
    assert found == [(i["num_chs"], i["reduction"]) for i in model.feature_info]
    modules = [i["module"] for i in model.feature_info]
    assert modules == ["stem", "stages_0", "stages_1"]
    assert set(modules) <= set(shapes(model)["params"])


@pytest.mark.parametrize(("stride", "side"), [(8, 8), (16, 4), (32, 2)])
def test_output_stride(stride, side):
    model = create_model("resnetv2_50d", output_stride=stride)
    x = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.float32)
    last = jax.eval_shape(partial(model.apply, method="features"), shapes(model), x)[-1]
    assert last.shape == (1, side, side, 2048)
    assert model.feature_info[-1]["reduction"] == stride


@pytest.mark.parametrize("block", BLOCKS)
def test_every_parameter_learns(block):
    model = tiny(block=block, dropout=0.1, drop_path=0.1)
    variables = drawn(model)
    grads, new = jax.grad(partial(loss, model, variables), has_aux=True)(
        variables["params"]
    )
    for path, grad in jax.tree.leaves_with_path(grads):
        assert np.isfinite(grad).all() and np.abs(grad).max() > 0, path
    change = jax.tree.map(np.subtract, variables["batch_stats"], new["batch_stats"])
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(change))


@pytest.mark.parametrize("frozen", [0, 1])
def test_frozen_stages_stand_still(frozen):
    model = tiny(block="preact_basic", frozen_stages=frozen)
    variables = drawn(model)
    grads, new = jax.grad(partial(loss, model, variables), has_aux=True)(
        variables["params"]
    )
    kept, stats = variables["batch_stats"], new["batch_stats"]
    for number, name in enumerate(("stem", "stages_0", "stages_1", "norm", "head")):
        moves = number > frozen
        assert (largest(grads[name]) > 0) == moves, name
        if name in kept:
            change = jax.tree.map(np.subtract, kept[name], stats[name])
            assert (largest(change) > 0) == moves, name


def test_logits_are_the_head_of_the_last_features():
    model = tiny()
    variables = drawn(model)
    last = model.apply(variables, images(), method="features")[-1]
    logits = model.apply(variables, last, method="head")
    np.testing.assert_array_equal(logits, model.apply(variables, images()))
    pooled = tiny(num_classes=0)
    assert "head" not in shapes(pooled)["params"]
    features = pooled.apply(variables, images())
    head = variables["params"]["head"]["fc"]
    want = features @ head["kernel"][0, 0] + head["bias"]
    np.testing.assert_allclose(logits, want, rtol=1e-4)


def test_training_drops_and_inference_does_not():
    model, variables = tiny(dropout=0.5), drawn(tiny())
    run = partial(model.apply, variables, images(), mutable="batch_stats")
    one, two = (run(True, rngs={"dropout": jax.random.key(i)})[0] for i in (0, 1))
    assert np.abs(one - two).max() > 1e-3
    np.testing.assert_array_equal(run(False)[0], tiny().apply(variables, images()))


def test_half_precision_keeps_logits_and_parameters():
    model = tiny(dtype="bfloat16")
    x = jax.ShapeDtypeStruct((2, 8, 8, 3), jnp.float32)
    variables = shapes(model)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    assert jax.eval_shape(model.apply, variables, x).dtype == jnp.float32
    features = jax.eval_shape(partial(model.apply, method="features"), variables, x)
    assert {y.dtype for y in features} == {jnp.dtype("bfloat16")}


def test_zero_init_starts_at_the_shortcuts():
    model = tiny(stage_sizes=(2,), width=8, block="preact_basic", zero_init=True)
    x = images()
    variables = model.init(KEY, x)
    stem, stage = model.apply(variables, x, method="features")
    np.testing.assert_array_equal(stem, stage)


def test_the_head_starts_small():
    fc = tiny(width=64, num_classes=100).init(KEY, images(1))["params"]["head"]["fc"]
    np.testing.assert_allclose(fc["kernel"].std(), 0.01, rtol=0.02)
    assert not fc["bias"].any()


def test_keys_and_shapes_are_those_of_timm():
    variables = jax.tree.map(
        lambda leaf: np.broadcast_to(np.float32(0), leaf.shape),
        shapes(create_model("resnetv2_50d_evos", num_classes=10)),
    )
    state = {key: value.shape for key, value in to_torch(variables).items()}
    assert state["stem.conv1.weight"] == (32, 3, 3, 3)
    assert state["stages.0.blocks.0.downsample.conv.weight"] == (256, 64, 1, 1)
    assert state["stages.3.blocks.2.norm3.v"] == (512,)
    assert state["head.fc.weight"] == (10, 2048, 1, 1)
    assert state["norm.bias"] == (2048,)


def test_every_published_network_can_be_a_static_argument():
    for name in RESNETS_V2:
        assert hash(create_model(name)) == hash(create_model(name))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stem": "cifer"}, "unknown stem 'cifer'. Did you mean cifar"),
        ({"block": "basic"}, "unknown block 'basic'. Known: preact_basic"),
        ({"stem_pool": "zeros"}, "unknown stem_pool 'zeros'"),
        ({"shortcut": "padded"}, "unknown shortcut 'padded'"),
        ({"conv": "sdt"}, "Did you mean std"),
        ({"norm": "batsch"}, "Did you mean batch"),
        ({"width": 0}, "width of a ResNet is 0; expected 1 or more"),
        ({"drop_path": 1.0}, "drop_path of a ResNet is 1.0; expected 0 up to 1"),
        ({"dropout": -0.1}, "dropout of a ResNet is -0.1"),
        ({"frozen_stages": 5}, "frozen_stages of a ResNet is 5; expected -1 (none)"),
        ({"output_stride": 12}, "expected one of 4, 8, 16, 32"),
    ],
)
def test_wrong_settings_are_refused_at_once(fields, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        create_model("resnetv2_50", **fields)


def test_images_have_four_axes():
    with pytest.raises(ValueError, match=r"images \[B, H, W, C\], not \(8, 8, 3\)"):
        tiny().init(KEY, images()[0])
