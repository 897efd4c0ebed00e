"""Two networks trained by others: their published errors, their saved logits."""

import functools

import jax
import numpy as np
import pytest
from PIL import Image

from resnet_jax.pretrained import from_pretrained

# File, errors among the 10,000 test images.
NETWORKS = [("resnet20-12fca82f", 827), ("resnet56-4bfd9763", 661)]
WHOLE = [NETWORKS[0], pytest.param(*NETWORKS[1], marks=pytest.mark.full)]


@functools.cache
def sheet(path):
    """Thousand images of the test set, uint8 [1000, 32, 32, 3]."""
    pixels = np.asarray(Image.open(path))
    tiles = pixels.reshape(pixels.shape[0] // 32, 32, pixels.shape[1] // 32, 32, 3)
    return tiles.swapaxes(1, 2).reshape(-1, 32, 32, 3)


def logits(real_data, file, sheets, first=1000):
    """Ours and PyTorch's, of the first images of each sheet: float32 [N, 10]."""
    folder = real_data / "cifar_resnets"
    model, variables, preprocessing = from_pretrained(folder / f"{file}.th")
    assert str(preprocessing).startswith("Images are converted to RGB, taken at 32 x 3")
    apply = jax.jit(model.apply)
    paths = [real_data / "cifar10" / f"test_{i:02d}.webp" for i in range(sheets)]
    images = [np.stack([preprocessing(x) for x in sheet(p)[:first]]) for p in paths]
    ours = [apply(variables, batch) for batch in images]
    theirs = np.load(folder / f"torch_logits_xtest_{file}.npy").reshape(10, 1000, 10)
    return np.concatenate(ours), theirs[:sheets, :first].reshape(-1, 10)


def check(ours, theirs):
    difference = np.abs(ours - theirs).max()
    print(f"largest difference of the logits: {difference:.1e}")
    assert difference < 1e-4
    assert np.array_equal(ours.argmax(-1), theirs.argmax(-1))


@pytest.mark.parametrize(("file", "_"), NETWORKS)
def test_logits_of_the_first_images(real_data, file, _):
    check(*logits(real_data, file, sheets=1, first=100))


@pytest.mark.slow
@pytest.mark.parametrize(("file", "errors"), WHOLE)
def test_error_on_the_whole_test_set(real_data, file, errors):
    ours, theirs = logits(real_data, file, sheets=10)
    check(ours, theirs)
    labels = np.load(real_data / "cifar10" / "labels.npz")["y_test"]
    assert (ours.argmax(-1) != labels).sum() == errors
