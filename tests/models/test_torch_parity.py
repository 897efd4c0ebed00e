"""The same weights give the same numbers in PyTorch, where that is installed."""

import re
from functools import partial

import jax
import numpy as np
import pytest

from resnet_jax.pretrained import from_torch

torch = pytest.importorskip("torch")


def arrays(state_dict):
    return {key: value.numpy().copy() for key, value in state_dict.items()}


def relative_error(ours, theirs):
    theirs = theirs.detach().numpy()
    if theirs.ndim == 4:
        theirs = theirs.transpose(0, 2, 3, 1)
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


def torchvision_model(name):
    # A wheel that does not fit PyTorch's build fails with RuntimeError.
    pytest.importorskip("torchvision", exc_type=(ImportError, RuntimeError))
    from torchvision import models

    torch.manual_seed(0)
    model = getattr(models, name)(weights=None).eval()
    for key, values in model.named_buffers():
        if key.endswith("running_mean"):
            values.normal_(0, 0.1)
        elif key.endswith("running_var"):
            values.uniform_(0.5, 1.5)
    return model


def torch_features(model, x):
    features = [model.relu(model.bn1(model.conv1(x)))]
    x = model.maxpool(features[0])
    for stage in (model.layer1, model.layer2, model.layer3, model.layer4):
        features.append(x := stage(x))
    return features


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnext50_32x4d"])
@pytest.mark.parametrize("train", [False, True])
def test_torchvision(name, train):
    theirs = torchvision_model(name)
    ours, variables = from_torch(name, arrays(theirs.state_dict()))
    x = torch.randn(4, 3, 65, 64)
    images = x.permute(0, 2, 3, 1).numpy()
    with torch.no_grad():
        stages = torch_features(theirs, x)
        want = theirs.train(train)(x)
    logits, new = ours.apply(variables, images, train, mutable="batch_stats")
    kept = from_torch(name, arrays(theirs.state_dict()))[1]["batch_stats"]
    close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)
    jax.tree.map(close, new["batch_stats"], kept)
    features = ours.apply(variables, images, method="features")
    errors = [relative_error(logits, want), *map(relative_error, features, stages)]
    print(name, *(f"{error:.1e}" for error in errors))
    assert max(errors) < 1e-4


@pytest.mark.parametrize("file", ["resnet20-12fca82f", "resnet56-4bfd9763"])
def test_trained_cifar_weights(real_data, file):
    from PIL import Image

    folder = real_data / "cifar_resnets"
    weights = torch.load(folder / f"{file}.th", map_location="cpu", weights_only=True)
    names = {"module.": "", "linear.": "fc."}
    plain = {
        "".join(
            names.get(part, part) for part in re.split(r"(module\.|linear\.)", key)
        ): x
        for key, x in arrays(weights["state_dict"]).items()
    }
    model, variables = from_torch(file.split("-")[0], plain)
    sheet = np.asarray(Image.open(real_data / "cifar10" / "test_00.webp"))
    tiles = sheet.reshape(sheet.shape[0] // 32, 32, sheet.shape[1] // 32, 32, 3)
    images = tiles.swapaxes(1, 2).reshape(-1, 32, 32, 3)[:64] / np.float32(255)
    images = (images - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    want = np.load(folder / f"torch_logits_xtest_{file}.npy")[:64]
    logits = model.apply(variables, images.astype(np.float32))
    np.testing.assert_allclose(logits, want, atol=1e-3)
    print(f"{file}: largest difference {np.abs(logits - want).max():.1e}")
