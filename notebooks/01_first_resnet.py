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
# # A first ResNet
#
# Train a residual network on scikit-learn's handwritten digits, then look at what it
# gets wrong and what it sees. Nothing is downloaded; it takes about a minute on a
# laptop. Everything used here is a function of the package that the command line uses
# too.

# %%
import sys

from IPython import get_ipython

# There is no release on PyPI yet: until then, upload a clone and install its folder.
if "google.colab" in sys.modules:
    get_ipython().run_line_magic("pip", "install -q 'resnet-jax[notebooks]'")

# %%
import json
import pathlib
import tempfile

import jax
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display

from resnet_jax import config as configs
from resnet_jax import run
from resnet_jax.evaluate import Evaluator
from resnet_jax.report import grid
from resnet_jax.tasks.base import pixels
from resnet_jax.verbs.train import train

print(jax.devices())

# %% [markdown]
# ## The experiment
#
# A config is data. This is the shipped `digits_resnet`, cut to 300 steps; any field may
# be changed the same way.

# %%
config = configs.read("digits_resnet")
config.total_steps = 300
config.run.update(log_every=10, eval_every=100, save_every=100)
print(config.model)
print(config.optim)

# %% [markdown]
# ## The data
#
# A batch is a function of the step: the first batch of the run, as the network gets it,
# shifted by up to a pixel. Pixels travel as stored; the task scales them on the device.

# %%
data = run.build_data(config)
batch = next(data.train(0))
print({key: (value.shape, value.dtype.name) for key, value in batch.items()})
display(
    grid(
        batch["image"][:32],
        columns=16,
        smallest=48,
        captions=list(map(str, batch["label"][:32])),
    )
)

# %% [markdown]
# ## Training
#
# The same function that `resnet-jax train` calls. The run folder gets numbers,
# checkpoints and `report.html`; here it is a temporary one.

# %%
workdir = tempfile.mkdtemp(prefix="first-resnet-")
metrics = train(config, name="first_resnet", workdir=workdir)
assert metrics["test/accuracy"] > 0.95, metrics

# %% [markdown]
# `metrics.jsonl` in the run folder holds every number, one JSON object a line.

# %%
lines = pathlib.Path(workdir, "metrics.jsonl").read_text().splitlines()
rows = [json.loads(line) for line in lines]
figure, axes = plt.subplots(1, 2, figsize=(9, 3))
for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
    for part in ("train", "test"):
        points = [
            (r["step"], r[f"{part}/{name}"]) for r in rows if f"{part}/{name}" in r
        ]
        axis.plot(*zip(*points, strict=True), ".-", label=part)
    axis.set(xlabel="step", title=name)
    axis.legend()
plt.show()

# %% [markdown]
# ## What it gets wrong
#
# `run.load` takes the run up again from its folder. An evaluation visits every test
# image once; the task turns its sums into figures.

# %%
finished = run.load(workdir)
evaluator = Evaluator(finished.task, data, config.batch_size, jax.random.key(0))
figures = finished.task.figures(evaluator(finished.state))

confusion = figures["test/confusion"]
figure, axis = plt.subplots(figsize=(4.5, 4.5))
axis.imshow(np.log1p(confusion.counts), cmap="Blues")
for i, j in np.argwhere(confusion.counts):
    dark = confusion.counts[i, j] > 5
    text = {"ha": "center", "va": "center", "color": "white" if dark else "black"}
    axis.text(j, i, int(confusion.counts[i, j]), **text)
ticks = {"labels": confusion.names, "ticks": range(len(confusion.names))}
axis.set_xticks(**ticks)
axis.set_yticks(**ticks)
axis.set(xlabel=confusion.columns, ylabel=confusion.rows)
plt.show()

# %% [markdown]
# The mistakes it was most sure of:

# %%
mistakes = figures["test/mistakes"]
pictures = data.pictures("test", mistakes.indices[:6])
captions = mistakes.captions[: len(pictures)]
if pictures:
    display(grid(pictures, columns=6, captions=captions, smallest=150))

# %% [markdown]
# ## What it sees
#
# A model is a Flax module, its weights a tree of arrays. `features` gives the output of
# the stem and of every stage. Here is one test image, and 16 channels of each.

# %%
task = finished.task
net = task.prepare_eval(finished.state).nets["model"]  # the averaged weights
image = data.pictures("test", [0])[0]
display(grid([image], smallest=96))

variables = {"params": net.params, **net.stats}
x = pixels(image[None], task.mean, task.std)
features = task.model.apply(variables, x, method="features")
for info, feature in zip(task.model.feature_info, features, strict=True):
    maps = np.moveaxis(np.asarray(feature[0]), -1, 0)[:16]
    shown = (maps - maps.min()) / (maps.max() - maps.min())
    print(
        f"{info['module']}: {info['num_chs']} channels, 1/{info['reduction']} the size"
    )
    display(grid(shown[..., None], columns=16, smallest=48))

# %% [markdown]
# The 16 kernels of the first convolution, 3 x 3 each: white adds, black subtracts.

# %%
kernels = np.moveaxis(np.asarray(net.params["conv1"]["kernel"])[:, :, 0], -1, 0)
bound = np.abs(kernels).max()
display(grid((kernels[..., None] / bound + 1) / 2, columns=16, smallest=48))

# %% [markdown]
# ## From here
#
# * Change a field of the config: `config.model.name = "plain20"`, and run again.
# * The same from a shell: `resnet-jax train --config=digits_resnet`.
# * Your own images: `config.data.source` may be a folder with one folder per class.
