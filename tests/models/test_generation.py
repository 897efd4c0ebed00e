"""What all generators and discriminators have in common, at tiny sizes."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import FAST, drawn

from resnet_jax.models import GANS, create_model

NAMES = sorted(GANS)
TINY = {"resolution": 8, "channels": 2, "num_classes": 3}
OWN = {
    "sagan": {"width": 8, "attention": (8,)},
    "biggan": {"width": 8, "attention": (8,)},
    "sagan_discriminator": {"attention": (4,)},
    "biggan_discriminator": {"attention": (4,)},
    "biggan_generator": {"shared_size": 4, "latent_size": 8},
    "r3gan": {"width": 8, "blocks": 1},
}
# Of params that only reach the loss through others which start at zero.
WAITING = {
    "r3gan": r"conv[12]",
    "sagan": r"attention\d/(theta|phi|g|o)/",
    "biggan": r"attention\d/(theta|phi|g|o)/",
}
LABELS = np.array([0, 2, 1, 2])


def tiny(name, **fields):
    family, kind = name.rsplit("_", 1)
    own = {"width": 8, **OWN.get(family, {}), **OWN.get(name, {})}
    if kind == "discriminator" and family not in ("dcgan", "r3gan"):
        own |= {"bottom": 4, "extra_blocks": 1}
    return create_model(name, **{**TINY, **own, **fields})


def made(model):
    """Variables without zeros, and a batch of four."""
    rng = np.random.default_rng(1)
    shape = (4, *model.inputs[0].shape[1:])
    inputs = (rng.normal(size=shape).astype(np.float32), LABELS)
    return drawn(model.init, *inputs), inputs


def path_of(path):
    return "/".join(part.key for part in path)


def gradient(model, variables, inputs):
    """Of a sum of outputs with random weights, without the batch's statistics."""

    def loss(params):
        y = model.apply({**variables, "params": params}, *inputs)
        weights = np.random.default_rng(2).normal(size=y.shape)
        return (y * weights.astype(np.float32)).sum()

    return jax.grad(loss)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_gets_a_gradient(name):
    model = tiny(name)
    variables, inputs = made(model)
    params = variables["params"]
    grad = jax.jit(gradient(model, variables, inputs), compiler_options=FAST)
    for path, leaf in jax.tree.leaves_with_path(grad(params)):
        assert np.isfinite(leaf).all() and leaf.any(), path_of(path)

    def at_first(path, leaf):
        zero = re.search("gamma|conv3", path_of(path))
        return 0 * leaf if zero else leaf

    waiting = WAITING.get(name.rsplit("_", 1)[0], "nothing")
    start = jax.tree_util.tree_map_with_path(at_first, params)
    for path, leaf in jax.tree.leaves_with_path(grad(start)):
        waits = re.search(waiting, path_of(path)) is not None
        assert leaf.any() != waits, path_of(path)


@pytest.mark.parametrize("name", NAMES)
def test_training_differs_from_evaluation_by_what_it_writes(name):
    model = tiny(name)
    variables, inputs = made(model)
    stats = [kind for kind in variables if kind != "params"]

    @partial(jax.jit, compiler_options=FAST)
    def both(variables):
        trained, new = model.apply(variables, *inputs, train=True, mutable=stats)
        fixed = model.apply(variables, *inputs, train=True, mutable=["batch_stats"])
        return model.apply(variables, *inputs), trained, new, fixed

    evaluated, trained, new, (fixed, unwritten) = both(variables)
    assert "spectral" not in unwritten
    for path, leaf in jax.tree.leaves_with_path(new):
        old = variables
        for part in path:
            old = old[part.key]
        # Of a vector of length one there are only two, of one class's table none.
        assert (leaf != old).any() or leaf.size == 1, path_of(path)
    if not stats:
        np.testing.assert_array_equal(trained, evaluated)
    elif "batch_stats" not in stats:
        np.testing.assert_allclose(fixed, evaluated, rtol=1e-4, atol=1e-6)
        assert (trained != evaluated).all()
    assert jnp.isfinite(trained).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_types(name, dtype):
    with jax.enable_x64(True):
        model = tiny(name, dtype=dtype)
        y, variables = jax.eval_shape(
            partial(model.init_with_output, train=False),
            jax.random.key(0),
            *model.inputs,
        )
        traced = jax.make_jaxpr(model.apply)(variables, *model.inputs)
    wide = jnp.dtype("float64" if dtype == "float64" else "float32")
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {wide}
    assert y.dtype == wide
    assert ("bf16[" in str(traced)) == (dtype == "bfloat16")


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_needed_only_where_there_are_classes(name):
    model = tiny(name)
    key, (inputs, labels) = jax.random.key(0), model.inputs
    with pytest.raises(ValueError, match="conditional on 3 classes: call it with"):
        jax.eval_shape(model.init, key, inputs)
    plain = tiny(name, num_classes=0)
    without = jax.eval_shape(plain.init_with_output, key, inputs)
    given = jax.eval_shape(plain.init_with_output, key, inputs, labels)
    assert without == given


@pytest.mark.parametrize("name", [n for n in NAMES if "discriminator" in n])
def test_whether_examples_are_mixed(name):
    """The logits of two examples, with and without the other two."""
    model = tiny(name, resolution=16)
    variables, (images, labels) = made(model)
    train = partial(model.apply, variables, train=True)

    @partial(jax.jit, compiler_options=FAST)
    def both():
        whole, _ = train(images, labels, mutable=["batch_stats"])
        half, _ = train(images[:2], labels[:2], mutable=["batch_stats"])
        return whole[:2], half

    whole, half = both()
    assert np.allclose(whole, half, rtol=1e-4, atol=1e-5) != model.mixes_examples
