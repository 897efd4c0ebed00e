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
# # Why residual?
#
# A deeper network can do all that a shallower one can: its extra layers need only pass
# on what they get. So it should fit the *training* data at least as well. He et al. saw
# that plain networks do not, even with batch normalization, and that adding each
# block's input to its output mends it
# ([1512.03385](https://arxiv.org/abs/1512.03385), figures 1 and 6). Here is that
# observation on scikit-learn's handwritten digits: the same layers, with and without
# shortcuts. Nothing is downloaded. It takes minutes on a laptop.

# %%
import sys

from IPython import get_ipython

# There is no release on PyPI yet: until then, upload a clone and install its folder.
if "google.colab" in sys.modules:
    get_ipython().run_line_magic("pip", "install -q 'resnet-jax[notebooks]'")

# %%
import itertools
import os
import time

import jax
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display

from resnet_jax import config as configs
from resnet_jax import run
from resnet_jax.explain import layer_statistics

print(jax.devices())

# %% [markdown]
# ## The experiment
#
# He's CIFAR networks of 6n + 2 layers with batch normalization, 8 channels wide: three
# stages of n blocks at 8 x 8, 4 x 4 and 2 x 2 pixels. Plain SGD with momentum 0.9, a
# learning rate of 0.05 with a warm-up, then half a cosine; no weight decay, nothing
# random in the images. All networks get the same batches in the same order, and equal
# steps. Seeds change weights and batches.
#
# The project's tests run this notebook with `RESNET_JAX_QUICK=1`, which makes it too
# short to show anything; the outputs that you see are of the full setting.

# %%
quick = bool(os.environ.get("RESNET_JAX_QUICK"))
depths = (8, 14) if quick else (8, 20, 44, 80)
seeds = (0,) if quick else (0, 1, 2)
steps = 12 if quick else 150
table_depth = 8 if quick else 14

config = configs.read("digits_resnet")
config.total_steps = steps
config.task = {"name": "classification"}
config.optim = {
    "name": "sgd",
    "momentum": 0.9,
    "schedule": {"name": "cosine", "base": 0.05, "warmup": steps // 5},
}
config.data.train.transforms = {}
config = configs.from_json(configs.to_json(config))

batches = {}
for seed in seeds:
    data = run.build_data({**config, "seed": seed})
    batches[seed] = list(itertools.islice(data.train(0), steps))
print(f"{data.spec.sizes['train']} images, batches of {config['batch_size']}")
print(f"{steps} steps, {len(seeds)} seeds")

# %% [markdown]
# ## Training loss at equal steps
#
# `Classification.train_step` is the step of the command line. It is compiled once for a
# depth and a kind, and serves every seed. Drawing the first weights happens once, so
# its program need not be a fast one.

# %%
unoptimized = {"xla_backend_optimization_level": "0"}
kinds = {"plain": "none", "residual": "padded"}
key = jax.random.key(0)
tasks, losses, states = {}, {}, {}
for (kind, shortcut), depth in itertools.product(kinds.items(), depths):
    model = {
        "name": "resnet20",
        "stage_sizes": ((depth - 2) // 6,) * 3,
        "width": 8,
        "shortcut": shortcut,
    }
    task = run.build_task({**config, "model": model}, data.spec)
    init = jax.jit(task.init, compiler_options=unoptimized)
    step = jax.jit(task.train_step)
    began, curves = time.monotonic(), []
    for seed in seeds:
        state = first = init(jax.random.key(seed), batches[seed][0])
        curve = []
        for batch in batches[seed]:
            state, scalars = step(state, batch, key)
            curve.append(scalars["loss"])
        curves.append(jax.device_get(curve))
    losses[kind, depth] = np.array(curves)
    tasks[kind, depth], states[kind, depth] = task, (first, state)
    seconds = time.monotonic() - began
    print(f"{kind:8} {depth:2} layers: {seconds:4.0f} s", flush=True)

# %% [markdown]
# Means over ten steps and the seeds; the band is one standard deviation between seeds.

# %%
colors = dict(
    zip(depths, plt.cm.viridis(np.linspace(0, 0.85, len(depths))), strict=True)
)
figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True)
window = np.ones(10) / 10
for axis, kind in zip(axes, kinds, strict=True):
    for depth in depths:
        smooth = np.array(
            [np.convolve(c, window, "valid") for c in losses[kind, depth]]
        )
        mean, sd = smooth.mean(0), smooth.std(0)
        x = np.arange(len(mean)) + len(window)
        axis.plot(x, mean, color=colors[depth], label=f"{depth} layers")
        low, high = np.maximum(mean - sd, mean / 3), mean + sd
        axis.fill_between(x, low, high, color=colors[depth], alpha=0.2, lw=0)
    axis.set(xlabel="step", title=kind, yscale="log")
    axis.grid(alpha=0.3)
axes[0].set_ylabel("training loss")
axes[1].legend(frameon=False)
figure.tight_layout()
plt.show()

# %% [markdown]
# The loss at the end, averaged over the last 20 steps; ± is the standard deviation
# between seeds. This is *training* loss: what the deep plain networks suffer from is
# not overfitting. They are harder to train.

# %%
last = {name: curves[:, -20:].mean(1) for name, curves in losses.items()}
ddof = min(1, len(seeds) - 1)
lines = ["| layers | " + " | ".join(kinds) + " |", "|--:|" + "--:|" * len(kinds)]
for depth in depths:
    cells = [
        f"{last[kind, depth].mean():.4f} ± {last[kind, depth].std(ddof=ddof):.4f}"
        for kind in kinds
    ]
    lines.append(f"| {depth} | " + " | ".join(cells) + " |")
display(Markdown("\n".join(lines)))

# %%
deep = depths[-1]
if not quick:
    means = [last["plain", depth].mean() for depth in depths]
    assert means == sorted(means), means
    assert last["residual", deep].mean() < 0.1 * last["plain", deep].mean()

# %% [markdown]
# ## Gradients, layer by layer
#
# The deepest pair, on one batch: how large each convolution's gradient is beside its
# weights, ‖g‖ / ‖w‖, before training and after it. `layer_statistics` gives the norms
# of any tree of the parameters' form, gradients too.

# %%
batch, ratios = batches[seeds[-1]][0], {}
for kind in kinds:
    task = tasks[kind, deep]
    gradient = jax.jit(jax.grad(task.model_loss, has_aux=True))
    inputs = task.inputs(batch, key)
    for when, state in zip(("before", "after"), states[kind, deep], strict=True):
        net = state.nets["model"]
        grads, _ = gradient(net.params, net.stats, inputs, key)
        both = zip(layer_statistics(net.params), layer_statistics(grads), strict=True)
        ratios[kind, when] = [
            slope["norm"] / weight["norm"]
            for weight, slope in both
            if "conv" in weight["layer"] and weight["layer"].endswith("/kernel")
        ]

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True)
titles = {"before": "at initialization", "after": f"after {steps} steps"}
for axis, (when, title) in zip(axes, titles.items(), strict=True):
    for kind, color in zip(kinds, ("tab:red", "tab:blue"), strict=True):
        depth_of = np.arange(1, len(ratios[kind, when]) + 1)
        axis.plot(depth_of, ratios[kind, when], ".-", color=color, label=kind, lw=1)
    axis.set(xlabel="convolution, from the image on", title=title, yscale="log")
    axis.grid(alpha=0.3)
axes[0].set_ylabel(r"$\|g\| \,/\, \|w\|$")
axes[0].legend(frameon=False)
figure.tight_layout()
plt.show()

# %% [markdown]
# ## Which shortcut, which order?
#
# At one depth, what may differ between residual networks: how a shortcut meets a
# smaller image with more channels (zeros for the missing channels, a strided 1x1
# convolution, or a mean of squares and a 1x1 convolution), and where the activation
# stands (after the sum, or before each convolution:
# [1603.05027](https://arxiv.org/abs/1603.05027)). In the last row nothing has to
# meet: one stage of equal size, whose shortcuts are all the identity.

# %%
third, whole = ((table_depth - 2) // 6,) * 3, ((table_depth - 2) // 2,)
variants = {
    "none": (third, "none"),
    "zero padding (A)": (third, "padded"),
    "projection (B)": (third, "projection"),
    "average pooling (D)": (third, "average"),
    "identity, one stage": (whole, "projection"),
}
orders = {"post-activation": "basic", "pre-activation": "preact_basic"}
final = {}
for (variant, (sizes, shortcut)), (order, block) in itertools.product(
    variants.items(), orders.items()
):
    model = {
        "name": "resnet20",
        "stage_sizes": sizes,
        "width": 8,
        "shortcut": shortcut,
        "block": block,
    }
    task = run.build_task({**config, "model": model}, data.spec)
    init = jax.jit(task.init, compiler_options=unoptimized)
    step = jax.jit(task.train_step)
    curves = []
    for seed in seeds:
        state, curve = init(jax.random.key(seed), batches[seed][0]), []
        for batch in batches[seed]:
            state, scalars = step(state, batch, key)
            curve.append(scalars["loss"])
        curves.append(np.mean(jax.device_get(curve[-20:])))
    final[variant, order] = np.array(curves)

lines = ["| shortcut | " + " | ".join(orders) + " |", "|:--|" + "--:|" * len(orders)]
for variant in variants:
    found = [final[variant, order] for order in orders]
    cells = [f"{x.mean():.4f} ± {x.std(ddof=ddof):.4f}" for x in found]
    lines.append(f"| {variant} | " + " | ".join(cells) + " |")
display(Markdown("\n".join(lines)))

# %% [markdown]
# ## From here
#
# * The same at full size, on CIFAR-10: the configs `cifar10_plain20` and
#   `cifar10_plain56` beside `cifar10_resnet20` and `cifar10_resnet56`.
# * What happens inside one network: `02_inside_a_resnet.ipynb`.
