"""Convolution with parameters as PyTorch draws them where nothing else is said."""

from typing import Any

from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.initialization import uniform_bias, uniform_fan_in


def default_conv(
    features: int, kernel_size: int = 3, *, inputs: int, **given: Any
) -> Conv:
    """Conv, with bias; kernel and bias are uniform within 1 / sqrt(fan in).

    Args:
        features, kernel_size: see Conv.
        inputs: channels that it will see, which its bias cannot know.
        **given: further fields of it.
    """
    bias_init = uniform_bias(inputs * kernel_size**2)
    drawn = {"kernel_init": uniform_fan_in, "bias_init": bias_init}
    return Conv(features, kernel_size, **{"use_bias": True, **drawn, **given})
