# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Inside a ResNet
#
# A small residual network learns to tell photographed surfaces apart: brick, grass and
# gravel. Then we look inside: its first filters, what each stage makes of an image,
# where the evidence for a class lies, and how training changed each layer. The
# photographs ship with scikit-image; nothing is downloaded. It takes about a minute.

# %%
import sys

from IPython import get_ipython

# There is no release on PyPI yet: until then, upload a clone and install its folder.
if "google.colab" in sys.modules:
    get_ipython().run_line_magic("pip", "install -q 'resnet-jax[notebooks]'")

# %%
import itertools

import jax
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display

from resnet_jax import config as configs
from resnet_jax import explain, run
from resnet_jax.data.sources import load_source
from resnet_jax.report import grid
from resnet_jax.tasks.base import pixels

print(jax.devices())

# %% [markdown]
# ## A network to look into
#
# Three stages of one block, trained for 100 steps on random patches of 32 x 32 pixels.
# The right quarter of each photograph is kept for the test.

# %%
config = configs.read("digits_resnet")
config.batch_size, config.total_steps = 32, 100
config.task = {"name": "classification"}
config.model = {"name": "resnet20", "stage_sizes": (1, 1, 1)}
config.optim.schedule.update(warmup=20, base=0.05)
config.data.source = {"name": "textures"}
config.data.train.transforms = {}
config.data.mean = config.data.std = None
config = configs.from_json(configs.to_json(config))

data = run.build_data(config)
task = run.build_task(config, data.spec)
key = jax.random.key(0)
batches = list(itertools.islice(data.train(0), config["total_steps"]))
batch = batches[0]
slow = {"xla_backend_optimization_level": "0"}  # a program that runs once
state = first = jax.jit(task.init, compiler_options=slow)(key, batch)
step = jax.jit(task.train_step)
for batch in batches:
    state, scalars = step(state, batch, key)
print({name: round(float(value), 3) for name, value in scalars.items()})

names = data.spec.class_names
captions = [names[label] for label in batch["label"][:12]]
display(grid(batch["image"][:12], 12, captions=captions, smallest=64))

# %% [markdown]
# ## Filters
#
# The 16 kernels of the first convolution, 3 x 3 each, before training (above) and
# after it: white adds, black subtracts.

# %%
model = task.model
initial, net = first.nets["model"], state.nets["model"]
variables = {"params": net.params, **net.stats}
for weights in ({"params": initial.params}, variables):
    kernels = explain.filters(weights, "conv1")
    display(grid((kernels / np.abs(kernels).max() + 1) / 2, 16, smallest=48))

# %% [markdown]
# ## Feature maps
#
# A mosaic of the three test pictures: brick on the left, grass in the middle, gravel on
# the right. The network has only seen patches of a third of its size, but convolutions
# and a global average take any size. Below, eight channels of the stem and each stage:
# smaller and smaller images that say more and more of *what* is where.

# %%
source = load_source({"name": "textures", "patch": 96}, "test")
tiles = [image[200:296, :96] for image in source.images]
mosaic = np.concatenate([tile[:, 32:64] for tile in tiles], axis=1)
display(grid([mosaic], smallest=288))
x = pixels(mosaic[None], task.mean, task.std)
for name, maps in explain.feature_maps(model, variables, x).items():
    channels = np.moveaxis(np.asarray(maps[0]), -1, 0)
    strongest = np.argsort(-channels.std((1, 2)))[:8]
    shown = channels[strongest][..., None]
    print(f"{name}: 8 of {len(channels)} channels, {shown.shape[1]}x{shown.shape[2]}")
    display(grid(shown / shown.max((1, 2, 3), keepdims=True), 8, smallest=96))

# %% [markdown]
# ## Where is the evidence?
#
# For each class in turn: which places of the mosaic speak for it? A good explanation
# lights up one third of the picture, which is known here.
#
# * **Grad-CAM** ([1610.02391](https://arxiv.org/abs/1610.02391)): the last stage's
#   maps, weighted by their mean gradient. **Grad-CAM++**
#   ([1710.11063](https://arxiv.org/abs/1710.11063)) weights places too.
# * **Integrated gradients** ([1703.01365](https://arxiv.org/abs/1703.01365)): what each
#   pixel adds on the way from the mean gray to the image.
# * **SmoothGrad** ([1706.03825](https://arxiv.org/abs/1706.03825)): the mean gradient
#   of noisy copies.

# %%
# Photographs and noise are smaller as JPEG.
get_ipython().run_line_magic("config", "InlineBackend.figure_formats = ['jpeg']")
figure, axes = plt.subplots(len(names), 5, figsize=(11, 6.8))
shares = {}
for row, (label, name) in zip(axes, enumerate(names), strict=True):
    row[0].imshow(mosaic[..., 0], cmap="gray")
    row[0].add_patch(
        plt.Rectangle((32 * label, 0), 31, 95, fill=False, color="tab:cyan", lw=2)
    )
    row[0].set_ylabel(name, fontsize=12)
    for axis, (method, heat_of) in zip(
        row[1:], explain.EXPLANATIONS.items(), strict=True
    ):
        heat = np.asarray(heat_of(model, variables, x, np.array([label]))[0])
        axis.imshow(explain.overlay(mosaic, heat))
        third = heat.shape[1] // 3
        inside = heat[:, third * label : third * (label + 1)].sum() / heat.sum()
        shares[method, name] = float(inside)
        axis.set_xlabel(f"{inside:.0%} of the heat inside", fontsize=9)
        if label == 0:
            axis.set_title(method.replace("_", " "), fontsize=10)
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
figure.tight_layout()
plt.show()
assert np.mean([shares["grad_cam", name] for name in names]) > 0.5, shares

# %% [markdown]
# Grad-CAM of one class at the stem and each stage: early maps know edges, late ones
# surfaces.

# %%
heats = [
    explain.grad_cam(model, variables, x, np.array([0]), stage=stage)[0]
    for stage in range(len(model.feature_info))
]
display(
    grid(
        [explain.overlay(mosaic, np.asarray(heat)) for heat in heats],
        len(heats),
        captions=[info["module"] for info in model.feature_info],
        smallest=192,
    )
)

# %% [markdown]
# Integrated gradients are complete: their sum is the difference of the logit between
# the image and the baseline.

# %%
label = np.array([1])
attributions = explain.integrated_gradients(model, variables, x, label, steps=100)
apply = jax.jit(model.apply)
change = apply(variables, x)[0, 1] - apply(variables, 0 * x)[0, 1]
print(f"sum {float(attributions.sum()):.4f}, difference {float(change):.4f}")
assert abs(attributions.sum() - change) < 0.05 * abs(change) + 0.02

# %% [markdown]
# ## Statistics per layer
#
# How far training moved each convolution's weights; from a shell,
# `resnet-jax models RUN --layers` prints all arrays of a run.

# %%
before = explain.layer_statistics(initial.params)
after = explain.layer_statistics(net.params)
moved = explain.layer_statistics(
    jax.tree.map(lambda a, b: a - b, net.params, initial.params)
)
kernels = [i for i, row in enumerate(after) if row["layer"].endswith("/kernel")]
layers = [after[i]["layer"].removesuffix("/kernel") for i in kernels]
figure, axes = plt.subplots(1, 2, figsize=(10, 3.2), sharey=True)
y = np.arange(len(layers))
axes[0].barh(y - 0.2, [before[i]["std"] for i in kernels], 0.4, label="before")
axes[0].barh(y + 0.2, [after[i]["std"] for i in kernels], 0.4, label="after")
axes[0].set(yticks=y, yticklabels=layers, xlabel="standard deviation of the weights")
axes[0].invert_yaxis()
axes[0].legend(frameon=False)
ratio = [moved[i]["norm"] / before[i]["norm"] for i in kernels]
axes[1].barh(y, ratio, color="tab:green")
axes[1].set(xlabel="how far they moved: ‖after − before‖ / ‖before‖")
figure.tight_layout()
plt.show()

# %% [markdown]
# ## From here
#
# * Your own images: `resnet-jax classify RUN IMAGES --explain` writes one picture each.
# * Why the shortcuts matter: `03_why_residual.ipynb`.
