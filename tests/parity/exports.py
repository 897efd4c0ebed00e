"""Exported folders, loaded by timm and transformers.

From the folder tests/, the first where resnet_jax is installed, the second where timm,
transformers and PyTorch are:

    python -m parity.exports write DIR
    python -m parity.exports read DIR

`read` prints the largest difference of the logits, relative to the largest logit, of
each network and library, and fails above 1e-5.
"""

import pathlib
import sys

import numpy as np
from parity.weights import draw_all, images

NAMES = ("resnet18", "resnet50", "resnext50_32x4d", "resnetv2_50")
CHANNELS = (3, 1)
CLASSES = 7
BOUND = 1e-5


def write(root: pathlib.Path) -> None:
    """Drawn weights, exported, and our logits beside them."""
    import jax

    from resnet_jax.models import create_model
    from resnet_jax.pretrained import Preprocessing, from_torch, to_torch
    from resnet_jax.pretrained.description import Description
    from resnet_jax.pretrained.export import export
    from resnet_jax.pretrained.load import Pretrained
    from resnet_jax.pretrained.torch_weights import shapes

    for name in NAMES:
        for channels in CHANNELS:
            model = create_model(name, num_classes=CLASSES)
            zeros = jax.tree.map(
                lambda leaf: np.broadcast_to(np.float32(0), leaf.shape),
                shapes(model, channels),
            )
            keys = {key: value.shape for key, value in to_torch(zeros).items()}
            model, variables = from_torch(name, draw_all(keys))
            prepared = Preprocessing.from_timm(
                {"input_size": (channels, 64, 72), "crop_pct": 0.95, "mean": (0.5,)}
            )
            labels = tuple(f"class {i}" for i in range(CLASSES))
            fields = {"num_classes": CLASSES}
            description = Description(name, fields, prepared, labels)
            folder = root / f"{name}-{channels}"
            export(Pretrained(model, variables, description), folder, timm=True)
            x = images(64, 72, channels).astype(np.float32)
            logits = jax.jit(model.apply)(variables, x)
            np.save(root / f"{folder.name}.npy", np.asarray(logits))
            print("written:", folder.name)


def read(root: pathlib.Path) -> None:
    """Theirs on the same images."""
    import timm
    import torch
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    worst = 0.0
    for name in NAMES:
        for channels in CHANNELS:
            folder = root / f"{name}-{channels}"
            ours = np.load(root / f"{folder.name}.npy")
            x = torch.from_numpy(images(64, 72, channels)).float().permute(0, 3, 1, 2)
            place = f"local-dir:{folder}"
            first = timm.create_model(place, pretrained=True).eval()
            second = AutoModelForImageClassification.from_pretrained(folder).eval()
            assert second.config.id2label[3] == "class 3", second.config.id2label
            AutoImageProcessor.from_pretrained(folder)
            timm.create_model(place, pretrained=True, features_only=True)
            config = timm.data.resolve_model_data_config(first)
            assert tuple(config["input_size"]) == (channels, 64, 72), config
            assert config["crop_pct"] == 0.95, config
            with torch.no_grad():
                logits = first(x).numpy(), second(x).logits.numpy()
            errors = [np.abs(ours - t).max() / np.abs(t).max() for t in logits]
            print(
                f"{folder.name:20} timm {errors[0]:.1e}  transformers {errors[1]:.1e}"
            )
            worst = max(worst, *errors)
    print(f"{len(NAMES) * len(CHANNELS)} exports, largest error {worst:.1e}")
    assert worst <= BOUND


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](pathlib.Path(sys.argv[2]))
