"""Variables of modules, without long compilation."""

from functools import partial

import jax
import numpy as np

# Programs that run once take longer to make than to run.
FAST = {"xla_backend_optimization_level": "0"}


def drawn(init, *inputs, scale=0.3, **static):
    """As init(key, *inputs, **static) returns them; none is zero, 'u' has length 1."""
    rng = np.random.default_rng(0)

    def draw(path, leaf):
        value = np.asarray(rng.normal(0, scale, leaf.shape))
        name = path[-1].key
        if name == "u":
            value /= np.linalg.norm(value)
        if name == "var" or name == "scale":
            value = np.exp(value)
        return value.astype(leaf.dtype)

    shapes = jax.eval_shape(partial(init, **static), jax.random.key(0), *inputs)
    return jax.tree_util.tree_map_with_path(draw, shapes)


def initialized(model):
    """The params that a model starts with."""
    inputs = [np.zeros(x.shape, x.dtype) for x in model.inputs]
    init = jax.jit(model.init, compiler_options=FAST)
    return init(jax.random.key(0), *inputs)["params"]
