"""Restorers in PyTorch, written from their papers with the keys of published files.

Only where PyTorch is installed. Images are [B, C, H, W] in [0, 1], where the originals
of EDSR and RCAN take [0, 255].
"""

import torch
from torch import nn

MEAN = (0.4488, 0.4371, 0.4040)
RANGE = 255.0


def conv3(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 3, padding=1)


class Residual(nn.Module):
    """x + scale inner(x); `inner` is called `name`."""

    def __init__(self, name, inner, scale=1.0):
        super().__init__()
        self.add_module(name, inner)
        self.name, self.scale = name, scale

    def forward(self, x):
        return x + self.scale * getattr(self, self.name)(x)


def shift(sign):
    """EDSR-PyTorch's convolution that adds the mean or takes it away."""
    layer = nn.Conv2d(3, 3, 1)
    layer.weight.data = torch.eye(3)[:, :, None, None]
    layer.bias.data = sign * RANGE * torch.tensor(MEAN)
    return layer


def upsampler(scale, width):
    """Pixel shuffles as EDSR-PyTorch numbers them."""
    factors = {2: [2], 3: [3], 4: [2, 2]}[scale]
    layers = [
        (conv3(width, width * factor**2), nn.PixelShuffle(factor)) for factor in factors
    ]
    return nn.Sequential(*[layer for pair in layers for layer in pair])


class OfficialEDSR(nn.Module):
    """EDSR, and RCAN with other blocks, of EDSR-PyTorch's keys."""

    def __init__(self, scale, width, blocks):
        super().__init__()
        self.sub_mean, self.add_mean = shift(-1), shift(1)
        self.head = nn.Sequential(conv3(3, width))
        self.body = nn.Sequential(*blocks, conv3(width, width))
        self.tail = nn.Sequential(upsampler(scale, width), conv3(width, 3))

    def forward(self, x):
        x = self.head(self.sub_mean(RANGE * x))
        return self.add_mean(self.tail(x + self.body(x))) / RANGE


def edsr(scale, width, blocks, residual_scale):
    def block():
        inner = nn.Sequential(conv3(width, width), nn.ReLU(), conv3(width, width))
        return Residual("body", inner, residual_scale)

    return OfficialEDSR(scale, width, [block() for _ in range(blocks)])


class Attention(nn.Module):
    """RCAN's channel attention."""

    def __init__(self, width, hidden):
        super().__init__()
        squeeze, expand = nn.Conv2d(width, hidden, 1), nn.Conv2d(hidden, width, 1)
        self.conv_du = nn.Sequential(squeeze, nn.ReLU(), expand, nn.Sigmoid())

    def forward(self, x):
        return x * self.conv_du(x.mean((2, 3), keepdim=True))


def rcan(scale, width, groups, blocks, hidden):
    def block():
        convs = conv3(width, width), nn.ReLU(), conv3(width, width)
        return Residual("body", nn.Sequential(*convs, Attention(width, hidden)))

    def group():
        inner = [block() for _ in range(blocks)]
        return Residual("body", nn.Sequential(*inner, conv3(width, width)))

    return OfficialEDSR(scale, width, [group() for _ in range(groups)])


class Dense(nn.Module):
    """ESRGAN's dense block, with its first files' keys."""

    def __init__(self, width, growth):
        super().__init__()
        for i in range(5):
            conv = conv3(width + i * growth, width if i == 4 else growth)
            self.add_module(f"conv{i + 1}", nn.Sequential(conv))

    def forward(self, x):
        known = x
        for i in range(1, 5):
            y = nn.functional.leaky_relu(getattr(self, f"conv{i}")(known), 0.2)
            known = torch.cat([known, y], 1)
        return x + 0.2 * self.conv5(known)


class RRDBBlock(nn.Module):
    def __init__(self, width, growth):
        super().__init__()
        self.RDB1, self.RDB2, self.RDB3 = (Dense(width, growth) for _ in range(3))

    def forward(self, x):
        return x + 0.2 * self.RDB3(self.RDB2(self.RDB1(x)))


class RRDBNet(nn.Module):
    """ESRGAN's generator; squares of pixels come in as channels below four times."""

    def __init__(self, scale, width, blocks, growth):
        super().__init__()
        self.squares = 4 // scale
        trunk = [RRDBBlock(width, growth) for _ in range(blocks)]
        up = [
            layer
            for _ in range(2)
            for layer in (nn.Upsample(scale_factor=2), conv3(width, width), self.act())
        ]
        self.model = nn.Sequential(
            conv3(3 * self.squares**2, width),
            Residual("sub", nn.Sequential(*trunk, conv3(width, width))),
            *up,
            *(conv3(width, width), self.act(), conv3(width, 3)),
        )

    def act(self):
        return nn.LeakyReLU(0.2)

    def forward(self, x):
        return self.model(nn.functional.pixel_unshuffle(x, self.squares))


class MSRBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1, self.conv2 = conv3(width, width), conv3(width, width)

    def forward(self, x):
        return x + self.conv2(torch.relu(self.conv1(x)))


class MSRResNet(nn.Module):
    """BasicSR's, with its keys."""

    def __init__(self, scale, width, blocks):
        super().__init__()
        self.scale = scale
        self.conv_first = conv3(3, width)
        self.body = nn.Sequential(*[MSRBlock(width) for _ in range(blocks)])
        self.factors = {2: [2], 3: [3], 4: [2, 2]}[scale]
        for i, factor in enumerate(self.factors):
            self.add_module(f"upconv{i + 1}", conv3(width, width * factor**2))
        self.conv_hr, self.conv_last = conv3(width, width), conv3(width, 3)

    def forward(self, images):
        def act(x):
            return nn.functional.leaky_relu(x, 0.1)

        x = self.body(act(self.conv_first(images)))
        for i, factor in enumerate(self.factors):
            x = getattr(self, f"upconv{i + 1}")(x)
            x = act(nn.functional.pixel_shuffle(x, factor))
        x = self.conv_last(act(self.conv_hr(x)))
        size = {"scale_factor": self.scale, "mode": "bilinear", "align_corners": False}
        return x + nn.functional.interpolate(images, **size)


class SRResNet(nn.Module):
    """With the keys of SRGAN-PyTorch, and `bias` of convolutions before norms."""

    def __init__(self, scale, width, blocks, bias):
        super().__init__()

        def normed():
            conv = nn.Conv2d(width, width, 3, padding=1, bias=bias)
            return conv, nn.BatchNorm2d(width)

        def block():
            return Residual("rcb", nn.Sequential(*normed(), nn.PReLU(), *normed()))

        def step():
            layers = conv3(width, 4 * width), nn.PixelShuffle(2), nn.PReLU()
            up = nn.Module()
            up.upsample_block = nn.Sequential(*layers)
            up.forward = up.upsample_block.forward
            return up

        self.conv1 = nn.Sequential(nn.Conv2d(3, width, 9, padding=4), nn.PReLU())
        self.trunk = nn.Sequential(*[block() for _ in range(blocks)])
        self.conv2 = nn.Sequential(*normed())
        self.upsampling = nn.Sequential(*[step() for _ in range(scale // 2)])
        self.conv3 = nn.Conv2d(width, 3, 9, padding=4)

    def forward(self, x):
        x = self.conv1(x)
        return self.conv3(self.upsampling(x + self.conv2(self.trunk(x))))


class DnCNN(nn.Module):
    """With the keys of KAIR; without norm where it was folded."""

    def __init__(self, channels, width, depth, norm):
        super().__init__()
        layers = [conv3(channels, width), nn.ReLU()]
        for _ in range(depth - 2):
            layers.append(conv3(width, width))
            layers += [nn.BatchNorm2d(width, eps=1e-4)] if norm else []
            layers.append(nn.ReLU())
        self.model = nn.Sequential(*layers, conv3(width, channels))

    def forward(self, x):
        return x - self.model(x)


class Features(nn.Module):
    """torchvision's `features` of the layers of models/vgg.py, and its head's keys."""

    def __init__(self, layers):
        super().__init__()
        made, inputs, self.names = [], 3, []
        for name, *fields in layers:
            if name.startswith("pool"):
                made.append(nn.MaxPool2d(*fields))
                self.names.append(name)
                continue
            outputs, size, strides, padding = fields
            made += [nn.Conv2d(inputs, outputs, size, strides, padding), nn.ReLU()]
            self.names += [name, name.replace("conv", "relu")]
            inputs = outputs
        self.features = nn.Sequential(*made)
        self.classifier = nn.Sequential(nn.Linear(inputs, 2))

    def forward(self, x):
        maps = {}
        for name, layer in zip(self.names, self.features, strict=True):
            x = maps[name] = layer(x)
        return maps
