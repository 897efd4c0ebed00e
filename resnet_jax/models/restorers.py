"""Networks that restore images, by the papers that they come from."""

from collections.abc import Callable
from functools import partial
from typing import Any

from resnet_jax.models.dncnn import DnCNN
from resnet_jax.models.edsr import EDSR
from resnet_jax.models.rcan import RCAN
from resnet_jax.models.rrdb import RRDB
from resnet_jax.models.srresnet import MSRResNet, SRResNet

# Lim et al. 2017, arXiv:1707.02921, table 1.
LARGE: dict[str, Any] = {"blocks": 32, "width": 256, "residual_scale": 0.1}

# Images in [0, 1] to images of `scale` times the size, in the same units.
RESTORERS: dict[str, Callable] = {
    **{f"srresnet_x{n}": partial(SRResNet, scale=n) for n in (2, 3, 4, 8)},
    **{f"msrresnet_x{n}": partial(MSRResNet, scale=n) for n in (2, 3, 4)},
    **{f"edsr_baseline_x{n}": partial(EDSR, scale=n) for n in (2, 3, 4)},
    **{f"edsr_x{n}": partial(EDSR, scale=n, **LARGE) for n in (2, 3, 4)},
    **{f"rcan_x{n}": partial(RCAN, scale=n) for n in (2, 3, 4, 8)},
    **{f"rrdb_x{n}": partial(RRDB, scale=n) for n in (2, 4)},
    "dncnn17": DnCNN,
    "dncnn20": partial(DnCNN, depth=20),
}
