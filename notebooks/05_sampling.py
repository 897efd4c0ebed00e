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
# # Sampling, and what the numbers say
#
# A generator of handwritten digits has been trained. What does it make of its latents?
# Are its digits real, are they all kinds, are they copies? And how far can the figures
# be trusted that answer such questions? Nothing is downloaded.
#
# Train the generator first, in the folder of the project:
# `resnet-jax train --config=digits_gan`. Where there is no such run, the notebook
# trains one for itself, which takes minutes.

# %%
import sys

from IPython import get_ipython

# There is no release on PyPI yet: until then, upload a clone and install its folder.
if "google.colab" in sys.modules:
    get_ipython().run_line_magic("pip", "install -q 'resnet-jax[notebooks]'")

# %%
import itertools
import os
import tempfile

import jax
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display

from resnet_jax import config as configs
from resnet_jax import run
from resnet_jax.data.sources import load_source
from resnet_jax.features import FeatureNetwork
from resnet_jax.files import is_run
from resnet_jax.metrics.frechet import frechet_distance, moments
from resnet_jax.metrics.kernel import kernel_distance
from resnet_jax.metrics.prdc import SUMMARY, prdc
from resnet_jax.report import grid
from resnet_jax.verbs.generate import Maker, interpolation, samples, truncation

print(jax.devices())

# %% [markdown]
# ## A generator
#
# The project's tests run this notebook with `RESNET_JAX_QUICK=1`, with networks that
# have hardly learned anything; the outputs that you see are of the full setting.

# %%
quick = bool(os.environ.get("RESNET_JAX_QUICK"))
folder = "../runs/digits_gan"
key = jax.random.key(0)
# A program that runs a few times need not be a fast one.
unoptimized = {"xla_backend_optimization_level": "0"}
hurried = unoptimized if quick else None
if is_run(folder) and not quick:
    finished = run.load(folder)
    task, state, spec = finished.task, finished.state, finished.spec
else:
    config = configs.read("digits_gan")
    config.total_steps = 2 if quick else 1500
    config = configs.from_json(configs.to_json(config))
    data = run.build_data(config)
    task, spec = run.build_task(config, data.spec), data.spec
    batches = data.train(0, 0, task.draws)
    state = jax.jit(task.init, compiler_options=unoptimized)(key, spec.batch(1))
    step = jax.jit(task.train_step, compiler_options=hurried)
    for number, batch in enumerate(itertools.islice(batches, config["total_steps"])):
        state, _ = step(state, batch, jax.random.fold_in(key, number))
state = task.prepare_eval(state)  # the averaged generator
maker = Maker(task, state, spec.class_names, seed=0)
print(f"after {int(state.step)} steps: {task.game.generator.latent_size} latents")

# %% [markdown]
# `Maker` is what `resnet-jax generate` uses: latent number i of a seed is the same
# everywhere. A row is a class.

# %%
classes = np.arange(len(spec.class_names))
display(samples(maker, classes, 1.0))

# %% [markdown]
# The same latents for every class: a column is one latent, a row one digit. What do
# the digits of a column have in common?

# %%
style = np.tile(maker.latents(np.arange(8)), (len(classes), 1))
display(grid(maker(style, np.repeat(classes, 8)), 8))

# %% [markdown]
# From one image to another of its class, along the great circle between their latents
# ([1609.04468](https://arxiv.org/abs/1609.04468)). A generator that had stored its
# images would jump.

# %%
display(interpolation(maker, classes, 1.0))

# %% [markdown]
# Truncation: the same latents, multiplied by a number. Close to the middle all images
# of a class are its most usual one.

# %%
display(truncation(maker, classes, 1.0))

# %% [markdown]
# ## A judge
#
# What is compared is not pixels but *features*: what a classifier of digits has before
# its last layer. FID takes those of one published network; these are the features of a
# small ResNet, so no distance here is called FID.

# %%
config = configs.read("digits_resnet")
config.total_steps = 2 if quick else 300
config.optim.schedule.warmup = config.total_steps // 10
if quick:
    config.model.stage_sizes = (1, 1, 1)
config = configs.from_json(configs.to_json(config))
data = run.build_data(config)
judge = run.build_task(config, data.spec)
trained = jax.jit(judge.init, compiler_options=unoptimized)(key, data.spec.batch(1))
step = jax.jit(judge.train_step, compiler_options=hurried)
for number, batch in enumerate(itertools.islice(data.train(0), config["total_steps"])):
    trained, _ = step(trained, batch, jax.random.fold_in(key, number))
net = judge.prepare_eval(trained).nets["model"]
network = FeatureNetwork("digits_resnet", judge.model, 1, judge.mean, judge.std)
look = jax.jit(network, compiler_options=unoptimized)
variables = {"params": net.params, **net.stats}

real = {
    split: load_source({"name": "digits"}, split).arrays for split in ("train", "test")
}
count = len(real["train"]["label"])
fake_label = real["train"]["label"]
latents = maker.latents(np.arange(count))
images = {
    "train": real["train"]["image"],
    "test": real["test"]["image"],
    "fake": maker(latents, fake_label),
}
seen = {name: jax.device_get(look(variables, x)) for name, x in images.items()}
labels = {"train": fake_label, "test": real["test"]["label"], "fake": fake_label}
for name, found in seen.items():
    right = (found["logits"].argmax(-1) == labels[name]).mean()
    print(f"{name:5}: {len(labels[name])} images, {right:.1%} taken for their class")

# %% [markdown]
# ## Copies?
#
# Fakes above; below each the training image with the nearest features, and the one with
# the nearest pixels.

# %%
views = {
    "features": {name: found["features"] for name, found in seen.items()},
    "pixels": {name: x.reshape(len(x), -1) / 255 for name, x in images.items()},
}
nearest = {}
for view, arrays in views.items():
    train = arrays["train"]
    for name in ("fake", "test"):
        own = arrays[name]
        squares = np.square(own).sum(1)[:, None] - 2 * own @ train.T
        squares += np.square(train).sum(1)
        reach = np.sqrt(np.maximum(squares.min(1), 0))
        nearest[view, name] = squares.argmin(1), reach
shown = np.argsort(fake_label[:200], kind="stable")[::10]
strip = [images["fake"][shown]]
strip += [images["train"][nearest[view, "fake"][0][shown]] for view in views]
display(grid(np.concatenate(strip), len(shown), smallest=48))

# %% [markdown]
# The honest yardstick are test images, which are new for sure: copies would lie closer
# to the training set than they do.

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 2.8))
for axis, view in zip(axes, views, strict=True):
    bins = np.linspace(
        0, max(nearest[view, name][1].max() for name in ("fake", "test"))
    )
    for name, color in (("test", "tab:blue"), ("fake", "tab:orange")):
        reach = nearest[view, name][1]
        given = {"alpha": 0.5, "density": True, "color": color}
        axis.hist(reach, bins, label=f"{name}, median {np.median(reach):.2f}", **given)
    axis.set(xlabel=f"distance to the nearest training image, {view}", yticks=[])
    axis.legend(frameon=False)
figure.tight_layout()
plt.show()

# %% [markdown]
# ## How many images?
#
# The Fréchet distance is biased: with fewer images it is larger, for one and the same
# generator. The bias is about proportional to 1 / N, so a line through the distances
# meets the axis near the distance for endless images
# ([1911.07023](https://arxiv.org/abs/1911.07023)). The kernel distance has no bias; it
# only gets noisier. Below, half of the training images against N fakes, and against N
# of the other half, where the true distance is zero. Each N is drawn ten times. What
# the line of real images keeps at the axis is the bias of the first half, whose size
# does not change.

# %%
features = views["features"]
sizes = (100, 150, 250, 500, 700)
draws = 2 if quick else 10
rng = np.random.default_rng(0)
order = rng.permutation(count)
half, other = np.split(features["train"][order], [count // 2])
distances = {
    "Fréchet": lambda a, b: frechet_distance(moments(a), moments(b)),
    "kernel": kernel_distance,
}
found = {}
for size, (name, distance) in itertools.product(sizes, distances.items()):
    for side, pool in (("fake", features["fake"]), ("real", other)):
        for _ in range(draws):
            drawn = rng.choice(pool, size, replace=False)
            found.setdefault((name, side, size), []).append(distance(half, drawn))

figure, axes = plt.subplots(1, 2, figsize=(9, 3.2))
inverse = 1 / np.array(sizes)
for axis, name in zip(axes, distances, strict=True):
    for side in ("fake", "real"):
        values = np.array([found[name, side, size] for size in sizes])
        mean, sd = values.mean(1), values.std(1)
        dots = axis.errorbar(inverse, mean, sd, fmt="o", capsize=3, label=side)
        if name == "Fréchet":
            slope, at_zero = np.polyfit(inverse, mean, 1)
            ends = np.array([0, inverse.max()])
            axis.plot(ends, at_zero + slope * ends, color=dots[0].get_color(), lw=1)
    axis.set(xlabel="1 / N", title=f"{name} distance")
    axis.axhline(0, color="gray", lw=0.5)
    axis.legend(frameon=False)
figure.tight_layout()
plt.show()
bias = [np.mean(found["Fréchet", "fake", size]) for size in sizes]
assert quick or bias == sorted(bias, reverse=True), bias

# %% [markdown]
# ## Real, or all kinds?
#
# One number cannot tell blurred digits from missing ones. *Precision* is the share of
# fakes among real ones, *recall* the share of real ones among fakes
# ([1904.06991](https://arxiv.org/abs/1904.06991)); *density* and *coverage* are the
# same questions, less easily misled by outliers
# ([2002.09797](https://arxiv.org/abs/2002.09797)). Truncation trades one for the other.
# The last line is what real digits get, those of the test. All are compared with as
# many training images.

# %%
factors = (1.0,) if quick else (0.2, 0.5, 0.8, 1.0, 1.2)
lines = ["| | Fréchet | " + " | ".join(SUMMARY) + " |", "|:--|--:|" + "--:|" * 4]
few = len(labels["test"])
reference = rng.permutation(features["train"])[:few]
rows = {}
for factor in factors:
    fakes = maker(factor * latents[:few], fake_label[:few])
    rows[f"truncation {factor:g}"] = jax.device_get(look(variables, fakes))["features"]
rows["real digits"] = features["test"]
for name, own in rows.items():
    shares = prdc(reference, own)
    distance = frechet_distance(moments(reference), moments(own))
    cells = [f"{distance:.2f}", *(f"{shares[share]:.2f}" for share in SUMMARY)]
    lines.append(f"| {name} | " + " | ".join(cells) + " |")
display(Markdown("\n".join(lines)))

# %% [markdown]
# ## Good enough to learn from?
#
# The *classification accuracy score* ([1905.10887](https://arxiv.org/abs/1905.10887)):
# a classifier that has seen nothing but generated digits is tested on real ones. It
# fails where the generator does, whether a kind of digit is missing, wrong or always
# the same. There are as many generated digits as real ones, and all classifiers take
# the judge's steps. The last one learns from both.

# %%
sets = {
    "real": (images["train"], labels["train"]),
    "generated": (images["fake"], labels["fake"]),
    "both": [np.concatenate([x["train"], x["fake"]]) for x in (images, labels)],
    "test": (images["test"], labels["test"]),
}
begin = jax.jit(judge.init, compiler_options=unoptimized)
accuracies = {}
with tempfile.TemporaryDirectory() as place:
    file = f"{place}/digits.npz"
    arrays = {f"x_{name}": x for name, (x, _) in sets.items()}
    np.savez(file, **arrays, **{f"y_{name}": y for name, (_, y) in sets.items()})
    section = {**config["data"], "source": {"name": "npz", "path": file}}
    kinds = ("real", "generated", "both")
    for kind, seed in itertools.product(kinds, (0,) if quick else (0, 1, 2)):
        section["train"] = {**config["data"]["train"], "split": kind}
        learned = run.build_data({**config, "seed": seed, "data": section})
        key = jax.random.key(seed)
        student = begin(key, learned.spec.batch(1))
        batches = itertools.islice(learned.train(0), config["total_steps"])
        for number, batch in enumerate(batches):
            student, _ = step(student, batch, jax.random.fold_in(key, number))
        net = judge.prepare_eval(student).nets["model"]
        logits = look({"params": net.params, **net.stats}, images["test"])["logits"]
        right = (np.asarray(logits).argmax(-1) == labels["test"]).mean()
        accuracies.setdefault(kind, []).append(right)

lines = ["| learned from | digits | real test digits it knows | each seed |"]
lines.append("|:--|--:|--:|--:|")
for kind, found in accuracies.items():
    each = ", ".join(f"{value:.1%}" for value in found)
    lines.append(f"| {kind} | {len(sets[kind][1])} | {np.mean(found):.1%} | {each} |")
display(Markdown("\n".join(lines)))

# %% [markdown]
# ## From here
#
# * Images as files: `resnet-jax generate RUN --count=1000`, and pictures such as those
#   above with `--picture=interpolation`.
# * The score with files instead: `resnet-jax generate RUN --count=1437
#   --out=made/train`, real digits in `made/test`, and `resnet-jax train
#   --config=digits_resnet --config.data.source.name=folder
#   --config.data.source.root=made --config.data.source.channels=1`.
# * Any two folders: `resnet-jax score REAL FAKE --features=RUN`.
# * How the generator came about: `04_gan_from_scratch.ipynb`.
