"""Runs of images to images that nobody trained: real tasks with random weights."""

import jax
import numpy as np

from resnet_jax import config as configs
from resnet_jax.run import Run, build_task
from resnet_jax.spec import DataSpec


def task_of(name, side=32, keys=("image",), **changes):
    """The task of a shipped config for color images of this side, config and spec.

    Of the changes, dicts are whole sections.
    """
    config = configs.read(f"{name}:smoke")
    for field, value in changes.items():
        if isinstance(value, dict):
            config[field] = configs.ConfigDict(value)
        else:
            configs.override(config, field.replace("__", "."), str(value))
    plain = configs.from_json(configs.to_json(config))
    unit = {k: (plain["data"][k],) * 3 for k in ("mean", "std")}
    shapes = dict.fromkeys(keys, (side, side, 3))
    dtypes = dict.fromkeys(keys, "uint8")
    spec = DataSpec(shapes, dtypes, (), **unit, sizes={}, transforms={}, source="none")
    return build_task(plain, spec), plain, spec


def shapes_of(task, spec):
    """The shapes of its first state."""
    init = lambda key: task.init(key, spec.batch(1))  # noqa: E731
    return jax.eval_shape(init, jax.random.key(0))


def run_of(name, **given):
    """A run of its first step."""
    task, config, spec = task_of(name, **given)
    rng = np.random.default_rng(0)

    def draw(path, leaf):
        value = rng.normal(0, 0.2, leaf.shape)
        spread = path and str(path[-1]) == "['var']"
        return (np.exp(value) if spread else value).astype(leaf.dtype)

    state = jax.tree_util.tree_map_with_path(draw, shapes_of(task, spec))
    return Run(config, task, state, spec, step=1)
