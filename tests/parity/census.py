"""Keys, shapes and parameter counts of all reference networks, in one small file.

From the folder tests/, where PyTorch, timm and torchvision are installed:

    python -m parity.census golden/census.json

Nothing is computed: the networks hold no values. The file has for each name the number
of parameters, a digest of all keys with their shapes, the side of its images, and the
channels and strides of its stages; tests/models/test_variants.py compares ours.
"""

import argparse
import json
import pathlib
import zlib
from collections.abc import Mapping, Sequence


def digest(shapes: Mapping[str, Sequence[int]]) -> int:
    """One number of a state dict's keys and shapes, in any order."""
    rows = sorted(f"{key} {list(shape)}" for key, shape in shapes.items())
    return zlib.crc32("\n".join(rows).encode())


def describe(model) -> dict:
    """A row of the file."""
    state = {
        key: value.shape
        for key, value in model.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    row = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "digest": digest(state),
    }
    if hasattr(model, "feature_info"):
        stages = [(f["num_chs"], f["reduction"]) for f in list(model.feature_info)]
        row |= {"image": model.default_cfg["input_size"][1], "stages": stages}
    return row


def main() -> None:
    """Writes the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--preload", help="a Python file to import before the others")
    args = parser.parse_args()

    from parity.reference import build, known, preload

    if args.preload:
        preload(args.preload)
    import torch

    with torch.device("meta"):
        rows = {name: describe(build(name)) for name in known()}
    lines = [f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()]
    args.file.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(rows)} networks")


if __name__ == "__main__":
    main()
