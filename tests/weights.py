"""A small network's weights as files, as other libraries write them."""

import json
import struct

import jax
import numpy as np

from resnet_jax import create_model
from resnet_jax.pretrained import to_torch
from resnet_jax.pretrained.torch_weights import shapes

FIELDS = {"name": "resnet20", "width": 4, "stage_sizes": (1, 1, 1)}
PREPROCESSING = {
    "input_size": [16, 16, 3],
    "resize": 18,
    "interpolation": "bicubic",
    "mean": [0.5, 0.4, 0.3],
    "std": [0.2, 0.25, 0.3],
}


def save_safetensors(path, arrays):
    """The format: length of the header, the header, the arrays' bytes."""
    header, data = {}, b""
    for name, x in arrays.items():
        start, data = len(data), data + np.ascontiguousarray(x, "<f4").tobytes()
        place = {"shape": x.shape, "data_offsets": [start, len(data)]}
        header[name] = {"dtype": "F32", **place}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def draw(rng, leaf, shape):
    """Kernels that keep the size of what passes through; statistics of no effect."""
    if leaf == "kernel":
        return rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[:-1]))
    return np.full(shape, {"scale": 1.0, "var": 1.0}.get(leaf, 0.0))


def save_weights(folder, num_classes, names=(), preprocessing=PREPROCESSING):
    """model.safetensors and config.json of a network with drawn weights."""
    folder.mkdir()
    model = create_model(**FIELDS, num_classes=num_classes)
    rng = np.random.default_rng(0)
    arrays = jax.tree_util.tree_map_with_path(
        lambda path, leaf: draw(rng, path[-1].key, leaf.shape), shapes(model, 3)
    )
    save_safetensors(folder / "model.safetensors", to_torch(arrays))
    config = {"library": "resnet-jax", "model": FIELDS, "label_names": names}
    config["preprocessing"] = preprocessing
    (folder / "config.json").write_text(json.dumps(config))
    return folder
