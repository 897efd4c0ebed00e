"""Training steps in PyTorch as its users write them: what ours are timed beside.

Plain programs in `channels_last`, fed with uint8 images [B, H, W, C] as ours are, on
PyTorch's default device. Each function makes (step, forward) of a batch: one training
step, and inference without gradients.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch_r3gan import R3Discriminator, R3Generator

MEAN, STD = 0.47, 0.25


def pixels(images, mean=MEAN, std=STD):
    """uint8 [B, H, W, C] -> float32 [B, C, H, W] in channels_last."""
    x = images.permute(0, 3, 1, 2).float() / 255
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


def conv3(inputs, outputs, stride=1, groups=1):
    """A 3x3 convolution as residual networks have it."""
    return nn.Conv2d(inputs, outputs, 3, stride, 1, groups=groups, bias=False)


class Basic(nn.Module):
    """He's block of two 3x3 convolutions; option A shortcuts where `padded`."""

    expansion = 1

    def __init__(self, inputs, width, stride, padded):
        super().__init__()
        self.conv1, self.bn1 = conv3(inputs, width, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv3(width, width), nn.BatchNorm2d(width)
        self.stride, self.grown = stride, width - inputs
        self.short = nn.Identity() if padded else shortcut(inputs, width, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if isinstance(self.short, nn.Identity) and self.grown:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0,) * 5 + (self.grown,))
        else:
            x = self.short(x)
        return F.relu(x + y)


class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride, 1x1."""

    expansion, groups = 4, 1

    def __init__(self, inputs, width, stride, padded):
        super().__init__()
        inside = width if self.groups == 1 else 2 * width
        self.conv1 = nn.Conv2d(inputs, inside, 1, bias=False)
        self.conv2 = conv3(inside, inside, stride, self.groups)
        self.conv3 = nn.Conv2d(inside, 4 * width, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(inside), nn.BatchNorm2d(inside)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.short = shortcut(inputs, 4 * width, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.short(x) + self.bn3(self.conv3(y)))


class Grouped(Bottleneck):
    """ResNeXt's, 32 x 4d."""

    groups = 32


def shortcut(inputs, outputs, stride):
    """Nothing, or a projection."""
    if inputs == outputs and stride == 1:
        return nn.Identity()
    conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


def resnet(block, sizes, widths, classes, *, stem, padded=False):
    """A residual network with the stem of CIFAR or of ImageNet."""
    layers = [conv3(3, widths[0])]
    if stem == "imagenet":
        layers = [nn.Conv2d(3, widths[0], 7, 2, 3, bias=False)]
    layers += [nn.BatchNorm2d(widths[0]), nn.ReLU()]
    if stem == "imagenet":
        layers.append(nn.MaxPool2d(3, 2, 1))
    inputs = widths[0]
    for stage, (size, width) in enumerate(zip(sizes, widths, strict=True)):
        for index in range(size):
            stride = 2 if stage and not index else 1
            layers.append(block(inputs, width, stride, padded))
            inputs = width * block.expansion
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes)]
    return nn.Sequential(*layers)


def classification(net, batch, compiled):
    """Cross-entropy and SGD with momentum."""
    net = net.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(
        net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4, fused=on_gpu()
    )
    run = torch.compile(net) if compiled else net
    labels = batch["label"].long()

    def step():
        loss = F.cross_entropy(run(pixels(batch["image"])), labels)
        descend(optimizer, loss)
        return loss.detach()

    return step, inference(net, run, lambda: run(pixels(batch["image"])))


def on_gpu():
    """Whether tensors are made there, whose optimizers are faster fused."""
    return torch.get_default_device().type == "cuda"


def descend(optimizer, loss):
    """One update."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def inference(net, run, forward):
    """A forward pass in evaluation mode; what training had is put back."""

    def infer():
        net.eval()
        with torch.inference_mode():
            y = forward()
        net.train()
        return y

    return infer


def resnet20(batch, compiled):
    """He's CIFAR network of 20 layers."""
    net = resnet(Basic, (3, 3, 3), (16, 32, 64), 10, stem="cifar", padded=True)
    return classification(net, batch, compiled)


def resnet18(batch, compiled):
    """The wide one with a stem for CIFAR."""
    net = resnet(Basic, (2, 2, 2, 2), (64, 128, 256, 512), 10, stem="cifar")
    return classification(net, batch, compiled)


def resnet50(batch, compiled):
    """ImageNet's."""
    widths = (64, 128, 256, 512)
    net = resnet(Bottleneck, (3, 4, 6, 3), widths, 1000, stem="imagenet")
    return classification(net, batch, compiled)


def resnext50(batch, compiled):
    """ImageNet's of 32 groups."""
    net = resnet(Grouped, (3, 4, 6, 3), (64, 128, 256, 512), 1000, stem="imagenet")
    return classification(net, batch, compiled)


class EDSR(nn.Module):
    """EDSR-baseline x4."""

    def __init__(self, width=64, blocks=16):
        super().__init__()

        def conv(inputs, outputs):
            return nn.Conv2d(inputs, outputs, 3, 1, 1)

        self.head, self.last = conv(3, width), conv(width, width)
        self.body = nn.ModuleList(
            nn.Sequential(conv(width, width), nn.ReLU(), conv(width, width))
            for _ in range(blocks)
        )
        up = [conv(width, 4 * width), nn.PixelShuffle(2)]
        self.tail = nn.Sequential(
            *up, conv(width, 4 * width), nn.PixelShuffle(2), conv(width, 3)
        )

    def forward(self, x):
        y = x = self.head(x)
        for block in self.body:
            y = y + block(y)
        return self.tail(x + self.last(y))


def edsr(batch, compiled):
    """L1 and Adam; the small images are made outside of the step."""
    net = EDSR().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4, fused=on_gpu())
    run = torch.compile(net) if compiled else net
    high = pixels(batch["image"], 0.0, 1.0)
    low = F.interpolate(high, scale_factor=0.25, mode="bicubic", antialias=True)
    low = low.contiguous(memory_format=torch.channels_last)

    def step():
        loss = F.l1_loss(run(low), high)
        descend(optimizer, loss)
        return loss.detach()

    return step, inference(net, run, lambda: run(low))


class Up(nn.Module):
    """SNGAN's block that doubles the sides."""

    def __init__(self, width):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(width, width, 3, 1, 1)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1)
        self.short = nn.Conv2d(width, width, 1)

    def forward(self, x):
        y = F.interpolate(F.relu(self.bn1(x)), scale_factor=2, mode="nearest")
        y = self.conv2(F.relu(self.bn2(self.conv1(y))))
        return y + self.short(F.interpolate(x, scale_factor=2, mode="nearest"))


class Generator(nn.Module):
    """SNGAN's generator of 32x32 images."""

    def __init__(self, width=256):
        super().__init__()
        self.dense, self.width = nn.Linear(128, 16 * width), width
        self.blocks = nn.Sequential(Up(width), Up(width), Up(width))
        self.bn, self.conv = nn.BatchNorm2d(width), nn.Conv2d(width, 3, 3, 1, 1)

    def forward(self, z):
        x = self.dense(z).view(-1, self.width, 4, 4)
        x = x.contiguous(memory_format=torch.channels_last)
        return torch.tanh(self.conv(F.relu(self.bn(self.blocks(x)))))


class Down(nn.Module):
    """SNGAN's block of the discriminator."""

    def __init__(self, inputs, width, down, first=False):
        super().__init__()
        self.conv1 = spectral_norm(nn.Conv2d(inputs, width, 3, 1, 1))
        self.conv2 = spectral_norm(nn.Conv2d(width, width, 3, 1, 1))
        grown = down or inputs != width
        self.short = spectral_norm(nn.Conv2d(inputs, width, 1)) if grown else None
        self.down, self.first = down, first

    def forward(self, x):
        y = x if self.first else F.relu(x)
        y = self.conv2(F.relu(self.conv1(y)))
        y = F.avg_pool2d(y, 2) if self.down else y
        if self.short is None:
            return x + y
        if self.first:
            return self.short(F.avg_pool2d(x, 2)) + y
        x = self.short(x)
        return (F.avg_pool2d(x, 2) if self.down else x) + y


class Discriminator(nn.Module):
    """SNGAN's discriminator of 32x32 images."""

    def __init__(self, width=128):
        super().__init__()
        self.blocks = nn.Sequential(
            Down(3, width, True, first=True),
            Down(width, width, True),
            Down(width, width, False),
            Down(width, width, False),
        )
        self.dense = spectral_norm(nn.Linear(width, 1))

    def forward(self, x):
        return self.dense(F.relu(self.blocks(x)).sum((2, 3)))


def game(generator, discriminator):
    """Both networks, and Adam for each."""
    nets = [x.to(memory_format=torch.channels_last) for x in (generator, discriminator)]
    adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.0, 0.9), fused=on_gpu())
    return *nets, [adam(net.parameters()) for net in nets]


def sngan(batch, compiled):
    """One update of the discriminator and one of the generator, hinge and Adam."""
    generator, discriminator, optimizers = game(Generator(), Discriminator())
    make, judge = generator, discriminator
    if compiled:
        make, judge = torch.compile(generator), torch.compile(discriminator)
    rows = len(batch["image"])

    def step():
        real = pixels(batch["image"], 0.5, 0.5)
        with torch.no_grad():
            fake = make(torch.randn(rows, 128))
        loss = F.relu(1 - judge(real)).mean() + F.relu(1 + judge(fake)).mean()
        descend(optimizers[1], loss)
        score = -judge(make(torch.randn(rows, 128))).mean()
        descend(optimizers[0], score)
        return loss.detach()

    return step, inference(generator, make, lambda: make(torch.randn(rows, 128)))


def r3gan(batch, compiled):
    """Relativistic loss with R1 and R2, an update of each network, Adam, classes."""
    generator, discriminator, optimizers = game(R3Generator(), R3Discriminator())
    # torch.compile cannot differentiate twice, which the penalties do.
    make = torch.compile(generator) if compiled else generator
    labels = batch["label"].long()

    def generate():
        return make(torch.randn(len(labels), 64), labels)

    def penalty(images):
        score = discriminator(images, labels)
        (slope,) = torch.autograd.grad(score.sum(), images, create_graph=True)
        return score, slope.square().sum((1, 2, 3)).mean()

    def step():
        real = pixels(batch["image"], 0.5, 0.5).requires_grad_()
        with torch.no_grad():
            fake = generate()
        for_real, r1 = penalty(real)
        for_fake, r2 = penalty(fake.detach().requires_grad_())
        loss = F.softplus(for_fake - for_real).mean() + 0.025 * (r1 + r2)
        descend(optimizers[1], loss)
        with torch.no_grad():
            for_real = discriminator(real, labels)
        score = F.softplus(for_real - discriminator(generate(), labels)).mean()
        descend(optimizers[0], score)
        return loss.detach()

    return step, inference(generator, make, generate)


STEPS = {
    "resnet20": resnet20,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "resnext50": resnext50,
    "imagenet": resnet50,
    "sngan": sngan,
    "r3gan": r3gan,
    "edsr": edsr,
}


def build(name, batch, compiled, dtype=torch.float32):
    """(step, forward) of a batch of NumPy arrays, on the default device.

    A dtype below float32 is that of torch.autocast.
    """
    device = torch.get_default_device()
    placed = {
        key: torch.as_tensor(value, device=device) for key, value in batch.items()
    }
    functions = STEPS[name](placed, compiled)

    def automatic(function):
        def run():
            mixed = torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
            with mixed:
                return function()

        return run

    return tuple(automatic(function) for function in functions)
