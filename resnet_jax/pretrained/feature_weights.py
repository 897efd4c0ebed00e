"""torchvision's weights of VGG and AlexNet: where they lie, and whether they are it."""

import os
import pathlib
from typing import Any, NamedTuple

import flax.linen as nn

from resnet_jax.files import cache_folder
from resnet_jax.pretrained.published import URL, find_file, has_digits
from resnet_jax.pretrained.torch_weights import from_torch
from resnet_jax.pretrained.weights_file import read_weights

# Names end in the first eight digits of the files' sha256.
FILES = {
    "vgg16": "vgg16-397923af.pth",
    "vgg19": "vgg19-dcbb9e9d.pth",
    "alexnet": "alexnet-owt-7be5be79.pth",
}
# Which network has so many convolutions.
DEPTHS = {13: "vgg16", 16: "vgg19", 5: "alexnet"}


class FeatureWeights(NamedTuple):
    """A network of features.

    Attributes:
        name: in FILES.
        model: images in ImageNet's units to maps by layer.
        variables: its params, NumPy arrays.
        published: whether the file is torchvision's.
    """

    name: str
    model: nn.Module
    variables: dict[str, Any]
    published: bool


def load_feature_weights(source: str | os.PathLike) -> FeatureWeights:
    """VGG-16, VGG-19 or AlexNet without PyTorch, and without its classifier.

    Args:
        source: a name in FILES, whose file is looked for in the cache of PyTorch's hub
            and in resnet_jax/weights in ~/.cache; or the path of a file of weights, of
            which it is told what they are. Safetensors are taken as well.

    Raises:
        ValueError: the file is not there, or holds other weights.
    """
    text = os.fspath(source)
    file = find_feature_weights(text) if text in FILES else pathlib.Path(text)
    if not file.is_file():
        raise ValueError(
            f"there is no file of feature weights '{text}'; expected one of "
            f"torchvision's, or a name: {', '.join(FILES)}."
        )
    weights = read_weights(file)
    depth = sum(
        key.startswith("features.") and value.ndim == 4
        for key, value in weights.items()
    )
    if depth not in DEPTHS:
        raise ValueError(
            f"'{text}' holds no VGG-16, VGG-19 or AlexNet of torchvision: {depth} of "
            "its arrays are kernels of features."
        )
    name = DEPTHS[depth]
    model, variables = from_torch(f"{name}_features", weights)
    published = file.name == FILES[name] and has_digits(file)
    return FeatureWeights(name, model, variables, published)


def find_feature_weights(name: str) -> pathlib.Path:
    """Where the weights of a name in FILES are on this machine.

    Raises:
        ValueError: nowhere; what to do is said.
    """
    if file := find_file((FILES[name],)):
        return file
    raise ValueError(
        f"the weights of {name} are not on this machine: download {URL}{FILES[name]} "
        f"to {cache_folder('weights')}, or name a file of them."
    )
