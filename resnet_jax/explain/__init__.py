"""Looking inside: which pixels a network looks at, and what its layers hold.

Pure functions of a model, its variables and images in model units; nothing is written.
"""

from collections.abc import Callable

from resnet_jax.explain.attribution import integrated_gradients, smooth_grad, strength
from resnet_jax.explain.cam import grad_cam, grad_cam_plus_plus
from resnet_jax.explain.layers import feature_maps, filters, layer_statistics
from resnet_jax.explain.picture import color_map, overlay

# model, variables, images [B, H, W, C] -> heat [B, h, w], 0 or more.
EXPLANATIONS: dict[str, Callable] = {
    "grad_cam": grad_cam,
    "grad_cam_plus_plus": grad_cam_plus_plus,
    "integrated_gradients": lambda *args: strength(integrated_gradients(*args)),
    "smooth_grad": lambda *args: strength(smooth_grad(*args)),
}

__all__ = [
    "EXPLANATIONS",
    "color_map",
    "feature_maps",
    "filters",
    "grad_cam",
    "grad_cam_plus_plus",
    "integrated_gradients",
    "layer_statistics",
    "overlay",
    "smooth_grad",
    "strength",
]
