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
# # A GAN from scratch
#
# Two networks play a game. The *generator* makes images out of noise, the
# *discriminator* tells them from real ones, and each learns from the other
# ([1406.2661](https://arxiv.org/abs/1406.2661)). First the game is played in the plane,
# where everything can be seen: on eight Gaussians, then on twenty-five. Then on
# scikit-learn's handwritten digits, with and without shortcuts. Nothing is downloaded.
# It takes minutes on a laptop.

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
from functools import partial

import flax.linen as nn
import jax
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display

from resnet_jax import config as configs
from resnet_jax import run
from resnet_jax.data.sources import load_source
from resnet_jax.explain import layer_statistics
from resnet_jax.losses.adversarial import LOSSES
from resnet_jax.losses.penalty import r1_r2_penalty
from resnet_jax.metrics.frechet import frechet_distance, moments
from resnet_jax.nn.dense import Dense
from resnet_jax.nn.inverted_bottleneck import InvertedBottleneck
from resnet_jax.optim import create_optimizer
from resnet_jax.report import grid
from resnet_jax.state import descend, init_net
from resnet_jax.tasks.base import pixels

print(jax.devices())

# %% [markdown]
# The project's tests run this notebook with `RESNET_JAX_QUICK=1`, which makes it too
# short to show anything; the outputs that you see are of the full setting.

# %%
quick = bool(os.environ.get("RESNET_JAX_QUICK"))
eight_steps, grid_steps = (30, 10) if quick else (2000, 6000)
digit_steps = 4 if quick else 800
twin_steps = 3 if quick else 150
smallest, extra_blocks = (4, 0) if quick else (1, 8)
seeds = (0,) if quick else (0, 1, 2)
# A program that runs a few times need not be a fast one.
unoptimized = {"xla_backend_optimization_level": "0"}
hurried = unoptimized if quick else None

# %% [markdown]
# ## The players
#
# Points of the plane take the place of images. Both networks are the same: a linear
# layer, two residual blocks, a linear layer. The block is R3GAN's
# ([2501.05441](https://arxiv.org/abs/2501.05441)): no norm, and its last layer starts
# at zero, so that at first it passes on what it gets. A point is one pixel, so the
# block's three convolutions are linear layers here.

# %%
latent_size, width, batch_size = 8, 32, 128
block = partial(
    InvertedBottleneck,
    gain=2**-0.25,
    conv=lambda features, kernel_size, groups=1, **given: Dense(features, **given),
)
generator, discriminator = (
    nn.Sequential([Dense(width), block(), block(), Dense(features, use_bias=False)])
    for features in (2, 1)
)
make = jax.jit(lambda params, latents: generator.apply({"params": params}, latents))
score = jax.jit(lambda params, x: discriminator.apply({"params": params}, x)[:, 0])

# %% [markdown]
# ## The rules
#
# The discriminator gives each point a *logit*, high for what it takes for real. In the
# relativistic game ([1807.00734](https://arxiv.org/abs/1807.00734)) each real point
# stands beside a fake one: the discriminator wants it to score higher than that, the
# generator lower. $R_1$ and $R_2$ are half the squared gradient of the logit by the
# point, at real and at fake points; times $\gamma$ they keep the discriminator's
# surface flat where the points are
# ([1801.04406](https://arxiv.org/abs/1801.04406)). `descend` is the package's one
# update: gradient, Adam, new weights.

# %%
game = LOSSES["relativistic"]
losses = {
    "discriminator": lambda params, stats, batch, key, gamma: (
        game.discriminator(score(params, batch["real"]), score(params, batch["fake"]))
        + gamma
        * sum(r1_r2_penalty(partial(score, params), batch["real"], batch["fake"])),
        (stats, {}),
    ),
    "generator": lambda params, stats, batch, key, judge: (
        game.generator(
            score(judge, batch["real"]), score(judge, make(params, batch["latents"]))
        ),
        (stats, {}),
    ),
}
key = jax.random.key(0)  # for losses that draw; these do not
adam = create_optimizer({"name": "adam", "b1": 0.0, "b2": 0.99, "schedule": 1.0}, 1)
learn_to_judge = jax.jit(
    lambda judge, maker, real, latents, gamma, rate: descend(
        partial(losses["discriminator"], gamma=gamma),
        judge,
        adam,
        {"real": real, "fake": make(maker.params, latents)},
        key,
        hyper={"learning_rate": rate},
    )[0]
)
learn_to_make = jax.jit(
    lambda maker, judge, real, latents, rate: descend(
        partial(losses["generator"], judge=judge.params),
        maker,
        adam,
        {"real": real, "latents": latents},
        key,
        hyper={"learning_rate": rate},
    )[0]
)

# %% [markdown]
# ## Eight Gaussians
#
# The real points lie around eight places on a circle. The same game with the same
# points and the same first weights is played twice, with the penalties and without.

# %%
angles = np.arange(8) * np.pi / 4
circle = np.stack([np.cos(angles), np.sin(angles)], 1)
sd, gamma, first_rate, last_rate = 0.05, 0.05, 3e-3, 3e-4
forever = itertools.repeat(None)
pictured = (0, *(int(eight_steps * share) for share in (0.1, 0.25, 0.5, 1)))
shown = {}
for strength in (gamma, 0.0):
    rng = np.random.default_rng(0)
    latents = (rng.normal(size=(batch_size, latent_size)) for _ in forever)
    points = (
        circle[rng.integers(8, size=batch_size)]
        + rng.normal(scale=sd, size=(batch_size, 2))
        for _ in forever
    )
    maker = init_net(generator.init(jax.random.key(1), next(latents)), adam)
    judge = init_net(discriminator.init(jax.random.key(2), next(points)), adam)
    for step in range(eight_steps + 1):
        if step in pictured:
            shown[strength, step] = maker.params, judge.params
        rate = first_rate + (last_rate - first_rate) * step / eight_steps
        judge = learn_to_judge(
            judge, maker, next(points), next(latents), strength, rate
        )
        maker = learn_to_make(maker, judge, next(points), next(latents), rate)

# %% [markdown]
# The surface is the discriminator's logit: red where it is high. Arrows are its
# gradient at some fakes, along which the generator is pulled; they have equal length in
# the picture, and the number above is their true mean length. Circles are three
# standard deviations around the real places, dots are fakes.

# %%
# Smooth surfaces are smaller as JPEG.
get_ipython().run_line_magic("config", "InlineBackend.figure_formats = ['jpeg']")
axis_points = np.linspace(-1.6, 1.6, 80)
plane = np.stack(np.meshgrid(axis_points, axis_points), -1).reshape(-1, 2)
slopes = jax.jit(jax.grad(lambda x, params: score(params, x).sum()))
some = np.random.default_rng(1).normal(size=(1000, latent_size))
figure, rows = plt.subplots(2, len(pictured), figsize=(13, 5.6))
for axes, strength in zip(rows, (gamma, 0.0), strict=True):
    for axis, step in zip(axes, pictured, strict=True):
        made, judged = shown[strength, step]
        fakes = np.asarray(make(made, some))
        logits = np.asarray(score(judged, plane)).reshape(80, 80)
        arrows = np.asarray(slopes(fakes, judged))
        lengths = np.linalg.norm(arrows, axis=1, keepdims=True)
        bound = np.abs(logits - np.median(logits)).max()
        axis.imshow(
            logits - np.median(logits),
            cmap="RdBu_r",
            vmin=-bound,
            vmax=bound,
            extent=(-1.6, 1.6, -1.6, 1.6),
            origin="lower",
        )
        axis.plot(*fakes.T, "k.", ms=1.5, alpha=0.5)
        axis.plot(*circle.T, "o", mec="k", mfc="none", ms=10, mew=0.6)
        axis.quiver(*fakes[:25].T, *(arrows / lengths)[:25].T, scale=10, width=0.006)
        axis.set(xticks=[], yticks=[], xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
        axis.set_title(f"step {step}, slope {lengths.mean():.2g}", fontsize=9)
    name = f"$\\gamma$ = {strength:g}" if strength else "no penalty"
    axes[0].set_ylabel(name, fontsize=12)
figure.tight_layout()
plt.show()

# %% [markdown]
# ## Twenty-five Gaussians
#
# A grid of 5 x 5 places. Is each of them found? A place counts as *covered* if at least
# 1 % of 5,000 fakes (a quarter of its fair share) lies within three standard
# deviations. Three seeds; the penalties are the only difference.

# %%
lattice = np.array(list(itertools.product(np.linspace(-1, 1, 5), repeat=2)))
some = np.random.default_rng(1).normal(size=(5000, latent_size))
covered, near, results = {}, {}, {}
for strength, seed in itertools.product((gamma, 0.0), seeds):
    rng = np.random.default_rng(seed)
    latents = (rng.normal(size=(batch_size, latent_size)) for _ in forever)
    points = (
        lattice[rng.integers(25, size=batch_size)]
        + rng.normal(scale=sd, size=(batch_size, 2))
        for _ in forever
    )
    keys = jax.random.split(jax.random.key(seed))
    maker = init_net(generator.init(keys[0], next(latents)), adam)
    judge = init_net(discriminator.init(keys[1], next(points)), adam)
    for step in range(grid_steps):
        rate = first_rate + (last_rate - first_rate) * step / grid_steps
        judge = learn_to_judge(
            judge, maker, next(points), next(latents), strength, rate
        )
        maker = learn_to_make(maker, judge, next(points), next(latents), rate)
    fakes = np.asarray(make(maker.params, some))
    inside = np.linalg.norm(fakes[:, None] - lattice, axis=-1) < 3 * sd
    covered[strength, seed] = int((inside.mean(0) >= 0.01).sum())
    near[strength, seed] = inside.any(1).mean()
    results[strength, seed] = fakes

# %%
figure, rows = plt.subplots(2, len(seeds), figsize=(9, 6), squeeze=False)
lines = ["| | seed | places covered | fakes within 3 sd of one |", "|:--|--:|--:|--:|"]
for axes, strength in zip(rows, (gamma, 0.0), strict=True):
    name = "with $R_1$ and $R_2$" if strength else "without"
    axes[0].set_ylabel(name, fontsize=11)
    for axis, seed in zip(axes, seeds, strict=True):
        axis.plot(*results[strength, seed].T, "k.", ms=1, alpha=0.3)
        axis.plot(*lattice.T, "o", mec="tab:red", mfc="none", ms=9, mew=0.7)
        axis.set(xticks=[], yticks=[], xlim=(-1.5, 1.5), ylim=(-1.5, 1.5))
        found = covered[strength, seed]
        axis.set_title(f"seed {seed}: {found} of 25", fontsize=10)
        lines.append(f"| {name} | {seed} | {found} | {near[strength, seed]:.0%} |")
figure.tight_layout()
plt.show()
display(Markdown("\n".join(lines)))
if not quick:
    assert all(covered[gamma, seed] == 25 for seed in seeds), covered

# %% [markdown]
# ## Digits
#
# The same game on images, as the command line plays it: `digits_gan` is an R3GAN made
# small, and is told which digit to make. Here it gets fewer steps. The rows are
# the same latents and digits at four moments, by the *averaged* generator, the one that
# is used in the end.

# %%
config = configs.read("digits_gan")
config.total_steps = digit_steps
config = configs.from_json(configs.to_json(config))
data = run.build_data(config)
task = run.build_task(config, data.spec)
batches = list(itertools.islice(data.train(0, 0, task.draws), digit_steps))
init = jax.jit(task.init, compiler_options=unoptimized)
train_step = jax.jit(task.train_step, compiler_options=hurried)
predict = jax.jit(task.predict, compiler_options=unoptimized)
state = init(key, batches[0])
asked = {"index": np.arange(20), "label": np.arange(20) % 10}
strip, began = [], time.monotonic()
for step, batch in enumerate(batches, 1):
    state, scalars = train_step(state, batch, jax.random.fold_in(key, step))
    if step in {digit_steps // 20, digit_steps // 4, digit_steps // 2, digit_steps}:
        made = predict(task.prepare_eval(state), asked, key)["image"]
        strip.append(np.asarray(made))
print(f"{digit_steps} steps, {time.monotonic() - began:.0f} s")
display(grid(np.concatenate(strip), 20, smallest=48))

# %% [markdown]
# Has it learned digits, or copied them? Above: fakes. Below each: the training image
# that is nearest, by the squared difference of pixels.

# %%
real = load_source(config["data"]["source"], "train").arrays["image"]
apart = np.square(strip[-1][:, None].astype(float) - real).sum((2, 3, 4))
display(grid(np.concatenate([strip[-1], real[apart.argmin(1)]]), 20, smallest=48))

# %% [markdown]
# ## With and without shortcuts
#
# What the shortcuts of residual networks do for both players. WGAN-GP's networks
# ([1704.00028](https://arxiv.org/abs/1704.00028)), narrow, and deeper than digits need:
# the generator has three blocks, from 1 x 1 pixel to 8 x 8; the discriminator two that
# halve the image and eight that keep it. Their plain twins have the same convolutions
# and no shortcuts. Shortcuts have no parameters, but for the discriminator's first,
# which makes 24 channels of one with 48 of them. Game, penalties, batches and steps are
# the same.

# %%
kinds = {"plain": False, "residual": True}
twins, ends, firsts = {}, {}, {}
for kind, residual in kinds.items():
    network = {"width": 24, "project": False, "residual": residual}
    players = {
        "generator": {
            "name": "wgan_gp_generator",
            "latent_size": 32,
            "bottom": smallest,
            "bottom_width": 24,
            **network,
        },
        "discriminator": {
            "name": "wgan_gp_discriminator",
            "bottom": max(smallest, 2),
            "extra_blocks": extra_blocks,
            **network,
        },
    }
    twin = run.build_task({**config, "total_steps": twin_steps, **players}, data.spec)
    init = jax.jit(twin.init, compiler_options=unoptimized)
    step = jax.jit(twin.train_step, compiler_options=hurried)
    began = time.monotonic()
    for seed in seeds:
        draws = run.build_data({**config, "seed": seed}).train(0, 0, twin.draws)
        state = init(jax.random.key(seed), next(draws))
        firsts[kind, seed] = state
        for number, batch in enumerate(itertools.islice(draws, twin_steps)):
            noise = jax.random.fold_in(jax.random.key(seed), number)
            state, _ = step(state, batch, noise)
        ends[kind, seed] = state
    twins[kind] = twin
    sizes = {
        name: sum(x.size for x in jax.tree.leaves(net.params))
        for name, net in state.nets.items()
    }
    print(f"{kind:8} {sizes} {time.monotonic() - began:.0f} s", flush=True)

# %% [markdown]
# The distance of the generated digits from the 360 of the test: the Fréchet distance of
# their pixels, lower is better, ± the standard deviation between seeds.

# %%
test = load_source(config["data"]["source"], "test").arrays
wanted = {"index": np.arange(len(test["label"])), "label": test["label"]}
of_real = moments(test["image"].reshape(len(test["image"]), -1) / 255)
distances, shown = {}, []
for kind, twin in twins.items():
    predict = jax.jit(twin.predict, compiler_options=unoptimized)
    for seed in seeds:
        ready = twin.prepare_eval(ends[kind, seed])
        fakes = np.asarray(predict(ready, wanted, key)["image"])
        of_fake = moments(fakes.reshape(len(fakes), -1) / 255)
        distances.setdefault(kind, []).append(frechet_distance(of_real, of_fake))
    order = np.argsort(test["label"], kind="stable")[::18]
    shown.append(fakes[order])
ddof = min(1, len(seeds) - 1)
lines = ["| | Fréchet distance of pixels | each seed |", "|:--|--:|--:|"]
for kind, found in distances.items():
    each = ", ".join(f"{value:.3f}" for value in found)
    mean, between = np.mean(found), np.std(found, ddof=ddof)
    lines.append(f"| {kind} | {mean:.3f} ± {between:.3f} | {each} |")
display(Markdown("\n".join(lines)))
assert quick or np.mean(distances["residual"]) < np.mean(distances["plain"])
print("of the last seed, plain above, residual below:")
display(grid(np.concatenate(shown), 20, smallest=48))

# %% [markdown]
# Gradients, layer by layer: how large each convolution's gradient is beside its
# weights, ‖g‖ / ‖w‖, at the start, in the mean of the seeds. The generator's gradient
# comes through the whole discriminator.

# %%
batch = {name: x[: config["batch_size"]] for name, x in batches[0].items()}
batch["image"] = pixels(batch["image"], task.mean, task.std)
batch["latents"] = np.random.default_rng(0).normal(size=(len(batch["image"]), 32))
play = {"strength": 0.0, "weights": {"r1": 0.5, "r2": 0.5}}
ratios = {}
for kind, twin in twins.items():
    both = partial(
        lambda game, maker, judge: {
            "generator": jax.grad(game.generator_loss, has_aux=True)(
                maker.params, maker.stats, batch, key, discriminator=judge, **play
            ),
            "discriminator": jax.grad(game.discriminator_loss, has_aux=True)(
                judge.params,
                judge.stats,
                batch
                | {
                    "fake": game.generate(
                        maker.params, maker.stats, batch["latents"], batch
                    )[0]
                },
                key,
                memory={},
                **play,
            ),
        },
        twin.game,
    )
    gradients = jax.jit(both, compiler_options=unoptimized)
    for seed in seeds:
        nets = firsts[kind, seed].nets
        found = gradients(nets["generator"], nets["discriminator"])
        for name, (slope, _) in found.items():
            weights, slopes = (
                layer_statistics(nets[name].params),
                layer_statistics(slope),
            )
            ratios.setdefault((name, kind), []).append(
                [
                    gradient["norm"] / weight["norm"]
                    for weight, gradient in zip(weights, slopes, strict=True)
                    if "/conv" in f"/{weight['layer']}"
                    and weight["layer"].endswith("/kernel")
                ]
            )

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True)
for axis, name in zip(axes, ("generator", "discriminator"), strict=True):
    for kind, color in zip(kinds, ("tab:red", "tab:blue"), strict=True):
        mean = np.mean(ratios[name, kind], axis=0)
        axis.plot(np.arange(1, len(mean) + 1), mean, ".-", color=color, label=kind)
    axis.set(xlabel="convolution, from the input on", title=name, yscale="log")
    axis.grid(alpha=0.3)
axes[0].set_ylabel(r"$\|g\| \,/\, \|w\|$")
axes[1].legend(frameon=False)
figure.tight_layout()
plt.show()

# %% [markdown]
# In twenty layers without shortcuts, gradients have shrunk by orders of magnitude
# before anything is learned, in both players. With shortcuts they are of about one size
# throughout, and equal steps lead further.
#
# ## From here
#
# * The whole run: `resnet-jax train --config=digits_gan`; its `report.html` shows the
#   same latents over time.
# * What a trained generator can do, and how it is measured: `05_sampling.ipynb`.
