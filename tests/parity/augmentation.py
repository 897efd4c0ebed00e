"""What torchvision and timm make of a test picture; run in their environment.

    python tests/parity/augmentation.py tests/golden/augmentation.json

Stored are hashes: of one operator's pictures, over all strengths, signs and filters.
"""

import hashlib
import json
import sys

import numpy as np
import timm.data.auto_augment as timm_policies
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode, autoaugment

LEVELS = (3.0, 4.5, 7.0, 9.3)  # Pillow 13 cannot keep 0 bits, as others ask for
HEIGHT, WIDTH = 40, 31


def picture(mode: str) -> Image.Image:
    """A picture of slopes and texture, the same on both sides."""
    y, x, c = np.mgrid[:HEIGHT, :WIDTH, :3]
    values = (3 * x + 2 * y + 40 * c + (x * x + 7 * y * x * (c + 1)) % 53).astype(
        "uint8"
    )
    return Image.fromarray(values).convert(mode)


def digest(pictures) -> str:
    """One hash of several pictures."""
    return hashlib.sha256(
        b"".join(np.asarray(p).tobytes() for p in pictures)
    ).hexdigest()


def torchvision_operators():
    """Hashes by policy, operator and mode, and the magnitudes."""
    spaces = {
        "rand_augment": transforms.RandAugment()._augmentation_space(
            31, (HEIGHT, WIDTH)
        ),
        "trivial_augment": transforms.TrivialAugmentWide()._augmentation_space(31),
    }
    result = {}
    for policy, space in spaces.items():
        for name, (values, signed) in space.items():
            magnitudes = values.tolist() if values.ndim else [0.0]
            for mode, fill in (("RGB", [9, 99, 199]), ("L", [77])):
                image = picture(mode)
                result[f"{policy}/{name}/{mode}"] = digest(
                    autoaugment._apply_op(image, name, sign * m, filter, fill)
                    for m in magnitudes
                    for sign in ((1, -1) if signed else (1,))
                    for filter in (
                        InterpolationMode.NEAREST,
                        InterpolationMode.BILINEAR,
                    )
                )
    return result


def torchvision_auto_augment():
    """A hash per policy, over its pairs, probabilities and signs."""
    import torch

    result = {}
    for name in ("imagenet", "cifar10", "svhn"):
        augment = transforms.AutoAugment(autoaugment.AutoAugmentPolicy(name))
        pictures = []
        for pair in range(25):
            for probability in (0.001, 0.35, 0.65, 0.95):
                for signs in ((0, 1), (1, 0)):
                    numbers = pair, torch.full((2,), probability), torch.tensor(signs)
                    augment.get_params = lambda _, numbers=numbers: numbers
                    pictures.append(augment(picture("RGB")))
        result[name] = digest(pictures)
    return result


def timm_operators():
    """Hashes by operator, over levels, signs and filters."""
    result = {}
    for increasing, names in (
        (False, timm_policies._RAND_TRANSFORMS),
        (True, timm_policies._RAND_INCREASING_TRANSFORMS),
    ):
        for name in names:
            pictures = []
            for level in LEVELS:
                for draw in (0.9, 0.1):
                    for filter in (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC):
                        hparams = {"img_mean": (124, 116, 104), "interpolation": filter}
                        operator = timm_policies.AugmentOp(name, 1.0, level, hparams)
                        timm_policies.random.random = lambda draw=draw: draw
                        pictures.append(operator(picture("RGB")))
            result[f"{name.removesuffix('Increasing')}/{increasing}"] = digest(pictures)
    return result


if __name__ == "__main__":
    golden = {
        "torchvision": torchvision_operators(),
        "auto_augment": torchvision_auto_augment(),
        "timm": timm_operators(),
    }
    with open(sys.argv[1], "w") as file:
        json.dump(golden, file, indent=1, sort_keys=True)
        file.write("\n")
