from functools import partial

import jax
import numpy as np
import pytest
from drawn import FAST, drawn

from resnet_jax.models import create_model

X = np.random.default_rng(0).normal(size=(1, 16, 32, 3)).astype(np.float32)


def test_channels_double_up_to_eight_times():
    model = create_model("unet256", width=2)
    assert model.widths == (2, 4, 8, 16, 16, 16, 16, 16)
    assert (model.multiple, create_model("unet128").multiple) == (256, 128)


@pytest.mark.parametrize(("norm", "biases"), [("batch", {"up1"}), ("instance", None)])
def test_biases_stand_where_no_norm_has_one(norm, biases):
    model = create_model("unet256", depth=3, width=2, norm=norm)
    params = jax.eval_shape(model.init, jax.random.key(0), X)["params"]
    convs = {name for name in params if not name.endswith("_norm")}
    assert convs == {f"{way}{i}" for way in ("down", "up") for i in (1, 2, 3)}
    assert {name for name in convs if "bias" in params[name]} == (biases or convs)
    norms = {"down2_norm", "up2_norm", "up3_norm"}
    assert params.keys() - convs == (norms if norm == "batch" else set())


def test_every_map_is_joined_with_its_like():
    """Without the smallest map the way down still reaches the output."""
    model = create_model("unet256", depth=3, width=2, norm="none")
    variables = drawn(model.init, X)
    for cut, stays in (("up3", True), ("up1", False)):
        params = dict(variables["params"])
        params[cut] = jax.tree.map(np.zeros_like, params[cut])
        y = model.apply({"params": params}, X)
        z = model.apply({"params": params}, 2 * X)
        assert (y != z).any() == stays


def test_the_papers_test_mode():
    """Dropout and statistics of the batch, apart and together."""
    model = create_model("unet256", depth=3, width=2)
    variables = drawn(model.init, X)

    def run(seed, **given):
        rngs = {"dropout": jax.random.key(seed)}
        apply = partial(model.apply, rngs=rngs, mutable=["batch_stats"], **given)
        return jax.jit(apply, compiler_options=FAST)(variables, X)[0]

    plain, batch = run(0), run(0, train=True, drop=False)
    np.testing.assert_array_equal(plain, run(1))
    np.testing.assert_array_equal(batch, run(1, train=True, drop=False))
    assert (plain != batch).any()
    for given in ({"train": True}, {"drop": True}):
        assert (run(0, **given) != run(1, **given)).any()
    without = create_model("unet256", depth=3, width=2, dropout=0.0)
    y, _ = without.apply(variables, X, train=True, mutable=["batch_stats"])
    np.testing.assert_allclose(y, batch, atol=1e-5)
