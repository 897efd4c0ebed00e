"""resnet-jax models: what there is, and how large it is."""

from resnet_jax.lookup import suggest
from resnet_jax.models import MODELS, create_model, default_input, list_models
from resnet_jax.models.summary import summarize
from resnet_jax.verbs.table import Table


def models(pattern: str = "") -> Table:
    """A row per model: name, parameters, GFLOPs of one image, its size.

    GFLOPs count a multiply-add as two operations.

    Args:
        pattern: a shell pattern such as 'resnet*'; '' for all.

    Raises:
        ValueError: no model matches.
    """
    names = list_models(pattern or "*")
    if not names:
        raise ValueError(f"no model matches '{pattern}'. {suggest(pattern, MODELS)}")
    rows = []
    for name in names:
        shape = default_input(name)
        size = summarize(create_model(name), shape)
        height, width, _ = shape
        rows.append(
            {
                "model": name,
                "parameters": size["parameters"],
                "gflops": round(size["gflops"], 3),
                "input": f"{height}x{width}",
            }
        )
    return Table(rows, {"parameters": ",", "gflops": ".3f"})
