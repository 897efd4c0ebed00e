"""The calls of docs/nnx.md on a small network."""

import jax
import numpy as np
import optax
import pytest
from flax import nnx
from flax.nnx.bridge import variables as bridge

from resnet_jax.models.resnet import ResNet
from resnet_jax.models.resnetv2 import ResNetV2
from resnet_jax.pretrained.torch_weights import shapes

SMALL = {"stage_sizes": (1,), "width": 4, "num_classes": 3, "stem": "cifar"}
KINDS = {"params": nnx.Param, "batch_stats": nnx.BatchStat}
IMAGES = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype(np.float32)


def bridged(linen):
    """An NNX module and the variables that it was given."""
    rng = np.random.default_rng(1)

    def drawn(leaf):
        return np.float32(abs(rng.normal(0.5, 0.2, leaf.shape)))

    variables = jax.tree.map(drawn, shapes(linen))
    model = nnx.bridge.ToNNX(linen, rngs=nnx.Rngs(0, dropout=1))
    for name, value in bridge.linen_vars_to_nnx_attrs(variables).items():
        setattr(model, name, value)
    return model, variables


def returned(model):
    """The variables of an NNX module."""
    return {k: nnx.to_pure_dict(nnx.state(model, kind)) for k, kind in KINDS.items()}


@pytest.mark.parametrize("network", [ResNet, ResNetV2])
def test_the_same_numbers_and_the_variables_back(network):
    linen = network(**SMALL)
    model, variables = bridged(linen)
    np.testing.assert_array_equal(model(IMAGES), linen.apply(variables, IMAGES))
    stages = linen.apply(variables, IMAGES, method="features")
    jax.tree.map(np.testing.assert_array_equal, model.features(IMAGES), stages)
    jax.tree.map(np.testing.assert_array_equal, returned(model), variables)


def test_a_training_step_moves_parameters_and_statistics():
    model, before = bridged(ResNet(**SMALL, dropout=0.2))
    optimizer = nnx.Optimizer(model, optax.sgd(0.05), wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer):
        def loss_fn(model):
            logits = model(IMAGES, train=True, mutable=["batch_stats"])
            labels = np.arange(4) % 3
            return optax.softmax_cross_entropy_with_integer_labels(
                logits, labels
            ).mean()

        loss, grads = nnx.value_and_grad(loss_fn)(model)
        optimizer.update(model, grads)
        return loss

    losses = [float(step(model, optimizer)) for _ in range(8)]
    assert min(losses[4:]) < losses[0]
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), returned(model), before)
    assert all(leaf > 0 for leaf in jax.tree.leaves(moved))


def test_lazy_init_draws_the_variables():
    linen = ResNet(**SMALL)
    model = nnx.bridge.ToNNX(linen, rngs=nnx.Rngs(0)).lazy_init(IMAGES)
    want = jax.tree.map(np.shape, shapes(linen))
    assert jax.tree.map(np.shape, returned(model)) == want
