"""A run with a frozen VGG, resumed bit for bit, and LPIPS of it afterwards."""

import json
import shutil

import jax
import numpy as np
import pytest
from pretrained_weights import drawn
from safetensors.numpy import save_file

from resnet_jax import config as configs
from resnet_jax.checkpoint import Checkpoints
from resnet_jax.models.vgg import vgg
from resnet_jax.pretrained.lpips import HEADS
from resnet_jax.run import load
from resnet_jax.verbs.evaluate import evaluate
from resnet_jax.verbs.train import train

VGG19 = vgg((2, 2, 4, 4, 4), (2, 2, 3, 3, 4))


def save(weights, file):
    save_file({k: np.ascontiguousarray(v) for k, v in weights.items()}, file)


def small(**changes):
    """An SRGAN of a few weights with a VGG of a few more, of four steps."""
    config = configs.read("div2k_srgan_x4:smoke")
    assert config.perceptual is None
    changes = {
        "perceptual.source": "vgg.safetensors",
        "perceptual.layers": ("relu5_4",),
        "perceptual.weights": (3.0,),
        "generator.width": 4,
        "discriminator.width": 4,
        "batch_size": 4,
        "run.eval_every": 0,
        "run.tensorboard": False,
        **changes,
    }
    for field, value in changes.items():
        configs.override(config, field, str(value))
    return config


def leaves(folder):
    return jax.tree.leaves(jax.device_get(load(folder).state))


@pytest.mark.slow
def test_a_run_resumes_with_its_vgg_or_not_at_all_and_is_measured(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    save(drawn("vgg19_features", layers=VGG19), "vgg.safetensors")
    metrics = train(small(), name="-", workdir="whole", quiet=True)
    assert metrics["test/psnr"] > 0 and not any("lpips" in name for name in metrics)
    logged = (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()
    assert all("train/perceptual" in json.loads(row) for row in logged[:3])
    shutil.copytree("whole", "parts")
    shutil.rmtree(tmp_path / "parts" / "checkpoints" / "4")
    train(small(), name="-", workdir="parts", quiet=True)
    for a, b in zip(leaves("whole"), leaves("parts"), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)

    saved = Checkpoints(tmp_path / "whole", read_only=True).describe(4)
    assert saved["frozen"]["perceptual"]["source"] == "vgg.safetensors"
    assert not any("frozen" in name for name in saved["leaves"])

    # Who has no VGG may look at the run, and measure it by another network.
    (tmp_path / "vgg.safetensors").unlink()
    heads = {
        f"lin{i}.model.1.weight": np.ones((1, c, 1, 1), np.float32)
        for i, c in enumerate(HEADS["alexnet"].channels)
    }
    save(heads, "heads.safetensors")
    save(drawn("alexnet_features"), "alexnet.safetensors")
    found = evaluate(
        "whole",
        lpips="alexnet.safetensors",
        overrides={
            "lpips.heads": "heads.safetensors",
            "features.measures": "('prdc',)",
        },
    )
    assert found["metrics"]["test/feature_distance"] > 0
    assert found["metrics"]["test/input_feature_distance"] > 0
    assert 0 <= found["metrics"]["test/precision"] <= 1
    for said in (
        "PSNR and SSIM: means over images of 8 bits, luma (Y of YCbCr), without 4 pix",
        "it is no LPIPS",
        "prdc: between all answers and all targets, in the features of pixels",
    ):
        assert said in found["protocol"]

    other = {k: -v for k, v in drawn("vgg19_features", layers=VGG19).items()}
    save(other, "vgg.safetensors")
    with pytest.raises(ValueError, match="weights of perceptual 'vgg"):
        train(small(), name="-", workdir="parts", quiet=True)
