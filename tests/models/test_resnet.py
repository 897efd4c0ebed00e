from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from resnet_jax.models import create_model
from resnet_jax.models.resnet import ResNet
from resnet_jax.nn.normalization import LayerNorm
from resnet_jax.nn.residual import BLOCKS, PreActBasicBlock

KEY = jax.random.key(0)
tiny = partial(ResNet, stage_sizes=(1, 1), width=8, num_classes=5, stem="cifar")


def images(batch=4, side=8):
    return np.random.default_rng(0).normal(size=(batch, side, side, 3)).astype("f4")


def drawn(model):
    """Variables without compiling the model's own initializers."""
    shapes, rng = jax.eval_shape(model.init, KEY, images()), np.random.default_rng(1)

    def values(shape):
        return rng.normal(0.3 if len(shape) == 1 else 0, 0.2, shape).astype("f4")

    stats = jax.tree.map(lambda leaf: np.ones(leaf.shape, "f4"), shapes["batch_stats"])
    params = jax.tree.map(lambda leaf: values(leaf.shape), shapes["params"])
    return {"params": params, "batch_stats": stats}


def cross_entropy(model, variables, x):
    logits, new = model.apply(variables, x, True, mutable="batch_stats")
    labels = np.arange(len(x)) % logits.shape[-1]
    picked = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1)
    return -picked.mean(), (logits, new)


@pytest.mark.parametrize(
    ("block", "shortcut"),
    [
        *((block, "projection") for block in BLOCKS),
        ("basic", "padded"),
        ("basic", "none"),
    ],
)
def test_every_parameter_learns(block, shortcut):
    model = tiny(block=block, shortcut=shortcut)
    variables = drawn(model)

    def loss(params):
        return cross_entropy(model, {**variables, "params": params}, images())[0]

    for path, grad in jax.tree.leaves_with_path(jax.grad(loss)(variables["params"])):
        assert np.isfinite(grad).all() and np.abs(grad).max() > 0, path


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_features_are_as_announced(stem, block):
    model = tiny(block=block, stem=stem)
    x = images(2, 32)
    variables = jax.eval_shape(model.init, KEY, x)
    outputs = jax.eval_shape(partial(model.apply, method="features"), variables, x)
    shapes = [(y.shape[3], 32 // y.shape[1]) for y in outputs]
    info = [(i["num_chs"], i["reduction"]) for i in model.feature_info]
    assert shapes == info
    assert [i["module"] for i in model.feature_info] == ["stem", "layer1", "layer2"]


@pytest.mark.parametrize(
    ("name", "channels", "reductions"),
    [
        ("resnet18", (64, 64, 128, 256, 512), (2, 4, 8, 16, 32)),
        ("resnet50", (64, 256, 512, 1024, 2048), (2, 4, 8, 16, 32)),
        ("resnet20", (16, 16, 32, 64), (1, 1, 2, 4)),
        ("cifar_resnet18", (64, 64, 128, 256, 512), (1, 1, 2, 4, 8)),
    ],
)
def test_feature_info(name, channels, reductions):
    info = create_model(name).feature_info
    assert tuple(i["num_chs"] for i in info) == channels
    assert tuple(i["reduction"] for i in info) == reductions


def test_logits_are_the_head_of_the_last_features():
    model = tiny(block="preact_basic")
    variables = drawn(model)
    last = model.apply(variables, images(), method="features")[-1]
    logits = model.apply(variables, last, method="head")
    np.testing.assert_array_equal(logits, model.apply(variables, images()))


def test_without_classes_the_output_is_pooled_features():
    model = tiny(num_classes=0, block="basic")
    variables = drawn(model)
    pooled = model.apply(variables, images())
    last = model.apply(variables, images(), method="features")[-1]
    assert "fc" not in variables["params"]
    np.testing.assert_allclose(pooled, last.mean((1, 2)), rtol=1e-5)


def test_only_training_looks_at_the_batch():
    model = tiny(block="basic")
    variables = drawn(model)
    together = model.apply(variables, images())
    np.testing.assert_allclose(
        together[:1], model.apply(variables, images()[:1]), atol=1e-5
    )
    _, (trained, new) = cross_entropy(model, variables, images())
    _, (alone, _) = cross_entropy(model, variables, images()[:2])
    assert np.abs(trained[:2] - alone).max() > 1e-3
    before, after = (jax.tree.leaves(v["batch_stats"]) for v in (variables, new))
    assert all((a != b).any() for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("dtype", ["bfloat16", jnp.bfloat16])
def test_half_precision_keeps_logits_and_statistics(dtype):
    model = tiny(dtype=dtype, block="basic")
    variables = drawn(model)
    _, (logits, new) = cross_entropy(model, variables, images())
    leaves = jax.tree.leaves((variables, logits, new))
    assert {leaf.dtype for leaf in leaves} == {jnp.dtype("float32")}
    features = model.apply(variables, images(), method="features")
    assert {y.dtype for y in features} == {jnp.dtype("bfloat16")}
    full, _ = cross_entropy(tiny(block="basic"), variables, images())[1]
    np.testing.assert_allclose(logits, full, atol=0.1)


@pytest.mark.parametrize("norm", ["group", "layer", "none", LayerNorm])
def test_other_norms_keep_no_statistics(norm):
    section = {"name": "group", "num_groups": 4} if norm == "group" else norm
    model = tiny(norm=section, block=PreActBasicBlock, act="gelu")
    assert "batch_stats" not in jax.eval_shape(model.init, KEY, images())


def test_one_device_or_two_is_the_same():
    model = tiny(norm={"name": "batch", "group_size": 4}, block="basic")
    variables, x = drawn(model), images(8)

    @jax.jit
    def step(params, x):
        loss = partial(cross_entropy, model)
        return jax.value_and_grad(
            lambda p: loss({**variables, "params": p}, x), has_aux=True
        )(params)

    mesh = jax.make_mesh((2,), ("data",), axis_types=(AxisType.Auto,))
    split = jax.device_put(x, NamedSharding(mesh, PartitionSpec("data")))
    one, two = step(variables["params"], x), step(variables["params"], split)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5), one, two)


def test_heads_are_drawn_as_in_the_references():
    wide = tiny(stage_sizes=(1,), width=256, num_classes=300, block="basic")
    fc = wide.init(KEY, images(1))["params"]["fc"]
    for values in (fc["kernel"], fc["bias"]):
        assert 0.9 * 256**-0.5 < np.abs(values).max() <= 256**-0.5
    he = wide.clone(kernel_init="fan_in").init(KEY, images(1))["params"]
    np.testing.assert_allclose(he["fc"]["kernel"].std(), (2 / 256) ** 0.5, rtol=0.02)
    kernel = he["layer1_0"]["conv1"]["kernel"]
    np.testing.assert_allclose(kernel.std(), (2 / 9 / 256) ** 0.5, rtol=0.02)


def test_images_have_four_axes():
    with pytest.raises(ValueError, match=r"images \[B, H, W, C\], not \(8, 8, 3\)"):
        tiny().init(KEY, images()[0])
