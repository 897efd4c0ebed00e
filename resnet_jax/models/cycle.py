"""Two networks that go there and back, and two that judge, as one of each."""

import flax.linen as nn
from jax import Array


class Cycle(nn.Module):
    """A translator of each direction; params and statistics are by 'ab' and 'ba'.

    Zhu et al. 2017 (CycleGAN), arXiv:1703.10593, section 3.
    """

    ab: nn.Module
    ba: nn.Module

    @nn.compact
    def __call__(
        self, a: Array, b: Array, identity: bool = False, train: bool = False
    ) -> dict[str, Array]:
        """Images of both domains, made of each other.

        Args:
            a, b: [B, H, W, C], in model units.
            identity: whether each translator is also given images of its own target.
            train: whether statistics of norms move.

        Returns:
            'fake_a', 'fake_b', and 'cycled_a', 'cycled_b', which come back; where
            asked, 'same_a', 'same_b', which were there already.
        """
        fake_b, fake_a = self.ab(a, train), self.ba(b, train)
        made = {"fake_a": fake_a, "fake_b": fake_b}
        made |= {"cycled_a": self.ba(fake_b, train), "cycled_b": self.ab(fake_a, train)}
        if identity:
            made |= {"same_a": self.ba(a, train), "same_b": self.ab(b, train)}
        return made

    def translate(self, x: Array, direction: str) -> Array:
        """Images of one domain in the other, 'ab' or 'ba', as after training."""
        return (self.ab if direction == "ab" else self.ba)(x)


class Judges(nn.Module):
    """A discriminator of each domain; params and statistics are by 'a' and 'b'."""

    a: nn.Module
    b: nn.Module

    @nn.compact
    def __call__(self, a: Array, b: Array, train: bool = False) -> tuple[Array, Array]:
        """Logits of images of each domain."""
        return self.a(a, train), self.b(b, train)
