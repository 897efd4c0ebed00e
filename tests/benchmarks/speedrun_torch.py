"""The recipe of configs/cifar10_speedrun.py in PyTorch, for a comparison on one card.

    python tests/benchmarks/speedrun_torch.py --data=cifar10.npz --seeds=40

The file has x_train, y_train, x_test, y_test. Prints the table that `resnet-jax train
--config=cifar10_speedrun` prints, timed by the same rule: from images and labels on the
device to the accuracies (whitening kernel, training, evaluation with test-time
augmentation), without compilation, after one run that is not counted. Weights are
float32 and convolutions compute in --dtype, as there; channels last; torch.compile with
max-autotune on a GPU.

    python tests/benchmarks/speedrun_torch.py --replay=start.npz --out=torch.npz

repeats on the CPU, in float32, what tests/parity/speedrun.py wrote.
Needs PyTorch and NumPy, and nothing of resnet_jax.
"""

import argparse
import statistics
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
KERNEL_RATE, BIAS_RATE, HEAD_RATE = 0.24, 0.053, 0.67  # of the sum over a batch
DECAY = 2e-6  # times the batch size


class Group(nn.Module):
    def __init__(self, inputs, width):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, padding=1, bias=False)
        self.norm1 = norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = norm(width)
        for conv in (self.conv1, self.conv2):
            nn.init.dirac_(conv.weight.data[: conv.in_channels])

    def forward(self, x):
        x = F.max_pool2d(convolve(x, self.conv1.weight, padding=1), 2)
        x = F.gelu(normalize(self.norm1, x))
        x = convolve(x, self.conv2.weight, padding=1)
        return F.gelu(normalize(self.norm2, x))


class Airbench(nn.Module):
    def __init__(self, widths=(64, 256, 256), classes=10, dtype=torch.float32):
        super().__init__()
        self.dtype = dtype
        self.register_buffer("kernel", torch.zeros(24, 3, 2, 2))
        self.whiten_bias = nn.Parameter(torch.zeros(24))
        inputs = (24, *widths[:-1])
        self.layers = nn.ModuleList(map(Group, inputs, widths))
        self.fc = nn.Linear(widths[-1], classes, bias=False)

    def forward(self, x):
        x = x.to(self.dtype, memory_format=torch.channels_last)
        x = convolve(x, self.kernel) + self.whiten_bias.to(x.dtype)[:, None, None]
        x = F.gelu(x)
        for group in self.layers:
            x = group(x)
        x = F.max_pool2d(x, x.shape[-1]).flatten(1)
        return F.linear(x, self.fc.weight.to(x.dtype)).float() / x.shape[1]


def norm(width):
    layer = nn.BatchNorm2d(width, eps=1e-12, momentum=0.4)  # PyTorch: the new part
    layer.weight.requires_grad = False
    return layer


def normalize(layer, x):
    return layer(x.float()).to(x.dtype)


def convolve(x, weight, padding=0):
    weight = weight.to(x.dtype, memory_format=torch.channels_last)
    return F.conv2d(x, weight, padding=padding)


def whitening_kernel(images, epsilon=5e-4):
    """Eigenvectors of the 2x2 windows' second moments, and their negatives."""
    windows = images.unfold(2, 2, 1).unfold(3, 2, 1)  # [N, C, H', W', 2, 2]
    flat = windows.permute(0, 2, 3, 1, 4, 5).reshape(-1, 12).float()
    values, vectors = torch.linalg.eigh(flat.T @ flat / len(flat))
    filters = (vectors / torch.sqrt(values + epsilon)).T.flip(0).reshape(12, 3, 2, 2)
    return torch.cat([filters, -filters])


def orthogonalize(matrix, iterations=3):
    a, b, c = COEFFICIENTS
    x = matrix / (matrix.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(iterations):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


class Muon:
    def __init__(self, kernels, momentum=0.6, dtype=torch.float32, compiled=False):
        self.kernels, self.momentum, self.dtype = kernels, momentum, dtype
        self.sums = [torch.zeros_like(k) for k in kernels]
        self.update = torch.compile(self._update) if compiled else self._update

    @torch.no_grad()
    def step(self, rate):
        rate = torch.tensor(rate, device=self.kernels[0].device)
        self.update([k.grad for k in self.kernels], rate)

    def _update(self, grads, rate):
        for kernel, grad, total in zip(self.kernels, grads, self.sums, strict=True):
            total.mul_(self.momentum).add_(grad)
            ahead = grad + self.momentum * total
            rows = orthogonalize(ahead.reshape(len(ahead), -1).to(self.dtype))
            kernel.mul_(len(kernel) ** 0.5 / kernel.norm())
            kernel.sub_(rate * rows.to(kernel.dtype).view_as(kernel))


def draw(generator, examples, batch, steps, device):
    """Order, crops and flips of a run, a row per step."""
    per_epoch = examples // batch
    epochs = -(-steps // per_epoch)
    rand = {"generator": generator, "device": device}
    order = torch.stack([torch.randperm(examples, **rand) for _ in range(epochs)])
    index = order[:, : per_epoch * batch].reshape(-1, batch)[:steps]
    first = torch.rand(examples, **rand) < 0.5
    odd = (torch.arange(steps, device=device) // per_epoch) % 2 == 1
    return {
        "index": index,
        "shift": torch.randint(0, 5, (*index.shape, 2), **rand),
        "flip": first[index] ^ odd[:, None],
    }


def pixels(images):
    """uint8 [N, H, W, C] to normalized float32 [N, C, H, W]."""
    mean, std = (torch.tensor(v, device=images.device) * 255 for v in (MEAN, STD))
    return ((images.float() - mean) / std).permute(0, 3, 1, 2)


def reflect(images, pad):
    """Of uint8 [N, H, W, C]."""
    size = images.shape[1]
    at = torch.arange(-pad, size + pad, device=images.device).abs()
    at = size - 1 - (size - 1 - at).abs()
    return images[:, at][:, :, at]


def crops(padded, index, shift, flip, size=32):
    span = torch.arange(size, device=padded.device)
    rows = shift[:, :1] + span
    columns = shift[:, 1:] + torch.where(flip[:, None], span.flip(0), span)
    return padded[index[:, None, None], rows[:, :, None], columns[:, None, :]]


def train(net, forward, images, labels, draws, whiten_steps, muon):
    """Trains in place; returns the mean loss of every step."""
    steps, batch = draws["index"].shape
    padded, net_decay = reflect(images, 2), DECAY * batch
    biases = [p for n, p in net.named_parameters() if "norm" in n and p.requires_grad]

    def sgd(params, rate):
        group = {"params": params, "lr": rate, "weight_decay": net_decay / rate}
        return torch.optim.SGD(
            [group], momentum=0.85, nesterov=True, fused=images.is_cuda
        )

    first = sgd([net.whiten_bias], BIAS_RATE)
    others = [sgd(biases, BIAS_RATE), sgd([net.fc.weight], HEAD_RATE)]
    rates, losses = (BIAS_RATE, HEAD_RATE), []
    net.train()
    for step in range(steps):
        row = {key: value[step] for key, value in draws.items()}
        logits = forward(pixels(crops(padded, **row)))
        target = labels[row["index"]]
        loss = F.cross_entropy(logits, target, label_smoothing=0.2, reduction="sum")
        loss.backward()
        left = 1 - step / steps
        for optimizer, rate in zip(others, rates, strict=True):
            optimizer.param_groups[0]["lr"] = rate * left
            optimizer.step()
        if step < whiten_steps:
            first.param_groups[0]["lr"] = BIAS_RATE * (1 - step / whiten_steps)
            first.step()
        muon.step(KERNEL_RATE * left)
        net.zero_grad(set_to_none=True)
        losses.append(loss.detach() / batch)
    return losses


@torch.no_grad()
def evaluate(net, forward, images, batch):
    """Logits with test-time augmentation of level 2, and without any."""
    net.eval()
    mixed, plain = [], []
    for part in images.split(batch):
        wide, size = reflect(part, 1), part.shape[1]
        shifted = [wide[:, at : at + size, at : at + size] for at in (0, 2)]

        def both(x):
            x = pixels(x)
            # A compiled graph may use its output's memory again.
            straight = forward(x).clone()
            return straight, (straight + forward(x.flip(-1))) / 2

        straight, middle = both(part)
        mixed.append(middle / 2 + sum(both(x)[1] for x in shifted) / 4)
        plain.append(straight)
    return torch.cat(mixed), torch.cat(plain)


def one_run(seed, data, net, forward, arguments):
    """Accuracy with and without test-time augmentation of a freshly drawn network."""
    torch.manual_seed(seed)
    device = data["x_train"].device
    generator = torch.Generator(device).manual_seed(seed)
    fresh = Airbench(arguments.widths).state_dict()
    net.load_state_dict(fresh)
    net.kernel.copy_(whitening_kernel(pixels(data["x_train"][:5000])))
    examples, batch = len(data["x_train"]), arguments.batch_size
    steps = arguments.steps or 8 * (examples // batch)
    draws = draw(generator, examples, batch, steps, device)
    kernels = [p for p in net.parameters() if p.ndim == 4]
    muon = Muon(kernels, dtype=net.dtype, compiled=arguments.compile)
    x, y = data["x_train"], data["y_train"]
    train(net, forward, x, y, draws, steps * 3 // 8, muon)
    found = evaluate(net, forward, data["x_test"], batch)
    return [(z.argmax(1) == data["y_test"]).float().mean().item() for z in found]


def benchmark(arguments):
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with np.load(arguments.data) as file:
        data = {k: torch.tensor(file[k], device=device) for k in KEYS}
    data = {k: v.flatten().long() if k[0] == "y" else v for k, v in data.items()}
    net = Airbench(arguments.widths, dtype=getattr(torch, arguments.dtype)).to(device)
    net = net.to(memory_format=torch.channels_last)
    forward = torch.compile(net, mode="max-autotune") if arguments.compile else net
    begin = time.perf_counter()
    if arguments.warm_up:
        one_run(arguments.seeds, data, net, forward, arguments)
    compiling, seconds, found = time.perf_counter() - begin, [], []
    for seed in range(arguments.seeds):
        begin = time.perf_counter()
        found.append(one_run(seed, data, net, forward, arguments))
        seconds.append(time.perf_counter() - begin)
        mixed, _ = found[-1]
        print(f"seed {seed}: {100 * mixed:.2f} %, {seconds[-1]:.2f} s", flush=True)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    print(table(found, seconds, compiling, f"{name}, {arguments.dtype}"))


def table(found, seconds, compiling, device):
    """As resnet_jax.speedrun prints it; `compile s` includes the run not counted."""

    def spread(values, scale=1.0, digits=2):
        sd = statistics.stdev(values) if len(values) > 1 else 0.0
        mean = statistics.fmean(values)
        return f"{scale * mean:.{digits}f} ± {scale * sd:.{digits}f}"

    mixed, plain = zip(*found, strict=True)
    columns = {
        "n": str(len(found)),
        "accuracy %": spread(mixed, 100),
        "without TTA %": spread(plain, 100),
        "seconds/run": spread(seconds, digits=3),
        "seeds/run": "1",
        "seconds/seed": f"{statistics.fmean(seconds):.3f}",
        "compile s": f"{compiling:.1f}",
        "device": device,
    }
    widths = [max(len(name), len(text)) for name, text in columns.items()]
    lines = (columns.keys(), columns.values())
    return "\n".join(
        "  ".join(f"{x:{w}}" for x, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def replay(source, out):
    """The steps of tests/parity/speedrun.py from the same weights and draws."""
    with np.load(source) as file:
        given = {key: torch.tensor(file[key]) for key in file.files}
    widths = tuple(given["widths"].tolist())
    net = Airbench(widths)
    state = net.state_dict()
    for key, value in given.items():
        if not key.startswith("start/"):
            continue
        name = torch_name(key.removeprefix("start/"))
        state[name] = value.permute(*{1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}[value.ndim])
    net.load_state_dict(state)
    draws = {key: given[key].long() for key in ("index", "shift")}
    draws["flip"] = given["flip"]
    images, labels = given["image"], given["label"].long()
    muon = Muon([p for p in net.parameters() if p.ndim == 4])
    steps = int(given["whiten_steps"])
    losses = train(net, net, images, labels, draws, steps, muon)
    mixed, plain = evaluate(net, net, images, len(images))
    kernel = whitening_kernel(pixels(images))
    np.savez_compressed(
        out,
        losses=torch.stack(losses).numpy(),
        logits=mixed.numpy(),
        plain_logits=plain.numpy(),
        orthogonal=orthogonalize(given["matrix"]).numpy(),
        # Signs of eigenvectors are free: what the filters do to windows is not.
        whitening=torch.einsum("oijk,olmn->ijklmn", kernel, kernel).numpy(),
    )


def torch_name(path):
    """layers_0/conv1/kernel -> layers.0.conv1.weight."""
    special = {"whiten/kernel": "kernel", "whiten/bias": "whiten_bias"}
    if path in special:
        return special[path]
    path = path.replace("layers_", "layers/").replace("kernel", "weight")
    return path.replace("/", ".")


KEYS = ("x_train", "y_train", "x_test", "y_test")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", help="an .npz file of CIFAR-10")
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument(
        "--dtype", default="bfloat16", choices=("bfloat16", "float16", "float32")
    )
    parser.add_argument("--batch_size", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=0, help="by default eight epochs")
    parser.add_argument("--widths", type=int, nargs=3, default=(64, 256, 256))
    on = {
        "action": argparse.BooleanOptionalAction,
        "default": torch.cuda.is_available(),
    }
    parser.add_argument("--compile", **on)
    parser.add_argument("--warm_up", **on)
    parser.add_argument("--replay", help="what tests/parity/speedrun.py wrote")
    parser.add_argument("--out", default="torch.npz")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parse()
    if arguments.replay:
        replay(arguments.replay, arguments.out)
    else:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        benchmark(arguments)
