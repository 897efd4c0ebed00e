"""Our networks beside the files that `parity.reference` wrote.

From the folder tests/, in two environments that need not know each other:

    python -m parity.reference --out=DIR [PATTERN ...]     # PyTorch, timm, torchvision
    python -m parity.compare DIR [PATTERN ...]             # resnet_jax

Both draw the same weights from keys and shapes. For every network: keys, shapes and
number of parameters are those of the reference, logits agree to 1e-8 (float64) and 1e-4
(float32) of the largest, stage outputs likewise where the files have them, and the
weights come back bit for bit.
"""

import argparse
import fnmatch
import json
import math
import os
import pathlib
import sys
import time
from functools import partial

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import numpy as np
from parity.weights import draw_all, images

from resnet_jax.models import create_model
from resnet_jax.pretrained import from_torch, to_torch
from resnet_jax.pretrained.torch_weights import shapes

TOLERANCES = {"float64": 1e-8, "float32": 1e-4}
# Each program runs once: compiling it takes twice as long at the usual level.
QUICK = {"xla_backend_optimization_level": 0}


def compare(file: pathlib.Path, dtypes=tuple(TOLERANCES)) -> dict[str, float]:
    """Largest relative errors of logits and stages by precision.

    Args:
        file: NAME.npz of the reference, NAME.json beside it.
        dtypes: the precisions to compute in.

    Raises:
        AssertionError: parameters are not as many, or do not come back bit for bit.
        ValueError: keys or shapes are not those of the reference.
    """
    about = json.loads(file.with_suffix(".json").read_text())
    name = about["name"].rpartition("/")[2]
    assert count(create_model(name)) == about["parameters"]
    worst = {}
    with np.load(file) as arrays, jax.enable_x64(True):
        for dtype in dtypes:
            weights = draw_all(about["shapes"])
            model, variables = from_torch(name, weights, dtype=dtype)
            assert unchanged(to_torch(variables), weights)
            # The largest networks need 8 GB for each copy in float64.
            del weights
            variables = jax.tree.map(partial(jnp.asarray, dtype=dtype), variables)
            got = run(model, variables, images(*about["size"]).astype(dtype))
            want = [arrays[dtype]]
            want += [arrays[key] for key in stage_keys(arrays, dtype)]
            pairs = zip(got, want, strict=False)
            worst[dtype] = max(relative_error(*pair) for pair in pairs)
    return worst


def run(model, variables, x: np.ndarray) -> list[np.ndarray]:
    """Logits, then the outputs of the stages."""

    def forward(variables, x):
        stages = model.apply(variables, x, method="features")
        return model.apply(variables, stages[-1], method="head"), stages

    lowered = jax.jit(forward).lower(variables, x)
    logits, stages = lowered.compile(compiler_options=QUICK)(variables, x)
    assert logits.dtype == x.dtype
    return [np.asarray(y) for y in (logits, *stages)]


def stage_keys(arrays, dtype: str) -> list[str]:
    """The stages of one precision in a reference's file, in order."""
    return sorted(key for key in arrays if key.startswith(f"{dtype}_"))


def relative_error(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference, in units of the largest value."""
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def unchanged(after: dict, before: dict) -> bool:
    """Whether all tensors are the same to the last bit."""
    kept = {k: v for k, v in before.items() if not k.endswith("num_batches_tracked")}
    return after.keys() == kept.keys() and all(
        after[k].dtype == v.dtype and np.array_equal(after[k], v)
        for k, v in kept.items()
    )


def count(model) -> int:
    """The number of trained values of a network."""
    leaves = jax.tree.leaves(shapes(model)["params"])
    return sum(math.prod(leaf.shape) for leaf in leaves)


def main() -> int:
    """Prints a row for each network and how many of them agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("patterns", nargs="*", default=["*"])
    args = parser.parse_args()
    files = [
        file
        for file in sorted(args.folder.glob("*.npz"))
        if any(fnmatch.fnmatchcase(file.stem, p) for p in args.patterns)
    ]
    agreed = 0
    print(f"{'network':32}{'float64':>10}{'float32':>10}{'seconds':>9}")
    for file in files:
        start = time.perf_counter()
        try:
            errors = compare(file)
        except (AssertionError, ValueError) as problem:
            print(f"{file.stem:32} {problem}")
            continue
        agreed += all(errors[k] <= TOLERANCES[k] for k in TOLERANCES)
        row = "".join(f"{errors[k]:10.1e}" for k in TOLERANCES)
        seconds = time.perf_counter() - start
        print(f"{file.stem:32}{row}{seconds:9.1f}", flush=True)
    print(f"{agreed} of {len(files)} agree")
    return agreed != len(files)


if __name__ == "__main__":
    sys.exit(main())
