"""The residual generator of CycleGAN, also of CUT: images to images of another kind."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.lookup import suggest
from resnet_jax.models.inputs import Inputs, image_inputs
from resnet_jax.models.limits import check_counts, check_images, check_shares
from resnet_jax.nn.choice import choose
from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.fir import upsample_fir
from resnet_jax.nn.initialization import KERNEL_INITS, scale_002
from resnet_jax.nn.normalization import is_local, normalization
from resnet_jax.nn.padding import PADDINGS, pad
from resnet_jax.nn.precision import at_least_float32, compute_dtype, widened
from resnet_jax.nn.resampling import blur_pool
from resnet_jax.nn.stochastic import dropout
from resnet_jax.nn.transposed import TransposedConv

# Ways to halve and double maps, and by how many of the image's pixels they widen what
# an output depends on, in every direction.
REACHES = {"strided": 6, "antialias": 15, "resize": 9}
Layer = tuple[str, Callable[[jax.Array], jax.Array]]


class CycleGANBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), with no activation behind the sum.

    Zhu et al. 2017, arXiv:1703.10593, appendix 7.2.

    Args:
        conv: constructor of 3x3 convolutions without a border of their own.
        norm: constructor of norms.
        padding: the borders, see nn/padding.py.
        dropout: share of values dropped in front of the second convolution.
    """

    conv: Callable
    norm: Callable
    padding: str = "reflect"
    dropout: float = 0.0

    @nn.compact
    def __call__(self, x: jax.Array, train: bool, drop: bool) -> jax.Array:
        """[B, H, W, C] to the same; `drop` says whether values are dropped."""
        width = x.shape[-1]
        y = self.conv(width, name="conv1")(pad(x, 1, self.padding))
        y = nn.relu(self.norm(name="norm1")(y, train))
        if drop and self.dropout:
            y = dropout(self.make_rng("dropout"), y, self.dropout)
        y = self.conv(width, name="conv2")(pad(y, 1, self.padding))
        return x + self.norm(name="norm2")(y, train)


class CycleGANGenerator(nn.Module):
    """A 7x7 convolution, two that halve the map, residual blocks, two that double it.

    Zhu et al. 2017, arXiv:1703.10593, appendix 7.2 (blocks: Johnson et al. 2016,
    arXiv:1603.08155), as in the authors' PyTorch code: strided convolutions with zeros
    around, instance norm without scale and bias, kernels N(0, 0.02), scales N(1, 0.02);
    convolutions have a bias where the norm behind them has none. Maps images
    [B, H, W, in_channels] to [B, H, W, out_channels], both in [-1, 1], at least
    float32; H and W are any multiples of four from eight on.

    Args:
        blocks: 9 for images of 256 pixels and more, 6 for 128.
        width: channels of the first convolution; the blocks have four times as many.
        in_channels, out_channels: of the images.
        norm: config section, name or constructor.
        dropout: share of values dropped inside of blocks (0.5 there, where asked for).
        resample: 'strided': convolutions of stride 2, transposed ones (paper).
            'antialias': [1, 2, 1] behind convolutions of stride 1, [1, 3, 3, 1] before
            them (Park et al. 2020, arXiv:2007.15651, in CUT's code, after Zhang 2019,
            arXiv:1904.11486). 'resize': convolutions of stride 2, nearest upsampling
            before convolutions (Odena et al. 2016, Distill). The latter two are made
            against checkerboards.
        padding: around the convolutions of blocks, those of 7x7 and those behind
            nearest upsampling: 'reflect' or 'zeros'.
        kernel_init: a name in KERNEL_INITS; CUT has 'glorot_002'.
        axis_name: the mapped axis under pmap; only batch norm needs it.
        dtype: what all compute in, or its name; params and statistics stay float32
            (float64 for such a dtype).

    Raises:
        ValueError: a name is unknown, a number is not possible, or images are of a size
            that is not.
    """

    blocks: int = 9
    width: int = 64
    in_channels: int = 3
    out_channels: int = 3
    norm: Mapping | str | Callable = "instance"
    dropout: float = 0.0
    resample: str = "strided"
    padding: str = "reflect"
    kernel_init: str = "normal"
    axis_name: str | None = None
    dtype: Any = None

    # What the sides must be multiples of, and what they are multiplied by.
    multiple = 4
    scale = 1

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        what = "a translator"
        check_counts(self, ("blocks", "width", "in_channels", "out_channels"), what)
        check_shares(self, ("dropout",), what)
        choose(REACHES, self.resample, "resample")
        choose(PADDINGS, self.padding, "padding")
        choose(KERNEL_INITS, self.kernel_init, "kernel_init")
        normalization(self.norm, dtype=compute_dtype(self.dtype))

    def setup(self) -> None:
        """Names of modules are those of `layers`; `x_norm` is the norm behind x."""
        dtype, width = compute_dtype(self.dtype), self.width
        norm = normalization(self.norm, axis_name=self.axis_name, dtype=dtype)
        norm = partial(norm, scale_init=scale_002)
        init, _ = KERNEL_INITS[self.kernel_init]
        given: dict[str, Any] = {"kernel_size": 3, "kernel_init": init, "dtype": dtype}
        given |= {"use_bias": not norm(parent=None).use_bias}
        conv: Callable = partial(Conv, **given)
        transposed = partial(TransposedConv, **given, strides=2, output_padding=1)
        ups: dict[str, Callable] = {
            "strided": partial(transposed, padding=1),
            "antialias": conv,
            "resize": partial(conv, resample="up"),
        }
        up, strides = ups[self.resample], 1 if self.resample == "antialias" else 2
        self.stem = conv(width, kernel_size=7, padding=0)
        self.stem_norm = norm()
        block = partial(CycleGANBlock, partial(conv, padding=0), norm, self.padding)
        for i in (1, 2):
            setattr(self, f"down{i}", conv(2**i * width, strides=strides))
            setattr(self, f"down{i}_norm", norm())
            setattr(self, f"up{i}", up(4 // 2**i * width))
            setattr(self, f"up{i}_norm", norm())
        for i in range(1, self.blocks + 1):
            setattr(self, f"block{i}", block(self.dropout))
        head = partial(conv, kernel_size=7, padding=0, use_bias=True)
        self.head = head(self.out_channels, dtype=widened(dtype))

    def __call__(
        self, images: jax.Array, train: bool = False, drop: bool | None = None
    ) -> jax.Array:
        """Images in [-1, 1] to images in [-1, 1].

        Args:
            images: [B, H, W, in_channels].
            train: whether batch norm takes the batch's statistics and writes averages.
            drop: whether values are dropped; None is `train`.
        """
        x = self.checked(images)
        for _, layer in self.layers(train, train if drop is None else drop):
            x = layer(x)
        return x

    def features(
        self,
        images: jax.Array,
        train: bool = False,
        drop: bool | None = None,
        places: Sequence[str] | None = None,
    ) -> list[jax.Array]:
        """Outputs of some of the `layers`, in their order; the rest is not computed.

        Args:
            images, train, drop: as in __call__.
            places: names of layers; by default those of `feature_info`.

        Raises:
            ValueError: there is no such layer.
        """
        wanted = [info["module"] for info in self.feature_info]
        wanted = list(wanted if places is None else places)
        layers = self.layers(train, train if drop is None else drop)
        names = [name for name, _ in layers]
        if unknown := [name for name in wanted if name not in names]:
            raise ValueError(
                f"this translator has no layer '{unknown[0]}'."
                f" {suggest(unknown[0], names)}"
            )
        x, outputs = self.checked(images), []
        for name, layer in layers[: max(map(names.index, wanted), default=-1) + 1]:
            x = layer(x)
            if name in wanted:
                outputs.append(x)
        return outputs

    def layers(self, train: bool, drop: bool) -> list[Layer]:
        """All layers in order, by name, each a function of the one before."""

        def activated(name: str) -> Layer:
            norm = getattr(self, f"{name}_norm")
            return f"{name}_relu", lambda x: nn.relu(norm(x, train))

        blurred = self.resample == "antialias"
        border = partial(pad, margin=3, padding=self.padding)
        layers: list[Layer] = [
            ("border", border),
            ("stem", self.stem),
            activated("stem"),
        ]
        for i in (1, 2):
            layers += [(f"down{i}", getattr(self, f"down{i}")), activated(f"down{i}")]
            if blurred:
                layers.append((f"down{i}_blur", partial(blur_pool, strides=2)))
        for i in range(1, self.blocks + 1):
            block = getattr(self, f"block{i}")
            layers.append((f"block{i}", partial(block, train=train, drop=drop)))
        for i in (1, 2):
            if blurred:
                layers.append((f"up{i}_blur", partial(upsample_fir, border="edge")))
            layers += [(f"up{i}", self.doubling(i)), activated(f"up{i}")]
        return [*layers, ("head", lambda x: self.head(self.wide(border(x)))), TANH]

    def doubling(self, number: int) -> Callable:
        """The layer up1 or up2."""
        up = getattr(self, f"up{number}")
        if self.resample != "resize" or self.padding == "zeros":
            return up
        # Reflected at the border, an enlarged map repeats the pixels there.
        edge = ((0, 0), (1, 1), (1, 1), (0, 0))
        return lambda x: up(jnp.pad(x, edge, mode="edge"))[:, 2:-2, 2:-2]

    def checked(self, images: jax.Array) -> jax.Array:
        """The images, if they are such as the network takes."""
        check_images(images, self.in_channels, "translator", self.multiple, least=8)
        return images

    def wide(self, x: jax.Array) -> jax.Array:
        """What the head computes in."""
        return x.astype(at_least_float32(x.dtype))

    @property
    def feature_info(self) -> tuple[dict[str, Any], ...]:
        """Channels, stride and name of what `features` returns by default.

        Of CUT's anti-aliased network these are the layers 0, 4, 8, 12 and 16 of its
        sequence, whose features its loss compares (Park et al. 2020, appendix C.2): the
        image with its border, the convolutions of both halvings before their norms,
        the first and the fifth block.
        """
        strides = (1, 2) if self.resample == "antialias" else (2, 4)
        info = [(self.in_channels, 1, "border")]
        info += [(2**i * self.width, strides[i - 1], f"down{i}") for i in (1, 2)]
        blocks = dict.fromkeys((1, min(5, self.blocks)))
        info += [(4 * self.width, 4, f"block{i}") for i in blocks]
        names = ("num_chs", "reduction", "module")
        return tuple(dict(zip(names, values, strict=True)) for values in info)

    @property
    def halo(self) -> int | None:
        """How many pixels around a place its output depends on, in evaluation.

        None where all of them count: instance norm measures the whole image.
        """
        around = 6 + REACHES[self.resample] + 8 * self.blocks
        return around if is_local(self.norm) else None

    @property
    def inputs(self) -> Inputs:
        """A batch of one image, of the side that the paper gives its network."""
        side = 256 if self.blocks > 6 else 128
        return image_inputs(side, side, self.in_channels)


TANH: Layer = ("tanh", jnp.tanh)
CYCLEGANS: dict[str, Callable] = {
    "cyclegan_resnet9": CycleGANGenerator,
    "cyclegan_resnet6": partial(CycleGANGenerator, blocks=6),
}
