"""What timm and torchvision make of a photograph, as hashes for tests/pretrained.

Runs where timm and torchvision are installed, from the top of a checkout:

    python tests/parity/preprocessing.py [PHOTOGRAPHS...]

Without arguments it writes tests/golden/preprocessing.json for the photograph beside
it (131 x 97 pixels of NASA's portrait of E. Collins, public domain, from scikit-image).
"""

import hashlib
import itertools
import json
import pathlib
import sys

import numpy as np
from PIL import Image

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
NORMAL = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def cases():
    """timm's fields, as a pretrained_cfg has them."""
    sizes = (3, 64, 64), (3, 72, 56)
    filters = "bicubic", "bilinear", "lanczos"
    for size, name, mode in itertools.product(
        sizes, filters, ("center", "squash", "border")
    ):
        for crop_pct in (0.875, 0.95, 1.0) if name == "bicubic" else (0.9,):
            yield {
                "input_size": size,
                "interpolation": name,
                "crop_pct": crop_pct,
                "crop_mode": mode,
                **NORMAL,
            }
    yield {"input_size": (3, 64, 64), "crop_pct": 1.1, "crop_mode": "center", **NORMAL}


def digest(array: np.ndarray) -> str:
    """Of the bytes and the shape."""
    array = np.ascontiguousarray(array)
    return hashlib.sha256(array.tobytes() + str(array.shape).encode()).hexdigest()[:16]


def main(paths: list[str]) -> None:
    """Prints or writes the hashes of float32 [H, W, C]."""
    from timm.data import create_transform
    from torchvision.transforms._presets import ImageClassification

    made = {}
    for path in paths or [GOLDEN / "photograph.png"]:
        image = Image.open(path).convert("RGB")
        rows = []
        for case in cases():
            transform = create_transform(**{"interpolation": "bicubic", **case})
            pixels = transform(image).permute(1, 2, 0).numpy()
            rows.append({"timm": case, "sha256": digest(pixels)})
        for side in (256, 232):
            preset = ImageClassification(crop_size=224, resize_size=side)
            pixels = preset(image).permute(1, 2, 0).numpy()
            rows.append({"torchvision": side, "sha256": digest(pixels)})
        made[pathlib.Path(path).name] = rows
    text = json.dumps(made, indent=1) + "\n"
    if paths:
        print(text)
    else:
        (GOLDEN / "preprocessing.json").write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
