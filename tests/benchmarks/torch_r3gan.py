"""R3GAN of CIFAR-10 in PyTorch, as its paper describes it: what ours is timed beside.

Huang et al. 2025, arXiv:2501.05441, config E: four stages of two blocks, 768 channels,
groups of 16.
"""

import torch
import torch.nn.functional as F
from torch import nn

WIDTH, STAGES, GROUP, CLASSES, LATENTS = 768, 4, 16, 10, 64


class Block(nn.Module):
    """1x1 to twice the channels, grouped 3x3, 1x1 back, added to the input."""

    def __init__(self):
        super().__init__()
        inside = 2 * WIDTH
        self.conv1 = nn.Conv2d(WIDTH, inside, 1)
        self.conv2 = nn.Conv2d(inside, inside, 3, 1, 1, groups=inside // GROUP)
        self.conv3 = nn.Conv2d(inside, WIDTH, 1, bias=False)
        nn.init.zeros_(self.conv3.weight)

    def forward(self, x):
        y = F.leaky_relu(self.conv1(x), 0.2)
        y = F.leaky_relu(self.conv2(y), 0.2)
        return x + self.conv3(y)


class Up(nn.Module):
    """Twice the sides, smoothed by [1, 3, 3, 1]."""

    def __init__(self):
        super().__init__()
        self.register_buffer("filter", smooth() * 4)

    def forward(self, x):
        kernel = self.filter.to(x.dtype)
        return F.conv_transpose2d(x, kernel, None, 2, 1, groups=WIDTH)


class Down(nn.Module):
    """Half of the sides, smoothed by [1, 3, 3, 1]."""

    def __init__(self):
        super().__init__()
        self.register_buffer("filter", smooth())

    def forward(self, x):
        return F.conv2d(x, self.filter.to(x.dtype), None, 2, 1, groups=WIDTH)


def smooth():
    """The filter of every channel, of sum one."""
    line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    return torch.outer(line, line).repeat(WIDTH, 1, 1, 1)


def stage():
    """Two blocks."""
    return nn.Sequential(Block(), Block())


class R3Generator(nn.Module):
    """Latents and labels to images."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(CLASSES, LATENTS)
        self.linear = nn.Linear(2 * LATENTS, WIDTH, bias=False)
        self.basis = nn.Parameter(torch.randn(WIDTH, 4, 4))
        self.stages = nn.ModuleList(stage() for _ in range(STAGES))
        self.ups = nn.ModuleList(Up() for _ in range(STAGES - 1))
        self.last = nn.Conv2d(WIDTH, 3, 1, bias=False)

    def forward(self, latents, labels):
        latents = torch.cat([latents, self.embed(labels)], 1)
        x = self.basis * self.linear(latents)[:, :, None, None]
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(x.device.type, enabled=False):
            x = self.stages[0](x.float())
        for up, blocks in zip(self.ups, self.stages[1:], strict=True):
            x = blocks(up(x))
        return self.last(x).float()


class R3Discriminator(nn.Module):
    """Images and labels to logits."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, WIDTH, 1, bias=False)
        self.stages = nn.ModuleList(stage() for _ in range(STAGES))
        self.downs = nn.ModuleList(Down() for _ in range(STAGES - 1))
        self.pool = nn.Conv2d(WIDTH, WIDTH, 4, groups=WIDTH, bias=False)
        self.linear = nn.Linear(WIDTH, WIDTH, bias=False)
        self.embed = nn.Embedding(CLASSES, WIDTH)

    def forward(self, images, labels):
        x = self.first(images)
        for blocks, down in zip(self.stages[:-1], self.downs, strict=True):
            x = down(blocks(x))
        with torch.autocast(x.device.type, enabled=False):
            x = self.pool(self.stages[-1](x.float()))[:, :, 0, 0]
            return (self.linear(x) * self.embed(labels)).sum(1)
