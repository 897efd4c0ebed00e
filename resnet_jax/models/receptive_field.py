"""How far around itself a network looks, layer by layer from the input on."""

from collections.abc import Iterable

from resnet_jax.nn.pixel_shuffle import steps_of

# ('conv', pixels to each side), ('up', factor) or ('down', factor): squares of pixels
# become one, as in pixel unshuffle.
Layer = tuple[str, int]


def halo(layers: Iterable[Layer], scale: int = 1, multiple: int = 1) -> int:
    """Pixels around an input place that the output at that place depends on.

    Exact: of the worst of `multiple` neighboring places, whose outputs are squares of
    side `scale`.
    """
    layers = list(layers)[::-1]
    reach = 0
    for place in range(multiple):
        low, high = scale * place, scale * place + scale - 1
        for kind, n in layers:
            if kind == "conv":
                low, high = low - n, high + n
            elif kind == "up":
                low, high = low // n, high // n
            else:
                low, high = low * n, high * n + n - 1
        reach = max(reach, place - low, high - place)
    return reach


def upscaling(scale: int, resize_conv: bool = False) -> list[Layer]:
    """The layers of `nn.pixel_shuffle.enlarge`, with 3x3 convolutions."""
    order = -1 if resize_conv else 1
    both = [(("conv", 1), ("up", factor)) for factor in steps_of(scale)]
    return [layer for pair in both for layer in pair[::order]]
