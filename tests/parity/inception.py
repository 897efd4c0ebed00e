"""Our Inception beside torch-fidelity's, with drawn weights.

Two steps, in environments that need not know each other, from the folder tests/:

    python -m parity.inception reference --out=FILE.npz   # PyTorch, torch-fidelity
    python -m parity.inception compare FILE.npz           # resnet_jax

`--size=75 --small` writes what tests/golden keeps: few numbers of a small image, in
float64. Without it both precisions of an image of 299 x 299 are compared whole.
torch-fidelity's own resize is compared too, on a uint8 image of 32 x 32.
"""

import argparse
import pathlib
import sys
from unittest import mock

import numpy as np
from parity.reference import preload
from parity.weights import draw, draw_all, images

TOLERANCES = {"float64": 1e-8, "float32": 1e-4}
KEPT = 16


def photograph(side: int = 32) -> np.ndarray:
    """A uint8 image [1, side, side, 3] that follows from its size."""
    return np.random.default_rng(side).integers(0, 256, (1, side, side, 3), np.uint8)


def reference(size: int, small: bool) -> dict[str, np.ndarray]:
    """pool3 and logits by precision, keys and shapes, and a resized image."""
    import torch
    from torch_fidelity import feature_extractor_inceptionv3 as theirs
    from torch_fidelity import interpolate_compat_tensorflow as resizing

    # Its file is read by two calls that have nothing to read here.
    network = theirs.FeatureExtractorInceptionV3
    with (
        mock.patch.object(torch, "load"),
        mock.patch.object(network, "load_state_dict"),
    ):
        model = network("drawn", ["2048", "logits"], "no file")
    state = model.state_dict()
    for key, tensor in state.items():
        tensor.copy_(torch.from_numpy(np.asarray(draw(key, tuple(tensor.shape)))))
    shapes = {key: tuple(tensor.shape) for key, tensor in state.items()}
    arrays = {"size": np.array(size), "keys": np.array(list(shapes))}
    arrays["shapes"] = np.array([",".join(map(str, s)) for s in shapes.values()])
    *body, head = model.children()
    for dtype in ("float64",) if small else ("float32", "float64"):
        model.to(getattr(torch, dtype))
        x = torch.from_numpy(images(size, size).astype(dtype)).permute(0, 3, 1, 2)
        for layer in body:
            x = layer(x)
        pool3 = x.flatten(1)
        count = KEPT if small else None
        arrays[f"{dtype}_pool3"] = pool3.numpy()[:, :count]
        arrays[f"{dtype}_logits"] = head(pool3).numpy()[:, :count]
    pixels = torch.from_numpy(photograph()).permute(0, 3, 1, 2).float()
    resize = resizing.interpolate_bilinear_2d_like_tensorflow1x
    resized = resize(pixels, size=(299, 299), align_corners=False)
    resized = resized.permute(0, 2, 3, 1).numpy()
    arrays["resized"] = resized[:, ::41, ::41] if small else resized
    return arrays


def compare(file: pathlib.Path) -> dict[str, float]:
    """Largest relative errors, by what is compared."""
    import jax
    import jax.numpy as jnp

    from resnet_jax.metrics.resizing import legacy_resize
    from resnet_jax.pretrained.inception import from_torch_inception

    errors = {}
    with np.load(file) as found, jax.enable_x64(True):
        size = int(found["size"])
        shapes = {
            str(key): tuple(int(n) for n in text.split(",") if n)
            for key, text in zip(found["keys"], found["shapes"].tolist(), strict=True)
        }
        for dtype in TOLERANCES:
            if f"{dtype}_pool3" not in found:
                continue
            model, variables = from_torch_inception(draw_all(shapes))
            variables = jax.tree.map(lambda x, d=dtype: jnp.asarray(x, d), variables)
            pool3, logits = run(model, variables, images(size, size).astype(dtype))
            for name, ours in (("pool3", pool3), ("logits", logits)):
                theirs = found[f"{dtype}_{name}"]
                assert ours.dtype == dtype
                ours = np.asarray(ours)[:, : theirs.shape[1]]
                error = np.abs(ours - theirs).max() / np.abs(theirs).max()
                errors[f"{dtype} {name}"] = float(error)
        theirs = found["resized"]
        ours = np.asarray(legacy_resize(photograph(), (299, 299)))
        ours = ours if ours.shape == theirs.shape else ours[:, ::41, ::41]
        errors["float32 resize"] = float(np.abs(ours - theirs).max() / 255)
    return errors


def run(model, variables, x):
    """pool3 and logits."""
    import jax

    def forward(variables, x):
        last = model.apply(variables, x, method="features")[-1]
        return last.mean((1, 2)), model.apply(variables, last, method="head")

    # It runs once: a fast program would take longer to make than to run.
    quick = {"xla_backend_optimization_level": 0}
    return jax.jit(forward).lower(variables, x).compile(quick)(variables, x)


def main() -> int:
    """Writes or compares, as asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("reference", "compare"))
    parser.add_argument("file", nargs="?", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=299)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--preload", help="a Python file to import before the others")
    args = parser.parse_args()
    if args.preload:
        preload(args.preload)
    if args.step == "reference":
        import torch

        with torch.no_grad():
            np.savez_compressed(args.out, **reference(args.size, args.small))
        return 0
    errors = compare(args.file)
    for name, error in errors.items():
        print(f"{name:16}{error:10.1e}")
    return any(error > TOLERANCES[name.split()[0]] for name, error in errors.items())


if __name__ == "__main__":
    sys.exit(main())
