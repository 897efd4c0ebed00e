"""The training steps that are timed beside PyTorch's, as `resnet-jax train` runs them.

Augmentation of the input is left out.
"""

import jax
import numpy as np

from configs import (
    cifar10_r3gan,
    cifar10_resnet18,
    cifar10_resnet20,
    cifar10_sngan,
    div2k_edsr_baseline_x4,
    imagenet_resnet50,
)
from resnet_jax.config import from_json, to_json
from resnet_jax.parallel import make_mesh, place
from resnet_jax.run import build_task
from resnet_jax.spec import DataSpec
from resnet_jax.tasks.base import compile_train_step

# Name: config, batch size, side of the images, classes, what differs from the recipe.
CASES = {
    "resnet20": (cifar10_resnet20, 128, 32, 10, {}),
    "resnet18": (cifar10_resnet18, 64, 32, 10, {}),
    "resnet50": (imagenet_resnet50, 32, 64, 1000, {}),
    "resnext50": (imagenet_resnet50, 32, 64, 1000, {"model.name": "resnext50_32x4d"}),
    "imagenet": (imagenet_resnet50, 256, 224, 1000, {}),
    "sngan": (
        *(cifar10_sngan, 16, 32, 0),
        {"task.n_critic": 1, "task.generator_batches": 1},
    ),
    "r3gan": (cifar10_r3gan, 2, 32, 10, {"task.ema_half_life": None}),
    "edsr": (div2k_edsr_baseline_x4, 16, 192, 0, {"task.ema_decay": 0.0}),
}
NETWORKS = ("model", "generator", "discriminator")


def images(name, batch_size=None):
    """A batch of random images and labels."""
    _, usual, side, classes, _ = CASES[name]
    batch_size = batch_size or usual
    random = np.random.default_rng(0)
    batch = {
        "image": random.integers(0, 256, (batch_size, side, side, 3), np.uint8),
        "index": np.arange(batch_size, dtype=np.int32),
    }
    if classes:
        batch["label"] = random.integers(0, classes, batch_size, np.int32)
    return batch


def ours(name, batch, options, dtype="float32"):
    """(step, forward) of a shipped config; both may return before they are done."""
    module, _, side, classes, changes = CASES[name]
    batch_size = len(batch["image"])
    config = module.get_config()
    config.batch_size = batch_size
    for key, value in changes.items():
        section, _, field = key.partition(".")
        config[section][field] = value
    config = from_json(to_json(config))
    config.pop("augment", None)
    for network in NETWORKS:
        if network in config:
            config[network]["dtype"] = dtype  # recipes of ImageNet ask for bfloat16
    spec = DataSpec(
        shapes={"image": (side, side, 3), "label": (), "index": ()},
        dtypes={"image": "uint8", "label": "int32", "index": "int32"},
        class_names=tuple(map(str, range(classes))),
        mean=per_channel(config["data"]["mean"]),
        std=per_channel(config["data"]["std"]),
        sizes={"train": 50_000},
        transforms={},
        source="random",
    )
    task = build_task(config, spec)
    mesh, key = make_mesh(batch_size), jax.random.key(0)
    state = jax.jit(lambda key: task.init(key, spec.batch(1)))(key)
    many = {k: np.repeat(v, task.draws, 0) for k, v in batch.items()}
    placed = place(many, mesh, "jit", task.draws)
    compiled = compile_train_step(task, mesh, "jit").lower(state, placed, key)
    compiled = compiled.compile(options)
    predict = jax.jit(task.predict, compiler_options=options)
    asked = {**batch, **asked_for(name, batch_size)}
    prepared = task.prepare_eval(state, [placed], key)
    prepared = jax.tree.map(lambda x: x.copy(), prepared)  # a step donates its state

    def step():
        nonlocal state
        state, scalars = compiled(state, placed, key)
        return scalars

    return step, lambda: predict(prepared, asked, key)


def asked_for(name, batch_size):
    """What networks take that are not fed with images from files."""
    if name == "sngan":
        return {"latents": np.ones((batch_size, 128), np.float32)}
    if name == "r3gan":
        return {"latents": np.ones((batch_size, 64), np.float32)}
    small = np.ones((batch_size, 48, 48, 3), np.float32)
    return {"input": small} if name == "edsr" else {}


def per_channel(value):
    """Three numbers of one or of three."""
    return (value,) * 3 if isinstance(value, float) else tuple(value)
