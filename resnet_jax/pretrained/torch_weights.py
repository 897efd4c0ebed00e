"""PyTorch state dicts as variables of our models, and back, bit for bit.

One rule serves all networks, since modules are named after timm's, or BasicSR's: a path
joined with dots, `layer1_0` as layer1.0, and the leaves' names and layouts as below.
"""

import re
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from resnet_jax.lookup import few
from resnet_jax.models import create_classifier, create_model
from resnet_jax.models.inputs import image_inputs, inputs_of
from resnet_jax.nn.repeat import stack_blocks, unstack_blocks
from resnet_jax.pretrained.restorers import READERS
from resnet_jax.pretrained.translators import LAYERS, read_translator

LEAVES = {
    "kernel": "weight",
    "scale": "weight",
    "mean": "running_mean",
    "var": "running_var",
}
# Where the first convolution and the head have their weights.
STEM_KEYS = ("conv1.weight", "conv1.0.weight", "stem.conv.weight", "stem.conv1.weight")
HEAD_KEYS = ("fc.weight", "head.fc.weight")
# Counts batches for PyTorch's cumulative averages, which no network here uses.
IGNORED = "num_batches_tracked"

Path = tuple[str, ...]


def from_torch(
    name: str, state_dict: Mapping[str, Any], **overrides: Any
) -> tuple[nn.Module, dict[str, Any]]:
    """A model with the weights of a PyTorch state dict.

    The number of classes and of input channels are those of the weights, and so are the
    sizes of networks from images to images, but for their scale. Half precision becomes
    float32; other types stay.

    Args:
        name: of the model, see `list_models`.
        state_dict: timm's or torchvision's keys -> arrays in PyTorch's layouts; of
            networks from images to images those of pytorch-CycleGAN-and-pix2pix and
            BasicSR, or those that pretrained/restorers.py names.
        **overrides: fields of the model.

    Returns:
        The module, and its variables as NumPy arrays.

    Raises:
        ValueError: a tensor is missing, is not the network's, or has another shape;
            the first few of them are named.
    """
    arrays: Mapping[str, np.ndarray]
    arrays = {k: np.asarray(v) for k, v in state_dict.items() if not _ignored(k)}
    sizes = None
    if name in LAYERS:
        arrays, sizes = read_translator(name, arrays)
    elif read := READERS.get(name.partition("_")[0]):
        arrays, sizes = read(arrays, create_model(name, **overrides))
    if sizes is None:
        model, channels = _classifier(name, arrays, overrides)
    else:
        model, channels = create_model(name, **{**sizes, **overrides}), None
    stacks = [f"layer{i + 1}" for i in getattr(model, "scanned", ())]
    separate = model.clone(scan_blocks=False) if stacks else model
    leaves = flatten_dict(shapes(separate, channels))
    wanted = {torch_key(path): _torch_shape(path, leaves[path]) for path in leaves}
    _check(f"'{name}'", arrays, wanted)
    flat = {path: _from_layout(path[-1], arrays[torch_key(path)]) for path in leaves}
    return model, stack_blocks(unflatten_dict(flat), stacks)


def _classifier(
    name: str, arrays: Mapping[str, np.ndarray], overrides: Mapping[str, Any]
) -> tuple[nn.Module, int | None]:
    """The network with as many classes as the weights, and their input channels."""
    if head := next((key for key in HEAD_KEYS if key in arrays), None):
        overrides = {"num_classes": len(arrays[head]), **overrides}
    model = create_classifier(name, **overrides)
    stems = [arrays[key] for key in STEM_KEYS if key in arrays]
    return model, stems[0].shape[1] if stems and stems[0].ndim == 4 else None


def to_torch(variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The state dict of a model's variables: timm's keys, PyTorch's layouts."""
    return {
        torch_key(path): _to_layout(path[-1], np.asarray(value))
        for path, value in flatten_dict(unstack_blocks(variables)).items()
    }


def shapes(model: nn.Module, channels: int | None = None) -> Any:
    """The shapes of a model's variables, for images of so many channels."""
    inputs = inputs_of(model)
    if channels is not None:
        height, width, _ = model.input_shape
        inputs = image_inputs(height, width, channels)
    return jax.eval_shape(model.init, jax.random.key(0), *inputs)


def torch_key(path: Path) -> str:
    """('params', 'layer1_0', 'conv1', 'kernel') -> 'layer1.0.conv1.weight'."""
    _, *modules, leaf = path
    dotted = [re.sub(r"_(\d+)$", r".\1", module) for module in modules]
    return ".".join([*dotted, LEAVES.get(leaf, leaf)])


def _torch_shape(path: Path, leaf: Any) -> tuple[int, ...]:
    kernel = path[-1] == "kernel"
    return tuple(leaf.shape[i] for i in _axes(leaf.ndim)) if kernel else leaf.shape


def _axes(ndim: int) -> tuple[int, ...]:
    """Output, input, then places: of [places ..., input, output]."""
    return (ndim - 1, ndim - 2, *range(ndim - 2))


def _to_layout(leaf: str, value: np.ndarray) -> np.ndarray:
    value = value.transpose(_axes(value.ndim)) if leaf == "kernel" else value
    return np.ascontiguousarray(value)


def _from_layout(leaf: str, value: np.ndarray) -> np.ndarray:
    if leaf == "kernel":
        value = value.transpose(np.argsort(_axes(value.ndim)))
    wide = np.float32 if value.dtype.itemsize < 4 else value.dtype
    return np.ascontiguousarray(value.astype(wide))


def _ignored(key: str) -> bool:
    return key.rpartition(".")[2] == IGNORED


def _check(what: str, arrays: Mapping, wanted: Mapping[str, tuple[int, ...]]) -> None:
    problems = []
    if missing := [key for key in wanted if key not in arrays]:
        problems.append(f"lack {few(missing)}")
    if extra := [key for key in arrays if key not in wanted]:
        problems.append(f"have {few(extra)}, which it does not know")
    if other := [
        f"{key} {list(arrays[key].shape)} in place of {list(shape)}"
        for key, shape in wanted.items()
        if key in arrays and arrays[key].shape != shape
    ]:
        problems.append(f"have {few(other)}")
    if problems:
        raise ValueError(
            f"the weights are not those of {what}: they {'; they '.join(problems)}."
            " Name the architecture that they were trained with."
        )
