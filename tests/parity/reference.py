"""What timm and torchvision compute with drawn weights, into files.

Runs where PyTorch, timm and torchvision are installed; resnet_jax need not be. From the
folder tests/:

    python -m parity.reference --out=DIR ['resnet*' torchvision/resnet18 ...]
    python -m parity.compare DIR                   # where resnet_jax is installed

The patterns select among timm's resnet.py and resnetv2.py and, as torchvision/NAME,
torchvision's residual networks; without any all are run. NAME.json has the keys, shapes
and count of the parameters, NAME.npz the logits (and stages) in float64 and float32.
"""

import argparse
import fnmatch
import importlib
import importlib.util
import json
import pathlib
import sys
from unittest import mock

import numpy as np
from parity.weights import draw, images

TIMM_MODULES = ("resnet", "resnetv2")
TORCHVISION = ("resnet*", "resnext*", "wide_resnet*")
CLASSES = 10


def known() -> list[str]:
    """All names that the sweep covers."""
    import timm
    from torchvision import models

    names = [n for m in TIMM_MODULES for n in timm.list_models(module=m)]
    theirs = [n for p in TORCHVISION for n in models.list_models(models, include=p)]
    return names + [f"torchvision/{name}" for name in theirs]


def build(name: str, **fields):
    """An untrained network of either library."""
    library, _, short = name.rpartition("/")
    if library:
        from torchvision import models

        return models.get_model(short, weights=None, **fields)
    import timm

    return timm.create_model(name, **fields)


def fill(model) -> dict[str, list[int]]:
    """Draws all parameters and buffers in place; returns the keys and shapes."""
    import torch

    state = model.state_dict()
    for key, tensor in state.items():
        tensor.copy_(torch.from_numpy(np.asarray(draw(key, tuple(tensor.shape)))))
    return {key: list(tensor.shape) for key, tensor in state.items()}


def stages(model, x) -> list:
    """The stem's output before pooling, then each stage's."""
    if hasattr(model, "forward_intermediates"):
        return model.forward_intermediates(x, intermediates_only=True)
    found = [model.relu(model.bn1(model.conv1(x)))]
    x = model.maxpool(found[0])
    for stage in (model.layer1, model.layer2, model.layer3, model.layer4):
        found.append(x := stage(x))
    return found


def run(name: str, size: tuple[int, int], features: bool) -> tuple[dict, dict]:
    """The description and the arrays of one network."""
    import torch

    with torch.device("meta"):
        whole = build(name)
    model = build(name, num_classes=CLASSES).eval()
    about = {
        "name": name,
        "size": size,
        "num_classes": CLASSES,
        "parameters": sum(p.numel() for p in whole.parameters()),
        "shapes": fill(model),
    }
    arrays = {}
    for dtype in (torch.float32, torch.float64):
        kind = str(dtype).removeprefix("torch.")
        model = model.to(dtype)
        x = torch.from_numpy(images(*size)).permute(0, 3, 1, 2).to(dtype)
        # EvoNorm and filter response norm compute in .float(), whatever the network's
        # type: in float64 that would hide all differences below 1e-7.
        with mock.patch.object(torch.Tensor, "float", lambda x, to=dtype: x.to(to)):
            arrays[kind] = model(x).numpy()
            for i, stage in enumerate(stages(model, x) if features else []):
                arrays[f"{kind}_{i}"] = stage.permute(0, 2, 3, 1).numpy()
    return about, arrays


def preload(file: str) -> None:
    """Imports a file first, for an environment that needs preparing."""
    spec = importlib.util.spec_from_file_location(pathlib.Path(file).stem, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)


def main() -> None:
    """Writes the files of all names that the arguments select."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--size", default="33x37", help="height x width of the image")
    parser.add_argument("--features", action="store_true", help="stage outputs as well")
    parser.add_argument("--preload", help="a Python file to import before the others")
    args = parser.parse_args()
    if args.preload:
        preload(args.preload)
    import torch

    size = tuple(int(side) for side in args.size.split("x"))
    with torch.no_grad():
        for name in known():
            if any(fnmatch.fnmatchcase(name, p) for p in args.patterns):
                about, arrays = run(name, size, args.features)
                file = args.out / name.replace("/", ".")
                args.out.mkdir(parents=True, exist_ok=True)
                np.savez_compressed(f"{file}.npz", **arrays)
                pathlib.Path(f"{file}.json").write_text(json.dumps(about))
                print(name, *about["size"], about["parameters"], flush=True)


if __name__ == "__main__":
    main()
