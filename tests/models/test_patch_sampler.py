import jax
import numpy as np
import pytest
from drawn import drawn

from resnet_jax.models.patch_sampler import PatchSampler, draw_places

RNG = np.random.default_rng(0)
MAPS = [
    RNG.normal(size=(2, side, side, 3 * side)).astype(np.float32) for side in (4, 2)
]


def test_places_differ_and_are_all_of_a_small_map():
    many, few = draw_places(jax.random.key(0), MAPS, 6)
    assert many.shape == (6,) and len(set(many.tolist())) == 6
    assert many.min() >= 0 and many.max() < 16
    assert sorted(few.tolist()) == [0, 1, 2, 3]
    again, _ = draw_places(jax.random.key(1), MAPS, 6)
    assert (many != again).any()


def test_projections_by_hand():
    places = [np.array([5, 0, 15]), np.array([2])]
    model = PatchSampler(width=4)
    variables = drawn(model.init, MAPS, places)
    outputs = model.apply(variables, MAPS, places)
    assert [y.shape for y in outputs] == [(2, 3, 4), (2, 1, 4)]
    p = variables["params"]
    assert p.keys() == {"hidden1", "out1", "hidden2", "out2"}
    rows = np.stack([MAPS[0][:, 1, 1], MAPS[0][:, 0, 0], MAPS[0][:, 3, 3]], 1)
    hidden = np.maximum(rows @ p["hidden1"]["kernel"] + p["hidden1"]["bias"], 0)
    want = hidden @ p["out1"]["kernel"] + p["out1"]["bias"]
    want /= np.linalg.norm(want, axis=-1, keepdims=True)
    np.testing.assert_allclose(outputs[0], want, rtol=1e-4, atol=1e-5)


def test_every_parameter_gets_a_gradient_even_of_zero_vectors():
    places = [np.arange(4), np.arange(4)]
    model = PatchSampler(width=4)
    variables = drawn(model.init, MAPS, places)

    def loss(variables, maps):
        return sum(y[..., 0].sum() for y in model.apply(variables, maps, places))

    for leaf in jax.tree.leaves(jax.grad(loss)(variables, MAPS)):
        assert np.isfinite(leaf).all() and leaf.any()
    zeros = jax.tree.map(np.zeros_like, variables)
    for leaf in jax.tree.leaves(jax.grad(loss)(zeros, MAPS)):
        assert np.isfinite(leaf).all()


def test_types_and_names():
    places = draw_places(jax.random.key(0), MAPS)
    model = PatchSampler(dtype="bfloat16", kernel_init="glorot_002")
    outputs, variables = jax.eval_shape(
        model.init_with_output, jax.random.key(0), MAPS, places
    )
    leaves = jax.tree.leaves((outputs, variables))
    assert {leaf.dtype for leaf in leaves} == {np.dtype("float32")}
    with pytest.raises(ValueError, match="unknown kernel_init"):
        PatchSampler(kernel_init="xavier")
