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
# where the evidence for a class lies, and how training changed each layer. The photographs
# ship with scikit-image; nothing is downloaded, and it takes about a minute.

# %%
import sys

from IPython import get_ipython

# There is no release on PyPI yet: until then, upload a clone and install its folder.
if "google.colab" in sys.modules:
    get_ipython().run_line_magic("pip", "install -q 'resnet-jax[notebooks]'")
