"""The whole run as a program; its parity with PyTorch is kept in golden/."""

import pathlib
import runpy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.models import create_model
from resnet_jax.optim import create_optimizer
from resnet_jax.speedrun_program import (
    Program,
    Speedrun,
    batched,
    compile_program,
    crop,
    draw,
    mirror,
    reflect,
    views,
)
from resnet_jax.tasks import Classification

HERE = pathlib.Path(__file__).parent
DRAW = dict(num_examples=10, batch_size=3, total_steps=8, pad=2)


def tiny(total_steps: int = 2, **options) -> Program:
    section = {
        "name": "muon",
        "schedule": {"name": "constant", "base": 0.1},
        "iterations": 1,
    }
    task = Classification(
        model=create_model("airbench94", widths=(4,), num_classes=3),
        optimizer=create_optimizer(section, total_steps),
        num_classes=3,
        class_names=("a", "b", "c"),
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
    )
    return Program(task, Speedrun(**options), 4, total_steps)


def examples(count: int) -> dict[str, jax.Array]:
    rng = np.random.default_rng(count)
    return {
        "image": jnp.asarray(rng.integers(0, 256, (count, 8, 8, 3), np.uint8)),
        "label": jnp.asarray(rng.integers(0, 3, count).astype(np.int32)),
    }


def test_an_epoch_shows_every_example_at_most_once():
    index = np.asarray(draw(jax.random.key(0), flip="none", **DRAW)["index"])
    assert index.shape == (8, 3)
    epochs = [index[i : i + 3].reshape(-1) for i in (0, 3, 6)]
    for epoch in epochs:
        assert len(set(epoch)) == len(epoch)
    assert sorted(epochs[0]) != sorted(epochs[1]) or list(epochs[0]) != list(epochs[1])
    assert set(index.reshape(-1)) <= set(range(10))


def test_alternating_flip_mirrors_each_image_every_other_epoch():
    found = draw(jax.random.key(1), flip="alternating", **DRAW)
    seen: dict[int, dict[int, bool]] = {}
    for step in range(8):
        for i, flipped in zip(found["index"][step], found["flip"][step], strict=True):
            seen.setdefault(int(i), {})[step // 3] = bool(flipped)
    first = {i: flips.get(0) for i, flips in seen.items()}
    assert set(first.values()) >= {True, False}
    for flips in seen.values():
        phase = {flipped ^ (epoch % 2 == 1) for epoch, flipped in flips.items()}
        assert len(phase) == 1


def test_other_flips_and_shifts():
    settings = {**DRAW, "num_examples": 1000, "batch_size": 500}
    found = draw(jax.random.key(0), flip="random", **settings)
    assert 0.4 < found["flip"].mean() < 0.6
    assert set(np.unique(found["shift"])) == set(range(5))
    assert not draw(jax.random.key(0), flip="none", **settings)["flip"].any()


def test_more_than_there_is_is_refused():
    with pytest.raises(ValueError, match="larger than the training set, 2 examples"):
        draw(jax.random.key(0), flip="none", **{**DRAW, "num_examples": 2})


def test_crops_are_of_the_reflected_image():
    image = jnp.arange(2 * 4 * 4).reshape(2, 4, 4, 1)
    padded = np.asarray(reflect(image, 2))
    wanted = np.pad(image, ((0, 0), (2, 2), (2, 2), (0, 0)), "reflect")
    np.testing.assert_array_equal(padded, wanted)
    found = crop(jnp.asarray(padded), jnp.array([[2, 2], [0, 3]]), 4)
    np.testing.assert_array_equal(found[0], image[0])
    np.testing.assert_array_equal(found[1], padded[1, 0:4, 3:7])
    np.testing.assert_array_equal(mirror(image)[0, 1, :, 0], [7, 6, 5, 4])


def test_views_weigh_the_middle_as_much_as_both_shifts():
    image = jnp.arange(2 * 4 * 4).reshape(2, 4, 4, 1)
    assert [w for w, _ in views(image, 0)] == [1.0]
    assert [w for w, _ in views(image, 1)] == [0.5, 0.5]
    shown = views(image, 2)
    assert [w for w, _ in shown] == [0.25, 0.25, 0.125, 0.125, 0.125, 0.125]
    np.testing.assert_array_equal(shown[0][1], image)
    np.testing.assert_array_equal(shown[1][1], mirror(image))
    # Shifted by one: what was in the middle is one further down, or up.
    np.testing.assert_array_equal(shown[2][1][:, 1:, 1:], image[:, :-1, :-1])
    np.testing.assert_array_equal(shown[4][1][:, :-1, :-1], image[:, 1:, 1:])
    np.testing.assert_array_equal(shown[5][1], mirror(shown[4][1]))


def test_the_last_batch_is_filled_with_what_does_not_count():
    parts = batched(examples(6), 4)
    assert parts["image"].shape == (2, 4, 8, 8, 3)
    assert parts["label"][1].tolist()[2:] == [-1, -1]


def test_seeds_side_by_side_one_program_and_single_steps_are_the_same():
    program = tiny(pad=1, whiten=6, tta=2)
    train, test = examples(9), examples(6)
    seeds = jnp.array([3, 4])
    run = compile_program(program, seeds, train, test, one_program=False)
    state, both = run(seeds, train, test)
    whole = jax.jit(program)
    for i, seed in enumerate((3, 4)):
        alone, scalars = whole(seed, train, test)
        mine = jax.tree.map(lambda x, i=i: x[i], both)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-4), scalars, mine)
        params = jax.tree.map(lambda x, i=i: x[i], state.nets["model"].params)
        for a, b in zip(
            jax.tree.leaves(alone.nets["model"].params),
            jax.tree.leaves(params),
            strict=True,
        ):
            np.testing.assert_allclose(a, b, atol=1e-4)
    assert both["train"]["loss"].shape == (2, 2)
    assert both["train"]["loss"][0, 0] != both["train"]["loss"][1, 0]
    assert both["eval"]["accuracy"].shape == (2,)


def test_steps_are_those_of_the_pytorch_twin():
    """tests/parity/speedrun.py says how the file was made."""
    given = dict(np.load(HERE / "golden" / "speedrun.npz"))
    parity = runpy.run_path(str(HERE / "parity" / "speedrun.py"))
    there = {k[6:]: v for k, v in given.items() if k.startswith("torch/")}
    found = parity["differences"](parity["repeat"](given), there)
    assert found.keys() == there.keys()
    limits = {"losses": 1e-5, "orthogonal": 1e-5, "whitening": 1e-4}
    for name, difference in found.items():
        # Rounding grows from step to step.
        assert difference < limits.get(name, 1e-3), name


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"seeds": 0}, "expected at least 1"),
        ({"seeds": 5, "together": 2}, "expected a divisor of the 5 seeds"),
        ({"flip": "sometimes"}, "alternating or random or none"),
        ({"tta": 3}, "expected 0, 1 or 2"),
    ],
)
def test_wrong_options_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Speedrun(**fields)


def test_whitening_needs_a_network_that_has_it():
    task = tiny().task
    other = create_model("resnet20")
    with pytest.raises(ValueError, match="ResNet has no whitening convolution"):
        Program(
            Classification(**{**vars(task), "model": other}), Speedrun(whiten=5), 4, 2
        )
