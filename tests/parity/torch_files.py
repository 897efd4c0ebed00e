"""Writes the files of torch.save that tests/pretrained reads without PyTorch.

Runs where PyTorch is installed, from the top of a checkout:

    python tests/parity/torch_files.py

tests/golden/torch_zip.pth and torch_legacy.pth hold one training checkpoint each, in
the layouts of PyTorch since 1.6 and before: views, shared storages, every type.
"""

import pathlib
from collections import OrderedDict

import torch

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"


def checkpoint() -> dict:
    """What a training script saves: the state dict is under 'model'."""
    base = torch.arange(24.0)
    image = torch.arange(2 * 3 * 2 * 2.0).reshape(2, 3, 2, 2)
    state = OrderedDict(
        plain=base.reshape(4, 6),
        view=base[3:9].reshape(2, 3),
        transposed=base.reshape(4, 6).T,
        every_second=base[1::2],
        channels_last=image.contiguous(memory_format=torch.channels_last),
        parameter=torch.nn.Parameter(torch.tensor([1.5, -2.5])),
        scalar=torch.tensor(7.0),
        empty=torch.zeros(0, 3),
        half=torch.arange(4).half() / 4,
        bfloat16=torch.arange(4).bfloat16() / 4,
        float64=torch.tensor([0.1], dtype=torch.float64),
        int64=torch.tensor([-1, 2**40]),
        int32=torch.arange(3, dtype=torch.int32),
        int16=torch.arange(3, dtype=torch.int16),
        int8=torch.arange(-1, 2, dtype=torch.int8),
        uint8=torch.tensor([200], dtype=torch.uint8),
        boolean=torch.tensor([True, False]),
    )
    network = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5])
    wrapped = OrderedDict((f"module.{key}", value) for key, value in state.items())
    wrapped._metadata = {"": {"version": 1}}
    return {
        "epoch": 3,
        "accuracy": 0.9,
        "shape": torch.Size([2, 3]),
        "model": wrapped,
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
    }


if __name__ == "__main__":
    torch.manual_seed(0)
    GOLDEN.mkdir(exist_ok=True)
    torch.save(checkpoint(), GOLDEN / "torch_zip.pth")
    torch.save(
        checkpoint(),
        GOLDEN / "torch_legacy.pth",
        _use_new_zipfile_serialization=False,
    )
