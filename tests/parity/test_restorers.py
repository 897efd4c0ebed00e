"""The same weights give the same images in PyTorch, by way of the converters."""

import re

import numpy as np
import pytest
from parity.weights import draw

from resnet_jax.models.vgg import ALEXNET, vgg
from resnet_jax.pretrained import from_torch, to_torch
from resnet_jax.pretrained.recognition import candidates
from resnet_jax.translators import open_translator

torch = pytest.importorskip(
    "torch", reason="PyTorch, of the extra [parity], is not here"
)
from parity import restorers  # noqa: E402

TOLERANCE = 1e-5
# Of the layers of models/vgg.py, tiny.
VGG = vgg((2, 1, 2), (4, 6, 5))
SMALL_ALEXNET = tuple((n, f if n[0] == "p" else 4, *r) for n, f, *r in ALEXNET)
NETWORKS = {
    "srresnet_x4": lambda: restorers.SRResNet(4, 4, 2, bias=False),
    "srresnet_x2": lambda: restorers.SRResNet(2, 4, 2, bias=True),
    "msrresnet_x3": lambda: restorers.MSRResNet(3, 4, 2),
    "msrresnet_x4": lambda: restorers.MSRResNet(4, 4, 1),
    "edsr_baseline_x2": lambda: restorers.edsr(2, 4, 2, 1.0),
    "edsr_x3": lambda: restorers.edsr(3, 6, 1, 0.1),
    "edsr_x4": lambda: restorers.edsr(4, 6, 1, 0.1),
    "rcan_x4": lambda: restorers.rcan(4, 8, 2, 3, 2),
    "rrdb_x4": lambda: restorers.RRDBNet(4, 4, 2, 3),
    "rrdb_x2": lambda: restorers.RRDBNet(2, 4, 1, 3),
    "dncnn17": lambda: restorers.DnCNN(1, 4, 5, norm=True),
    "dncnn20": lambda: restorers.DnCNN(3, 4, 5, norm=False),
}


def filled(network):
    """The network with drawn weights, and its state dict."""
    state = network.state_dict()
    for key, tensor in state.items():
        if "_mean." not in key:
            tensor.copy_(torch.from_numpy(np.asarray(draw(key, tuple(tensor.shape)))))
    return network.eval(), {key: value.numpy().copy() for key, value in state.items()}


def images(channels, height=6, width=8):
    shape = (2, height, width, channels)
    return np.random.default_rng(0).uniform(size=shape).astype(np.float32)


def theirs(network, x):
    with torch.no_grad():
        return network(torch.from_numpy(x.transpose(0, 3, 1, 2)))


def relative_error(ours, theirs):
    theirs = theirs.numpy().transpose(0, 2, 3, 1)
    assert ours.shape == theirs.shape
    return np.abs(np.asarray(ours) - theirs).max() / np.abs(theirs).max()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("train", [False, True])
def test_images(name, train):
    network, weights = filled(NETWORKS[name]())
    model, variables = from_torch(name, weights)
    x = images(model.channels)
    stats = ["batch_stats"]
    ours, new = model.apply(variables, x, train=train, mutable=stats)
    assert relative_error(ours, theirs(network.train(train), x)) < TOLERANCE
    if train and "batch_stats" in variables and name != "dncnn17":
        after = {key: value.numpy() for key, value in network.state_dict().items()}
        moved = from_torch(name, after)[1]["batch_stats"]
        for layer, found in moved["body_0"].items():
            for leaf in found:
                got = new["batch_stats"]["body_0"][layer][leaf]
                np.testing.assert_allclose(got, found[leaf], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_files_of_pytorch_are_recognized_and_make_the_same(name, tmp_path):
    network, weights = filled(NETWORKS[name]())
    torch.save({"params_ema": network.state_dict()}, tmp_path / "net.pth")
    found = candidates(weights)
    assert name in found or found == ("dncnn17", "dncnn20")
    translate = open_translator(tmp_path / "net.pth", model=name)
    x = images(translate.in_channels)
    assert relative_error(translate(x), theirs(network, x)) < TOLERANCE


@pytest.mark.parametrize("name", [name for name in NETWORKS if "rrdb" in name])
def test_all_names_of_rrdb_are_one_network(name):
    """The first files' keys, those of ESRGAN's repository, and BasicSR's."""
    _, first = filled(NETWORKS[name]())
    _, variables = from_torch(name, first)
    basicsr = to_torch(variables)
    assert "body.0.rdb1.conv1.weight" in basicsr
    renames = (
        ("conv_body", "trunk_conv"),
        ("conv_up", "upconv"),
        ("conv_hr", "HRconv"),
        (r"body\.(\d)\.rdb", r"RRDB_trunk.\1.RDB"),
    )
    second = basicsr
    for pattern, new in renames:
        second = {re.sub(pattern, new, key): value for key, value in second.items()}
    assert not basicsr.keys() & first.keys() and basicsr.keys() != second.keys()
    for other in (basicsr, second):
        again = to_torch(from_torch(name, other)[1])
        for key, value in basicsr.items():
            np.testing.assert_array_equal(again[key], value)


@pytest.mark.parametrize(
    ("name", "layers"),
    [("vgg16_features", VGG), ("alexnet_features", SMALL_ALEXNET)],
)
def test_maps_of_feature_networks(name, layers):
    network, weights = filled(restorers.Features(layers))
    names = network.names
    model, variables = from_torch(name, weights, layers=layers, taps=tuple(names))
    x = images(3, 64, 68)
    ours = model.apply(variables, x)
    assert list(ours) == names
    for tap, found in theirs(network, x).items():
        assert relative_error(ours[tap], found) < TOLERANCE
