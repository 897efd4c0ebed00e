"""resnet-jax models: what there is, and how large it is."""

import pathlib

import jax
import jax.numpy as jnp

from resnet_jax.explain import layer_statistics
from resnet_jax.lookup import suggest
from resnet_jax.models import MODELS, create_model, list_models
from resnet_jax.models.inputs import describe, inputs_of
from resnet_jax.models.summary import summarize
from resnet_jax.run import load
from resnet_jax.verbs.table import Table, warn


def models(pattern: str = "", *, layers: bool = False) -> Table:
    """A row per model: name, parameters, GFLOPs of one image, what it takes.

    GFLOPs count a multiply-add as two operations.

    Args:
        pattern: a shell pattern such as 'resnet*'; '' for all.
        layers: instead a row per array of params, as explain.layer_statistics says, of
            one model's first weights (seed 0), or of the weights that a run evaluates
            with, where `pattern` is its folder; the layers of several networks begin
            with the network's name.

    Raises:
        ValueError: no model matches, or with `layers` more than one, or no run is
            there.
    """
    if layers:
        formats = {"count": ",", "mean": ".4g", "std": ".4g", "norm": ".4g"}
        return Table(layer_statistics(_params(pattern)), {**formats, "zeros": ".1%"})
    names = list_models(pattern or "*")
    if not names:
        raise ValueError(f"no model matches '{pattern}'. {suggest(pattern, MODELS)}")
    rows = []
    for name in names:
        model = create_model(name)
        size = summarize(model)
        rows.append(
            {
                "model": name,
                "parameters": size["parameters"],
                "gflops": round(size["gflops"], 3),
                "input": describe(inputs_of(model)),
            }
        )
    return Table(rows, {"parameters": ",", "gflops": ".3f"})


def _params(name: str) -> dict:
    """The params of a model or of a run's newest checkpoint, its networks by name."""
    if name and name not in MODELS and pathlib.Path(name).is_dir():
        run = load(name, warn=warn)
        nets = run.task.prepare_eval(run.state, (), jax.random.key(0)).nets
        params = {name: net.params for name, net in nets.items()}
        return params if len(params) > 1 else next(iter(params.values()))
    if name not in MODELS:
        raise ValueError(
            f"--layers needs one model or a run folder, not '{name}'. "
            f"{suggest(name, list_models())}"
        )
    model = create_model(name)
    inputs = [jnp.zeros(x.shape, x.dtype) for x in inputs_of(model)]
    # It runs once: a fast program would take longer to make than to run.
    slow = {"xla_backend_optimization_level": "0"}
    init = jax.jit(model.init, compiler_options=slow)
    return init(jax.random.key(0), *inputs)["params"]
