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
# # Images out of images
#
# What is lost when a photograph becomes small, noisy, dark or grey, and what can a
# network give back? Everything here learns from ten photographs that come with
# scikit-image and scikit-learn. Nothing is downloaded.

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
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display

from resnet_jax import config as configs
from resnet_jax import run
from resnet_jax.bicubic import bicubic
from resnet_jax.data.sources import load_source
from resnet_jax.degrade import create_degradation
from resnet_jax.metrics.image_quality import psnr
from resnet_jax.report import grid, strip

print(jax.devices())

# %% [markdown]
# ## What is done to them
#
# A degradation is a pure function of a key and a clean image in [0, 1]. Training makes
# its inputs so, on the device, anew in every step.

# %%
photographs = load_source({"name": "photos", "patch": None}, "test").images
cup = photographs[2][100:196, :96]
kinds = {
    "downscale": {"factor": 4},
    "noise": {"sigma": 25.0},
    "blur": {"sigma": 2.0},
    "jpeg": {"quality": 10.0},
    "exposure": {"gamma": 2.0, "contrast": 0.6, "sigma": 8.0},
    "colorless": {},
}
clean, shown = jnp.float32(cup) / 255, {"clean": cup / 255}
for name, fields in kinds.items():
    change = create_degradation({"name": name, **fields})
    shown[name] = np.clip(change.seen(change.degrade(jax.random.key(0), clean)), 0, 1)
# Pictures of 256 colors keep the notebook small.
sheet = grid(list(shown.values()), 4, captions=list(shown), smallest=96)
display(sheet.quantize())

# %% [markdown]
# ## Small images, and how they were made
#
# The published test sets of super-resolution were made small by MATLAB's `imresize`.
# Whoever takes another bicubic learns another task, and compares with other numbers.
# `bicubic` is that function, sample for sample; Pillow's differs in many pixels.

# %%
from PIL import Image

ours = bicubic(cup, 1 / 4)
pillow = np.asarray(Image.fromarray(cup).resize((24, 24), Image.Resampling.BICUBIC))
different = ours.astype(int) - pillow
print(
    f"{(different != 0).mean():.0%} of the samples differ, "
    f"by up to {abs(different).max()} grey levels"
)

# %% [markdown]
# ## Learning to give back
#
# Three configs, cut short. The project's tests run this notebook with
# `RESNET_JAX_QUICK=1`, which makes it too short to show anything; the outputs that you
# see are of the full setting: 300 steps of 8 patches. The configs have 2,000 steps of
# 16 or 32.

# %%
quick = bool(os.environ.get("RESNET_JAX_QUICK"))
steps = 2 if quick else 300
names = ("photos_srresnet_x4", "photos_dncnn25", "photos_enhance")
key = jax.random.key(0)
# Drawing the first weights happens once, so its program need not be a fast one.
unoptimized = {"xla_backend_optimization_level": "0"}
hurried = unoptimized if quick else None
finished, curves = {}, {}
for name in names[: 1 if quick else None]:
    config = configs.read(name)
    config.total_steps = steps
    config.optim.schedule.warmup = steps // 10
    config.batch_size = 4 if quick else 8
    config = configs.from_json(configs.to_json(config))
    data = run.build_data(config)
    task = run.build_task(config, data.spec)
    state = jax.jit(task.init, compiler_options=unoptimized)(key, data.spec.batch(1))
    step = jax.jit(task.train_step, compiler_options=hurried)
    began, curve = time.monotonic(), []
    for number, batch in enumerate(itertools.islice(data.train(0), steps)):
        state, scalars = step(state, batch, jax.random.fold_in(key, number))
        curve.append(scalars["loss"])
    finished[name] = task, task.prepare_eval(state)
    curves[name] = np.array(jax.device_get(curve))
    print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)

# %%
figure, axes = plt.subplots(1, len(curves), figsize=(10, 2.6), squeeze=False)
window = np.ones(min(20, steps)) / min(20, steps)
for axis, (name, curve) in zip(axes[0], curves.items(), strict=True):
    axis.plot(np.convolve(curve, window, "valid"), lw=1)
    axis.set(title=name, xlabel="step", yscale="log")
    axis.grid(alpha=0.3)
axes[0][0].set_ylabel("training loss")
figure.tight_layout()
plt.show()

# %% [markdown]
# What the networks make of parts of the photographs that they have not seen: the right
# quarters. Errors are magnified; PSNR is in decibels, more is better.

# %%
places = [(2, 120, 60), (8, 200, 60), (1, 130, 20)]
crops = np.stack([photographs[i][y : y + 64, x : x + 64] for i, y, x in places])
inputs = {"image": crops, "index": np.arange(len(crops))}
for name, (task, state) in finished.items():
    display(Markdown(f"**{name}**"))
    rows = task.show(state, inputs, key)
    sheet = strip({column: np.asarray(values) for column, values in rows.items()})
    display(sheet.quantize())

# %% [markdown]
# ## How good is that?
#
# Each number beside that of its input: what one has without any network (for small
# images that is the same bicubic, enlarging). All ten right quarters; the protocol is
# the config's.

# %%
lines = ["| config | input | output | gain |", "|:--|--:|--:|--:|"]
for name, (task, state) in finished.items():
    judge = jax.jit(task.eval_step)
    found = []
    for i, photograph in enumerate(photographs[:2] if quick else photographs):
        height, width = (side - side % 4 for side in photograph.shape[:2])
        batch = {"image": photograph[None, :height, :width], "index": np.array([i])}
        found.append(judge(state, batch, key))
    before, after = (
        np.mean([float(rows[metric][0]) for rows in found])
        for metric in ("input_psnr", "psnr")
    )
    lines.append(
        f"| {name} | {before:.2f} dB | {after:.2f} dB | {after - before:+.2f} dB |"
    )
display(Markdown("\n".join(lines)))

# %% [markdown]
# ## Any size
#
# `resnet-jax transform` takes photographs of any size. It cuts them into tiles that see
# as far beyond their edge as the network looks, `halo` pixels, so that no seam is left:
# tiles and the whole image agree.

# %%
task, state = finished["photos_srresnet_x4"]
translator = task.translator(state)
small = bicubic(photographs[8][160:360, 40:136], 1 / 4)
whole = np.asarray(translator(jnp.float32(small[None]) / 255))[0]
halo = translator.halo
top = np.asarray(translator(jnp.float32(small[None, : 25 + halo]) / 255))[0]
print(f"halo: {halo} pixels; scale: {translator.scale}")
print(f"largest difference of the top half: {abs(top[:100] - whole[:100]).max():.1e}")

# %% [markdown]
# And each network has its own idea of what a photograph is. The enlarged one, beside
# bicubic enlarging and the truth:

# %%
truth = photographs[8][160:360, 40:136]
plain = bicubic(small, 4)
results = {"bicubic": plain, "network": np.clip(whole, 0, 1), "truth": truth}
sheet = grid(list(results.values()), 3, captions=list(results), smallest=200)
display(sheet.quantize())
for name, image in (("bicubic", plain), ("network", 255 * np.clip(whole, 0, 1))):
    decibels = float(psnr(jnp.float32(image)[None], jnp.float32(truth)[None])[0])
    print(f"{name}: {decibels:.2f} dB (RGB)")

# %% [markdown]
# ## From here
#
# - `photos_colorize` plays against a discriminator (pix2pix); `facades_pix2pix` and
#   `maps_pix2pix` are the paper's.
# - `cifar_horse2deer_cyclegan`, `horse2zebra_cyclegan` and `horse2zebra_cut` translate
#   between images of which none belong together.
# - Your own photographs: `--config.data.source="{'name': 'images', 'root': 'album'}"`.
