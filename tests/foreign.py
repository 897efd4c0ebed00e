"""Weights in the keys and files of other programs, filled with random numbers."""

import re

import numpy as np
import torch_pickle

WIDTH = 2
# Ours -> theirs, one after the other.
ESRGAN = (
    (r"^body\.(\d+)\.rdb", r"RRDB_trunk.\1.RDB"),
    (r"^conv_body", "trunk_conv"),
    (r"^conv_up", "upconv"),
    (r"^conv_hr", "HRconv"),
)
EDSR = (
    (r"^conv_first", "head.0"),
    (r"^conv_after_body", "body.1"),
    (r"^upsample", "tail.0"),
    (r"^conv_last", "tail.1"),
    (r"^body\.(\d+)\.conv1", r"body.\1.body.0"),
    (r"^body\.(\d+)\.conv2", r"body.\1.body.2"),
)
SRGAN = (
    (r"^conv_first", "conv_block1.0"),
    (r"^act_first.slope", "conv_block1.1.weight"),
    (r"^body\.(\d+)\.conv1", r"trunk.\1.rcb.0"),
    (r"^body\.(\d+)\.bn1", r"trunk.\1.rcb.1"),
    (r"^body\.(\d+)\.act.slope", r"trunk.\1.rcb.2.weight"),
    (r"^body\.(\d+)\.conv2", r"trunk.\1.rcb.3"),
    (r"^body\.(\d+)\.bn2", r"trunk.\1.rcb.4"),
    (r"^conv_after_body", "conv_block2.0"),
    (r"^bn_after_body", "conv_block2.1"),
    (r"^upsample\.(\d+)", r"upsampling.\1.upsample_block.0"),
    (r"^act\.(\d+)\.slope", r"upsampling.\1.upsample_block.2.weight"),
    (r"^conv_last", "conv_block3"),
)


def renamed(arrays, renames):
    """Other keys."""
    for pattern, name in renames:
        arrays = {re.sub(pattern, name, key): value for key, value in arrays.items()}
    return arrays


def kair(arrays):
    """Of a DnCNN without norms: each layer has an activation behind it."""
    split = {key.removeprefix("conv").partition(".") for key in arrays}
    return {
        f"model.{2 * int(layer) - 2}.{leaf}": arrays[f"conv{layer}.{leaf}"]
        for layer, _, leaf in split
    }


def save(path, arrays, wrapped=""):
    """A file of torch.save, the state dict itself or under a name."""
    parts, storages = {}, {}
    for number, (key, value) in enumerate(arrays.items()):
        value = np.ascontiguousarray(value, "<f4")
        strides = tuple(stride // 4 for stride in value.strides)
        given = str(number), value.size, value.shape, strides
        parts[key] = torch_pickle.tensor(*given)
        storages[f"_{number}"] = value.tobytes()
    pickled = torch_pickle.state_dict(**parts)
    if wrapped:
        pickled = torch_pickle.state_dict(**{wrapped: pickled[2:-1]})
    path.write_bytes(torch_pickle.archive(pickled, **storages))
    return path


def resnet_keys(blocks, batch, dropout=False, blurred=False, channels=(3, 3)):
    """Keys and shapes of a residual generator, its numbers counted by hand."""
    w, b, shift = WIDTH, 1 + blurred, 1 + dropout
    first = 4 + 2 * (3 + blurred)
    convs = {"1": (w, channels[0], 7, 7)}
    convs |= {str(4 + i * (3 + blurred)): (2 * w << i, w << i, 3, 3) for i in (0, 1)}
    for i in range(blocks):
        for j in (1, 4 + shift):
            convs[f"{first + i}.conv_block.{j}"] = (4 * w, 4 * w, 3, 3)
    for i in (0, 1):
        sides = (4 * w >> i, 2 * w >> i)
        number = first + blocks + i * (2 + b) + blurred
        convs[str(number)] = (*(reversed(sides) if blurred else sides), 3, 3)
    convs[str(first + blocks + 2 * (2 + b) + 1)] = (channels[1], w, 7, 7)
    return with_norms(convs, batch, transposed=2 if not blurred else 0)


def with_norms(convs, batch, transposed):
    shapes, names = {}, list(convs)
    ups = names[-1 - transposed : -1]
    for key, shape in convs.items():
        shapes[f"model.{key}.weight"] = shape
        outputs = shape[1] if key in ups else shape[0]
        last = key == names[-1]
        if last or not batch:
            shapes[f"model.{key}.bias"] = (outputs,)
        if not last:
            before, _, number = key.rpartition(".")
            norm = f"model.{before + '.' * bool(before)}{int(number) + 1}"
            kept = ("weight", "bias") if batch else ()
            for leaf in (*kept, "running_mean", "running_var"):
                shapes[f"{norm}.{leaf}"] = (outputs,)
            shapes[f"{norm}.num_batches_tracked"] = ()
    return shapes


def filled(shapes):
    """Random numbers; variances are positive."""
    rng = np.random.default_rng(0)
    drawn = {k: rng.normal(size=s).astype(np.float32) for k, s in shapes.items()}
    return {k: abs(x) if k.endswith("running_var") else x for k, x in drawn.items()}


def unet_keys(depth, batch):
    """Keys and shapes of a U-Net: each sequence holds the next one."""
    widths = [min(2**i, 8) * WIDTH for i in range(depth)]
    shapes, before = {}, "model.model."

    def conv(key, shape, bias, norm, outputs):
        shapes[f"{before}{key}.weight"] = shape
        if bias:
            shapes[f"{before}{key}.bias"] = (outputs,)
        if norm and batch:
            for leaf in ("weight", "bias", "running_mean", "running_var"):
                shapes[f"{before}{key + 1}.{leaf}"] = (outputs,)

    for i, width in enumerate(widths):
        outer, inner = i == 0, i == depth - 1
        inputs, number = (3 if outer else widths[i - 1]), 0 if outer else 1
        conv(number, (width, inputs, 4, 4), not batch, not (outer or inner), width)
        up = 3 if outer or inner else 5
        double = width * (1 if inner else 2)
        conv(up, (double, inputs, 4, 4), outer or not batch, not outer, inputs)
        before += f"{1 if outer else 3}.model."
    return shapes
