"""Schedules and updates against values by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from resnet_jax.optim import (
    OPTIMIZERS,
    create_optimizer,
    create_schedule,
    hold,
    not_norms,
)

PARAMS = {"conv": {"kernel": jnp.full((2, 2), 2.0)}, "bn": {"scale": jnp.ones(2)}}
GRADS = {"conv": {"kernel": jnp.full((2, 2), 0.5)}, "bn": {"scale": jnp.full(2, 0.25)}}


def make(name="sgd", base=0.1, **fields):
    section = {"name": name, "schedule": {"name": "constant", "base": base}, **fields}
    return create_optimizer(section, total_steps=10)


def update(optimizer, steps=1, step=0, params=PARAMS):
    state = optimizer.tx.init(params)
    for _ in range(steps):
        state = optax.tree.set(state, **optimizer.hyper(step))
        updates, state = optimizer.tx.update(GRADS, state, params)
        params = optax.apply_updates(params, updates)
    return params


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ({"name": "constant", "base": 0.5}, {0: 0.5, 100: 0.5}),
        ({"name": "cosine", "base": 1.0}, {0: 1.0, 50: 0.5, 100: 0.0}),
        ({"name": "cosine", "base": 1.0, "end": 0.2}, {0: 1.0, 50: 0.6, 100: 0.2}),
        ({"name": "linear", "base": 1.0}, {0: 1.0, 25: 0.75, 100: 0.0}),
        (
            {"name": "linear", "base": 1.0, "hold": 60},
            {0: 1.0, 60: 1.0, 61: 0.975, 80: 0.5, 100: 0.0},
        ),
        (
            {"name": "linear", "base": 1.0, "end": 0.2, "hold": 10, "warmup": 50},
            {25: 0.5, 50: 1.0, 60: 1.0, 80: 0.6, 100: 0.2},
        ),
        ({"name": "poly", "base": 1.0}, {0: 1.0, 50: 0.25, 90: 0.01, 100: 0.0}),
        (
            {"name": "poly", "base": 1.0, "end": 0.2, "power": 1, "warmup": 20},
            {10: 0.5, 20: 1.0, 60: 0.6, 100: 0.2},
        ),
        (
            {"name": "step", "base": 1.0, "boundaries": (10, 20)},
            {9: 1.0, 10: 0.1, 19: 0.1, 20: 0.01},
        ),
        (
            {"name": "piecewise", "values": (0.01, 0.1), "boundaries": (40,)},
            {0: 0.01, 39: 0.01, 40: 0.1, 99: 0.1},
        ),
        (
            {"name": "linear", "base": 1.0, "warmup": 20, "warmup_start": 0.5},
            {0: 0.5, 10: 0.75, 20: 1.0, 60: 0.5, 100: 0.0},
        ),
        (
            {"name": "step", "base": 1.0, "boundaries": (50,), "warmup": 10},
            {0: 0.0, 5: 0.5, 10: 1.0, 49: 1.0, 50: 0.1},
        ),
    ],
)
def test_schedules(section, values):
    schedule = create_schedule(section, total_steps=100)
    found = {step: float(schedule(jnp.int32(step))) for step in values}
    assert found == pytest.approx(values, abs=1e-6)


def test_sgd_adds_decay_to_the_gradient_before_momentum():
    """Two steps of PyTorch's SGD, momentum 0.9, weight decay 0.1, rate 0.1."""
    params = update(make(momentum=0.9, weight_decay=0.1, decay="all"), steps=2)
    w, velocity = 2.0, 0.0
    for _ in range(2):
        velocity = 0.9 * velocity + (0.5 + 0.1 * w)
        w -= 0.1 * velocity
    np.testing.assert_allclose(params["conv"]["kernel"], w, rtol=1e-6)


def test_nesterov_looks_ahead():
    params = update(make(momentum=0.9, nesterov=True), steps=1)
    np.testing.assert_allclose(params["conv"]["kernel"], 2 - 0.1 * 1.9 * 0.5, rtol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_decay_spares_norms_unless_asked(name):
    kernel, scale = jnp.array([[1.0, 2.0], [3.0, -4.0]]), jnp.array([1.0, -1.0])
    mixed = {"conv": {"kernel": kernel}, "bn": {"scale": scale}}
    plain = update(make(name, weight_decay=0.0), params=mixed)
    spared = update(make(name, weight_decay=0.5), params=mixed)
    both = update(make(name, weight_decay=0.5, decay="all"), params=mixed)
    np.testing.assert_array_equal(spared["bn"]["scale"], plain["bn"]["scale"])
    assert (spared["conv"]["kernel"] != plain["conv"]["kernel"]).any()
    if name != "muon":  # its groups say what decays beside the kernels
        assert (both["bn"]["scale"] != plain["bn"]["scale"]).any()


def test_adamw_first_step_is_the_rate_times_the_sign():
    params = update(make("adamw", weight_decay=0.1))
    expected = 2 - 0.1 * (1 + 0.1 * 2)
    np.testing.assert_allclose(params["conv"]["kernel"], expected, rtol=1e-5)


def test_lamb_and_lars_scale_by_the_trust_ratio():
    """A layer's step is the rate times its own norm."""
    lamb = update(make("lamb"))["conv"]["kernel"]
    np.testing.assert_allclose(lamb, 2 - 0.1 * 2.0, rtol=1e-4)
    lars = update(make("lars", trust_coefficient=0.01))["conv"]["kernel"]
    np.testing.assert_allclose(lars, 2 - 0.1 * 0.01 * 2.0, rtol=1e-4)


def test_lars_is_the_papers():
    """One layer by hand: equation 6, then the rate, then momentum; norms are plain."""
    params, grad, kernel = PARAMS, np.full((2, 2), 0.5), np.full((2, 2), 2.0)
    moved, scale, trace = kernel.copy(), 1.0, [0.0, 0.0]
    for _ in range(3):
        rate = 0.01 * np.linalg.norm(moved)
        rate /= np.linalg.norm(grad) + 0.1 * np.linalg.norm(moved)
        trace[0] = 0.9 * trace[0] + 0.1 * rate * (grad + 0.1 * moved)
        trace[1] = 0.9 * trace[1] + 0.1 * 0.25
        moved, scale = moved - trace[0], scale - trace[1]
    optimizer = make("lars", trust_coefficient=0.01, weight_decay=0.1)
    found = update(optimizer, steps=3, params=params)
    np.testing.assert_allclose(found["conv"]["kernel"], moved, rtol=1e-5)
    np.testing.assert_allclose(found["bn"]["scale"], scale, rtol=1e-5)


def test_lamb_spares_norms_the_trust_ratio():
    """As timm: there it is Adam, whose first step is the rate; `all` scales it."""
    scale = {**PARAMS, "bn": {"scale": jnp.full(2, 3.0)}}
    spared = update(make("lamb"), params=scale)["bn"]["scale"]
    np.testing.assert_allclose(spared, 3 - 0.1, rtol=1e-4)
    scaled = update(make("lamb", decay="all"), params=scale)["bn"]["scale"]
    np.testing.assert_allclose(scaled, 3 - 0.1 * 3.0, rtol=1e-4)


def test_decay_of_all_but_norms():
    params = {
        "conv": {"kernel": jnp.ones((2, 2))},
        "bn": {"scale": jnp.ones(2), "bias": jnp.ones(2)},
        "fc": {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)},
    }
    mask = not_norms(params)
    assert mask["fc"] == {"kernel": True, "bias": True} and mask["conv"]["kernel"]
    assert mask["bn"] == {"scale": False, "bias": False}
    spared = update(make(weight_decay=0.5, decay="not_norms"))
    plain, both = update(make()), update(make(weight_decay=0.5, decay="all"))
    np.testing.assert_array_equal(spared["bn"]["scale"], plain["bn"]["scale"])
    np.testing.assert_array_equal(spared["conv"]["kernel"], both["conv"]["kernel"])
    with pytest.raises(ValueError, match=r"'norms'\. Did you mean not_norms"):
        make(decay="norms")


def test_clipping_is_by_the_global_norm():
    params = update(make(clip_norm=0.1, base=1.0))
    norm = np.sqrt(4 * 0.5**2 + 2 * 0.25**2)
    np.testing.assert_allclose(
        params["conv"]["kernel"], 2 - 0.5 * 0.1 / norm, rtol=1e-5
    )


# R3GAN on CIFAR-10: half a cosine over 20 million images, then the end. What is left of
# base is 1, (2 + sqrt 2) / 4, 1/2, 0 and 0 after 0, 5, 10, 20 and 60 million.
@pytest.mark.parametrize(
    ("base", "end", "values"),
    [
        (2e-4, 5e-5, (2e-4, 1.7803301e-4, 1.25e-4, 5e-5, 5e-5)),
        (0.9, 0.99, (0.9, 0.9131802, 0.945, 0.99, 0.99)),
        (0.05, 0.005, (0.05, 0.0434099, 0.0275, 0.005, 0.005)),
        (0, 5_000_000, (0, 732_233.05, 2_500_000, 5_000_000, 5_000_000)),
        (0, 0.55, (0, 0.08054563, 0.275, 0.55, 0.55)),
    ],
    ids=["learning_rate", "b2", "gamma", "ema_half_life", "augmentation"],
)
def test_schedules_in_images_that_end_before_the_run(base, end, values):
    section = {"name": "cosine", "base": base, "end": end, "over": 20_000_000}
    schedule = create_schedule(section, total_steps=100_000_000)
    counts = (0, 5_000_000, 10_000_000, 20_000_000, 60_000_000)
    for count, value in zip(counts, values, strict=True):
        for seen in (jnp.int32(count), jnp.float32(count)):
            np.testing.assert_allclose(schedule(seen), value, rtol=1e-6)


def test_a_warm_up_is_part_of_what_a_schedule_runs_over():
    section = {"name": "linear", "base": 1.0, "over": 30, "warmup": 10}
    schedule = create_schedule(section, total_steps=100)
    found = [float(schedule(jnp.int32(count))) for count in (5, 10, 20, 30, 90)]
    np.testing.assert_allclose(found, [0.5, 1, 0.5, 0, 0], atol=1e-6)


@pytest.mark.parametrize("value", [0.5, 1])
def test_a_number_is_a_constant_schedule(value):
    assert create_schedule(value, 10)(jnp.int32(7)) == value
    optimizer = create_optimizer({"name": "sgd", "schedule": value}, 10)
    assert optimizer.hyper(jnp.int32(3)) == {"learning_rate": value}


def test_b2_follows_its_schedule():
    """Two steps of Adam by hand: the second with another b2."""
    b2s = {"name": "piecewise", "values": (0.9, 0.5), "boundaries": (1,)}
    section = {"name": "adam", "b1": 0.0, "schedule": 0.1, "b2_schedule": b2s}
    optimizer = create_optimizer(section, total_steps=10)
    params, value = {"w": jnp.zeros(())}, 0.0
    state, second = optimizer.tx.init(params), 0.0
    for step, (gradient, b2) in enumerate([(2.0, 0.9), (-3.0, 0.5)]):
        hyper = optimizer.hyper(jnp.int32(step))
        np.testing.assert_allclose(hyper["b2"], b2)
        state = optax.tree.set(state, **hyper)
        updates, state = optimizer.tx.update({"w": jnp.array(gradient)}, state, params)
        second = b2 * second + (1 - b2) * gradient**2
        value = -0.1 * gradient / np.sqrt(second / (1 - b2 ** (step + 1)))
        np.testing.assert_allclose(updates["w"], value, rtol=1e-5)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "sgd", "b2_schedule": 0.9}, "'sgd' has no b2; adam, adamw, lamb"),
        ({"b2": 0.9, "b2_schedule": 0.9}, "optim has b2 and b2_schedule; give one"),
        ({"b2_schedule": 1}, "goes from 1 to 1; expected values from 0 to below 1"),
        ({"b2_schedule": "cosine"}, "b2_schedule is 'cosine'; expected a section or"),
        ({"schedule": True}, "schedule is True; expected a section or a number"),
        ({"schedule": -1}, "schedule base is -1; expected 0 or more"),
        ({"schedule": {"name": "cosine", "base": 1, "over": 0}}, "over is 0; expected"),
        (
            {"schedule": {"name": "constant", "base": 1, "over": 5}},
            "'constant' takes no over; only cosine, linear, poly come to an end",
        ),
        (
            {"schedule": {"name": "cosine", "base": 1, "over": 5, "warmup": 5}},
            "warmup is 5 steps; expected 0 to 4 .fewer than over",
        ),
        (
            {"schedule": {"name": "linear", "base": 1, "hold": 10}},
            "hold is 10 steps; expected 0 to 9 .fewer than those of the run that rem",
        ),
        (
            {"schedule": {"name": "linear", "base": 1, "hold": 6, "warmup": 4}},
            "hold is 6 steps; expected 0 to 5",
        ),
        (
            {"schedule": {"name": "cosine", "base": 1, "hold": 2}},
            "schedule 'cosine' takes no 'hold'",
        ),
    ],
)
def test_mistakes_of_schedules(fields, sentence):
    section = {"name": "adam", "schedule": 0.1, **fields}
    with pytest.raises(ValueError, match=sentence):
        create_optimizer(section, total_steps=10)


def test_the_rate_is_the_schedules_whatever_the_optimizer_counted():
    section = {"name": "sgd", "schedule": {"name": "linear", "base": 1.0}}
    optimizer = create_optimizer(section, total_steps=10)
    moved = 2 - update(optimizer, steps=3, step=5)["conv"]["kernel"]
    np.testing.assert_allclose(moved, 3 * 0.5 * 0.5, rtol=1e-6)


@pytest.mark.parametrize(
    ("patterns", "held"),
    [
        (("conv",), {"conv/kernel"}),
        (("*/scale",), {"bn/scale"}),
        (("c*", "bn"), {"conv/kernel", "bn/scale"}),
        (("kernel",), set()),
    ],
)
def test_hold_keeps_what_a_pattern_names(patterns, held):
    new = hold(patterns, PARAMS, GRADS)
    flat = jax.tree_util.tree_leaves_with_path(
        jax.tree.map(lambda a, b: bool((a == b).all()), new, PARAMS)
    )
    same = {jax.tree_util.keystr(p, simple=True, separator="/") for p, v in flat if v}
    assert same == held
