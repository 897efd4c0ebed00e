"""Files that something is wrong with, and a few good ones beside them."""

import pathlib
import shutil

import numpy as np
from PIL import Image


def save_texts(folder: pathlib.Path) -> None:
    (folder / "broken").mkdir()
    (folder / "broken" / "config.json").write_text("{")
    (folder / "empty").mkdir()
    for name in ("file", "text.npz", "text.png", "empty.py"):
        (folder / name).write_text("'text'")
    (folder / "nothing.py").write_text("def get_config():\n    return None\n")
    (folder / "plain.py").write_text(
        "from resnet_jax.config import new_config as get_config\n"
    )


def save_arrays(folder: pathlib.Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), np.uint8)
    label = np.arange(32) % 4
    test = {"x_test": image, "y_test": label}
    np.savez(folder / "good.npz", x_train=image, y_train=label, **test)
    np.savez(folder / "keys.npz", pictures=image, y_train=label)
    np.savez(folder / "floats.npz", x_train=image / 255, y_train=label, **test)
    np.savez(folder / "lengths.npz", x_train=image, y_train=label[:5], **test)
    np.savez(folder / "labels.npz", x_train=image, y_train=label - 3, **test)
    np.savez(folder / "unlabeled.npz", x_train=image, x_test=image)


def save_images(folder: pathlib.Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(noise).save(folder / "good.png")
    Image.new("L", (8000, 7000)).save(folder / "huge.png")
    good, huge = ((folder / name).read_bytes() for name in ("good.png", "huge.png"))
    for split in ("train", "test"):
        for name in ("a", "b"):
            (folder / "images" / split / name).mkdir(parents=True)
            for i in range(4):
                (folder / "images" / split / name / f"{i}.png").write_bytes(good)
        (folder / "flat" / split).mkdir(parents=True)
        (folder / "flat" / split / "0.png").write_bytes(good)
    for name, content in (
        ("corrupt", b"\xff\xd8\xff\xe0 nonsense"),
        ("zero", b""),
        ("truncated", good[: len(good) // 2]),
        ("huge", huge),
        ("hollow", good),
    ):
        shutil.copytree(folder / "images", folder / name)
        (folder / name / "train" / "a" / "0.png").write_bytes(content)
    for split in ("train", "test"):
        (folder / "hollow" / split / "c").mkdir()
