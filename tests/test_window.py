"""Means over the steps since the last log point, every step checked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.optim import create_optimizer
from resnet_jax.state import TrainState, init_net
from resnet_jax.window import NonFiniteError, Window, check_finite


def scalars(loss, rate=0.1):
    return {"loss": jnp.float32(loss), "learning_rate": jnp.float32(rate)}


def test_means_over_the_window_and_the_last_learning_rate():
    window = Window(step=10, batch_size=4)
    for loss, rate in ((1, 0.3), (2, 0.2), (6, 0.1)):
        window.add(scalars(loss, rate))
    values = window.collect(upto=13)
    assert values["train/loss"] == 3
    assert values["train/learning_rate"] == pytest.approx(0.1)
    assert values["time/images_per_second"] > 0


def test_steps_after_the_log_point_stay_for_the_next():
    window = Window(step=0, batch_size=4)
    for loss in (1.0, 3.0, 8.0):
        window.add(scalars(loss))
    assert window.collect(upto=2)["train/loss"] == 2
    window.add(scalars(10.0))
    assert window.collect(upto=4)["train/loss"] == 9


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_first_step_that_is_not_finite_is_named(bad):
    window = Window(step=5, batch_size=4)
    for loss in (1.0, bad, np.nan):
        window.add(scalars(loss))
    with pytest.raises(NonFiniteError, match=rf"loss is {bad} at step 7\."):
        window.collect(upto=8)


@pytest.mark.parametrize("where", ["params", "stats", "opt_state"])
def test_weights_statistics_and_moments_are_checked(where):
    schedule = {"name": "constant", "base": 0.1}
    section = {"name": "sgd", "momentum": 0.9, "schedule": schedule}
    variables = {"params": {"w": jnp.ones(2)}, "batch_stats": {"mean": jnp.ones(2)}}
    net = init_net(variables, create_optimizer(section, 10))
    state = TrainState(step=jnp.int32(3), nets={"model": net})
    check_finite(state)
    spoiled = jax.tree.map(
        lambda x: x * jnp.nan if x.shape == (2,) else x, getattr(net, where)
    )
    state = TrainState(step=state.step, nets={"model": net.replace(**{where: spoiled})})
    with pytest.raises(NonFiniteError, match="after step 3"):
        check_finite(state)
