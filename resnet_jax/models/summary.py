"""How large a network is: parameters and multiply-adds, without compiling it."""

import math
from collections.abc import Iterator
from typing import Any

import flax.linen as nn
import jax

from resnet_jax.models.inputs import image_inputs, inputs_of


def summarize(
    model: nn.Module, shape: tuple[int, ...] | None = None
) -> dict[str, float]:
    """Counts parameters, and the arithmetic of one image in inference.

    Multiply-adds of convolutions and matrix products are counted; norms, activations
    and pooling are not, as is usual. ResNet-50 at 224 x 224 takes 4.09 G multiply-adds
    (often printed as "4.09 GFLOPs"), which are 8.18 G floating-point operations.

    Args:
        model: called as model.apply(variables, *inputs).
        shape: of one image, (height, width, channels); None for what `inputs_of` says.

    Returns:
        `parameters` (a count), `gmacs` (10^9 multiply-adds) and `gflops`, twice that.
    """
    inputs = image_inputs(*shape) if shape else inputs_of(model)
    variables = jax.eval_shape(model.init, jax.random.key(0), *inputs)
    parameters = sum(math.prod(p.shape) for p in jax.tree.leaves(variables["params"]))
    macs = _multiply_adds(jax.make_jaxpr(model.apply)(variables, *inputs).jaxpr)
    return {"parameters": parameters, "gmacs": macs / 1e9, "gflops": 2 * macs / 1e9}


def _multiply_adds(jaxpr: Any) -> int:
    """Multiply-adds of a traced function and of those it calls."""
    total = 0
    for step in jaxpr.eqns:
        kernel: Any = step.invars[1].aval.shape if len(step.invars) > 1 else ()
        if step.primitive.name == "conv2d":
            per_output = math.prod(kernel[:3])
        elif step.primitive.name == "conv_general_dilated":  # of others' models
            output_features = step.params["dimension_numbers"].rhs_spec[0]
            per_output = math.prod(kernel) // kernel[output_features]
            per_output //= math.prod(step.params["lhs_dilation"])
        elif step.primitive.name == "conv2d_image":
            # The zeros between the pixels of a transposed convolution are no work.
            taps = math.prod(kernel) // kernel[2]
            per_output = taps // math.prod(step.params["window"].strides)
        elif step.primitive.name == "dot_general":
            (contracted, _), _ = step.params["dimension_numbers"]
            per_output = math.prod(step.invars[0].aval.shape[i] for i in contracted)
        else:
            inner = sum(map(_multiply_adds, _called(step.params)))
            total += inner * step.params.get("length", 1)
            continue
        total += step.outvars[0].aval.size * per_output
    return total


def _called(params: dict[str, Any]) -> Iterator[Any]:
    """The traced functions among the parameters of one step."""
    for value in params.values():
        for item in value if isinstance(value, (tuple, list)) else (value,):
            inner = getattr(item, "jaxpr", item)
            if hasattr(inner, "eqns"):
                yield inner
