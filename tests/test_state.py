"""One optimizer update, in every form it can take."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.optim import create_optimizer
from resnet_jax.state import descend, init_net

BATCH = {"x": jnp.arange(8.0).reshape(8, 1), "y": jnp.arange(8.0)}
VARIABLES = {
    "params": {"w": jnp.array([[0.5]]), "b": jnp.array(0.1)},
    "batch_stats": {"mean": jnp.array(0.0), "count": jnp.array(0)},
}
RATE = jnp.float32(0.01)


def loss_fn(params, stats, batch, key):
    error = (batch["x"] @ params["w"])[:, 0] + params["b"] - batch["y"]
    old = stats["batch_stats"]
    new = {"mean": 0.5 * old["mean"] + 0.5 * error.mean(), "count": old["count"] + 1}
    return (error**2).mean(), ({"batch_stats": new}, {"error": error.mean()})


def optimizer(**fields):
    schedule = {"name": "constant", "base": 1.0}
    return create_optimizer({"name": "sgd", "schedule": schedule, **fields}, 10)


def step(net=None, **options):
    opt = options.pop("optimizer", optimizer())
    net = net or init_net(VARIABLES, opt, ema=options.pop("ema", False))
    options = {"hyper": {"learning_rate": RATE}, **options}
    return descend(loss_fn, net, opt, BATCH, jax.random.key(0), **options)


def test_one_update_by_hand():
    net, scalars = step()
    x, y = np.arange(8.0), np.arange(8.0)
    error = 0.5 * x + 0.1 - y
    gradient = np.array([(2 * error * x).mean(), (2 * error).mean()])
    np.testing.assert_allclose(net.params["w"], 0.5 - 0.01 * gradient[0], rtol=1e-6)
    np.testing.assert_allclose(net.params["b"], 0.1 - 0.01 * gradient[1], rtol=1e-5)
    np.testing.assert_allclose(scalars["loss"], (error**2).mean(), rtol=1e-6)
    norm = np.linalg.norm(gradient)
    np.testing.assert_allclose(scalars["gradient_norm"], norm, rtol=1e-6)
    np.testing.assert_allclose(net.stats["batch_stats"]["mean"], error.mean() / 2)


@pytest.mark.parametrize("microbatches", [2, 4, 8])
def test_microbatches_give_the_gradient_of_the_whole(microbatches):
    whole, expected = step()
    parts, scalars = step(microbatches=microbatches)
    for a, b in zip(
        jax.tree.leaves((whole.params, expected)),
        jax.tree.leaves((parts.params, scalars)),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    assert parts.stats["batch_stats"]["count"] == microbatches


def test_microbatches_are_strided_and_unrolled_on_the_cpu():
    seen = []

    def spy(params, stats, batch, key):
        seen.append(batch["y"])
        return loss_fn(params, stats, batch, key)

    net = init_net(VARIABLES, optimizer())
    run = jax.jit(
        lambda net: descend(
            spy,
            net,
            optimizer(),
            BATCH,
            jax.random.key(0),
            hyper={"learning_rate": RATE},
            microbatches=2,
        )
    )
    assert " while(" not in run.lower(net).compile().as_text()
    with jax.disable_jit():
        run(net)
    np.testing.assert_array_equal(seen[-2], [0, 2, 4, 6])
    np.testing.assert_array_equal(seen[-1], [1, 3, 5, 7])


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="microbatches is 3"):
        step(microbatches=3)


def test_frozen_modules_and_their_statistics_hold_still():
    net, _ = step(optimizer=optimizer(freeze=("w", "mean"), weight_decay=0.1))
    assert net.params["w"] == VARIABLES["params"]["w"]
    assert net.stats["batch_stats"]["mean"] == 0
    assert net.params["b"] != VARIABLES["params"]["b"]


def test_the_average_follows_params_and_statistics():
    net, _ = step(ema=True, ema_decay=0.9)
    start, now = VARIABLES["params"]["w"], net.params["w"]
    np.testing.assert_allclose(net.ema["params"]["w"], 0.9 * start + 0.1 * now)
    mean = net.stats["batch_stats"]["mean"]
    np.testing.assert_allclose(net.ema["stats"]["batch_stats"]["mean"], 0.1 * mean)
    assert net.ema["stats"]["batch_stats"]["count"] == 1


def test_start_replaces_what_was_drawn():
    start = {"params": {"w": jnp.array([[7.0]]), "b": jnp.array(0.0)}}
    net = init_net(VARIABLES, optimizer(), start=start, ema=True)
    assert net.params["w"] == 7 and net.ema["params"]["w"] == 7
    assert net.stats["batch_stats"]["count"] == 0


def test_pmap_means_gradients_statistics_and_scalars_over_devices():
    opt = optimizer()
    net = init_net(VARIABLES, opt)
    halves = jax.tree.map(lambda x: x.reshape(4, 2, *x.shape[1:]).swapaxes(0, 1), BATCH)

    def run(net, batch):
        return descend(
            loss_fn,
            net,
            opt,
            batch,
            jax.random.key(0),
            hyper={"learning_rate": RATE},
            axis_name="data",
        )

    both, scalars = jax.pmap(run, "data", in_axes=(None, 0), out_axes=None)(net, halves)
    whole, expected = step()
    got, want = (both.params, scalars), (whole.params, expected)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
