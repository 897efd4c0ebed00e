"""How long every model takes to be traced and compiled, printed as a table.

    python tests/benchmarks/compile_times.py [--models=NAME,NAME] [--batch_size=2]

Of each model: a forward pass without training and, in training, the gradient of a sum
over its outputs with all statistics, at the inputs that the model is made for. Nothing
runs and no cache is used; seconds of this machine, one model after the other.
"""

import argparse
import time

import jax
import jax.numpy as jnp

import resnet_jax
from resnet_jax.compiler import compiler_options
from resnet_jax.models.summary import inputs_of


def seconds(function, *arguments):
    """(tracing and lowering, compiling) of a function."""
    begin = time.perf_counter()
    lowered = jax.jit(function).lower(*arguments)
    middle = time.perf_counter()
    lowered.compile(compiler_options())
    return middle - begin, time.perf_counter() - middle


def measure(name, batch_size):
    """seconds of a forward pass, and of a gradient in training."""
    model = resnet_jax.create_model(name)
    inputs = [
        jax.ShapeDtypeStruct((batch_size, *x.shape[1:]), x.dtype)
        for x in inputs_of(model)
    ]
    key = jax.random.key(0)
    variables = dict(jax.eval_shape(model.init, key, *inputs))
    params = variables.pop("params")

    def forward(params, variables, *inputs):
        return model.apply({"params": params, **variables}, *inputs, train=False)

    def loss(params, variables, key, *inputs):
        made, updated = model.apply(
            {"params": params, **variables},
            *inputs,
            train=True,
            rngs={"dropout": key},
            mutable=list(variables),
        )
        return sum(jnp.square(x).sum() for x in jax.tree.leaves(made)), updated

    slope = jax.value_and_grad(loss, has_aux=True)
    return (
        seconds(forward, params, variables, *inputs),
        seconds(slope, params, variables, key, *inputs),
    )


def main():
    """Prints a row of Markdown per model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=",".join(resnet_jax.list_models()))
    parser.add_argument("--batch_size", type=int, default=2)
    options = parser.parse_args()
    jax.config.update("jax_enable_compilation_cache", False)
    print("| model | forward: trace | compile | training: trace | compile |")
    print("|---|---|---|---|---|")
    for name in options.models.split(","):
        times = [t for pair in measure(name, options.batch_size) for t in pair]
        cells = " | ".join(f"{t:.1f}" for t in times)
        print(f"| {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
