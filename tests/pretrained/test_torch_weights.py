"""State dicts become variables and state dicts again, and wrong ones are named."""

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from resnet_jax.models import create_model
from resnet_jax.pretrained import from_torch, to_torch
from resnet_jax.pretrained.torch_weights import shapes, torch_key


def random_state_dict(name, dtype=np.float32, channels=None, **fields):
    """PyTorch's keys and shapes of a model, filled with random numbers."""
    rng = np.random.default_rng(0)
    leaves = flatten_dict(shapes(create_model(name, **fields), channels))
    drawn = {path: rng.normal(size=leaf.shape) for path, leaf in leaves.items()}
    tree = {torch_key(path): (path, value) for path, value in drawn.items()}
    return {
        key: (
            np.moveaxis(value, (-1, -2), (0, 1)) if path[-1] == "kernel" else value
        ).astype(dtype)
        for key, (path, value) in tree.items()
    }


@pytest.mark.parametrize("name", ["resnet20", "resnet50", "resnext50_32x4d"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_there_and_back_is_the_identity(name, dtype):
    weights = random_state_dict(name, dtype)
    _, variables = from_torch(name, weights)
    back = to_torch(variables)
    assert back.keys() == weights.keys()
    for key, value in weights.items():
        assert back[key].dtype == dtype
        assert np.array_equal(back[key], value), key


def test_keys_and_layouts():
    weights = random_state_dict("resnet18")
    _, variables = from_torch("resnet18", weights)
    params = variables["params"]
    kernel = params["layer2_0"]["downsample_0"]["kernel"]
    theirs = weights["layer2.0.downsample.0.weight"]
    assert np.array_equal(kernel[0, 0], theirs[:, :, 0, 0].T)
    assert np.array_equal(params["fc"]["kernel"], weights["fc.weight"].T)
    assert np.array_equal(params["bn1"]["scale"], weights["bn1.weight"])
    mean = variables["batch_stats"]["bn1"]["mean"]
    assert np.array_equal(mean, weights["bn1.running_mean"])


def test_classes_and_channels_are_those_of_the_weights():
    weights = random_state_dict("resnet20", channels=1, num_classes=7)
    model, variables = from_torch("resnet20", weights)
    assert model.num_classes == 7
    logits = jax.eval_shape(model.apply, variables, np.zeros((2, 32, 32, 1)))
    assert logits.shape == (2, 7)


def test_batch_counters_and_half_precision():
    weights = random_state_dict("resnet20", np.float16)
    weights["bn1.num_batches_tracked"] = np.int64(3)
    _, variables = from_torch("resnet20", weights)
    assert {x.dtype for x in jax.tree.leaves(variables)} == {np.dtype(np.float32)}


def test_wrong_weights_are_named():
    weights = random_state_dict("resnet20")
    del weights["bn1.bias"]
    weights["extra.weight"] = np.zeros(3, np.float32)
    weights["layer1.0.conv1.weight"] = np.zeros((16, 16, 1, 1), np.float32)
    with pytest.raises(ValueError) as caught:
        from_torch("resnet20", weights)
    text = str(caught.value)
    assert "'resnet20'" in text
    assert "lack bn1.bias" in text
    assert "have extra.weight, which it does not know" in text
    assert "layer1.0.conv1.weight [16, 16, 1, 1] in place of [16, 16, 3, 3]" in text


def test_many_wrong_names_are_cut_short():
    with pytest.raises(ValueError, match=r"lack bn1.* and \d+ more"):
        from_torch("resnet18", {})
