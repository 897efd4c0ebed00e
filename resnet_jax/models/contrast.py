"""A translator whose features tell patches apart, with their projections."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from resnet_jax.models.patch_sampler import draw_places


class Contrast(nn.Module):
    """What the contrastive loss compares; params are by 'translator' and 'sampler'.

    Park et al. 2020 (CUT), arXiv:2007.15651, section 3.2.

    Args:
        translator: with `features`.
        sampler: of those, a PatchSampler.
        patches: places of each map that are compared.
    """

    translator: nn.Module
    sampler: nn.Module
    patches: int = 256

    @nn.compact
    def __call__(
        self, image: Array, key: Array, mirrored: Array | bool = False, train=False
    ) -> tuple[Array, list[Array], list[Array]]:
        """A translation, and both sides of the comparison.

        Args:
            image: [B, H, W, C] in model units.
            key: of the places.
            mirrored: whether the mirror image is translated, and its features mirrored
                back: the equivariance that FastCUT asks for (appendix C.2).
            train: whether statistics of norms move.

        Returns:
            The translation of `image` or of its mirror image; unit vectors [B, N, C'],
            of translation and of image, for each map.
        """
        made = self.translator(flipped(image, mirrored), train)
        of_image = self.translator.features(image, train)
        of_made = self.translator.features(made, train)
        of_made = [flipped(x, mirrored) for x in of_made]
        places = draw_places(key, of_image, self.patches)
        return made, self.sampler(of_made, places), self.sampler(of_image, places)

    def translate(self, image: Array) -> Array:
        """The translation alone, as after training."""
        return self.translator(image)


def flipped(x: Array, mirrored: Array | bool) -> Array:
    """Images or maps [B, H, W, C], or their mirror images."""
    return jnp.where(mirrored, x[:, :, ::-1], x)
