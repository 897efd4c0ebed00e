"""Translators and patch discriminators beside PyTorch's, where that is installed.

PyTorch's networks are written here from the papers' descriptions, with layers in the
order of the authors' files; our weights come from theirs by `from_torch`.
"""

import io
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import FAST

from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.normalization import InstanceNorm
from resnet_jax.nn.transposed import TransposedConv
from resnet_jax.pretrained import from_pretrained, from_torch
from resnet_jax.pretrained.description import Description
from resnet_jax.pretrained.load import Pretrained
from resnet_jax.translators import translator_of

torch = pytest.importorskip("torch", reason="PyTorch is not installed: [parity]")
nn = torch.nn
TOLERANCE = 1e-5
WIDTH = 8


class Blur(nn.Module):
    """Halves a map behind [1, 2, 1], or doubles it before [1, 3, 3, 1]."""

    def __init__(self, channels, up=False):
        super().__init__()
        taps = torch.tensor([1.0, 3, 3, 1] if up else [1.0, 2, 1])
        filt = torch.outer(taps, taps)
        filt = filt / filt.sum() * (4 if up else 1)
        self.up, self.channels = up, channels
        self.register_buffer("filt", filt[None, None].repeat(channels, 1, 1, 1))

    def forward(self, x):
        given = {"stride": 2, "groups": self.channels}
        x = nn.functional.pad(x, (1,) * 4, "replicate" if self.up else "reflect")
        if not self.up:
            return nn.functional.conv2d(x, self.filt, **given)
        y = nn.functional.conv_transpose2d(x, self.filt, padding=2, **given)
        return y[:, :, 1:-1, 1:-1]


class Block(nn.Module):
    """A residual block without activation behind the sum."""

    def __init__(self, width, norm, bias, dropout):
        super().__init__()
        layers = []
        for last in (False, True):
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=bias)]
            layers += [norm(width)]
            layers += [] if last else [nn.ReLU(), *[nn.Dropout(0.5)] * dropout]
        self.conv_block = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.conv_block(x)


class Translator(nn.Module):
    """A sequence whose state dict has the prefix that the authors' files have."""

    def __init__(self, *layers):
        super().__init__()
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x)


def resnet(blocks, norm, blurred=False, dropout=False, channels=(3, 3)):
    w, bias = WIDTH, norm is not nn.BatchNorm2d
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(channels[0], w, 7, bias=bias)]
    layers += [norm(w), nn.ReLU()]
    for width in (w, 2 * w):
        stride = 1 if blurred else 2
        layers += [nn.Conv2d(width, 2 * width, 3, stride, 1, bias=bias)]
        layers += [norm(2 * width), nn.ReLU(), *[Blur(2 * width)] * blurred]
    layers += [Block(4 * w, norm, bias, dropout) for _ in range(blocks)]
    for width in (4 * w, 2 * w):
        if blurred:
            layers += [Blur(width, up=True)]
            layers += [nn.Conv2d(width, width // 2, 3, 1, 1, bias=bias)]
        else:
            layers += [nn.ConvTranspose2d(width, width // 2, 3, 2, 1, 1, bias=bias)]
        layers += [norm(width // 2), nn.ReLU()]
    layers += [nn.ReflectionPad2d(3), nn.Conv2d(w, channels[1], 7), nn.Tanh()]
    return Translator(*layers)


class Level(nn.Module):
    """One size of a U-Net, and all smaller ones within it."""

    def __init__(self, outer, width, inner, norm, channels=0):
        super().__init__()
        bias = norm is not nn.BatchNorm2d
        down = nn.Conv2d(outer, width, 4, 2, 1, bias=bias)
        self.joined = not channels
        joined = width * (1 if inner is None else 2)
        up = nn.ConvTranspose2d(
            joined, channels or outer, 4, 2, 1, bias=bias or channels > 0
        )
        layers = [down] if channels else [nn.LeakyReLU(0.2), down]
        layers += [norm(width)] if not channels and inner is not None else []
        layers += [] if inner is None else [inner]
        layers += [nn.ReLU(), up, nn.Tanh() if channels else norm(outer)]
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        y = self.model(x)
        return torch.cat([x, y], 1) if self.joined else y


def unet(depth, norm, channels=(3, 3)):
    widths = [WIDTH * min(2**i, 8) for i in range(depth)]
    level = None
    for outer, width in reversed(list(itertools.pairwise(widths))):
        level = Level(outer, width, level, norm)
    return nn.ModuleDict({"model": Level(channels[0], WIDTH, level, norm, channels[1])})


def patchgan(layers, norm, blurred=False, channels=3):
    bias, width = norm is not nn.BatchNorm2d, WIDTH
    modules = []
    for i in range(layers + 1):
        inputs, outputs = width if i else channels, WIDTH * min(2**i, 8)
        width, stride = outputs, 2 if i < layers else 1
        size = 1 if blurred else stride
        modules += [nn.Conv2d(inputs, outputs, 4, size, 1, bias=bias or not i)]
        modules += [norm(outputs)] if i else []
        modules += [nn.LeakyReLU(0.2)]
        modules += [Blur(outputs)] if blurred and stride == 2 else []
    return Translator(*modules, nn.Conv2d(width, 1, 4, 1, 1))


def arrays(model):
    return {key: value.numpy().copy() for key, value in model.state_dict().items()}


def prepared(model):
    """The network with random running averages, and its state dict."""
    torch.manual_seed(0)
    for key, values in model.state_dict().items():
        if key.endswith(("running_mean", "bias")):
            values.normal_(0, 0.1)
        elif key.endswith("running_var"):
            values.uniform_(0.5, 1.5)
        elif key.endswith("weight") and values.ndim == 1:
            values.normal_(1, 0.2)
    return model, arrays(model)


def images(height=32, width=64, channels=3):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (2, height, width, channels)).astype(np.float32)


def theirs_of(model, x):
    with torch.no_grad():
        y = model(torch.from_numpy(x).permute(0, 3, 1, 2))
    return y.permute(0, 2, 3, 1).numpy()


def relative_error(ours, theirs):
    assert ours.shape == theirs.shape
    return np.abs(np.asarray(ours) - theirs).max() / np.abs(theirs).max()


def compare(name, theirs, x, train, **fields):
    """The largest relative error of outputs, and of running averages in training."""
    module, state = prepared(theirs)
    model, variables = from_torch(name, state, **fields)
    forward = module["model"] if isinstance(module, nn.ModuleDict) else module
    # Dropout stays off, so that both see the same.
    forward.train(train)
    for part in forward.modules():
        if isinstance(part, nn.Dropout):
            part.eval()
    want = theirs_of(forward, x)
    given = {"mutable": ["batch_stats"]}
    given |= {} if name.startswith("patch") else {"drop": False}

    def run(variables, x):
        return model.apply(variables, x, train=train, **given)

    y, new = jax.jit(run, compiler_options=FAST)(variables, x)
    errors = [relative_error(y, want)]
    if "batch_stats" in variables:
        _, after = from_torch(name, arrays(module), **fields)
        pairs = zip(
            jax.tree.leaves(new["batch_stats"]),
            jax.tree.leaves(after["batch_stats"]),
            strict=True,
        )
        errors += [relative_error(ours, kept) for ours, kept in pairs]
    print(f"{name} train={train} largest relative error {max(errors):.1e}")
    return max(errors)


NORMS = [nn.InstanceNorm2d, nn.BatchNorm2d]


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("blurred", [False, True])
def test_residual_generators(norm, blurred, train):
    theirs = resnet(3, norm, blurred, dropout=True, channels=(2, 4))
    x = images(24, 32, 2)
    error = compare("cyclegan_resnet9", theirs, x, train, blocks=3)
    assert error < TOLERANCE


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("norm", NORMS)
def test_unets(norm, train):
    theirs = unet(4, norm, channels=(2, 4))
    error = compare("unet256", theirs, images(32, 64, 2), train, depth=4)
    assert error < TOLERANCE


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize(
    ("norm", "blurred"), [*((norm, False) for norm in NORMS), (NORMS[0], True)]
)
def test_patch_discriminators(norm, blurred, train):
    error = compare(
        "patchgan70", patchgan(3, norm, blurred, 6), images(48, 64, 6), train
    )
    assert error < TOLERANCE


def test_the_map_of_patches():
    module = patchgan(3, nn.InstanceNorm2d)
    want = theirs_of(module, images(256, 256)[:1])
    model, variables = from_torch("patchgan70", arrays(module))
    shape = jax.eval_shape(model.apply, variables, images(256, 256)[:1]).shape
    assert shape == want.shape == (1, 30, 30, 1)


def test_features_of_cut():
    """The layers 0, 4, 8, 12 and 16 of its sequence."""
    module, state = prepared(resnet(6, nn.InstanceNorm2d, blurred=True))
    x, wanted = torch.from_numpy(images()).permute(0, 3, 1, 2), []
    with torch.no_grad():
        for i, layer in enumerate(module.model):
            x = layer(x)
            wanted += [x.permute(0, 2, 3, 1).numpy()] if i in (0, 4, 8, 12, 16) else []
    model, variables = from_torch("cyclegan_resnet6", state)
    run = jax.jit(
        lambda v, x: model.apply(v, x, method="features"), compiler_options=FAST
    )
    pairs = zip(run(variables, images()), wanted, strict=True)
    assert max(relative_error(*pair) for pair in pairs) < TOLERANCE


@pytest.mark.parametrize("legacy", [False, True])
def test_files_of_torch(tmp_path, legacy):
    """A file as the authors' code saves it, in both layouts of torch.save."""
    module, _ = prepared(resnet(9, nn.InstanceNorm2d).eval())
    file = io.BytesIO()
    state = module.state_dict()
    # Files of PyTorch before 0.4 have averages of instance norm, which were not used.
    state["model.2.running_mean"] = torch.ones(WIDTH)
    state["model.2.running_var"] = torch.ones(WIDTH)
    torch.save(state, file, _use_new_zipfile_serialization=not legacy)
    path = tmp_path / "latest_net_G_A.pth"
    path.write_bytes(file.getvalue())
    model, variables, _ = from_pretrained(path)
    ours = jax.jit(model.apply, compiler_options=FAST)(variables, images(16, 32))
    error = relative_error(ours, theirs_of(module, images(16, 32)))
    assert (model.blocks, model.norm, model.width) == (9, "instance", WIDTH)
    assert error < TOLERANCE


@pytest.mark.parametrize("side", [9, 10])
def test_layers(side):
    """Strided padding, output padding, and the epsilon of instance norm."""
    x = images(side, side + 3, 3)
    torch.manual_seed(0)
    strided = nn.Conv2d(3, 5, 3, 2, 1, bias=False)
    kernel = strided.weight.detach().numpy().transpose(2, 3, 1, 0)
    y = Conv(5, 3, 2).apply({"params": {"kernel": jnp.asarray(kernel)}}, x)
    assert relative_error(y, theirs_of(strided, x)) < TOLERANCE
    doubled = nn.ConvTranspose2d(3, 5, 3, 2, 1, 1, bias=False)
    kernel = doubled.weight.detach().numpy().transpose(2, 3, 0, 1)[::-1, ::-1]
    conv = TransposedConv(5, 3, 2, 1, output_padding=1)
    y = conv.apply({"params": {"kernel": jnp.asarray(kernel)}}, x)
    assert relative_error(y, theirs_of(doubled, x)) < TOLERANCE
    # So small values that another epsilon would change them.
    y = InstanceNorm().apply({}, x * np.float32(1e-3), False)
    want = theirs_of(nn.InstanceNorm2d(3), x * np.float32(1e-3))
    assert relative_error(y, want) < TOLERANCE
    other = InstanceNorm(epsilon=1e-6).apply({}, x * np.float32(1e-3), False)
    assert relative_error(other, want) > 0.1


def test_pix2pix_is_used_as_it_trains():
    """Each image by its own statistics; with dropout off, which draws otherwise."""
    module, state = prepared(unet(7, nn.BatchNorm2d))
    model, variables = from_torch("unet128", state, dropout=0.0)
    assert model.dropping == (2, 3)
    weights = Pretrained(model, variables, Description("unet128"))
    x = images(128, 128)
    want = [theirs_of(module["model"].train(), x[i : i + 1]) for i in (0, 1)]
    made = 2 * translator_of(weights)((x + 1) / 2) - 1
    assert relative_error(made, np.concatenate(want)) < 1e-4
